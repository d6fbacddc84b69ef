"""``edge-agent replay``: a capture through the code that read the sensor."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from edge_agent.model import Alarm, Reading
    from edge_agent.replay import Moment, Replay

_NS_PER_S = 1e9


@click.command("replay")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--driver", default="", help="Read it with this driver, not the file's own.")
@click.option("--profile", default="", help="Register map of the driver, where it needs one.")
@click.option("--live", is_flag=True, help="As slowly as it happened, not as fast as it goes.")
@click.option("--json", "as_json", is_flag=True, help="Print every reading as a line of JSON.")
def command(file: Path, driver: str, profile: str, live: bool, as_json: bool) -> None:
    """Play the capture FILE: what the hub read in it, which frames it refused, which alarms came.

    \b
    Examples:
      edge-agent replay oximeter.hex
      edge-agent replay oximeter.hex --live --json
    """
    import asyncio

    from edge_agent.replay import Replay, driver_of, read

    capture = read(file)
    replay = Replay(capture, driver_of(capture, driver, profile))
    asyncio.run(_play(replay, live=live, as_json=as_json))


@dataclass(slots=True)
class _Tally:
    """What came of one quantity."""

    count: int = 0
    values: list[float] = field(default_factory=list)
    states: dict[str, int] = field(default_factory=dict)

    def add(self, line: dict[str, Any]) -> None:
        self.count += 1
        if line.get("value") is not None:
            self.values.append(line["value"])
        state = "backfilled" if line.get("backfilled") else line.get("state", "")
        self.states[state] = self.states.get(state, 0) + 1

    @property
    def span(self) -> str:
        return f"{min(self.values):g} to {max(self.values):g}" if self.values else ""

    @property
    def said(self) -> str:
        return ", ".join(f"{count} {state}" for state, count in self.states.items() if state)


async def _play(replay: Replay, *, live: bool, as_json: bool) -> None:
    import asyncio

    tallies: dict[str, _Tally] = {}
    async for moment in replay.run(asyncio.sleep if live else None):
        for line in _lines(moment):
            if as_json:
                _print_json(line)
            elif live or "code" not in line:
                click.echo(_words(line))
            if "code" in line:
                tallies.setdefault(f"{line['quantity']} ({line['unit']})", _Tally()).add(line)
    if not as_json:
        _summarise(replay, tallies)


def _lines(moment: Moment) -> list[dict[str, Any]]:
    lines = [_reading(one) for one in moment.readings] + [_alarm(one) for one in moment.alarms]
    return [{"at_s": round(moment.at / _NS_PER_S, 3)} | line for line in lines]


def _reading(one: Reading) -> dict[str, Any]:
    from edge_agent.model import Event, Waveform

    if isinstance(one, Event):
        return {"event": one.kind.value, **one.detail}
    line: dict[str, Any] = {"code": one.code.refid, "quantity": one.code.title}
    line["unit"] = one.code.unit.value
    if isinstance(one, Waveform):
        return line | {"samples": len(one.samples), "rate_hz": round(one.rate_hz, 3)}
    line |= {"value": one.value, "state": one.state.value, "quality": round(one.quality, 3)}
    return line | ({"backfilled": True} if one.backfilled else {})


def _alarm(one: Alarm) -> dict[str, Any]:
    return {"alarm": one.title, "phase": one.phase.value, "priority": one.priority.name.lower()}


def _print_json(line: dict[str, Any]) -> None:
    import msgspec

    click.echo(msgspec.json.encode(line))


def _words(line: dict[str, Any]) -> str:
    rest = ", ".join(f"{key} {value}" for key, value in line.items() if key != "at_s")
    return f"{line['at_s']:>10.3f} s  {rest}"


def _summarise(replay: Replay, tallies: dict[str, _Tally]) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    status = replay.status
    table = Table("quantity", "readings", "values", "how")
    for name, tally in sorted(tallies.items()):
        table.add_row(Text(name), str(tally.count), tally.span, tally.said)
    Console().print(table)
    click.echo(
        f"{status.frames} frames in {replay.clock.boottime() / _NS_PER_S:.1f} s,"
        f" {status.rejected} refused, {status.gaps} gaps, {status.overlaps} overlaps,"
        f" {status.clock_resets} clock resets"
    )
