"""What a person has noted with a glucose sample, in words (Glucose Service 1.0.1)."""

from __future__ import annotations

import math
from collections.abc import Iterator

from edge_drivers.glucose_meter_codec import Context

_CARBOHYDRATES = (
    "", "breakfast", "lunch", "dinner", "snack", "drink", "supper", "brunch",
)  # fmt: skip
_MEALS = ("", "before a meal", "after a meal", "fasting", "casual", "bedtime")
_TESTERS = ("", "the person", "a health care professional", "a laboratory")
_HEALTHS = (
    "", "minor health issues", "major health issues", "during menses", "under stress",
    "no health issues",
)  # fmt: skip
_MEDICATIONS = (
    "", "rapid acting insulin", "short acting insulin", "intermediate acting insulin",
    "long acting insulin", "pre-mixed insulin",
)  # fmt: skip
_EXERCISE_OVERRUN = 0xFFFF
_MG_PER_KG, _ML_PER_L, _G_PER_KG = 1e6, 1e3, 1e3


def told_of(context: Context) -> dict[str, str | float]:
    """Return what a context says; what is reserved or not a number is left out."""
    return {key: value for key, value in _details(context) if _says_something(value)}


def _details(one: Context) -> Iterator[tuple[str, str | float]]:
    if one.carbohydrate is not None:
        kind, kilograms = one.carbohydrate
        yield "carbohydrate", _word(_CARBOHYDRATES, kind)
        yield "carbohydrate_g", kilograms * _G_PER_KG
    if one.meal is not None:
        yield "meal", _word(_MEALS, one.meal)
    if one.tester_health is not None:
        yield "tester", _word(_TESTERS, one.tester_health & 0x0F)
        yield "health", _word(_HEALTHS, one.tester_health >> 4)
    if one.exercise is not None:
        seconds, percent = one.exercise
        if seconds != _EXERCISE_OVERRUN:
            yield "exercise_s", float(seconds)
        yield "exercise_percent", float(percent)
    if one.medication is not None:
        kind, amount = one.medication
        yield "medication", _word(_MEDICATIONS, kind)
        if one.medication_in_litres:
            yield "medication_ml", amount * _ML_PER_L
        else:
            yield "medication_mg", amount * _MG_PER_KG
    if one.hba1c_percent is not None:
        yield "hba1c_percent", one.hba1c_percent


def _word(words: tuple[str, ...], number: int) -> str:
    return words[number] if number < len(words) else ""


def _says_something(value: str | float) -> bool:
    return bool(value) if isinstance(value, str) else math.isfinite(value)
