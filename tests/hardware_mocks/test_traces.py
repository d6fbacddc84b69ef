import itertools
import math

import pytest

from edge_agent.errors import EdgeError
from edge_mocks.traces import (
    SimulatedGlucose,
    SimulatedOximetry,
    SimulatedRoom,
    read_glucose_csv,
)


def test_glucose_rises_after_meals_and_returns_in_the_night():
    trace = SimulatedGlucose(seed=1)
    day = [trace(minute) for minute in range(1440)]
    assert 90 < min(day) < 110
    assert 130 < max(day) < 230
    assert trace(7 * 60 + 80) > trace(5 * 60) + 25
    assert max(abs(a - b) for a, b in itertools.pairwise(day)) < 7  # mg/dL/min


def test_glucose_is_continuous_over_midnight():
    trace = SimulatedGlucose(seed=2)
    assert abs(trace(1440.001) - trace(1439.999)) < 0.1
    assert abs(trace(0.001) - trace(-0.001)) < 0.1


@pytest.mark.parametrize(
    "value",
    [
        lambda seed: SimulatedGlucose(seed)(1000),
        lambda seed: SimulatedOximetry(seed).spo2_percent(100),
        lambda seed: SimulatedRoom(seed).at(100).temperature_c,
    ],
)
def test_a_seed_repeats_a_trace_and_another_gives_another(value):
    assert value(1) == value(1)
    assert value(1) != value(2)


def test_saturation_dips_now_and_then_and_the_pulse_answers():
    trace = SimulatedOximetry(seed=1, dip_percent=8, dip_every_s=600)
    spo2 = [trace.spo2_percent(second) for second in range(600)]
    worst = spo2.index(min(spo2))
    assert 87 < min(spo2) < 91
    assert max(spo2) <= 100
    assert sum(one < 94 for one in spo2) < 60
    assert trace.pulse_per_min(worst) > trace.pulse_per_min(worst - 90) - 4 + 4
    assert spo2 == pytest.approx([trace.spo2_percent(s + 600) for s in range(600)], abs=1.5)


def test_co2_settles_where_breathing_and_ventilation_balance():
    room = SimulatedRoom(seed=1, volume_m3=36, air_changes_per_h=0.5, people=((0, 0), (3600, 2)))
    assert room.at(-100).co2_ppm == room.at(3600).co2_ppm == 420
    balance = 420 + 2 * 0.018e6 / (36 * 0.5)
    assert room.at(3600 + 2 * 3600).co2_ppm == pytest.approx(balance - (balance - 420) / math.e)
    assert room.at(100 * 3600).co2_ppm == pytest.approx(balance, abs=0.1)


def test_co2_obeys_its_mass_balance_at_every_moment():
    room = SimulatedRoom(seed=1)
    for second in range(10, 7200, 500):
        people = 2 if 1800 <= second < 3600 else 1
        slope = (room.at(second + 1).co2_ppm - room.at(second - 1).co2_ppm) / 2
        expected = (18e3 * people / 35 - (room.at(second).co2_ppm - 420)) / 3600
        assert slope == pytest.approx(expected, abs=1e-4)


def test_a_recorded_trace_is_read_interpolated_and_leaves_gaps_open(tmp_path):
    file = tmp_path / "one.csv"
    file.write_text(
        "time,glucose_mgdl,carbs_g\n2024-01-01T08:00:00,100,\n2024-01-01T08:05:00,110,\n"
        "2024-01-01T08:07:00,,40\n2024-01-01T09:00:00,150,\n"
    )
    trace = read_glucose_csv(file)
    assert [trace(minute) for minute in (0, 2.5, 5, 30, 60)] == [100, 105, 110, None, 150]
    assert trace(-1) is None
    assert trace(61) is None


@pytest.mark.parametrize(
    "text", ["", "time,other\n1,2\n", "time,glucose_mgdl\nnoon,5\n", "time,glucose_mgdl\n"]
)
def test_a_file_that_is_no_trace_says_so(tmp_path, text):
    file = tmp_path / "bad.csv"
    file.write_text(text)
    with pytest.raises(EdgeError, match=r"glucose trace .*bad\.csv"):
        read_glucose_csv(file)


def test_a_missing_trace_says_so(tmp_path):
    with pytest.raises(EdgeError, match="No such file"):
        read_glucose_csv(tmp_path / "absent.csv")


def test_a_real_trace_is_read(pytestconfig):
    file = pytestconfig.rootpath.parent / "shared/data/glucose/iglu_hall/hall2133015.csv"
    if not file.exists():
        pytest.skip("shared data not here")
    trace = read_glucose_csv(file)
    assert trace(0) == 106
    assert trace(5) == 110
