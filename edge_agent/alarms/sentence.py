"""An alarm in words: what is the matter, what was measured, what to do; evidence in lines."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from edge_agent import codes
from edge_agent.model import Alarm, Evidence, Phase, State

_UNITS: Mapping[str, str] = MappingProxyType({
    "/min": "per minute",
    "Cel": "°C",
    "mm[Hg]": "mmHg",
    "[ppm]": "ppm",
    "[ppb]": "ppb",
    "s": "s",
    "1": "",
})  # fmt: skip
"""UCUM units whose notation is not how people write them."""

_WITHOUT_NUMBER: Mapping[str, str] = MappingProxyType({
    State.BELOW_RANGE: "below what the sensor can measure",
    State.ABOVE_RANGE: "above what the sensor can measure",
})  # fmt: skip


_SEE_ALL_THE_SAME = "Look at the person all the same: how are they?"


def sentence(alarm: Alarm) -> str:
    """Return what is told of ``alarm``, such as "SpO2 low (84 %, limit 90 %, ox). Look at ...".

    Of one whose condition has gone it says so, instead of what to do about it.
    """
    title = alarm.title[:1].upper() + alarm.title[1:]
    seen = f" ({_seen(alarm.evidence[0])})" if alarm.evidence else ""
    if alarm.phase is Phase.CLEARED:
        return f"{title}: over{seen}."
    if alarm.is_over:
        return f"{title}: over{seen}, and nobody has seen it yet. {_SEE_ALL_THE_SAME}"
    said = _said(alarm.evidence[0]) if alarm.evidence else ""
    return f"{title}{f' ({said})' if said else seen}. {alarm.advice}".rstrip()


def evidence_words(one: Evidence) -> str:
    """Put one piece of evidence into a line: where, what was measured, its limit, and a note."""
    measured = f"{one.sensor}: {_quantity(one)} {_number(one)}".rstrip()
    limit = "" if one.limit is None else f", limit {_with_unit(one.limit, one.unit)}"
    is_told = one.note in {"", "measured"} or one.note in _WITHOUT_NUMBER
    return f"{measured}{limit}" + ("" if is_told else f": {one.note}")


def _said(one: Evidence) -> str:
    """Return what a finding says of the person, a sentence; other notes are a word or two."""
    if not one.note.endswith("."):
        return ""
    said = one.note.removesuffix(".")
    return said[:1].lower() + said[1:]


def _seen(one: Evidence) -> str:
    """Put what an alarm rests on into a few words."""
    is_named = one.quantity in codes.BY_REFID or one.limit is not None
    words = [f"{_quantity(one) if is_named else ''} {_number(one)}".strip()]
    if one.value is not None and one.limit is not None:
        words.append(f"limit {_with_unit(one.limit, one.unit)}")
    words.append(one.sensor)
    return ", ".join(word for word in words if word)


def _quantity(one: Evidence) -> str:
    known = codes.BY_REFID.get(one.quantity)
    return one.quantity.replace("-", " ") if known is None else known.title


def _number(one: Evidence) -> str:
    if one.value is None:
        return _WITHOUT_NUMBER.get(one.note, "")
    return _with_unit(one.value, one.unit)


def _with_unit(value: float, unit: str) -> str:
    return f"{value:.4g} {_UNITS.get(unit, unit)}".rstrip()
