"""The alarms of a bed as lines that fit a terminal: each with what to do, and how to answer it."""

from __future__ import annotations

import shutil
import textwrap
from collections.abc import Iterator

from edge_agent.cli.tables import PRIORITY_SIGN, age, pause_words
from edge_agent.status import AlarmStatus, BedStatus

_INDENT = "    "
_STANDS = {
    "raised": "nobody has acknowledged it",
    "repeated": "nobody has acknowledged it; said again {ago} ago",
    "escalated": "nobody has acknowledged it; made more urgent {ago} ago",
    "acknowledged": "acknowledged by {by} {ago} ago",
    "latched": "its cause has gone {ago} ago; it stays until somebody acknowledges it",
}


def alarm_lines(bed: BedStatus, prefix: str = "") -> Iterator[str]:
    """Give the lines about a bed, the most urgent alarm first."""
    columns = shutil.get_terminal_size().columns
    if bed.pause is not None:
        words = f"{prefix}{pause_words(bed.pause)}. End it: edge-agent alarms resume"
        yield from textwrap.wrap(words[:1].upper() + words[1:], columns)
        yield ""
    if not bed.alarms:
        yield f"{prefix}No alarm stands."
    for alarm in bed.alarms:
        yield from _one(alarm, prefix, columns)


def _one(alarm: AlarmStatus, prefix: str, columns: int) -> Iterator[str]:
    def wrapped(text: str) -> list[str]:
        return textwrap.wrap(
            text, columns, initial_indent=_INDENT, subsequent_indent=_INDENT,
            break_on_hyphens=False,
        )  # fmt: skip

    kind = ", technical" if alarm.technical else ""
    sign = f"{PRIORITY_SIGN[alarm.priority]:<3} {alarm.priority.upper()}{kind}"
    yield from textwrap.wrap(f"{sign}: {prefix}{alarm.title}", columns, subsequent_indent=_INDENT)
    silent = "; silent while the audio is paused" if alarm.silent else ""
    yield from wrapped(f"raised {age(alarm.age_s)} ago, {stands(alarm)}{silent}")
    for one in alarm.evidence:
        yield from wrapped(f"- {one}")
    yield from wrapped(alarm.message)
    if alarm.phase != "acknowledged":
        # Somebody copies this: it is one line, however narrow the terminal.
        yield f"{_INDENT}sudo edge-agent alarms acknowledge {alarm.episode}"
    yield ""


def stands(alarm: AlarmStatus) -> str:
    """Return where an alarm stands in words: seen by whom, and since when."""
    words = _STANDS.get(alarm.phase, alarm.phase)
    return words.format(by=alarm.by or "somebody", ago=age(alarm.phase_age_s))
