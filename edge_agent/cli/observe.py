"""``edge-agent observe``: tell a running hub what only a person sees."""

from __future__ import annotations

from pathlib import Path

import click

from edge_agent.cli.status import bed_option, hub_options, socket_of

_LONGEST_H = 24.0


@click.command("observe")
@hub_options
@bed_option
@click.option(
    "--consciousness", type=click.Choice(["A", "C", "V", "P", "U"], case_sensitive=False),
    help="Alert, new Confusion, responds to Voice, to Pain, Unresponsive.",
)  # fmt: skip
@click.option(
    "--oxygen", type=click.Choice(["yes", "no"]), help="Whether the person is given oxygen."
)
@click.option(
    "--carbs", "carbs_g", type=click.FloatRange(0, 300, min_open=True),
    help="A meal just begun: grams of carbohydrate, for the glucose forecast.",
)  # fmt: skip
@click.option(
    "--hours",
    type=click.FloatRange(0.1, _LONGEST_H),
    default=4.0,
    show_default=True,
    help="For how long it holds; then it is not known any more.",
)
def command(
    socket_path: Path | None,
    config_file: Path | None,
    consciousness: str | None,
    oxygen: str | None,
    carbs_g: float | None,
    bed: str | None,
    hours: float,
) -> None:
    """Tell a running hub what no sensor sees: for the early warning score, the glucose forecast.

    Without it the score (NEWS2) has no total, and says what is missing. Only root and the
    service's own user may.

    \b
    Examples:
      sudo edge-agent observe --consciousness A --oxygen no
      sudo edge-agent observe --oxygen yes --hours 12
      sudo edge-agent observe --carbs 45
    """
    import asyncio

    from edge_agent.asking import ask_observe

    carbs = None if carbs_g is None else f"{carbs_g:g}"
    told = {"consciousness": consciousness, "oxygen": oxygen, "carbs_g": carbs}
    known = {what: value for what, value in told.items() if value is not None}
    if not known:
        raise click.UsageError("Give --consciousness, --oxygen or --carbs")
    path = socket_of(socket_path, config_file)
    for line in asyncio.run(ask_observe(path, known, hours, bed)):
        click.echo(line)
