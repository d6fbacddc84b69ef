"""What the demo shows: a live table on a terminal, a line every few seconds elsewhere."""

from __future__ import annotations

import time
from collections import deque
from typing import Self

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from edge_agent import codes
from edge_agent.cli.tables import alarm_table, number
from edge_agent.demo.stage import Stage
from edge_agent.model import Code
from edge_agent.status import ForecastStatus, Status, VariableStatus

_SHOWN = (
    codes.HEART_RATE,
    codes.SPO2,
    codes.PULSE_RATE,
    codes.GLUCOSE,
    codes.ROOM_TEMPERATURE,
    codes.ROOM_HUMIDITY,
    codes.ROOM_CO2,
)
_LINE_EVERY_S = 5.0
_MESSAGES = 6


class Screen:
    """Shows statuses and messages as they come."""

    def __init__(self, console: Console, stage: Stage) -> None:
        self._console, self._stage = console, stage
        self._began = time.monotonic()
        self._messages: deque[str] = deque(maxlen=_MESSAGES)
        self._line_due = 0.0
        self._opened = 0
        self._live = Live(console=console, auto_refresh=False) if console.is_terminal else None

    def __enter__(self) -> Self:
        if self._live is not None:
            self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._live is not None:
            self._live.stop()

    def say(self, message: str) -> None:
        """Show a message; it stays in view for a while."""
        line = f"{time.monotonic() - self._began:5.1f} s  {message}"
        self._messages.append(line)
        if self._live is None:
            self._console.print(line, highlight=False, markup=False, soft_wrap=True)

    def show(self, status: Status | None, opened: int) -> None:
        """Show a status, or that the hub does not answer; ``opened`` is the collector's count."""
        self._opened = opened
        if self._live is not None:
            self._live.update(self._picture(status), refresh=True)
        elif time.monotonic() >= self._line_due and status is not None:
            self._line_due = time.monotonic() + _LINE_EVERY_S
            line = _line(status, self._began)
            self._console.print(line, highlight=False, markup=False, soft_wrap=True)

    def _picture(self, status: Status | None) -> RenderableType:
        messages = Panel(Text("\n".join(self._messages)), title="what happens")
        if status is None:
            return Group(Panel(Text("the hub does not answer", style="bold")), messages)
        parts: list[RenderableType] = [self._vitals(status)]
        if status.alarms:
            parts.append(alarm_table(status.beds[0]))
        return Group(*parts, messages)

    def _vitals(self, status: Status) -> Table:
        table = Table(title="Bedside edge agent: mock sensors, no patient", title_justify="left")
        table.add_column("", min_width=18)
        table.add_column("value", justify="right", min_width=8)
        table.add_column("unit", min_width=7)
        table.add_column("", min_width=40)
        for code in _SHOWN:
            variable = _variable(status, code)
            forecast = _forecast_words(status) if code == codes.GLUCOSE else ""
            value, unit = _value(variable)
            style = "dim" if variable is None or variable.stale else "bold"
            words = ", ".join(filter(None, (_age_words(variable), forecast)))
            table.add_row(code.title, Text(value, style), Text(unit), words)
        table.add_section()
        store, link = status.store, "up" if self._stage.uplink.is_up else "CUT"
        if store is not None:
            table.add_row("buffered", str(store.buffered), "records", f"upstream link is {link}")
            opened = f"collector opened {self._opened}"
            table.add_row("delivered", str(store.delivered), "records", opened)
        return table


def _line(status: Status, began: float) -> str:
    values = [
        f"{code.title} {' '.join(_value(_variable(status, code)))}"
        for code in _SHOWN
        if code not in {codes.PULSE_RATE, codes.ROOM_HUMIDITY}
    ]
    store = status.store
    kept = f"buffered {store.buffered}, delivered {store.delivered}" if store else "nothing kept"
    words = [*values[:3], _forecast_words(status), *values[3:], kept]
    return f"{time.monotonic() - began:5.1f} s  " + " | ".join(word for word in words if word)


def _variable(status: Status, code: Code) -> VariableStatus | None:
    return next((one for one in status.beds[0].variables if one.code == code.refid), None)


def _value(variable: VariableStatus | None) -> tuple[str, str]:
    """Return number and unit; the brackets that UCUM writes around some units are for machines."""
    if variable is None:
        return "--", ""
    return number(variable), variable.unit.strip("[]")


def _age_words(variable: VariableStatus | None) -> str:
    if variable is None:
        return "no value yet"
    if variable.stale:
        return f"STALE: {variable.age_s:.0f} s old"
    return "" if variable.state == "measured" else variable.state


def _forecast_words(status: Status) -> str:
    one = next((f for f in status.beds[0].forecasts if f.horizon_min == 30), None)
    return "" if one is None else _interval(one)


def _interval(one: ForecastStatus) -> str:
    return f"in 30 min {one.mean:.0f} ({one.low90:.0f} to {one.high90:.0f})"
