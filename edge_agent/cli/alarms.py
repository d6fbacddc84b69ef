"""``edge-agent alarms``: what stands at a running hub, who has seen it, and by which rules."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from edge_agent.cli.alarms_test import dry_run
from edge_agent.cli.status import bed_option, hub_options, socket_of

if TYPE_CHECKING:
    from edge_agent.status import Status


@click.group("alarms")
def command() -> None:
    """Show the alarms of a running hub, acknowledge or pause them; show and try out their rules."""


@command.command("list")
@hub_options
@click.option("--json", "as_json", is_flag=True, help="Print a JSON array.")
def list_(socket_path: Path | None, config_file: Path | None, as_json: bool) -> None:
    """Show every alarm that stands: how urgent, since when, who has seen it, and what to do.

    Each shows its evidence, and the command that acknowledges it. Below: how many alarms there are
    in a day, and what becomes of them.

    \b
    Examples:
      edge-agent alarms list
      edge-agent alarms list --json | jq '.[].episode'
    """
    import asyncio

    import msgspec

    from edge_agent.asking import ask_status

    status = asyncio.run(ask_status(socket_of(socket_path, config_file)))
    if as_json:
        click.echo(msgspec.json.encode(status.alarms))
        return
    _show(status)


def _show(status: Status) -> None:
    from rich.console import Console

    from edge_agent.cli.alarm_list import alarm_lines
    from edge_agent.cli.tables import fatigue_table

    console = Console()
    for bed in status.beds:
        prefix = f"Bed {bed.bed}: " if len(status.beds) > 1 else ""
        for line in alarm_lines(bed, prefix):
            click.echo(line)
        if bed.fatigue.alarms:
            console.print(fatigue_table(bed.fatigue, prefix))


@command.command("acknowledge")
@hub_options
@click.argument("episode", required=False)
@click.option("--all", "every", is_flag=True, help="Every alarm that stands.")
def acknowledge(
    socket_path: Path | None, config_file: Path | None, episode: str | None, every: bool
) -> None:
    """Tell the hub that somebody has seen the alarm EPISODE, or --all of them.

    An acknowledged alarm stands, silent, until its cause has gone. Who acknowledged it, as the
    kernel names them, is shown and recorded. Only root and the service's own user may.

    Exit codes: 0 acknowledged, now or before; 1 no such alarm, or no hub answers; 2 wrong usage.

    \b
    Examples:
      sudo edge-agent alarms acknowledge spo2-low-oximeter-1f2e3d
      sudo edge-agent alarms acknowledge --all
    """
    import asyncio

    from edge_agent.asking import ask_acknowledge

    if (episode is None) != every:
        raise click.UsageError("Give the name of one episode (edge-agent alarms list), or --all")
    path = socket_of(socket_path, config_file)
    titles = asyncio.run(ask_acknowledge(path, episode or ""))
    for title in titles:
        click.echo(f"acknowledged: {title}")
    if titles:
        return
    if every:
        click.echo("Nothing to acknowledge: no alarm stands that nobody has seen.")
        return
    click.echo(asyncio.run(_seen_before(path, episode or "")))


async def _seen_before(path: Path, episode: str) -> str:
    """Say who has acknowledged ``episode`` before.

    :raises ControlError: no such alarm stands.
    """
    from edge_agent.asking import ask_status
    from edge_agent.cli.alarm_list import stands
    from edge_agent.errors import ControlError
    from edge_agent.typed_toml import meant

    alarms = {one.episode: one for one in (await ask_status(path)).alarms}
    if episode in alarms:
        return f"Nothing to do: {alarms[episode].title}, {stands(alarms[episode])}."
    names = meant(episode, alarms, "those that stand") if alarms else "none stands"
    step = f"{names[:1].upper()}{names[1:]} (edge-agent alarms list)"
    raise ControlError(f"alarm {episode!r}", "does not stand, or no longer", step)


@command.command("pause")
@hub_options
@click.option(
    "--minutes", type=click.FloatRange(min=0, min_open=True), default=2.0, show_default=True,
    help="For how long; a hub has a bound (alarms.pause_at_most_min).",
)  # fmt: skip
@bed_option
def pause(
    socket_path: Path | None, config_file: Path | None, minutes: float, bed: str | None
) -> None:
    """Silence the alarms for a while; new ones of high priority are told all the same.

    Alarms are raised, shown and recorded meanwhile. When the time is over, what stands and nobody
    has acknowledged is said again. Who paused, and when, is recorded. Only root and the service's
    own user may.

    \b
    Examples:
      sudo edge-agent alarms pause
      sudo edge-agent alarms pause --minutes 5
    """
    import asyncio

    from edge_agent.asking import ask_pause

    asyncio.run(ask_pause(socket_of(socket_path, config_file), minutes, bed))
    click.echo(
        f"The audio is paused for {minutes:g} min. New alarms of high priority are still told."
        "\nEnd it earlier with: edge-agent alarms resume"
    )


@command.command("resume")
@hub_options
@bed_option
def resume(socket_path: Path | None, config_file: Path | None, bed: str | None) -> None:
    """End a pause: what stands and nobody has acknowledged is said again.

    \b
    Example:
      sudo edge-agent alarms resume
    """
    import asyncio

    from edge_agent.asking import ask_resume

    was_paused = asyncio.run(ask_resume(socket_of(socket_path, config_file), bed))
    click.echo("Alarms are said aloud again." if was_paused else "The audio was not paused.")


@command.command("rules")
@click.option("--schema", "what", flag_value="schema", help="Print the JSON schema of a rule file.")
@click.option("--example", "what", flag_value="example", help="Print a file of a hub's own rules.")
def rules(what: str | None) -> None:
    """Print the alarm rules that are shipped, as TOML; or their schema, or an example.

    A hub is given a file of its own with [alarms] rules = "FILE": it is laid over the shipped
    rules. Try it out with edge-agent alarms test.

    \b
    Examples:
      edge-agent alarms rules
      edge-agent alarms rules --schema > rules.schema.json
      edge-agent alarms rules --example > rules.toml
    """
    import msgspec

    if what == "schema":
        from edge_agent.alarms.rule_file import schema

        click.echo(msgspec.json.format(msgspec.json.encode(schema()), indent=2))
    elif what == "example":
        from edge_agent.shared_files import shared_file

        click.echo(shared_file("config/alarm-rules.toml").read_text(encoding="utf-8"), nl=False)
    else:
        from edge_agent.alarms.rule_overlay import shipped_text

        click.echo(shipped_text(), nl=False)


command.add_command(dry_run)
