"""Rhythms made up from their definition: what fibrillates is found, what only looks so is not."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge_agent.dsp.af import (
    CENTRE_BEATS,
    DELAY_BEATS,
    LEAST_INTERVALS,
    AfBeat,
    AfDetector,
    burden,
    detect_af,
)

NAN = float("nan")
BEATS = 160


def steady(random, beats=BEATS, rr_ms=850.0):
    return rr_ms + 15.0 * random.standard_normal(beats)


def fibrillating(random, beats=BEATS, rr_ms=700.0):
    return np.maximum(280.0, rr_ms * (0.62 + 0.38 * random.gamma(2.0, 0.5, beats)))


def breathing(random, beats=BEATS):
    return steady(random, beats) + 110.0 * np.sin(2.0 * np.pi * np.arange(beats) / 4.7)


def with_every(period, beats=BEATS):
    def rhythm(random):
        rr_ms = steady(random, beats)
        early = np.arange(1, beats - 1, period)
        rr_ms[early] *= 0.62 + 0.02 * random.standard_normal(early.size)
        rr_ms[early + 1] *= 1.38 if period > 2 else 1.2
        return rr_ms

    return rhythm


def at_random_ectopic(random):
    rr_ms = steady(random)
    for place in np.flatnonzero(random.random(BEATS - 1) < 0.08).tolist():
        rr_ms[place : place + 2] = 520.0, 1150.0
    return rr_ms


def wenckebach(random):
    cycle = np.array([900.0, 820.0, 790.0, 1250.0])
    return np.tile(cycle, BEATS // 4) + 10.0 * random.standard_normal(BEATS)


def speeding_up(random):
    return np.linspace(950.0, 480.0, BEATS) + 10.0 * random.standard_normal(BEATS)


OTHER_RHYTHMS = {
    "steady": steady,
    "sinus tachycardia": lambda random: steady(random, rr_ms=380.0),
    "sinus bradycardia": lambda random: steady(random, rr_ms=1400.0),
    "equal to the millisecond": lambda random: np.full(BEATS, 800.0),
    "deep sinus arrhythmia": breathing,
    "bigeminy": with_every(2),
    "trigeminy": with_every(3),
    "quadrigeminy": with_every(4),
    "single ectopic beats": at_random_ectopic,
    "Wenckebach block 4:3": wenckebach,
    "speeding up": speeding_up,
}


def judged(rr_ms):
    intervals = np.asarray(rr_ms, dtype=float)
    at_s = 10.0 + np.nancumsum(np.where(np.isnan(intervals), 3000.0, intervals)) / 1000.0
    return detect_af(at_s, intervals)


def share_found(beats):
    return np.mean([bool(beat.af) for beat in beats])


@pytest.mark.parametrize("rhythm", OTHER_RHYTHMS.values(), ids=OTHER_RHYTHMS.keys())
@pytest.mark.parametrize("seed", range(3))
def test_other_rhythms_are_not_taken_for_fibrillation(rhythm, seed):
    beats = judged(rhythm(np.random.default_rng(seed)))
    assert [beat.af for beat in beats] == [False] * BEATS


@pytest.mark.parametrize("rr_ms", [420.0, 600.0, 750.0, 950.0])
@pytest.mark.parametrize("seed", range(3))
def test_fibrillation_is_found_at_any_rate_from_the_first_beat_to_the_last(rr_ms, seed):
    beats = judged(fibrillating(np.random.default_rng(seed), rr_ms=rr_ms))
    assert share_found(beats) >= 0.95


@pytest.mark.parametrize("seed", range(5))
def test_an_episode_lags_neither_at_its_onset_nor_at_its_end(seed):
    random = np.random.default_rng(seed)
    rr_ms = np.concatenate((steady(random), fibrillating(random, 80), steady(random)))
    beats = judged(rr_ms)
    places = np.flatnonzero([beat.af for beat in beats])
    onset, offset = places[0], places[-1]
    assert abs(onset - BEATS) <= CENTRE_BEATS // 2
    assert abs(offset - (BEATS + 80)) <= CENTRE_BEATS // 2
    assert places.size == offset - onset + 1
    assert 0.8 < np.mean([beats[place].probability for place in places]) <= 1.0


def test_now_knows_of_an_episode_before_its_beats_are_settled():
    random = np.random.default_rng(3)
    detector, at_s, first_now, first_settled = AfDetector(), 0.0, None, None
    for place, rr_ms in enumerate(np.concatenate((steady(random), fibrillating(random)))):
        at_s += rr_ms / 1000.0
        settled = detector.push(at_s, rr_ms)
        if first_now is None and detector.now is not None and detector.now > 0.9:
            first_now = place
        if first_settled is None and any(beat.af for beat in settled):
            first_settled = place
    assert BEATS < first_now <= first_settled <= BEATS + 2 * CENTRE_BEATS


def test_too_few_beats_have_no_answer_rather_than_a_no():
    beats = judged([NAN, *fibrillating(np.random.default_rng(1), LEAST_INTERVALS - 1)])
    assert [(beat.probability, beat.af) for beat in beats] == [(None, None)] * LEAST_INTERVALS
    assert AfDetector().now is None


@pytest.mark.parametrize("gap", [None, NAN, 120.0, 6000.0])
def test_nothing_is_joined_across_a_gap(gap):
    detector, at_s, settled = AfDetector(), 0.0, []
    few = fibrillating(np.random.default_rng(2), LEAST_INTERVALS - 1)
    for _ in range(3):
        for rr_ms in (gap, *few):
            at_s += 1.0
            settled += detector.push(at_s, rr_ms)
        assert detector.now is None
    settled += detector.flush()
    assert {beat.af for beat in settled} == {None}
    assert [beat.rr_ms is None for beat in settled] == ([True] + [False] * few.size) * 3


def test_a_gap_settles_the_beats_before_it():
    random = np.random.default_rng(4)
    rr_ms = np.concatenate((fibrillating(random), [NAN], fibrillating(random)))
    beats = judged(rr_ms)
    detector = AfDetector()
    settled = [one for beat in beats[:BEATS] for one in detector.push(beat.at_s, beat.rr_ms)]
    assert len(settled) < BEATS
    settled += detector.push(beats[BEATS].at_s, None)
    assert settled == beats[:BEATS]


rhythms = st.lists(
    st.one_of(
        st.just([None]),
        st.just([90.0]),
        st.tuples(st.integers(1, 60), st.integers(0, 5)).map(
            lambda drawn: steady(np.random.default_rng(drawn[1]), drawn[0]).tolist()
        ),
        st.tuples(st.integers(1, 80), st.integers(0, 5)).map(
            lambda drawn: fibrillating(np.random.default_rng(drawn[1]), drawn[0]).tolist()
        ),
    ),
    max_size=6,
)


@settings(max_examples=40)
@given(rhythms)
def test_every_beat_is_settled_once_in_order_within_the_delay(parts):
    series = [rr_ms for part in parts for rr_ms in part]
    detector, settled = AfDetector(), []
    for place, rr_ms in enumerate(series):
        settled += detector.push(float(place), rr_ms)
        assert place - len(settled) < DELAY_BEATS
    settled += detector.flush()
    assert [beat.at_s for beat in settled] == [float(place) for place in range(len(series))]
    known = [NAN if rr_ms is None else rr_ms for rr_ms in series]
    assert settled == detect_af(np.arange(len(series)), known)
    assert all((beat.af is None) == (beat.probability is None) for beat in settled)


def test_what_came_before_a_gap_does_not_matter_after_it():
    rr_ms = [NAN, *fibrillating(np.random.default_rng(7), 60)]
    after = judged([*breathing(np.random.default_rng(8)), *rr_ms])[-len(rr_ms) :]
    alone = judged(rr_ms)
    assert [(beat.probability, beat.af) for beat in after] == [
        (beat.probability, beat.af) for beat in alone
    ]


def beat(at_s, *, af, rr_ms=1000.0):
    probability = None if af is None else float(af)
    return AfBeat(at_s=at_s, rr_ms=rr_ms, probability=probability, af=af)


def test_burden_is_a_share_of_the_judged_time_and_tells_the_rest():
    found = burden(
        [
            beat(0.0, af=None, rr_ms=None),
            beat(2.0, af=None, rr_ms=2000.0),
            beat(3.0, af=True),
            beat(3.5, af=True, rr_ms=500.0),
            beat(8.0, af=False, rr_ms=4500.0),
        ]
    )
    assert (found.af_s, found.judged_s, found.unjudged_s) == (1.5, 6.0, 2.0)
    assert found.share == pytest.approx(0.25)


def test_no_judged_time_is_no_burden_of_zero():
    assert burden([beat(0.0, af=None)]).share is None
    assert burden([]).share is None


def test_beats_and_intervals_must_be_as_many():
    with pytest.raises(ValueError, match="zip"):
        detect_af([1.0, 2.0], [NAN])


def test_the_probability_is_a_number_whatever_the_plausible_intervals():
    random = np.random.default_rng(9)
    for rr_ms in (np.full(60, 200.0), np.full(60, 4000.0), random.uniform(200.0, 4000.0, 60)):
        assert all(math.isfinite(one.probability) for one in judged(rr_ms))
