"""An alarm as a sentence: what is the matter, what was measured, what to do."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from edge_agent import codes
from edge_agent.model import Alarm, Evidence, State

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


def sentence(alarm: Alarm) -> str:
    """Return what is told of ``alarm``, such as "SpO2 low (84 %, limit 90 %, ox). Look at ..."."""
    first = alarm.evidence[0] if alarm.evidence else None
    seen = "" if first is None else f" ({_found(first, alarm.advice) or _seen(first)})"
    title = alarm.title[:1].upper() + alarm.title[1:]
    return f"{title}{seen}. {alarm.advice}".rstrip()


def _found(one: Evidence, advice: str) -> str:
    """Return what a finding says of itself before the advice; empty where it says nothing."""
    if not one.note.endswith(advice):
        return ""
    said = one.note.removesuffix(advice).strip().removesuffix(".")
    return said[:1].lower() + said[1:]


def _seen(one: Evidence) -> str:
    """Put what an alarm rests on into a few words."""
    name = codes.BY_REFID[one.quantity].title if one.quantity in codes.BY_REFID else ""
    quantity = name or ("" if one.limit is None else one.quantity.replace("-", " "))
    if one.value is None:
        words = [f"{quantity} {_WITHOUT_NUMBER.get(one.note, '')}".strip()]
    else:
        words = [f"{quantity} {_with_unit(one.value, one.unit)}".strip()]
        if one.limit is not None:
            words.append(f"limit {_with_unit(one.limit, one.unit)}")
    words.append(one.sensor)
    return ", ".join(word for word in words if word)


def _with_unit(value: float, unit: str) -> str:
    return f"{value:.4g} {_UNITS.get(unit, unit)}".rstrip()
