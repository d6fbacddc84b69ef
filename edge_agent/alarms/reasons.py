"""What a finding rests on, carried in its event: a sentence about the person, and evidence.

An event's particulars are plain values, so the evidence travels as one JSON text. What is written
here reaches the alarm (:mod:`~edge_agent.alarms.telling`) and, with the event, the clinic.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping

from edge_agent.model import Boottime, Evidence

SENTENCE = "sentence"
"""The particular that says in a sentence what was found, for whoever stands at the bed."""

REASONS = "reasons"
"""The particular that holds the evidence."""


def written(reasons: Iterable[Evidence]) -> str:
    """Return ``reasons`` as the text of the particular :data:`REASONS`."""
    return json.dumps(
        [
            [one.quantity, one.value, str(one.unit), one.sensor, one.at, one.limit, one.note]
            for one in reasons
        ]
    )


def reasons_of(detail: Mapping[str, str | float]) -> tuple[Evidence, ...]:
    """Return the evidence that an event carries; most carry none."""
    rows = json.loads(str(detail.get(REASONS, "[]")))
    return tuple(
        Evidence(
            quantity=quantity,
            value=value,
            unit=unit,
            sensor=sensor,
            at=Boottime(at),
            limit=limit,
            note=note,
        )
        for quantity, value, unit, sensor, at, limit, note in rows
    )


def sentence_of(detail: Mapping[str, str | float]) -> str:
    """Return what the event says of the person in a sentence, empty for most."""
    return str(detail.get(SENTENCE, ""))
