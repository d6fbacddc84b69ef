"""Status as tables for a terminal."""

from __future__ import annotations

from collections.abc import Iterator

from rich.table import Table
from rich.text import Text

from edge_agent.status import (
    BedStatus,
    FatigueStatus,
    GlycaemiaStatus,
    PauseStatus,
    PersonStatus,
    SensorStatus,
    Status,
    VariableStatus,
    WarningStatus,
)

_PRIORITY_STYLE = {"high": "bold white on red", "medium": "bold black on yellow", "low": "cyan"}
_WITH_TENTHS = {"Cel", "mg/dL/min", "kg", "kg/m2", "[IU]", "[IU]/h", "kW.h"}
PRIORITY_SIGN = {"high": "!!!", "medium": "!!", "low": "!"}


def status_tables(status: Status) -> Iterator[Table]:
    """Give the tables of ``edge-agent status``, the most urgent first."""
    several = len(status.beds) > 1
    for bed in status.beds:
        yield from _bed_tables(bed, f"Bed {bed.bed}: " if several else "")
    yield sensor_table(status)
    yield delivery_table(status)


def _bed_tables(bed: BedStatus, prefix: str) -> Iterator[Table]:
    if bed.alarms or bed.pause is not None:
        yield alarm_table(bed, prefix)
    if bed.variables:
        yield variable_table(bed, prefix)
    if bed.warning.parts:
        yield score_table(bed.warning, prefix)
    if bed.glycaemia:
        yield glycaemia_table(bed.glycaemia, prefix)
    if bed.fatigue.alarms:
        yield fatigue_table(bed.fatigue, prefix)


def alarm_table(bed: BedStatus, prefix: str = "") -> Table:
    """Every standing alarm with its evidence; priority is told by sign and word, not colour."""
    title = prefix + ("Alarms" if bed.pause is None else f"Alarms, {pause_words(bed.pause)}")
    table = Table("", "alarm", "evidence", "for", title=title, title_justify="left")
    for alarm in bed.alarms:
        sign = f"{PRIORITY_SIGN[alarm.priority]} {alarm.priority}"
        kind = " (technical)" if alarm.technical else ""
        kind += "" if alarm.phase == "raised" else f", {alarm.phase}"
        kind += f" by {alarm.by}" if alarm.by else ""
        kind += ", silent" if alarm.silent else ""
        table.add_row(
            Text(sign, style=_PRIORITY_STYLE[alarm.priority]),
            alarm.title + kind,
            Text("\n".join(alarm.evidence)),
            age(alarm.age_s),
        )
    return table


def fatigue_table(fatigue: FatigueStatus, prefix: str = "") -> Table:
    """How many alarms there are in a day, and what becomes of them."""
    title = f"{prefix}Alarms in figures"
    table = Table("", "", title=title, title_justify="left", show_header=False)
    rates = ", ".join(f"{rate:.1f} {name}" for name, rate in reversed(fatigue.per_day.items()))
    table.add_row("in a day", f"{rates}; {fatigue.technical_per_day:.1f} of them technical")
    table.add_row("counted", f"{fatigue.alarms} alarms in {fatigue.bed_days:.1f} days of watching")
    if fatigue.actionable_share is not None:
        share = f"{fatigue.actionable_share:.0%} acknowledged or escalated, the rest ended before"
        table.add_row("actionable", share)
    if fatigue.longest_rule:
        table.add_row("longest", f"{age(fatigue.longest_s)}, {fatigue.longest_rule}")
    table.add_row("most often", f"{fatigue.top_rule}, {fatigue.top_rule_share:.0%} of all")
    return table


def variable_table(bed: BedStatus, prefix: str = "") -> Table:
    """The twin: every variable with value, unit, age and quality."""
    table = Table("", "value", "unit", "state", "quality", "age", "sensor", title=f"{prefix}Twin")
    table.title_justify = "left"
    for variable in sorted(bed.variables, key=lambda one: (one.domain, one.title)):
        table.add_row(
            variable.title,
            Text(number(variable), style="dim" if variable.stale else "bold"),
            Text(variable.unit),  # UCUM writes some units in brackets, which are no markup
            "stale" if variable.stale else variable.state,
            f"{variable.quality:.2f}",
            age(variable.age_s),
            variable.sensor,
        )
    return table


def score_table(warning: WarningStatus, prefix: str = "") -> Table:
    """NEWS2 with its sub-scores; without a total while anything is missing."""
    number = f"at least {warning.at_least}" if warning.total is None else f"{warning.total}"
    title = f"{prefix}NEWS2: {number}, risk {warning.risk_at_least}"
    table = Table("", "points", "from", title=title, title_justify="left")
    for part in warning.parts:
        points = "--" if part.points is None else str(part.points)
        table.add_row(part.name, points, Text(part.words))
    return table


def glycaemia_table(glycaemia: list[GlycaemiaStatus], prefix: str = "") -> Table:
    """Time in range and what goes with it, of the last day and the last two weeks."""
    columns = ("", "below 70", "in range", "above 180", "mean", "CV", "GMI", "readings")
    table = Table(*columns, title=f"{prefix}Glucose", title_justify="left")
    for one in glycaemia:
        cv = "--" if one.cv_percent is None else f"{one.cv_percent:.0f} %"
        table.add_row(
            f"last {one.hours:.0f} h" if one.hours < 48 else f"last {one.hours / 24:.0f} days",
            f"{one.below_percent:.0f} %", f"{one.in_range_percent:.0f} %",
            f"{one.above_percent:.0f} %", f"{one.mean_mgdl:.0f} mg/dL", cv,
            f"{one.gmi_percent:.1f} %", str(one.readings),
        )  # fmt: skip
    return table


def sensor_table(status: Status) -> Table:
    """Every sensor and its link."""
    columns = (
        "sensor", "driver", "link", "readings", "rejected", "gaps", "links made", "last error",
    )  # fmt: skip
    table = Table(*columns, title="Sensors", title_justify="left")
    for sensor in status.sensors:
        table.add_row(
            sensor.name, sensor.driver, _link(sensor), str(sensor.readings), str(sensor.rejected),
            str(sensor.gaps + sensor.overlaps), str(sensor.connections), Text(sensor.last_error),
        )  # fmt: skip
    return table


def delivery_table(status: Status) -> Table:
    """The queues, the outbox and the way to the collector."""
    table = Table("", "", title="Buffers and delivery", title_justify="left", show_header=False)
    for queue in status.queues:
        dropped = sum(queue.dropped.values())
        fill = f"{queue.length} of {queue.capacity}, longest {queue.longest}, dropped {dropped}"
        table.add_row(f"queue: {queue.name}", fill)
    for bed in status.beds:
        if bed.person is not None:
            table.add_row(f"imported {bed.bed}", bed.person.error or _imported(bed.person))
    if status.store is not None:
        store = status.store
        held = f"{store.buffered} buffered ({store.buffered_bytes / 1024:.0f} KiB)"
        table.add_row("outbox", f"{held}, {store.sealed} sealed, {store.delivered} delivered")
        for name, text in (("store error", store.last_error), ("recovery", store.recovered)):
            if text:
                table.add_row(name, text)
    if status.uplink is not None:
        uplink = status.uplink
        state = "connected" if uplink.connected else f"down: {uplink.last_error or 'not tried yet'}"
        state += ", metered: only alarms are sent" if uplink.is_metered else ""
        table.add_row("collector", f"{uplink.url}: {state}")
    table.add_row("memory", f"{status.resident_mib:.0f} MiB resident")
    return table


def pause_words(pause: PauseStatus) -> str:
    """Who has paused the audio, and for how long still."""
    return f"audio paused by {pause.by}, {age(pause.left_s)} more (new urgent ones are told)"


def _imported(person: PersonStatus) -> str:
    return (
        f"{person.results} laboratory results, {person.medications} drugs, {person.genotypes} genes"
    )


def number(variable: VariableStatus) -> str:
    """A value as a person reads it; ``--`` when there is none."""
    if variable.value is None:
        return "--"
    return f"{variable.value:.{1 if variable.unit in _WITH_TENTHS else 0}f}"


def _link(sensor: SensorStatus) -> str:
    return "connected" if sensor.connected else "not connected"


def age(seconds: float) -> str:
    """Return a time in the unit that a person would use."""
    if seconds < 100:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 6000 else f"{seconds / 3600:.0f} h"
