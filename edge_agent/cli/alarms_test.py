"""``edge-agent alarms test``: alarm rules tried out on captures."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from edge_agent.config import AlarmSettings, RhythmSettings
    from edge_agent.dry_run import DryRun


@click.command("test")
@click.argument("rules", required=False, type=click.Path(path_type=Path))
@click.option(
    "--on", "captures", multiple=True, required=True, type=click.Path(path_type=Path),
    help="A capture to play; may be given more than once.",
)  # fmt: skip
@click.option(
    "--config", "config_file", type=click.Path(path_type=Path),
    help="Take the subject's limits from this configuration.  [default: the usual limits]",
)  # fmt: skip
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def dry_run(
    rules: Path | None, captures: tuple[Path, ...], config_file: Path | None, as_json: bool
) -> None:
    """Play captures by the alarm rules in the file RULES: which alarms would have come.

    Without RULES: by the shipped rules (or the configuration's own). Nothing is told to anybody
    and no hub need run.

    Exit codes: 0 played, whether alarms came or not; 1 a capture can't be read or played; 2 wrong
    usage; 78 the rules or the configuration can't be used.

    \b
    Examples:
      edge-agent alarms test rules.toml --on oximeter.hex
      edge-agent alarms test rules.toml --on monday.hex --on tuesday.hex --json
    """
    import asyncio

    import msgspec

    from edge_agent import dry_run as trial
    from edge_agent.replay import driver_of, read
    from edge_agent.subject_limits import rhythm_limits, rule_book

    alarms, rhythm = _limits(config_file)
    if rules is not None:
        alarms = msgspec.structs.replace(alarms, rules=str(rules))
    book, limits = rule_book(alarms, rhythm), rhythm_limits(alarms, rhythm)
    runs: dict[str, DryRun] = {}
    for file in captures:
        capture = read(file)
        one = trial.dry_run(capture, driver_of(capture), book, limits)
        runs[str(file)] = asyncio.run(one)
    if as_json:
        click.echo(msgspec.json.encode({"captures": _plain(runs)}))
    else:
        for name, run in runs.items():
            _show(name, run)


def _limits(config_file: Path | None) -> tuple[AlarmSettings, RhythmSettings]:
    from edge_agent import config

    if config_file is None:
        return config.AlarmSettings(), config.RhythmSettings()
    settings = config.load(config_file)
    return settings.alarms, settings.rhythm


def _plain(runs: dict[str, DryRun]) -> list[dict[str, Any]]:
    from dataclasses import asdict

    return [{"file": name} | asdict(run) for name, run in runs.items()]


def _show(name: str, run: DryRun) -> None:
    click.echo(f"{name}: {len(run.alarms)} alarm(s) in {run.seconds:.0f} s")
    for alarm in run.alarms:
        stood = "still stood at the end" if alarm.stood_s is None else f"stood {alarm.stood_s:g} s"
        kind = ", technical" if alarm.technical else ""
        head = f"{alarm.raised_s:>10.1f} s  {alarm.rule} ({alarm.priority}{kind}), {stood}"
        click.echo(f"{head}\n              {alarm.message}")
        later = [f"{phase} at {at_s:g} s" for at_s, phase in alarm.steps[1:]]
        if later:
            click.echo(f"              then {', '.join(later)}")
    if run.alarms:
        figures = run.figures
        rates = ", ".join(f"{count} {name}" for name, count in reversed(_counts(run).items()))
        click.echo(
            f"In {run.seconds / 3600:.2f} h: {rates}; most often {figures.top_rule}"
            f" ({figures.top_rule_share:.0%}), longest {figures.longest_rule or 'none ended'}"
            f" ({figures.longest_s:.0f} s)"
        )


def _counts(run: DryRun) -> dict[str, int]:
    counts = dict.fromkeys(("low", "medium", "high"), 0)
    for alarm in run.alarms:
        counts[alarm.priority] += 1
    return counts
