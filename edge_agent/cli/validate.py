"""``edge-agent validate``: what the signal processing is worth, measured on recordings."""

from __future__ import annotations

import importlib

import click

_COMMANDS = {
    "glucose": "Score the glucose forecast and its alarm on CGM traces.",
    "ecg": "Score the ECG processing on annotated recordings and write one report.",
    "learn": "Learn the weights that the hub ships anew.",
}


class _LazyGroup(click.Group):
    """Loads what a report needs when it is called."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in _COMMANDS:
            return None
        module = importlib.import_module(f"edge_agent.cli.validate_{cmd_name}")
        found: click.Command = module.command
        return found

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(sorted(_COMMANDS.items()))


@click.group("validate", cls=_LazyGroup)
def command() -> None:
    """Measure what the signal processing is worth, on recordings, beside other software.

    \b
    Examples:
      edge-agent validate ecg --data recordings --out report
      edge-agent validate glucose --data traces --predictions forecasts
      edge-agent validate learn ventricular --data recordings
    """
