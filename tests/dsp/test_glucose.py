import csv
import json
import math
from datetime import datetime

import numpy as np
import pytest

from edge_agent.dsp.glucose import LEAST_READINGS, Forecaster
from edge_agent.dsp.glucose_learning import Regression, Spread

STEP_S = 300.0


def fed(values, *, start_s=0.0, step_s=STEP_S):
    forecaster = Forecaster()
    for number, value in enumerate(values):
        forecaster.update(start_s + number * step_s, float(value))
    return forecaster


def person(days, seed):
    """A stationary, oscillating glucose with a person's own reversion, read with noise."""
    random = np.random.default_rng(seed)
    level, speed, values = 140.0, 0.0, []
    for _ in range(round(days * 288)):
        speed += -0.25 * speed - 0.002 * 5.0 * (level - 140.0) + 0.5 * random.standard_normal()
        level = max(45.0, level + 5.0 * speed)
        values.append(level + 2.0 * random.standard_normal())
    return np.array(values)


def judged(values, horizon_min, *, skip):
    """Errors, persistence errors, and whether the interval held, of every forecast."""
    forecaster, ahead = Forecaster(), round(horizon_min / 5.0)
    errors, naive, held = [], [], []
    for number, value in enumerate(values[:-ahead]):
        forecaster.update(number * STEP_S, float(value))
        if number >= skip:
            forecast, truth = forecaster.forecast(horizon_min), values[number + ahead]
            errors.append(forecast.mean - truth)
            naive.append(value - truth)
            held.append(forecast.low90 <= truth <= forecast.high90)
    return np.array(errors), np.array(naive), np.array(held)


def rms(values):
    return float(np.sqrt(np.mean(np.square(values))))


def test_there_is_no_forecast_before_there_are_enough_readings():
    forecaster = Forecaster()
    assert forecaster.forecast(30.0) is None
    for number in range(LEAST_READINGS):
        assert forecaster.forecast(30.0) is None
        assert forecaster.trend_per_min is None
        forecaster.update(number * STEP_S, 120.0)
    assert forecaster.forecast(30.0) is not None
    assert forecaster.trend_per_min is not None


def test_a_constant_stays_and_the_interval_narrows():
    forecaster = fed([120.0] * 6)
    early = forecaster.forecast(30.0)
    for number in range(6, 600):
        forecaster.update(number * STEP_S, 120.0)
    late = forecaster.forecast(30.0)
    # Others' glucose that stood still for half an hour did not stay: the person's own is learnt.
    assert early.mean == pytest.approx(120.0, abs=3.0)
    assert late.mean == pytest.approx(120.0, abs=0.5)
    assert forecaster.trend_per_min == pytest.approx(0.0, abs=0.01)
    assert late.high90 - late.low90 < 0.2 * (early.high90 - early.low90)


@pytest.mark.parametrize("per_min", [-1.0, 2.0])
def test_a_ramp_goes_on_but_damped(per_min):
    forecaster = fed(150.0 + per_min * 5.0 * np.arange(8))
    last = 150.0 + per_min * 35.0
    rise = (forecaster.forecast(30.0).mean - last) / per_min
    assert 5.0 < rise < 30.0
    assert forecaster.trend_per_min == pytest.approx(per_min)


@pytest.mark.parametrize("step_s", [300.0, 900.0])
def test_the_trend_is_the_slope_of_the_last_quarter_hour_or_three_readings(step_s):
    random = np.random.default_rng(15)
    values = 120.0 + np.cumsum(random.standard_normal(20))
    newest = 4 if step_s == 300.0 else 3
    minutes = np.arange(newest) * step_s / 60.0
    expected = np.polyfit(minutes, values[-newest:], 1)[0]
    assert fed(values, step_s=step_s).trend_per_min == pytest.approx(expected)


def test_intervals_widen_with_the_horizon():
    forecaster = fed(person(1.0, seed=1))
    widths = []
    for horizon_min in (5.0, 15.0, 20.0, 30.0, 45.0, 60.0):
        forecast = forecaster.forecast(horizon_min)
        assert forecast.low90 < forecast.mean < forecast.high90
        widths.append(forecast.high90 - forecast.low90)
    assert widths == sorted(widths)


def test_horizons_between_the_learnt_ones_join_smoothly():
    forecaster = fed(person(3.0, seed=2))
    for horizon_min in (15.0, 30.0):
        before, after = (forecaster.forecast(horizon_min + shift).mean for shift in (-1e-6, 1e-6))
        assert before == pytest.approx(after, abs=1e-3)


@pytest.mark.parametrize("horizon_min", [0.0, -5.0, 61.0, math.nan])
def test_other_horizons_are_refused(horizon_min):
    with pytest.raises(ValueError, match="horizon"):
        fed([120.0] * 5).forecast(horizon_min)


def learnt(forecaster):
    return forecaster.state()["experts"][0]["regressions"][1]["weights"]


def test_after_a_long_gap_the_trend_starts_anew_and_the_learning_stays():
    values = person(3.0, seed=3)
    forecaster = fed(values)
    weights = learnt(forecaster)
    resumed_s = values.size * STEP_S + 3.0 * 3600.0
    forecaster.update(resumed_s, 250.0)
    assert forecaster.forecast(30.0) is None
    assert forecaster.low_alarm is None
    for number in range(1, LEAST_READINGS):
        forecaster.update(resumed_s + number * STEP_S, 250.0)
    assert abs(forecaster.trend_per_min) < 0.5
    assert forecaster.forecast(15.0).mean == pytest.approx(250.0, abs=40.0)
    assert learnt(forecaster) == weights


def test_a_missing_reading_does_not_stop_the_forecast():
    forecaster = fed([100.0, 110.0, 120.0, 130.0])
    forecaster.update(4 * STEP_S + 1500.0, 180.0)
    assert forecaster.forecast(15.0).mean > 180.0


def test_a_duplicate_changes_nothing_but_doses_count():
    forecaster = fed([100.0, 105.0, 110.0, 115.0])
    before = forecaster.forecast(30.0)
    forecaster.update(3 * STEP_S, 115.0, carbs_g=20.0, insulin_u=2.0)
    assert forecaster.forecast(30.0) == before
    forecaster.update(4 * STEP_S, 120.0)
    assert forecaster.state()["carbs"][0] == pytest.approx(20.0)
    assert forecaster.state()["insulin"][0] == pytest.approx(2.0)


def test_backfill_gives_the_history_that_readings_in_time_would_have_given():
    values = [100.0, 104.0, 109.0, 115.0, 122.0, 130.0]
    late = Forecaster()
    for number in (0, 1, 4):
        late.update(number * STEP_S, values[number])
    for number in (2, 3):
        late.update(number * STEP_S, values[number])
    late.update(5 * STEP_S, values[5])
    in_time = fed(values)
    assert late.state()["times"] == in_time.state()["times"]
    assert late.state()["values"] == in_time.state()["values"]


def test_a_clock_that_was_set_back_is_noticed_after_three_readings():
    forecaster = fed(person(1.0, seed=16))
    back_s = 288 * STEP_S - 1800.0 + 20.0
    for number in range(3):
        forecaster.update(back_s + number * STEP_S, 180.0 + 5.0 * number)
    assert forecaster.forecast(30.0) is None
    for number in range(3, 5):
        forecaster.update(back_s + number * STEP_S, 180.0 + 5.0 * number)
    assert forecaster.forecast(15.0).mean > 190.0


@pytest.mark.parametrize("cut", [1, 3, 100, 287, 290])
def test_a_restart_changes_nothing(cut):
    values = person(2.0, seed=17)
    through, first = Forecaster(), Forecaster()
    second = Forecaster()
    for number, value in enumerate(values.tolist()):
        dose = 40.0 if number % 60 == 7 else 0.0
        through.update(number * STEP_S, value, carbs_g=dose, insulin_u=dose / 10.0)
        if number == cut:
            second.restore(json.loads(json.dumps(first.state())))
        one = first if number < cut else second
        one.update(number * STEP_S, value, carbs_g=dose, insulin_u=dose / 10.0)
        if number >= cut:
            assert second.forecast(30.0) == through.forecast(30.0)
            assert second.low_alarm == through.low_alarm
    assert second.state() == through.state()


def test_a_state_of_another_version_is_refused():
    with pytest.raises(ValueError, match="version"):
        Forecaster().restore({**Forecaster().state(), "version": 0})


def test_the_low_alarm_comes_before_the_low_and_says_when():
    forecaster = fed(170.0 - 2.5 * np.arange(6))
    assert not forecaster.low_alarm.is_on
    value, number = 157.0, 6
    while not forecaster.low_alarm.is_on:
        value, number = value - 6.0, number + 1
        forecaster.update(number * STEP_S, value)
    alarm = forecaster.low_alarm
    assert value > 70.0
    assert alarm.probability > 0.3
    assert 0.0 < alarm.in_min <= 40.0


def test_a_crossing_is_likelier_the_nearer_the_threshold():
    forecaster = fed(200.0 - 8.0 * np.arange(10))
    near, far = forecaster.crossing(115.0, 30.0), forecaster.crossing(70.0, 30.0)
    assert near.probability > 3.0 * far.probability
    assert near.probability > 0.3
    assert near.in_min <= 30.0
    assert forecaster.crossing(250.0, 30.0).in_min is None


def test_glucose_that_falls_faster_than_it_can_is_doubted():
    forecaster = fed([140.0] * 12)
    assert not forecaster.is_doubtful
    forecaster.update(12 * STEP_S, 95.0)
    assert forecaster.is_doubtful


def test_a_sensor_of_15_min_has_its_own_expert():
    forecaster = fed(person(2.0, seed=18)[::3], step_s=900.0)
    slow, fast = forecaster.state()["experts"][1], forecaster.state()["experts"][0]
    assert slow is not None
    assert fast is None


@pytest.mark.parametrize("mgdl", [math.nan, math.inf])
def test_a_number_that_is_not_finite_is_refused(mgdl):
    with pytest.raises(ValueError, match="not finite"):
        Forecaster().update(0.0, mgdl)


def test_one_wild_reading_moves_the_forecast_less_than_half_of_its_way():
    values = [120.0] * 24
    calm = fed(values).forecast(30.0).mean
    wild = fed([*values[:-1], 300.0]).forecast(30.0).mean
    assert wild - calm < 90.0


def test_two_runs_over_the_same_readings_agree_exactly():
    values = person(2.0, seed=4)
    assert fed(values).forecast(30.0) == fed(values).forecast(30.0)


def test_time_may_begin_anywhere():
    values = person(1.0, seed=5)
    day_s = 86_400.0
    early, late = fed(values), fed(values, start_s=400.0 * day_s)
    assert early.forecast(30.0).mean == pytest.approx(late.forecast(30.0).mean, abs=1e-3)


@pytest.mark.parametrize("seed", [6, 7])
@pytest.mark.parametrize("horizon_min", [15.0, 30.0])
def test_a_week_teaches_to_beat_persistence(seed, horizon_min):
    errors, naive, _ = judged(person(7.0, seed), horizon_min, skip=1000)
    assert rms(errors) < 0.95 * rms(naive)


@pytest.mark.parametrize("seed", [8, 9])
@pytest.mark.parametrize("horizon_min", [15.0, 30.0, 60.0])
def test_the_interval_holds_about_90_percent(seed, horizon_min):
    _, _, held = judged(person(7.0, seed), horizon_min, skip=288)
    assert 0.86 <= held.mean() <= 0.94


def test_meals_that_always_raise_glucose_are_learnt():
    def day(forecaster, start_s, rise):
        for number in range(288):
            bump = sum(
                rise
                * (1.0 - math.exp(-max(0.0, number - at) / 8.0))
                * math.exp(-max(0.0, number - at) / 14.0)
                for at in meals
            )
            carbs_g = 50.0 if number in meals else 0.0
            forecaster.update(start_s + number * STEP_S, 110.0 + bump, carbs_g=carbs_g)
            if number == meals[-1]:
                return forecaster.forecast(30.0).mean - 110.0 - bump
        return None

    random = np.random.default_rng(12)
    forecaster = Forecaster()
    for number in range(10):
        meals = sorted(random.choice(np.arange(20, 260), 4, replace=False).tolist())
        last = day(forecaster, number * 86_400.0, 90.0)
    without = Forecaster()
    meals = [250]
    for number in range(251):
        without.update(number * STEP_S, 110.0)
    assert last > (without.forecast(30.0).mean - 110.0) + 5.0


def test_the_regression_finds_a_linear_law_and_forgets_no_further_than_its_prior():
    random = np.random.default_rng(13)
    law, prior = np.array([3.0, -2.0, 0.5]), 5.0 * np.eye(3)
    regression = Regression(np.zeros(3), prior)
    for _ in range(5000):
        features = np.append(random.standard_normal(2), 0.0)
        regression.learn(features, float(law @ features) + random.standard_normal())
    assert regression.predict(np.eye(3)[0]) == pytest.approx(3.0, abs=0.2)
    assert regression.predict(np.eye(3)[1]) == pytest.approx(-2.0, abs=0.2)
    assert regression.predict(np.eye(3)[2]) == 0.0
    unexcited = Regression(np.zeros(3), prior)
    for _ in range(5000):
        unexcited.learn(np.zeros(3), 0.0)
    unexcited.learn(np.eye(3)[2], 6.0)
    assert unexcited.weights[2] == pytest.approx(1.0)


def test_the_tails_follow_how_often_they_are_left():
    random, spread = np.random.default_rng(14), Spread([2.0] * 5, [2.0] * 5)
    for _ in range(8000):
        truth = 200.0 + 10.0 * random.exponential() - 10.0
        spread.learn(200.0, 10.0, spread.tails(200.0, 10.0), truth)
    below, above = spread.tails(200.0, 10.0)
    assert below == pytest.approx(10.0 * (1.0 + math.log(0.95)), rel=0.25)
    assert above == pytest.approx(10.0 * (-math.log(0.05) - 1.0), rel=0.25)


def test_a_real_month_is_forecast_better_than_by_persistence(shared_recordings):
    """T1D-UOM (doi 10.5281/zenodo.15169263): type 1 diabetes, a reading every 5 min."""
    file = shared_recordings / "glucose" / "t1d_uom" / "uom2301.csv"
    if not file.is_file():
        pytest.skip("shared data not here")
    with file.open(newline="") as lines:
        rows = [row for row in csv.DictReader(lines) if row["glucose_mgdl"]][:4000]
    zero = datetime.fromisoformat(rows[0]["time"])
    at_s = [(datetime.fromisoformat(row["time"]) - zero).total_seconds() for row in rows]
    values = [float(row["glucose_mgdl"]) for row in rows]
    forecaster, errors, naive, held = Forecaster(), [], [], []
    for number, (moment, value) in enumerate(zip(at_s, values, strict=True)):
        forecaster.update(moment, value)
        forecast = forecaster.forecast(30.0)
        later = np.searchsorted(at_s, moment + 1800.0)
        if number < 288 or forecast is None or later >= len(at_s):
            continue
        if at_s[later] - at_s[later - 1] <= 750.0:
            truth = float(np.interp(moment + 1800.0, at_s, values))
            errors.append(forecast.mean - truth)
            naive.append(value - truth)
            held.append(forecast.low90 <= truth <= forecast.high90)
    assert len(held) > 3000
    assert rms(errors) < 0.9 * rms(naive)
    assert 0.87 <= np.mean(held) <= 0.93
