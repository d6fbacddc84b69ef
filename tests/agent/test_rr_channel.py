import dataclasses
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_agent import codes
from edge_agent.beat_chain import BeatChain
from edge_agent.model import Boottime, Observation, State
from edge_agent.rr_channel import RrChannel
from edge_drivers import heart_rate

S = 1_000_000_000


def interval(at_s, rr_ms, **kwargs):
    return Observation(
        code=codes.RR_INTERVAL, value=rr_ms, at=Boottime(round(at_s * S)), sensor="strap", **kwargs
    )


def intervals(rr_ms, start_s=100.0):
    at_s, found = start_s, []
    for one in rr_ms:
        at_s += one / 1000.0
        found.append(interval(at_s, one))
    return found


def rhythm(count, seed=1):
    rng = random.Random(seed)
    return [800.0 + 40.0 * rng.random() for _ in range(count)]


class Beats:
    """Notes the beats that a chain gives to whatever follows it."""

    def __init__(self):
        self.seen = []

    def __call__(self, at_s, rr_ms):
        self.seen.append((round(at_s, 3), rr_ms))
        return []


def beats_of(observations):
    beats = Beats()
    channel = RrChannel("strap", [beats])
    for one in observations:
        channel.push(one)
    return beats.seen


def figures_of(observations):
    channel = RrChannel("strap")
    return [found for one in observations for found in channel.push(one)]


def test_rr_intervals_become_hrv_once_a_minute():
    found = figures_of(intervals(rhythm(400)))
    of_rmssd = [one for one in found if one.code == codes.RMSSD]
    assert {one.code for one in found} == {codes.SDNN, codes.RMSSD, codes.PNN50}
    assert [round((one.at - of_rmssd[0].at) / S / 60) for one in of_rmssd] == [0, 1, 2, 3, 4]
    assert all(one.is_reliable and one.sensor == "strap" for one in found)
    assert of_rmssd[-1].value == pytest.approx(40 / 6**0.5, rel=0.15)


def test_the_chain_gives_what_it_gives_for_the_same_beats_of_an_ecg():
    rr_ms, chain, expected = rhythm(300), BeatChain("strap"), []
    chain.push(100.0, None)
    for one in intervals(rr_ms):
        chain.push(one.at / S, one.value)
        expected += chain.figures(one.at / S)
    assert figures_of(intervals(rr_ms)) == expected


def test_the_first_interval_begins_with_a_beat_of_its_own():
    assert beats_of([interval(10.0, 800.0)]) == [(9.2, None), (10.0, 800.0)]


def test_an_interval_that_does_not_join_follows_a_gap():
    seen = beats_of([interval(10.0, 800.0), interval(10.8, 800.0), interval(14.0, 900.0)])
    assert seen[2:] == [(10.8, 800.0), (13.1, None), (14.0, 900.0)]


def test_a_notification_somewhat_late_is_no_gap():
    seen = beats_of([interval(10.0, 800.0), interval(11.1, 800.0), interval(11.6, 800.0)])
    assert seen[1:] == [(10.0, 800.0), (11.1, 800.0), (11.6, 800.0)]


@pytest.mark.parametrize("doubt", [
    {"state": State.QUESTIONABLE, "quality": 0.0}, {"quality": 0.2},
])  # fmt: skip
def test_a_doubtful_interval_is_a_beat_with_an_unknown_interval(doubt):
    seen = beats_of([interval(10.0, 800.0), interval(10.8, 800.0, **doubt), interval(11.6, 800.0)])
    assert seen[1:] == [(10.0, 800.0), (10.8, None), (11.6, 800.0)]


def test_an_implausible_interval_is_never_relied_on():
    assert beats_of([interval(10.0, 800.0), interval(10.1, 100.0)])[-1] == (10.1, None)


def test_no_number_another_quantity_and_the_past_tell_of_no_beat():
    assert beats_of([
        interval(10.0, None, state=State.SEARCHING),
        dataclasses.replace(interval(10.0, 70.0), code=codes.HEART_RATE),
        interval(10.0, 800.0, backfilled=True),
    ]) == []  # fmt: skip


def test_beats_that_the_driver_moves_back_stay_in_order():
    seen = beats_of([interval(10.0, 800.0), interval(9.9, 600.0), interval(10.5, 600.0)])
    assert seen[1:] == [(10.0, 800.0), (10.001, 600.0), (10.5, 600.0)]


def test_what_lies_far_back_is_ignored():
    assert beats_of([interval(10.0, 800.0), interval(7.0, 800.0)]) == beats_of(
        [interval(10.0, 800.0)]
    )


def test_beats_known_from_an_ecg_are_not_counted_twice():
    beats = Beats()
    channel = RrChannel("strap", [beats])
    for one in intervals([1000.0] * 20, start_s=0.0):
        if one.at <= 10 * S:
            channel.yield_to_ecg(one.at)
        channel.push(one)
    # Five seconds after the last word of the ECG the strap's own intervals stand in for it.
    assert beats.seen[:2] == [(14.0, None), (15.0, 1000.0)]
    assert len(beats.seen) == 7


def test_little_left_of_the_beats_is_told_as_low_quality():
    series = intervals(rhythm(400))
    holes = [one for number, one in enumerate(series) if number % 10 < 4]
    found = figures_of(holes)
    assert found
    assert not any(one.is_reliable for one in found)
    assert found[-1].quality == pytest.approx(0.4, abs=0.06)


def test_no_hrv_comes_from_before_the_sensor_was_silent():
    series = rhythm(120)
    found = figures_of(intervals(series) + intervals(rhythm(30, seed=2), start_s=1000.0))
    assert all(one.at < 300 * S for one in found)


def test_what_follows_the_chain_reaches_the_hub():
    def tell(at_s, rr_ms):
        return [] if rr_ms is None else [dataclasses.replace(interval(at_s, 1.0), value=rr_ms)]

    channel = RrChannel("strap", [tell])
    assert [one.value for one in channel.push(interval(10.0, 800.0))] == [800.0]


@given(st.lists(st.integers(250, 2500), min_size=1, max_size=40), st.data())
def test_however_a_strap_bundles_its_intervals_the_beats_are_the_same(ticks, data):
    decoder, at, left, sent = heart_rate.DRIVER.decoder("strap"), 100 * S, list(ticks), []
    while left:
        size = data.draw(st.integers(1, 4))
        bundle, left = tuple(left[:size]), left[size:]
        at += round(sum(bundle) * S / 1024)
        octets = heart_rate.HeartRateMeasurement(rate_per_min=60, rr_1024=bundle).to_bytes()
        sent += decoder.feed(octets, Boottime(at), heart_rate.MEASUREMENT)
    seen = beats_of(sent)
    assert [rr for _, rr in seen] == [None, *(one * 1000 / 1024 for one in ticks)]
