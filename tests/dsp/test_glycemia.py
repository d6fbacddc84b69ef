"""Glycaemia: definitions by hand, tables where they lie, and what must not be counted."""

import csv
import datetime as dt
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_agent.dsp.glucose_episodes import EpisodeFinder, Level, episodes
from edge_agent.dsp.glucose_excursions import mage
from edge_agent.dsp.glycemia import RollingGlycemia, glycemia, profile

MIN = 60.0
HOUR = 3600.0
DAY = 86_400.0


def every(step_min, values):
    return np.arange(len(values)) * step_min * MIN, np.array(values, dtype=float)


def test_shares_are_of_readings_and_levels_are_those_of_the_consensus():
    found = glycemia(*every(5, [53.9, 54, 69.9, 70, 180, 180.1, 250, 250.1, 100, 100]))
    assert found.below_54_percent == pytest.approx(10)
    assert found.from_54_to_69_percent == pytest.approx(20)
    assert found.in_range_percent == pytest.approx(40)
    assert found.from_181_to_250_percent == pytest.approx(20)
    assert found.above_250_percent == pytest.approx(10)
    assert found.gri == 100.0  # 3.0 * 10 + 2.4 * 20 + 1.6 * 10 + 0.8 * 20, and no more than 100


def test_figures_of_a_handful_of_readings_by_hand():
    found = glycemia(*every(5, [100, 120, 140]))
    assert (found.mean_mgdl, found.sd_mgdl) == (pytest.approx(120), pytest.approx(20))
    assert found.cv_percent == pytest.approx(100 / 6)
    assert found.gmi_percent == pytest.approx(3.31 + 0.02392 * 120)
    assert found.j_index == pytest.approx(0.001 * 140**2)
    risk = 1.509 * (math.log(140) ** 1.084 - 5.381)
    assert found.hbgi == pytest.approx(10 * risk**2 / 3 + _high(120) / 3)
    assert found.lbgi == pytest.approx(_low(100) / 3)


def _low(value):
    scaled = 1.509 * (math.log(value) ** 1.084 - 5.381)
    return 10 * min(scaled, 0) ** 2


def _high(value):
    scaled = 1.509 * (math.log(value) ** 1.084 - 5.381)
    return 10 * max(scaled, 0) ** 2


def test_one_reading_has_no_deviation_and_none_has_nothing():
    one = glycemia([0.0], [110.0])
    assert (one.n, one.sd_mgdl, one.cv_percent, one.j_index) == (1, None, None, None)
    assert glycemia([], []) is None


def test_share_of_readings_that_were_there():
    at_s, mgdl = every(5, [100.0] * 289)
    keep = np.ones(289, dtype=bool)
    keep[100:172] = False
    assert glycemia(at_s, mgdl).active_percent == pytest.approx(100)
    assert glycemia(at_s[keep], mgdl[keep]).active_percent == pytest.approx(100 * 217 / 289)


@pytest.mark.parametrize(
    ("at_s", "mgdl", "reason"),
    [
        ([0, 0], [100, 100], "rise"),
        ([1, 0], [100, 100], "rise"),
        ([0, 1], [100, math.nan], "positive"),
        ([0, 1], [100, 0], "positive"),
        ([0], [100, 100], "shape"),
    ],
)
def test_what_makes_no_sense_is_refused_with_what_to_do(at_s, mgdl, reason):
    with pytest.raises(ValueError, match=reason):
        glycemia(at_s, mgdl)


def test_profile_has_the_percentiles_of_every_stretch_of_the_day():
    at_s = np.array([day * DAY + 8.25 * HOUR for day in range(11)])
    found = profile(at_s, np.arange(100, 210, 10.0))
    at_eight = np.flatnonzero(found.n)
    assert found.hour[at_eight] == pytest.approx([8.25])
    assert found.n[at_eight] == [11]
    assert found.percentiles[at_eight[0]] == pytest.approx([105, 125, 150, 175, 195])
    assert np.isnan(np.delete(found.percentiles, at_eight, axis=0)).all()


@given(st.permutations(range(60)))
def test_rolling_figures_do_not_depend_on_the_order_of_arrival(order):
    at_s, mgdl = every(5, [100 + 60 * math.sin(i / 7) for i in range(60)])
    rolling = RollingGlycemia(days=14)
    for index in [*order, *order[:5]]:  # some come twice
        rolling.push(at_s[index], mgdl[index])
    assert rolling.value() == glycemia(at_s, mgdl)


def test_rolling_figures_forget_what_is_older_than_the_window():
    rolling = RollingGlycemia(days=1)
    for at_s, mgdl in zip(*every(30, [300.0] * 48 + [100.0] * 48), strict=True):
        rolling.push(at_s, mgdl)
    assert rolling.value().mean_mgdl == 100.0
    assert rolling.value().n == 48


def test_mage_of_a_square_of_meals_is_their_height():
    """Rises of 120 mg/dL every six hours with small noise that is no excursion."""
    at_s, _ = every(5, range(3 * 288))
    wave = 160 - 60 * np.cos(2 * np.pi * at_s / (6 * HOUR))
    noisy = wave + np.random.default_rng(3).normal(0, 1.5, at_s.size)
    assert mage(at_s, noisy) == pytest.approx(120, abs=8)


def test_mage_does_not_join_what_a_long_gap_parts():
    at_s, _ = every(5, range(288))
    flat = 100 + np.sin(at_s / 600)
    later = np.concatenate((at_s, at_s + DAY + 4 * HOUR))
    values = np.concatenate((flat, flat + 150))
    apart = mage(later, values)
    assert apart is None or apart < 10


@pytest.mark.parametrize("values", [[], [100.0], [100.0] * 300, [100.0, 200.0] * 2])
def test_mage_is_undefined_without_excursions(values):
    assert mage(*every(5, values)) is None


def low_for(minutes, *, before=30, after=60):
    counts = [(before, 100.0), (minutes, 60.0), (after, 100.0)]
    return every(5, [value for length, value in counts for _ in range(length // 5)])


@pytest.mark.parametrize(("minutes", "found"), [(5, 0), (10, 0), (15, 1), (60, 1)])
def test_an_episode_needs_fifteen_minutes_beyond_the_threshold(minutes, found):
    assert len(episodes(*low_for(minutes), Level.LOW)) == found


def test_an_episode_ends_after_fifteen_minutes_back_inside():
    at_s, mgdl = low_for(60)
    mgdl[12:14] = 80  # ten minutes inside do not end it
    (one,) = episodes(at_s, mgdl, Level.LOW)
    assert (one.onset_s, one.offset_s) == (30 * MIN, 90 * MIN)
    assert (one.extreme_mgdl, one.n, one.is_extended) == (60.0, 10, False)


def test_an_extended_low_and_a_very_low_within_it():
    at_s, mgdl = low_for(150)
    mgdl[20:26] = 45
    (low,) = episodes(at_s, mgdl, Level.LOW)
    (very_low,) = episodes(at_s, mgdl, Level.VERY_LOW)
    assert low.is_extended
    assert (very_low.extreme_mgdl, very_low.n) == (45.0, 6)
    assert not very_low.is_extended


def test_high_episodes_are_the_mirror_image():
    at_s, mgdl = low_for(60)
    (one,) = episodes(at_s, 300 - mgdl, Level.HIGH)
    assert one.extreme_mgdl == 240.0
    assert episodes(at_s, 300 - mgdl, Level.VERY_HIGH) == []


def test_a_hole_ends_what_had_begun_and_starts_anew_what_had_not():
    at_s, mgdl = low_for(60)
    keep = (at_s < 60 * MIN) | (at_s >= 120 * MIN)
    (one,) = episodes(at_s[keep], mgdl[keep], Level.LOW)
    assert (one.onset_s, one.offset_s) == (30 * MIN, 55 * MIN)
    apart = np.array([0.0, 5 * MIN, 60 * MIN, 65 * MIN])
    assert episodes(apart, np.full(4, 60.0), Level.LOW) == []


def test_an_episode_is_told_when_it_begins_and_stands_until_it_ends():
    finder = EpisodeFinder(Level.LOW)
    told = [one for pair in zip(*low_for(60), strict=True) for one in finder.push(*pair)]
    assert [one.offset_s for one in told] == [None, 90 * MIN]
    assert told[0].onset_s == told[1].onset_s
    assert finder.standing is None


def test_the_published_figures_of_forty_persons(shared_recordings):
    """Reference: iglu-python 0.4.3 on the first seven days of each person."""
    with (shared_recordings / "twin" / "cgm_metrics_first7days.csv").open() as file:
        rows = list(csv.DictReader(file))
    for row in rows:
        at_s, mgdl = _first_week(shared_recordings / "glucose" / row["set"] / f"{row['pid']}.csv")
        found = glycemia(at_s, mgdl)
        for name, value in {
            "mean": found.mean_mgdl, "sd": found.sd_mgdl, "cv": found.cv_percent,
            "gmi": found.gmi_percent, "tbr54": found.below_54_percent,
            "tbr54_69": found.from_54_to_69_percent, "tir": found.in_range_percent,
            "tar181_250": found.from_181_to_250_percent, "tar250": found.above_250_percent,
            "lbgi": found.lbgi, "hbgi": found.hbgi, "j_index": found.j_index, "gri": found.gri,
        }.items():  # fmt: skip
            # The table has five decimals.
            assert value == pytest.approx(float(row[name]), rel=1e-6, abs=5.1e-6), (row, name)
        assert mage(at_s, mgdl) == pytest.approx(float(row["ig_mage"]), rel=0.05), row["pid"]
    assert len(rows) == 40


def _first_week(path):
    with path.open() as file:
        kept = [
            (dt.datetime.fromisoformat(row["time"]), float(row["glucose_mgdl"]))
            for row in csv.DictReader(file)
            if row["glucose_mgdl"]
        ]
    midnight = kept[0][0].replace(hour=0, minute=0, second=0)
    begin_s = (kept[0][0] - midnight).total_seconds()
    pairs = [((at - midnight).total_seconds(), value) for at, value in kept]
    week = [pair for pair in pairs if pair[0] - begin_s < 7 * DAY]
    return np.array([at for at, _ in week]), np.array([value for _, value in week])
