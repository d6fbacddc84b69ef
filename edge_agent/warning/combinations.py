"""The combined findings, as a table: what must come together, how long, how urgent, what to do.

Each condition has points, and a finding begins when those that are met reach ``needs`` for
``lasts_s``. It ends when even with every condition that can't be told it would not reach them.
Limits are those of common early-warning practice where there is one, named beside them; the others
are engineering, chosen so that daily life does not meet them, and no study stands behind them.
"""

from __future__ import annotations

from dataclasses import dataclass

from edge_agent import codes
from edge_agent.model import Priority
from edge_agent.warning.conditions import Condition, Is

_MINUTE_S = 60.0
_HALF_HOUR_S, _HOUR_S = 30 * _MINUTE_S, 60 * _MINUTE_S


@dataclass(frozen=True, slots=True, kw_only=True)
class Combination:
    """Conditions on several quantities, and the alarm they make together.

    ``covers`` names findings that say less of the same: they keep silent while this one stands.
    """

    name: str
    title: str
    priority: Priority
    conditions: tuple[Condition, ...]
    needs: int
    advice: str
    lasts_s: float = 120.0
    technical: bool = False
    covers: tuple[str, ...] = ()


_OXYGEN_FALLS = Condition(
    code=codes.SPO2, asks=Is.FALLING, amount=3.0, window_s=_HALF_HOUR_S, points=2,
    words="the oxygen saturation falls",
)  # fmt: skip
_BREATHING_QUICKENS = Condition(
    code=codes.RESPIRATION_RATE, asks=Is.RISING, amount=4.0, window_s=_HALF_HOUR_S, points=2,
    words="breathing quickens",
)  # fmt: skip
_HEART_QUICKENS = Condition(
    code=codes.HEART_RATE, asks=Is.RISING, amount=15.0, window_s=_HALF_HOUR_S,
    words="the heart beats faster",
)  # fmt: skip

COMBINATIONS: tuple[Combination, ...] = (
    Combination(
        name="breathing-worse-in-stale-air",
        title="oxygen falls and breathing quickens in stale air",
        priority=Priority.MEDIUM, needs=5, covers=("breathing-worse",),
        conditions=(
            _OXYGEN_FALLS, _BREATHING_QUICKENS,
            # 1500 ppm: stale by any guidance for living rooms (UBA 2008: over 2000 unacceptable).
            Condition(code=codes.ROOM_CO2, asks=Is.ABOVE, amount=1500.0,
                      words="the air in the room is stale"),
        ),
        advice="Look at the person, sit them up and open a window. If breathing does not ease "
        "within minutes, or lips turn blue, call for help.",
    ),
    Combination(
        name="breathing-worse", title="oxygen falls and breathing quickens",
        priority=Priority.MEDIUM, needs=4,
        conditions=(_OXYGEN_FALLS, _BREATHING_QUICKENS, _HEART_QUICKENS),
        advice="Look at the person and sit them up. Are they short of breath, or can't they speak "
        "a whole sentence? Then call for help; else tell the clinic today.",
    ),
    Combination(
        name="fever-and-fast-heart", title="fever with a fast heart",
        priority=Priority.MEDIUM, needs=3,
        conditions=(
            # Temperature, heart and breathing: SIRS (Bone et al., Chest 101 (1992) 1644,
            # doi 10.1378/chest.101.6.1644).
            Condition(code=codes.BODY_TEMPERATURE, asks=Is.ABOVE, amount=38.0, points=2,
                      words="the temperature is raised"),
            Condition(code=codes.HEART_RATE, asks=Is.ABOVE, amount=90.0,
                      words="the heart is fast"),
            Condition(code=codes.RESPIRATION_RATE, asks=Is.ABOVE, amount=20.0,
                      words="breathing is fast"),
        ),
        lasts_s=600.0,
        advice="This may be an infection. Ask how the person feels, give them to drink and tell "
        "the clinic today. If they are confused, cold and clammy or hard to wake, call for help.",
    ),
    Combination(
        name="low-pressure-and-fast-heart", title="low blood pressure with a fast heart",
        priority=Priority.HIGH, needs=2,
        conditions=(
            # A heart rate above the systolic pressure (shock index over 1: Allgoewer and Burri,
            # Dtsch Med Wochenschr 92 (1967) 1947, doi 10.1055/s-0028-1106070), on the safe side.
            Condition(code=codes.SYSTOLIC, asks=Is.BELOW, amount=100.0,
                      words="the blood pressure is low"),
            Condition(code=codes.HEART_RATE, asks=Is.ABOVE, amount=110.0,
                      words="the heart is fast"),
        ),
        advice="Look at the person now. Lay them down with their legs raised and measure again. If "
        "they are pale, cold, bleeding or confused, call for help.",
    ),
    Combination(
        name="glucose-falls-and-heart-quickens", title="glucose falls and the heart quickens",
        priority=Priority.MEDIUM, needs=4,
        conditions=(
            Condition(code=codes.GLUCOSE, asks=Is.FALLING, amount=25.0, window_s=_HALF_HOUR_S,
                      points=2, least=1, words="glucose falls quickly"),
            Condition(code=codes.GLUCOSE, asks=Is.BELOW, amount=90.0, words="glucose is near low"),
            _HEART_QUICKENS,
        ),
        advice="This may be the beginning of a low glucose. Ask how the person feels, measure with "
        "a finger prick, and have sugar at hand.",
    ),
    Combination(
        name="oximeter-disbelieved", title="low SpO2 that other sensors do not bear out",
        priority=Priority.LOW, technical=True, needs=4,
        conditions=(
            Condition(code=codes.SPO2, asks=Is.BELOW, amount=90.0, points=3,
                      words="an oximeter says that oxygen is low"),
            Condition(code=codes.SPO2, asks=Is.UNLIKE, other=codes.SPO2, amount=5.0,
                      words="another oximeter says otherwise"),
            Condition(code=codes.PULSE_RATE, asks=Is.UNLIKE, other=codes.HEART_RATE, amount=15.0,
                      words="its pulse is not the heart rate of the ECG"),
        ),
        lasts_s=30.0,
        advice="Look at the person first: trust how they look, not the number. Then warm the "
        "finger, move the sensor to another one, and compare.",
    ),
)  # fmt: skip
