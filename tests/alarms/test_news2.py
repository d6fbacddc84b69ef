"""NEWS2 against the College's charts, band edge by band edge."""

import pytest

from edge_agent.alarms.news2 import PARAMETERS, RESPONSE, Risk, score

NORMAL = {
    "respiration_per_min": 16, "spo2_percent": 97, "systolic_mmhg": 120, "pulse_per_min": 70,
    "temperature_c": 37.0,
}  # fmt: skip

# Chart 1: parameter, first and last value of a band, points.
BANDS = [
    ("respiration_per_min", 4, 8, 3), ("respiration_per_min", 9, 11, 1),
    ("respiration_per_min", 12, 20, 0), ("respiration_per_min", 21, 24, 2),
    ("respiration_per_min", 25, 60, 3),
    ("spo2_percent", 50, 91, 3), ("spo2_percent", 92, 93, 2), ("spo2_percent", 94, 95, 1),
    ("spo2_percent", 96, 100, 0),
    ("systolic_mmhg", 50, 90, 3), ("systolic_mmhg", 91, 100, 2), ("systolic_mmhg", 101, 110, 1),
    ("systolic_mmhg", 111, 219, 0), ("systolic_mmhg", 220, 260, 3),
    ("pulse_per_min", 25, 40, 3), ("pulse_per_min", 41, 50, 1), ("pulse_per_min", 51, 90, 0),
    ("pulse_per_min", 91, 110, 1), ("pulse_per_min", 111, 130, 2), ("pulse_per_min", 131, 220, 3),
    ("temperature_c", 30.0, 35.0, 3), ("temperature_c", 35.1, 36.0, 1),
    ("temperature_c", 36.1, 38.0, 0), ("temperature_c", 38.1, 39.0, 1),
    ("temperature_c", 39.1, 42.0, 2),
]  # fmt: skip

# Scale 2: on oxygen or not, first and last value of a band, points.
SCALE_2 = [
    (False, 50, 83, 3), (False, 84, 85, 2), (False, 86, 87, 1), (False, 88, 100, 0),
    (True, 50, 83, 3), (True, 84, 85, 2), (True, 86, 87, 1), (True, 88, 92, 0),
    (True, 93, 94, 1), (True, 95, 96, 2), (True, 97, 100, 3),
]  # fmt: skip


@pytest.mark.parametrize(("name", "first", "last", "points"), BANDS)
def test_both_ends_of_a_band_have_its_points_and_no_other_parameter_has_any(
    name, first, last, points
):
    for value in (first, last):
        found = score(**NORMAL | {name: value})
        assert found.total == points
        assert found.points == dict.fromkeys(PARAMETERS, 0) | {name: points}


@pytest.mark.parametrize(("oxygen", "first", "last", "points"), SCALE_2)
def test_scale_2_depends_on_oxygen(oxygen, first, last, points):
    for value in (first, last):
        found = score(**NORMAL | {"spo2_percent": value}, spo2_scale=2, oxygen=oxygen)
        assert found.points["spo2_percent"] == points
        assert found.total == points + 2 * oxygen


@pytest.mark.parametrize(("level", "points"), [("A", 0), ("C", 3), ("V", 3), ("P", 3), ("U", 3)])
def test_anything_but_alert_has_three_points(level, points):
    assert score(**NORMAL, consciousness=level).total == points


@pytest.mark.parametrize(
    ("total", "changes", "risk"),
    [
        (0, {}, Risk.LOW),
        (4, {"respiration_per_min": 22, "spo2_percent": 93}, Risk.LOW),
        (3, {"respiration_per_min": 25}, Risk.LOW_MEDIUM),
        (5, {"respiration_per_min": 22, "spo2_percent": 93, "pulse_per_min": 95}, Risk.MEDIUM),
        (6, {"respiration_per_min": 25, "spo2_percent": 90}, Risk.MEDIUM),
        (7, {"respiration_per_min": 25, "spo2_percent": 90, "pulse_per_min": 95}, Risk.HIGH),
    ],
)
def test_risk_follows_the_total_and_a_single_parameter_of_three(total, changes, risk):
    found = score(**NORMAL | changes)
    assert (found.total, found.risk) == (total, risk)
    assert RESPONSE[risk]


@pytest.mark.parametrize("name", [*NORMAL, "oxygen", "consciousness"])
def test_a_missing_parameter_is_named_and_leaves_no_total(name):
    found = score(**NORMAL | {"pulse_per_min": 135} | {name: None})
    assert found.missing == (name,)
    assert (found.total, found.risk) == (None, None)
    assert name not in found.points
    if name != "pulse_per_min":
        assert (found.at_least, found.risk_at_least) == (3, Risk.LOW_MEDIUM)


def test_what_is_known_may_already_be_an_emergency():
    found = score(respiration_per_min=30, spo2_percent=85, pulse_per_min=140)
    assert found.missing == ("systolic_mmhg", "temperature_c")
    assert (found.total, found.at_least, found.risk_at_least) == (None, 9, Risk.HIGH)


def test_nan_is_missing():
    assert score(**NORMAL | {"spo2_percent": float("nan")}).missing == ("spo2_percent",)


def test_saturation_on_scale_2_cannot_be_judged_without_knowing_of_oxygen():
    assert score(**NORMAL, spo2_scale=2, oxygen=None).missing == ("spo2_percent", "oxygen")


@pytest.mark.parametrize(
    ("name", "value", "points"),
    [("respiration_per_min", 20.5, 2), ("respiration_per_min", 20.4, 0),
     ("temperature_c", 38.05, 1), ("temperature_c", 38.04, 0), ("spo2_percent", 95.5, 0)],
)  # fmt: skip
def test_values_are_rounded_as_a_nurse_would_write_them(name, value, points):
    assert score(**NORMAL | {name: value}).points[name] == points


def test_what_does_not_exist_is_refused():
    with pytest.raises(ValueError, match="scales 1 and 2"):
        score(spo2_scale=3)
    with pytest.raises(ValueError, match="X"):
        score(consciousness="X")
