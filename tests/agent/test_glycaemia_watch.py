"""A person's glycaemia in the running hub: figures each midnight, episodes, profile, restarts."""

import json
import random
import statistics

import pytest

from edge_agent import codes
from edge_agent.dsp.glycemia import glycemia
from edge_agent.glycaemia_watch import EPISODE, GlycaemiaWatch
from edge_agent.model import Boottime, Observation, State
from edge_agent.warning.clock_time import zone_of

S = 10**9
MIDNIGHT_NS = 1_767_225_600 * S  # 2026-01-01T00:00Z
SEED = 20261130


def reading(at_s, mgdl, **kwargs):
    return Observation(
        code=codes.GLUCOSE, value=mgdl, at=Boottime(round(at_s * S)), sensor="cgm", **kwargs
    )


def days_of_readings(days, rng):
    level = 120.0
    for step in range(round(days * 288)):
        level = min(max(level + rng.gauss(0.0, 6.0), 45.0), 320.0)
        yield 300.0 * step, round(level, 1)


def played(watch, readings, *, ends_s, began_utc_ns=MIDNIGHT_NS):
    """Play readings and a look at the clocks every five minutes; return all that was told."""
    told, waiting = [], list(readings)
    for at_s in range(0, round(ends_s) + 1, 300):
        while waiting and waiting[0][0] <= at_s:
            told += watch.take(reading(*waiting.pop(0)))
        told += watch.tick(Boottime(at_s * S), began_utc_ns + at_s * S)
    return told


def figures(told):
    return {one.code: one.value for one in told if isinstance(one, Observation)}


def test_each_midnight_tells_the_figures_of_the_day():
    readings = list(days_of_readings(1, random.Random(SEED)))
    told = played(GlycaemiaWatch(), readings, ends_s=86_400)
    values = [value for at, value in readings if at > 0]
    expected = glycemia([at for at, _ in readings if at > 0], values)
    found = figures(told)
    assert found[codes.GLUCOSE_IN_RANGE] == pytest.approx(expected.in_range_percent)
    assert found[codes.GLUCOSE_MEAN] == pytest.approx(statistics.fmean(values))
    assert found[codes.GLUCOSE_CV] == pytest.approx(expected.cv_percent)
    assert found[codes.LBGI] == pytest.approx(expected.lbgi)
    assert found[codes.GLUCOSE_TIME_BELOW] == pytest.approx(
        100.0 * sum(value < 70 for value in values) / len(values)
    )
    assert {codes.GMI, codes.MAGE, codes.HBGI, codes.GLUCOSE_TIME_ABOVE} <= found.keys()
    assert len([one for one in told if isinstance(one, Observation)]) == len(found)


def test_the_day_ends_at_the_midnight_of_the_time_zone():
    readings = list(days_of_readings(1, random.Random(SEED)))
    watch = GlycaemiaWatch(zone_of("+05:30"))
    told = played(watch, readings, ends_s=86_400)
    (at,) = {one.at for one in told if isinstance(one, Observation)}
    assert at == round(18.5 * 3600 * S)


def test_a_day_with_few_readings_has_figures_of_half_the_quality():
    few = list(days_of_readings(1, random.Random(SEED)))[:40]
    told = played(GlycaemiaWatch(), few, ends_s=86_400)
    assert {one.quality for one in told if isinstance(one, Observation)} == {0.5}


def test_a_day_without_glucose_tells_nothing():
    assert played(GlycaemiaWatch(), [], ends_s=3 * 86_400) == []


def test_an_episode_is_told_once_when_it_has_ended():
    levels = [100.0] * 6 + [62.0, 58.0, 52.0, 50.0, 58.0, 66.0] + [100.0] * 6
    watch = GlycaemiaWatch()
    told = [one for step, value in enumerate(levels)
            for one in watch.take(reading(300.0 * step, value))]  # fmt: skip
    assert [one.detail["finding"] for one in told] == [EPISODE]
    (one,) = told
    assert (one.detail["level"], one.detail["value"]) == ("low", 50.0)
    assert one.detail["onset_ns"] == 1800 * S
    assert one.detail["extended"] == "no"


def test_the_profile_equals_percentiles_worked_out_hour_by_hour():
    readings = list(days_of_readings(5, random.Random(SEED)))
    watch = GlycaemiaWatch()
    played(watch, readings, ends_s=5 * 86_400)
    agp = watch.agp()
    for hour in range(24):
        here = sorted(value for at, value in readings if int(at % 86_400 // 3600) == hour)
        assert agp.n[hour] == len(here)
        for column, share in enumerate((0.05, 0.25, 0.5, 0.75, 0.95)):
            place = share * (len(here) - 1)
            low, high = here[int(place)], here[min(int(place) + 1, len(here) - 1)]
            expected = low + (place - int(place)) * (high - low)
            assert agp.percentiles[hour, column] == pytest.approx(expected)


def test_the_profile_follows_local_time():
    watch = GlycaemiaWatch(zone_of("+03:00"))
    watch.tick(Boottime(0), MIDNIGHT_NS)
    watch.take(reading(60.0, 100.0))
    assert watch.agp().n.tolist().index(1) == 3


def test_a_restart_changes_no_figure():
    readings = list(days_of_readings(2, random.Random(SEED)))
    whole = figures(played(GlycaemiaWatch(), readings, ends_s=2 * 86_400))
    first = GlycaemiaWatch()
    played(first, [one for one in readings if one[0] <= 90_000], ends_s=90_000)
    kept = json.loads(json.dumps(first.state(Boottime(90_000 * S))))
    second = GlycaemiaWatch()
    second.restore(kept, Boottime(0))
    rest = [(at - 90_000, value) for at, value in readings if at > 90_000]
    told = played(second, rest, ends_s=82_800, began_utc_ns=MIDNIGHT_NS + 90_000 * S)
    assert figures(told) == pytest.approx(whole, rel=1e-9)


def test_readings_from_a_sensors_memory_count_and_those_in_doubt_do_not():
    watch = GlycaemiaWatch()
    watch.take(reading(600.0, 100.0))
    watch.take(reading(300.0, 200.0, backfilled=True))
    watch.take(reading(300.0, 200.0, backfilled=True))
    watch.take(reading(900.0, 40.0, state=State.QUESTIONABLE))
    found = watch.of_last(24.0, Boottime(1000 * S))
    assert (found.n, found.mean_mgdl) == (2, 150.0)


def test_a_clock_that_steps_by_decades_makes_no_day_of_its_own():
    watch = GlycaemiaWatch()
    watch.take(reading(0.0, 100.0))
    watch.tick(Boottime(0), MIDNIGHT_NS)
    assert watch.tick(Boottime(S), MIDNIGHT_NS + 30 * 365 * 86_400 * S) == []


async def test_what_was_measured_before_a_restart_is_in_the_status_of_the_hub(bedside):
    async with bedside.hub() as agent:
        for step in range(12):
            agent.receive(reading(300.0 * step, 100.0 + step))
            await bedside.clock.advance(300)
        await bedside.until(lambda: len(agent.readings) == 0)
    async with bedside.hub() as agent:
        (bed,) = (await agent.status()).beds
    assert bed.glycaemia[0].readings == 12
    assert bed.glycaemia[0].in_range_percent == 100.0
    assert sum(one.readings for one in bed.profile) == 12
