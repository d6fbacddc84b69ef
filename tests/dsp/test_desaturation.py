"""Desaturations, the figures of a night, and whether pulse and heart rate agree."""

import csv

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_agent.dsp.desaturation import DesaturationFinder, OxygenationNight, oxygenation
from edge_agent.dsp.pulse_agreement import PulseAgreement


def dip(depth, *, fall_s=10, rise_s=10, at=97):
    """A minute at rest, a fall of ``depth`` percent, a rise, a minute at rest."""
    down = at - np.round(np.linspace(0, depth, fall_s + 1))
    up = at - np.round(np.linspace(depth, 0, rise_s + 1))
    return np.concatenate((np.full(60, at), down, up, np.full(60, at)))


def test_a_dip_of_five_percent_is_a_desaturation_of_both_kinds():
    found = oxygenation(dip(5))
    (one,) = found.desaturations
    hours = found.hours
    assert (found.odi3_per_h * hours, found.odi4_per_h * hours) == (
        pytest.approx(1),
        pytest.approx(1),
    )
    assert one.nadir_percent == 92
    assert 60 < one.onset_s < one.nadir_at_s < one.offset_s < 82
    assert one.area_percent_s > 0


@pytest.mark.parametrize(
    ("spo2", "why"),
    [
        (dip(3), "the fall from its first step is only 2"),
        (dip(8, fall_s=1), "eight percent within one second are an artefact"),
        (np.full(600, 85.0), "low and steady is no desaturation"),
        (np.concatenate((dip(6)[:71], np.full(200, 91.0))), "it has not come back"),
    ],
)
def test_what_is_no_desaturation(spo2, why):
    assert oxygenation(spo2).desaturations == (), why


def test_nothing_is_found_across_missing_values():
    spo2 = dip(6)
    spo2[66:72] = np.nan
    found = oxygenation(spo2)
    assert found.desaturations == ()
    assert found.reliable_percent < 100


def test_a_dropout_reported_as_zero_by_an_unreliable_sensor_is_neither_low_nor_a_nadir():
    night = OxygenationNight()
    for second in range(600):
        is_off = 300 <= second < 400
        night.push(second, 0.0 if is_off else 96.0, reliable=not is_off)
    found = night.finish()
    assert (found.nadir_percent, found.t90_percent, found.desaturations) == (96, 0, ())
    assert found.reliable_percent == pytest.approx(100 * 503 / 600)  # three seconds are held


def test_t90_is_the_share_of_reliable_seconds_under_ninety():
    found = oxygenation(np.concatenate((np.full(90, 95.0), np.full(10, 89.0))))
    assert found.t90_percent == pytest.approx(10)
    assert found.mean_percent == pytest.approx(94.4)


def test_without_a_reliable_value_there_are_no_figures():
    assert oxygenation([]) is None
    assert oxygenation([np.nan, np.nan]) is None
    with pytest.raises(ValueError, match="one row"):
        oxygenation([[96.0]])


@given(st.integers(1, 5))
def test_the_rate_of_the_sensor_does_not_matter(per_second):
    spo2 = dip(6)
    night = OxygenationNight()
    for second, value in enumerate(spo2):
        for part in range(per_second):
            night.push(second + part / per_second, value)
    assert night.finish() == oxygenation(spo2)


@given(st.lists(st.integers(70, 100), max_size=120))
def test_a_desaturation_never_reaches_over_its_own_bounds(values):
    finder = DesaturationFinder()
    for second, value in enumerate(values):
        one = finder.push(second, value)
        if one is not None:
            assert 10 <= one.offset_s - one.onset_s <= 90
            assert one.begin_percent - one.nadir_percent >= 3
            assert one.onset_s <= one.nadir_at_s <= one.offset_s == second


def test_the_published_figures_of_six_nights(shared_recordings):
    """Reference: pobm 1.2.0 on six synthetic nights of two hours."""
    folder = shared_recordings / "twin"
    nights = {}
    with (folder / "spo2_desat_series_1hz.csv").open() as file:
        for row in csv.DictReader(file):
            nights.setdefault(row["case"], []).append(float(row["spo2"]))
    with (folder / "spo2_desat_summary.csv").open() as file:
        rows = list(csv.DictReader(file))
    for row in rows:
        found = oxygenation(nights[row["case"]])
        assert found.odi3_per_h == pytest.approx(float(row["odi3_pobm_relative"]))
        assert found.odi4_per_h == pytest.approx(float(row["odi4_pobm_relative"]))
        assert found.t90_percent == pytest.approx(float(row["t90_percent"]), abs=1e-4)
        assert found.nadir_percent == float(row["nadir"])
    assert len(rows) == 6


def test_rates_that_agree_and_a_pulse_deficit():
    agreement = PulseAgreement()
    for second in range(30):
        agreement.push_heart_rate(second, 80)
        found = agreement.push_pulse(second, 78)
    assert (found.share, found.difference_per_min) == (1.0, -2.0)
    for second in range(30, 120):
        agreement.push_heart_rate(second, 120)
        found = agreement.push_pulse(second, 90)
    assert (found.share, found.difference_per_min, found.n) == (0.0, -30.0, 60)


def test_rates_far_apart_in_time_are_not_compared():
    agreement = PulseAgreement()
    agreement.push_heart_rate(0, 80)
    assert [agreement.push_pulse(second, 80) for second in range(6, 20)] == [None] * 14
