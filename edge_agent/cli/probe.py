"""``edge-agent probe``: which driver knows what is spoken on a serial line."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from rich.table import Table

    from edge_agent.driver import Driver
    from edge_agent.link.probe import Probing

_EXIT_NOT_RECOGNISED = 1


@click.command("probe")
@click.argument("port")
@click.option("--seconds", type=click.FloatRange(min=0.1, max=600), default=3.0,
              show_default=True, help="How long to listen in each trial.")  # fmt: skip
@click.option("--listen-only", is_flag=True, help="Send nothing.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@click.pass_context
def command(
    context: click.Context, port: str, seconds: float, listen_only: bool, as_json: bool
) -> None:
    """Find out which driver knows the sensor on the serial line PORT.

    Every line setting that an installed driver wants is tried in turn. First the probe only
    listens. Where it recognises nothing, it sends the start requests of the drivers that have any
    (a Contec oximeter is silent until it is asked), and then their stop requests; --listen-only
    refrains from that. The port must not be in use: stop the hub first.

    Exits with 0 when a driver was recognised, with 1 when not.

    \b
    Examples:
      edge-agent probe /dev/serial/by-id/usb-FTDI_FT232R_USB_UART_A1-if00-port0
      edge-agent probe /dev/ttyUSB0 --listen-only --json
    """
    import asyncio

    from edge_agent.clock import SystemClock
    from edge_agent.link.probe import probe

    work = probe(port, _serial_drivers(), SystemClock(), seconds=seconds, listen_only=listen_only)
    probing = asyncio.run(work)
    if as_json:
        _print_json(probing)
    else:
        from rich.console import Console

        console = Console()
        console.print(_table(probing))
        click.echo(probing.advice)
    if not probing.matches:
        context.exit(_EXIT_NOT_RECOGNISED)


def _serial_drivers() -> list[Driver]:
    from edge_agent import registry
    from edge_agent.driver import Driver, Serial

    found = registry.usable()
    return [one for one in found if isinstance(one, Driver) and isinstance(one.link, Serial)]


def _table(probing: Probing) -> Table:
    from rich.table import Table

    table = Table("line", "asked for", "octets", "best driver", "share", title="Trials")
    table.title_justify = "left"
    for trial in probing.trials:
        if trial.error:
            table.add_row(trial.setting, "", "", trial.error, "")
            continue
        best = trial.best
        share = f"{trial.shares[best]:.0%}" if best else ""
        asked = trial.asked or "(listened)"
        table.add_row(trial.setting, asked, str(trial.octets), best or "none", share)
    return table


def _print_json(probing: Probing) -> None:
    import msgspec

    from edge_agent.link.serial import framing

    report = {
        "port": probing.port,
        "matches": [
            {
                "driver": one.driver.name,
                "baud": one.line.baud,
                "framing": framing(one.line),
                "share": one.share,
            }
            for one in probing.matches
        ],
        "trials": [
            {
                "baud": one.line.baud,
                "framing": framing(one.line),
                "asked": one.asked,
                "octets": one.octets,
                "shares": dict(one.shares),
                "error": one.error,
            }
            for one in probing.trials
        ],
        "advice": probing.advice,
    }
    click.echo(msgspec.json.encode(report))
