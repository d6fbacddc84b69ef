"""Personal baselines, and a slow deterioration over days against years in which nothing happens."""

import json
import math
import random

import pytest

from edge_agent.alarms.baseline import DailyBaseline, HourlyBaseline
from edge_agent.alarms.deterioration import SIGNS, DeteriorationIndex

SEED = 20261123
DAY_S = 86_400.0


def nights(rng, days, *, worsens_on=None):
    """Simulate a person's nights: day noise, and from ``worsens_on`` a ramp of two weeks.

    The ramp ends at +10 heart beats, +3 breaths, -2 % SpO2 and -20 % of HRV.
    """
    for day in range(days):
        share = 0.0 if worsens_on is None else min(1.0, max(0.0, (day - worsens_on + 1) / 14))
        hrv_ms = 30.0 * (1.0 - 0.2 * share) * max(0.3, rng.gauss(1.0, 0.15))
        yield (
            day,
            {
                "heart rate": rng.gauss(60 + 10 * share, 4.0),
                "respiration rate": rng.gauss(15 + 3 * share, 1.2),
                "SpO2": rng.gauss(95 - 2 * share, 0.8),
                "RMSSD": math.log(hrv_ms),
            },
        )


def first_alert(index, days):
    for day, values in days:
        judged = index.push(day, values)
        if judged is not None and judged.began:
            return judged
    return None


def test_two_hundred_slow_deteriorations_are_found_days_before_their_end():
    rng = random.Random(SEED)
    leads = []
    for _ in range(200):
        found = first_alert(DeteriorationIndex(), nights(rng, 74, worsens_on=60))
        if found is not None and found.day >= 60:
            leads.append(73 - found.day)
    assert len(leads) / 200 >= 0.85, f"seed {SEED}"
    assert sorted(leads)[len(leads) // 2] >= 5


def test_stable_years_raise_fewer_than_one_alert_each():
    rng = random.Random(SEED)
    alerts = 0
    for _ in range(200):
        index = DeteriorationIndex()
        judged = [index.push(day, values) for day, values in nights(rng, 35 + 365)]
        alerts += sum(one is not None and one.began for one in judged)
    assert alerts / 200 <= 1.0, f"seed {SEED}"


def test_an_alert_shows_what_each_sign_contributed_and_what_is_missing():
    found = first_alert(DeteriorationIndex(), nights(random.Random(SEED), 90, worsens_on=60))
    parts = [one.part for one in found.contributions]
    assert parts == sorted(parts, reverse=True)
    assert sum(parts) == pytest.approx(found.index)
    assert set(found.missing) == {"activity", "weight"}
    heart = next(one for one in found.contributions if one.sign.name == "heart rate")
    assert heart.value > heart.usual.centre
    assert 50 < heart.usual.centre < 70


def test_an_alert_ends_when_the_person_is_well_again_and_its_days_are_not_the_new_usual():
    index = DeteriorationIndex()
    for day, values in nights(random.Random(SEED), 40):
        index.push(day, values)
    ill = {"heart rate": 75.0, "respiration rate": 19.0, "SpO2": 92.0, "RMSSD": math.log(22)}
    well = {"heart rate": 60.0, "respiration rate": 15.0, "SpO2": 95.0, "RMSSD": math.log(30)}
    judged = [index.push(day, ill) for day in range(40, 60)]
    assert judged[-1].alert
    assert judged[-1].contributions[0].usual.centre < 65
    judged = [index.push(day, well) for day in range(60, 120)]
    assert not judged[-1].alert


def test_one_bad_night_is_no_alert():
    index = DeteriorationIndex()
    for day, values in nights(random.Random(SEED), 40):
        index.push(day, values)
    night = {"heart rate": 120.0, "respiration rate": 35.0, "SpO2": 80.0, "RMSSD": 1.0}
    assert not index.push(40, night).alert


@pytest.mark.parametrize(
    "values",
    [{}, {"heart rate": 90.0}, {"heart rate": math.nan, "SpO2": 95.0}, {"shoe size": 42.0}],
    ids=["none", "one", "no-number", "unknown"],
)
def test_too_few_signs_are_not_judged(values):
    index = DeteriorationIndex()
    for day, known in nights(random.Random(SEED), 40):
        index.push(day, known)
    assert index.push(40, values) is None


def test_nothing_is_judged_before_there_is_a_baseline_nor_twice_on_one_day():
    index = DeteriorationIndex()
    judged = [index.push(day, values) for day, values in nights(random.Random(SEED), 40)]
    assert judged[:16] == [None] * 16  # ten days, and the week that is left out
    assert judged[17] is not None
    assert index.push(39, {"heart rate": 60.0, "SpO2": 95.0}) is None


@pytest.mark.parametrize("restart_on", [0, 20, 63, 68, 80])
def test_a_restart_changes_nothing(restart_on):
    days = list(nights(random.Random(SEED), 90, worsens_on=60))
    straight, restarted = DeteriorationIndex(), DeteriorationIndex()
    for day, values in days:
        if day == restart_on:
            kept = json.loads(json.dumps(restarted.state()))
            restarted = DeteriorationIndex()
            restarted.restore(kept)
        assert restarted.push(day, values) == straight.push(day, values)


def test_signs_have_names_of_their_own():
    assert len({sign.name for sign in SIGNS}) == len(SIGNS)


def test_a_baseline_leaves_out_the_last_week_and_forgets_what_is_old():
    baseline = DailyBaseline(least_spread=1.0)
    for day in range(65):
        baseline.push(day, 50.0 if day < 60 else 70.0)
    assert baseline.usual(65).centre == 50.0
    for day in range(65, 100):
        baseline.push(day, 70.0)
    assert baseline.usual(100).centre == 70.0
    assert baseline.usual(100).n == 28


def test_a_lucky_run_of_equal_days_does_not_make_the_next_an_outlier():
    baseline = DailyBaseline(least_spread=2.0)
    for day in range(40):
        baseline.push(day, 60.0)
    assert baseline.usual(40).z(62.0) == 1.0


def test_one_wild_day_moves_the_centre_little():
    baseline = DailyBaseline(least_spread=1.0)
    for day in range(40):
        baseline.push(day, 200.0 if day == 20 else 60.0)
    assert baseline.usual(40).centre == 60.0


def test_the_hours_of_the_day_have_baselines_of_their_own():
    baseline = HourlyBaseline(least_spread=1.0)
    for day in range(30):
        baseline.push(day * DAY_S + 3 * 3600, 50.0)
        baseline.push(day * DAY_S + 15 * 3600, 80.0)
    now = 30 * DAY_S
    assert baseline.usual(now + 3.5 * 3600).centre == pytest.approx(50.0)
    assert baseline.usual(now + 15.5 * 3600).centre == pytest.approx(80.0)
    assert baseline.usual(now + 9 * 3600) is None


def test_an_hourly_baseline_adapts_slowly_and_survives_a_restart():
    baseline = HourlyBaseline(least_spread=1.0)
    for day in range(60):
        baseline.push(day * DAY_S, 50.0)
    for day in range(60, 74):
        baseline.push(day * DAY_S, 70.0)
    adapted = baseline.usual(74 * DAY_S)
    assert 55.0 < adapted.centre < 65.0  # half-way after one half-life
    again = HourlyBaseline(least_spread=1.0)
    again.restore(json.loads(json.dumps(baseline.state())))
    assert again.usual(74 * DAY_S) == adapted
    with pytest.raises(ValueError, match="24 expected"):
        again.restore([[0.0, 0.0, 0.0, 0.0]])


def test_an_hourly_baseline_that_is_months_old_is_none():
    baseline = HourlyBaseline(least_spread=1.0)
    for day in range(30):
        baseline.push(day * DAY_S, 50.0)
    assert baseline.usual(150 * DAY_S) is None
