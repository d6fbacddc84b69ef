"""The ``edge-agent`` command: one module per command, loaded when it is called.

Exit codes: 0 done; 1 failed, with the reason on standard error; 2 wrong usage; 78 the
configuration can't be used (``EX_CONFIG``: systemd does not restart a hub that ends with it).
``validate --strict`` ends with 3 when a bar is missed or was not measured, or there is none.
"""

from __future__ import annotations

import sys
from typing import NoReturn

import click

from edge_agent import __version__
from edge_agent.cli.lazy import LazyGroup
from edge_agent.errors import ConfigError, EdgeError

EXIT_FAILED = 1
EXIT_CONFIG = 78

_COMMANDS = {
    "alarms": "Show, acknowledge and pause alarms; show and try out their rules.",
    "capture": "Write down the raw octets of one sensor.",
    "collector": "Run and question the clinic's end.",
    "config": "Check a configuration, or print an example.",
    "decommission": "End a hub's life: send what waits, wipe its keys, tell the collector.",
    "demo": "Run a hub against mock sensors, with a collector and an outage.",
    "drivers": "Show the installed drivers and what each yields.",
    "enroll": "Make a hub known to its collector, by a token.",
    "import": "Import laboratory results, medication and genotype of the person.",
    "mock": "Run one mock sensor on its own.",
    "probe": "Find out which driver knows what is on a serial line.",
    "observe": "Tell a running hub what only a person sees.",
    "page": "Admit a browser on the network to the bedside page.",
    "pair": "Pair a Bluetooth sensor with this machine, or forget it.",
    "replay": "Play a capture through the code that read the sensor.",
    "run": "Run the hub.",
    "status": "Show what a running hub sees, holds and sends.",
    "unit": "Make the hub a service of systemd.",
    "validate": "Measure what the signal processing is worth, on recordings.",
}


@click.group(cls=LazyGroup, offered=_COMMANDS, prefix="edge_agent.cli.")
@click.version_option(__version__, prog_name="edge-agent")
def cli() -> None:
    """Edge gateway agent for bedside and home hubs.

    Sensors talk to it over Bluetooth LE, serial lines and Modbus; it watches, warns and keeps
    sealed summaries until the clinic's collector has them. Not a medical device.
    """


def main() -> NoReturn:
    """Run the command line; an error is one message and an exit code, never a traceback."""
    try:
        cli(prog_name="edge-agent", standalone_mode=True)
    except ConfigError as error:
        click.echo(
            f"edge-agent: {error}\nNothing was started. Mend the file and try again.", err=True
        )
        sys.exit(EXIT_CONFIG)
    except EdgeError as error:
        click.echo(f"edge-agent: {error}", err=True)
        sys.exit(EXIT_FAILED)
    sys.exit(0)
