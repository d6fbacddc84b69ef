"""Pairing a sensor with this machine, and forgetting it; a person is present.

The bond is kept by ``bluetoothd``; the hub that finds it there connects by itself.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Final

from dbus_fast import Variant

from edge_agent.errors import EdgeError
from edge_agent.link.bluez import ADAPTER, DEVICE, PROPERTIES, BluezError
from edge_agent.link.bluez_agent import Agent, Dialogue
from edge_agent.link.bluez_watch import BluezWatch, Device

FIND_S: Final = 30.0
"""How long the sensor is looked for."""
PAIR_S: Final = 60.0
"""How long connecting, asking the person and exchanging the keys may take together."""
RESOLVE_S: Final = 10.0
"""How long the paired sensor may take to say what services it has."""

_ERROR: Final = "org.bluez.Error."
_ONCE_MORE: Final = "Put the sensor into pairing mode and try again"
_WHY: Final = {
    f"{_ERROR}AuthenticationFailed": (
        "the sensor did not accept the passkey, or the keys could not be exchanged",
        f"Check the passkey. {_ONCE_MORE}",
    ),
    f"{_ERROR}AuthenticationRejected": (
        "refused",
        f"If you did not refuse yourself, the sensor did. {_ONCE_MORE}",
    ),
    f"{_ERROR}AuthenticationCanceled": ("cancelled", _ONCE_MORE),
    f"{_ERROR}AuthenticationTimeout": ("the sensor stopped answering", _ONCE_MORE),
    f"{_ERROR}ConnectionAttemptFailed": (
        "the sensor was heard, but no connection came about",
        "Bring it closer, and check that no phone holds the connection",
    ),
    f"{_ERROR}InProgress": ("it is being paired already", "Wait until the other program has ended"),
    "org.freedesktop.DBus.Error.NoReply": (f"not done in {PAIR_S:.0f} s", _ONCE_MORE),
}


class PairingError(EdgeError):
    """A sensor that could not be paired or forgotten."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Paired:
    """A sensor that has been paired.

    ``address`` is its identity: it may differ from the private address it was found under.
    ``services`` are the UUIDs it advertises or has.
    """

    address: str
    name: str
    services: tuple[str, ...]


async def pair(
    address: str, dialogue: Dialogue, *, find_s: float = FIND_S, pair_s: float = PAIR_S
) -> Paired:
    """Find the sensor at ``address`` and pair with it; ``dialogue`` asks the person.

    The sensor is left as it was found: connected only if it was.

    :raises PairingError: not found, paired already, refused, failed, or no Bluetooth.
    """
    async with _watching() as watch:
        device = await _found(watch, address, find_s)
        if device.paired:
            raise _already(address)
        try:
            await _pair(watch, device, dialogue, pair_s)
            body = [DEVICE, "Trusted", Variant("b", True)]  # noqa: FBT003 (a D-Bus boolean)
            await watch.bus.call(device.path, PROPERTIES, "Set", "ssv", body)
            await watch.until(lambda: _is_resolved(watch, device.path), RESOLVE_S)
            paired = watch.device_at(device.path) or device
        except BluezError as error:
            raise _in_words(address, error) from error
        finally:
            if not device.connected:
                with contextlib.suppress(BluezError):  # it may have hung up by itself
                    await watch.bus.call(device.path, DEVICE, "Disconnect")
        return Paired(address=paired.address, name=paired.name, services=paired.uuids)


async def forget(address: str) -> None:
    """Remove the sensor at ``address`` and its bond from ``bluetoothd``.

    :raises PairingError: it is not known here, or there is no Bluetooth.
    """
    async with _watching() as watch:
        device = watch.device(address)
        if device is None:
            raise PairingError(f"sensor {address}", "not known here", "There is nothing to forget")
        adapter = device.path.rpartition("/")[0]
        try:
            await watch.bus.call(adapter, ADAPTER, "RemoveDevice", "o", [device.path])
        except BluezError as error:
            raise _in_words(address, error) from error


@contextlib.asynccontextmanager
async def _watching() -> AsyncIterator[BluezWatch]:
    """Have a connection to a daemon with an adapter that is on.

    :raises PairingError: there is none.
    """
    watch = BluezWatch()
    running = asyncio.create_task(watch.run())
    try:
        await watch.asked()
        if (trouble := watch.trouble()) is not None:
            raise PairingError("Bluetooth", trouble.reason, trouble.next_step)
        yield watch
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


async def _found(watch: BluezWatch, address: str, find_s: float) -> Device:
    """Return the device once it is connected, paired already, or heard now.

    What BlueZ remembers of an earlier scan says nothing of a sensor that has gone to sleep.
    """

    def found() -> Device | None:
        known = watch.device(address)
        is_there = known is not None and (known.connected or known.paired or known.heard)
        return known if is_there else None

    if (device := found()) is not None:
        return device
    adapter = watch.adapter() or ""
    only_le = {"Transport": Variant("s", "le")}
    try:
        await watch.bus.call(adapter, ADAPTER, "SetDiscoveryFilter", "a{sv}", [only_le])
        await watch.bus.call(adapter, ADAPTER, "StartDiscovery")
        await watch.until(lambda: found() is not None, find_s)
        device = found()
        await watch.bus.call(adapter, ADAPTER, "StopDiscovery")
    except BluezError as error:
        raise PairingError(f"sensor {address}", f"scan: {error.reason}", error.next_step) from error
    if device is None:
        raise PairingError(
            f"sensor {address}",
            f"not seen in {find_s:.0f} s of scanning",
            "Wake it, bring it closer, and check the address (bluetoothctl scan le)",
        )
    return device


async def _pair(watch: BluezWatch, device: Device, dialogue: Dialogue, pair_s: float) -> None:
    """Run the pairing with an agent of our own, and clear up whatever it ends with."""
    agent = Agent(watch.bus, device.path, await watch.bus.owner(), dialogue)
    async with agent.registered():
        try:
            await watch.bus.call(device.path, DEVICE, "Pair", limit_s=pair_s)
        except (BluezError, asyncio.CancelledError):
            with contextlib.suppress(BluezError):  # nothing is being paired any more
                await watch.bus.call(device.path, DEVICE, "CancelPairing")
            raise


def _is_resolved(watch: BluezWatch, path: str) -> bool:
    device = watch.device_at(path)
    return device is None or device.resolved


def _already(address: str) -> PairingError:
    return PairingError(
        f"sensor {address}",
        "paired already",
        f"If it was reset since, forget it first: edge-agent pair {address} --forget",
    )


def _in_words(address: str, error: BluezError) -> PairingError:
    if error.name == f"{_ERROR}AlreadyExists":
        return _already(address)
    reason, next_step = _WHY.get(error.name, (error.reason, error.next_step))
    return PairingError(f"sensor {address}", reason, next_step)
