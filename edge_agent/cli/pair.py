"""``edge-agent pair``: pairing a Bluetooth sensor, with the person at the terminal."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar

import click

if TYPE_CHECKING:
    from edge_agent.link.pairing import Paired

_T = TypeVar("_T")

_PASSKEYS = click.IntRange(0, 999_999)
_WHERE = """\
It is paired. Where the hub's configuration does not have it yet, write:

"""
_NO_DRIVER = """\
It is paired. No installed driver fits what it offers ({services}).
See edge-agent drivers; a sensor with a driver of its own needs that driver's package."""


def _address(_: click.Context, parameter: click.Parameter, value: str) -> str:
    """Return a Bluetooth address in capitals; small letters will do."""
    import msgspec

    from edge_agent.config import BluetoothAddress

    try:
        return msgspec.convert(value.upper(), BluetoothAddress)
    except msgspec.ValidationError:
        reason = f"{value!r} is no Bluetooth address such as A0:9E:1A:00:00:01"
        raise click.BadParameter(reason, param=parameter) from None


@click.command("pair")
@click.argument("address", callback=_address)
@click.option("--passkey", type=_PASSKEYS,
              help="The sensor's passkey, for scripts; else you are asked. "
                   "Who else is on this machine can read it meanwhile.")  # fmt: skip
@click.option("--forget", is_flag=True, help="Remove the bond instead.")
def command(address: str, passkey: int | None, forget: bool) -> None:
    """Pair the Bluetooth sensor at ADDRESS with this machine.

    Most sensors must be put into pairing mode first, and some want a number that they show or that
    is printed on them. A hub that runs meanwhile connects by itself afterwards.

    \b
    Examples:
      edge-agent pair A0:9E:1A:00:00:01
      edge-agent pair A0:9E:1A:00:00:01 --forget
    """
    import asyncio

    from edge_agent.link import pairing

    if forget:
        asyncio.run(pairing.forget(address))
        click.echo(f"{address} is forgotten. Pair it anew with: edge-agent pair {address}")
        return
    click.echo(f"Looking for {address} for up to {pairing.FIND_S:.0f} s ...")
    paired = asyncio.run(pairing.pair(address, Terminal(passkey)))
    click.echo(_words(paired))


class Terminal:
    """The dialogue with the person at the terminal."""

    def __init__(self, passkey: int | None) -> None:
        self._passkey = passkey

    async def passkey(self) -> int | None:
        """Return the number given on the command line, or ask for it."""
        if self._passkey is not None:
            return self._passkey
        return await _asked(lambda: click.prompt("Passkey that the sensor shows", type=_PASSKEYS))

    async def pin(self) -> str | None:
        """Return the number given on the command line, or ask for the PIN."""
        if self._passkey is not None:
            return str(self._passkey)
        return await _asked(lambda: click.prompt("PIN of the sensor", type=str))

    async def show(self, code: str) -> None:
        """Print what must be typed on the sensor."""
        click.echo(f"Type {code} on the sensor.")

    async def compare(self, code: str) -> bool:
        """Ask whether both show the same; no answer is a no."""
        return bool(await _asked(lambda: click.confirm(f"Does the sensor show {code}?")))


async def _asked(ask: Callable[[], _T]) -> _T | None:
    """Ask in a thread of its own; ``None`` when there is nobody, or the person gives up.

    The thread is left waiting when the sensor gives up first; it must not hold up the end.
    """
    import asyncio
    import threading

    loop = asyncio.get_running_loop()
    answer: asyncio.Future[_T | None] = loop.create_future()

    def give(value: _T | None) -> None:
        if not answer.done():
            answer.set_result(value)

    def run() -> None:
        try:
            value: _T | None = ask()
        except click.Abort:
            value = None
        if not loop.is_closed():
            loop.call_soon_threadsafe(give, value)

    threading.Thread(target=run, daemon=True).start()
    return await answer


def _words(paired: Paired) -> str:
    drivers = _drivers_for(paired.services)
    if not drivers:
        return _NO_DRIVER.format(services=", ".join(paired.services) or "nothing")
    tables = (
        f'[[sensor]]\nname = "{driver}"\ndriver = "{driver}"\naddress = "{paired.address}"\n'
        for driver in drivers
    )
    choice = "\n# or, as one sensor or as another:\n\n" if len(drivers) > 1 else ""
    return _WHERE + choice.join(tables)


def _drivers_for(services: tuple[str, ...]) -> list[str]:
    """Return the names of the drivers whose service the sensor has."""
    from edge_agent import registry
    from edge_agent.driver import Driver, Gatt

    return [
        one.name
        for one in registry.usable()
        if isinstance(one, Driver)
        and isinstance(one.link, Gatt)
        and one.link.service.lower() in services
    ]
