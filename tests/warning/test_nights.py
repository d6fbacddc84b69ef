"""Nights gathered in the running hub: restarts, gaps, clock steps and the split of the stream."""

import random

import pytest

from edge_agent import codes
from edge_agent.warning.clock_time import ClockTime, zone_of
from tests.warning.bed import NEW_YEAR_S, Bed

SEED = 20261129
MIDNIGHT = {"utc_s": NEW_YEAR_S - 60.0, "news2": False}
STEP_S = 60.0


def night_of(rng, share=0.0):
    """A night's level of each quantity; ``share`` of a deterioration has come."""
    return {
        codes.HEART_RATE: rng.gauss(60 + 10 * share, 3.0),
        codes.RESPIRATION_RATE: rng.gauss(15 + 3 * share, 0.8),
        codes.SPO2: min(100.0, rng.gauss(95 - 2 * share, 0.6)),
        codes.RMSSD: 30.0 * (1 - 0.2 * share) * rng.gauss(1.0, 0.1),
    }


def live(bed, values, hours=6.2, step_s=STEP_S):
    """From before midnight through the night, then silence until the next midnight."""
    bed.steady(values, hours * 3600, step_s)
    return bed.wait((24 - hours) * 3600, step_s=600.0)


def nights(days, *, worsens_on=None, seed=SEED):
    rng = random.Random(seed)
    for day in range(days):
        share = 0.0 if worsens_on is None else min(1.0, max(0.0, (day - worsens_on + 1) / 7))
        yield day, night_of(rng, share)


def play(*, days=50, worsens_on=38, restart_on=(), step_on=None, gap_on=(), seed=SEED):
    bed = Bed(**MIDNIGHT)
    for day, values in nights(days, worsens_on=worsens_on, seed=seed):
        if day == step_on:
            bed.utc_ahead_s += 3.7e8
            bed.wait(60, step_s=30.0)
            bed.utc_ahead_s -= 3.7e8
        if day in restart_on:
            bed.steady(values, 3 * 3600, STEP_S).restart(away_s=60.0)
            bed.steady(values, 3.2 * 3600, STEP_S).wait(17.8 * 3600 - 120, step_s=600.0)
        elif day in gap_on:
            bed.wait(24 * 3600, step_s=600.0)
        else:
            live(bed, values)
    return bed


def alerts(bed):
    return [one for one in bed.alarms if one.rule == "slow-deterioration"]


@pytest.fixture(scope="module")
def straight():
    return play()


def test_two_weeks_of_getting_worse_is_an_alarm_that_shows_what_has_changed(straight):
    raised = alerts(straight)[0]
    assert raised.phase == "raised"
    said, *parts = raised.evidence
    assert "less well than usual" in said.note
    assert "tell the clinic" in raised.advice.lower()
    heart = next(one for one in parts if one.quantity == "heart rate of the night")
    assert "usual" in heart.note
    assert heart.value > 60
    rmssd = next(one for one in parts if one.quantity == "RMSSD of the night")
    assert 15 < rmssd.value < 40
    assert {one.code for one in straight.told} >= {
        codes.DETERIORATION_INDEX, codes.DETERIORATION_SUM,
    }  # fmt: skip


def test_nothing_is_an_alarm_where_nothing_changes():
    assert alerts(play(worsens_on=None)) == []


@pytest.mark.parametrize("restart_on", [(20,), (41, 42, 44)], ids=["calm", "getting worse"])
def test_restarts_in_the_night_change_no_alert(straight, restart_on):
    restarted = play(restart_on=restart_on)
    assert [one.phase for one in alerts(restarted)] == [one.phase for one in alerts(straight)]
    assert restarted.warning.trend.latest.alert == straight.warning.trend.latest.alert


def test_a_clock_that_is_a_decade_off_for_a_minute_changes_no_alert(straight):
    stepped = play(step_on=30)
    assert [one.phase for one in alerts(stepped)] == [one.phase for one in alerts(straight)]


def test_nights_without_values_raise_nothing_and_clear_nothing(straight):
    assert alerts(play(worsens_on=None, gap_on=range(35, 50))) == []
    straight_standing = "slow-deterioration" in straight.standing
    bed = play(gap_on=range(48, 50))
    assert ("slow-deterioration" in bed.standing) == straight_standing


def test_the_step_of_the_clock_takes_the_night_under_way_with_it():
    bed = Bed(**MIDNIGHT)
    values = night_of(random.Random(SEED))
    bed.steady(values, 3 * 3600, STEP_S)
    bed.utc_ahead_s += 5 * 3600.0
    bed.wait(60, step_s=10.0)
    assert bed.warning.state(bed.now, bed.utc_ns)["nights"]["night"] is None


@pytest.mark.parametrize("step_s", [1.0, 7.0, 30.0])
def test_how_often_the_hub_ticks_changes_no_nights_values(step_s):
    bed, other = Bed(**MIDNIGHT), Bed(**MIDNIGHT)
    ramp = [60.0 + minute % 7 for minute in range(240)]

    def given(one):
        def each(passed_s):
            if passed_s % 210 == 0:
                one.give(codes.HEART_RATE, ramp[int(passed_s // 210) % 240])

        return each

    bed.wait(4 * 3600 - 4 * 3600 % 210, given(bed), 1.0)
    other.wait(4 * 3600 - 4 * 3600 % 210, given(other), step_s)
    kept = [one.warning.state(one.now, one.utc_ns)["nights"]["night"] for one in (bed, other)]
    assert kept[0] == kept[1]
    assert len(kept[0]["minutes"]["heart rate"]) > 50


def test_unreliable_and_backfilled_values_are_no_night():
    bed = Bed(**MIDNIGHT)
    bed.steady({codes.HEART_RATE: 60.0}, 3600, STEP_S, quality=0.2)
    bed.steady({codes.HEART_RATE: 60.0}, 3600, STEP_S, backfilled=True)
    assert bed.warning.state(bed.now, bed.utc_ns)["nights"]["night"] is None


def test_days_are_counted_on_and_never_back():
    clock, hour_ns = ClockTime(), 3600 * 10**9
    start_ns = round(NEW_YEAR_S * 10**9)
    days = []
    for hour in range(24 * 5):
        ahead_ns = {50: 30 * 365 * 24 * hour_ns, 60: -30 * 365 * 24 * hour_ns}.get(hour, 0)
        days.append(clock.look(hour * hour_ns, start_ns + hour * hour_ns + ahead_ns).day)
    assert days == sorted(days)
    assert 4 <= days[-1] <= 6


def test_zones_are_names_or_offsets_and_others_are_refused():
    noon_ns = round((NEW_YEAR_S + 12 * 3600) * 10**9)
    assert ClockTime(zone_of("+05:30")).look(0, noon_ns).second_s == 17.5 * 3600
    assert ClockTime(zone_of("-03:00")).look(0, noon_ns).second_s == 9 * 3600
    for wrong in ("Mars/Olympus", "", "../etc"):
        with pytest.raises(ValueError, match="no time zone"):
            zone_of(wrong)
