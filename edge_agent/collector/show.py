"""What ``edge-agent collector show`` says: newest values, alarms, and what is missing."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from rich.table import Table
from rich.text import Text

from edge_agent.collector.accounting import HubAccount
from edge_agent.collector.queries import LatestObservation, Queries, ReceivedAlarm

_NS_PER_S = 1e9


@dataclass(frozen=True, slots=True)
class Shown:
    """The answer of a collector's database to everything that is asked of it."""

    hubs: tuple[HubAccount, ...]
    observations: list[LatestObservation]
    alarms: list[ReceivedAlarm]
    rows: dict[str, int]


async def question(directory: Path) -> Shown:
    """Ask the database in ``directory``, also while a collector is writing it.

    :raises StoreError: there is none, or it can't be read.
    """
    queries = await Queries.open(directory)
    try:
        return Shown(
            await queries.accounts(),
            await queries.latest(),
            await queries.alarms(),
            await queries.row_counts(),
        )
    finally:
        await queries.close()


def tables(shown: Shown) -> Iterator[Table]:
    """Give the tables for a terminal."""
    yield _hubs(shown.hubs)
    if shown.observations:
        yield _observations(shown.observations)
    if shown.alarms:
        yield _alarms(shown.alarms)


def _hubs(accounts: tuple[HubAccount, ...]) -> Table:
    columns = (
        "hub", "records", "places", "missing", "lost", "chain breaks", "forks", "quarantined",
        "signing interrupted",
    )  # fmt: skip
    table = Table(*columns, title="Hubs", title_justify="left")
    for one in accounts:
        places = f"{one.lowest_seq} to {one.highest_seq}"
        counts = (
            one.missing, one.lost, one.chain_breaks, one.forks, one.quarantined, one.interruptions,
        )  # fmt: skip
        table.add_row(one.hub, str(one.records), places, *map(str, counts))
    return table


def _observations(observations: list[LatestObservation]) -> Table:
    columns = (
        "hub",
        "subject",
        "quantity",
        "sensor",
        "last",
        "mean",
        "unit",
        "n",
        "state",
        "at (UTC)",
    )
    table = Table(*columns, title="Newest values", title_justify="left")
    for one in observations:
        table.add_row(
            one.hub[:8], one.subject[:8], one.code, one.sensor, _number(one.last),
            _number(one.mean), Text(one.unit), str(one.n), one.state, _time(one.utc_ns),
        )  # fmt: skip
    return table


def _alarms(alarms: list[ReceivedAlarm]) -> Table:
    columns = ("hub", "subject", "at (UTC)", "priority", "alarm", "", "kind", "evidence")
    table = Table(*columns, title="Alarms, newest first", title_justify="left")
    for one in alarms:
        kind = "technical" if one.technical else "physiological"
        table.add_row(
            one.hub[:8], one.subject[:8], _time(one.utc_ns), one.priority, one.title, one.phase,
            kind, Text(_evidence(one.evidence)),
        )  # fmt: skip
    return table


def _evidence(text: str) -> str:
    """Put the evidence of an alarm, a JSON list, into lines."""
    lines = []
    for one in json.loads(text):
        limit = "" if one.get("limit") is None else f" (limit {one['limit']:g})"
        lines.append(f"{one['sensor']}: {one['quantity']} {_number(one['value'])}{limit}")
    return "\n".join(lines)


def _number(value: float | None) -> str:
    return "--" if value is None else f"{value:.1f}"


def _time(utc_ns: int | None) -> str:
    if utc_ns is None:
        return "unknown"
    return dt.datetime.fromtimestamp(utc_ns / _NS_PER_S, dt.UTC).strftime("%Y-%m-%d %H:%M:%S")
