import pytest

from edge_agent.model import Boottime, EventKind
from edge_drivers.sample_clock import Join, SampleClock

NS_PER_S = 10**9
RATE_HZ, COUNT = 130.34, 73
AT = Boottime(1000 * NS_PER_S)


class Sensor:
    """A sensor whose frames arrive as soon as their last sample is taken."""

    def __init__(self, nominal_hz=130.0):
        self.clock, self.frame, self.ahead_ns = SampleClock("ECG", nominal_hz), 0, 0

    def send(self, frames=1, *, lose=0, late_s=0.0):
        self.frame += lose
        joins = []
        for _ in range(frames):
            self.frame += 1
            true_ns = round(self.frame * COUNT / RATE_HZ * NS_PER_S)
            at = Boottime(AT + true_ns + round(late_s * NS_PER_S))
            joins.append(self.clock.judge(true_ns + self.ahead_ns, COUNT, at))
        return joins


def kinds(join):
    return [one.kind for one in SampleClock("ECG", 130.0).events(join, AT, "patch")]


def test_frames_that_follow_each_other_have_nothing_odd_about_them():
    sensor = Sensor()
    assert set(sensor.send(1000)) == {Join()}
    assert sensor.clock.rate_hz == pytest.approx(RATE_HZ, rel=1e-6)


def test_the_second_frame_tells_the_true_rate():
    sensor = Sensor()
    sensor.send()
    assert sensor.clock.rate_hz == 130.0
    sensor.send()
    assert sensor.clock.rate_hz == pytest.approx(RATE_HZ)


@pytest.mark.parametrize("lost", [1, 2, 10])
@pytest.mark.parametrize("learnt", [1, 20])
def test_lost_frames_are_counted_in_samples(lost, learnt):
    sensor = Sensor()
    sensor.send(learnt)
    (join,) = sensor.send(lose=lost)
    assert join.missing == pytest.approx(lost * COUNT, abs=3)
    assert join.follows_gap
    assert kinds(join) == [EventKind.GAP]
    assert set(sensor.send(20)) == {Join()}


def test_lost_samples_are_told_exactly_once_the_rate_is_known():
    sensor = Sensor()
    sensor.send(20)
    (join,) = sensor.send(lose=4)
    (gap,) = sensor.clock.events(join, AT, "patch")
    assert gap.detail == {
        "stream": "ECG",
        "missing_samples": 4 * COUNT,
        "missing_s": pytest.approx(4 * COUNT / RATE_HZ, abs=1e-3),
    }


def test_a_gap_does_not_spoil_the_rate():
    sensor = Sensor()
    sensor.send()
    sensor.send(lose=1)
    assert sensor.clock.rate_hz == 130.0


def test_a_burst_after_a_stall_of_the_radio_is_no_gap():
    sensor = Sensor()
    sensor.send(10)
    for late_s in (5.0, 4.4, 3.8, 3.2, 0.0):
        assert sensor.send(late_s=late_s) == [Join()]


def test_the_same_time_again_is_a_repeat_and_changes_nothing():
    sensor = Sensor()
    sensor.send(10)
    sensor.frame -= 1
    (join,) = sensor.send()
    assert join == Join(is_repeat=True)
    assert kinds(join) == [EventKind.OVERLAP]
    assert sensor.send() == [Join()]


def test_samples_that_lie_over_each_other_are_an_overlap():
    sensor = Sensor()
    sensor.send(10)
    sensor.ahead_ns = -round(30 / RATE_HZ * NS_PER_S)
    (join,) = sensor.send()
    assert join.missing == -30
    assert not join.follows_gap
    assert kinds(join) == [EventKind.OVERLAP]


@pytest.mark.parametrize("lost", [0, 3])
def test_a_stream_that_was_started_anew_follows_a_gap_even_if_nothing_is_missing(lost):
    sensor = Sensor()
    sensor.clock.restart()
    assert set(sensor.send(10)) == {Join()}
    sensor.clock.restart()
    (join,) = sensor.send(lose=lost)
    assert join == Join(missing=lost * COUNT, is_restart=True)
    assert join.follows_gap
    assert kinds(join) == [EventKind.GAP] * bool(lost)
    assert sensor.send() == [Join()]


@pytest.mark.parametrize("jump_s", [-1, -3600, 11, 10**9])
def test_a_clock_that_jumps_is_reset_and_nothing_is_missing(jump_s):
    sensor = Sensor()
    sensor.send(10)
    sensor.ahead_ns = jump_s * NS_PER_S
    (join,) = sensor.send()
    assert join == Join(is_reset=True)
    assert join.follows_gap
    assert kinds(join) == [EventKind.CLOCK_RESET]
    assert set(sensor.send(10)) == {Join()}


@pytest.mark.parametrize("began_again_at_s", [0, 20])
def test_what_is_missing_over_a_reset_is_judged_by_arrival(began_again_at_s):
    sensor = Sensor()
    sensor.send(20)
    sensor.ahead_ns = -60 * NS_PER_S + began_again_at_s * NS_PER_S
    (join,) = sensor.send(lose=round(60 * RATE_HZ / COUNT))
    assert join.is_reset
    assert join.missing == pytest.approx(60 * RATE_HZ, abs=COUNT)
    assert kinds(join) == [EventKind.CLOCK_RESET, EventKind.GAP]


def test_the_rate_never_leaves_what_a_crystal_can_be():
    clock, time_ns, spacing_s = SampleClock("ECG", 130.0), 0, 73 / 130
    rates = []
    for _ in range(400):  # each spacing is a little longer than the last: a clock gone wrong
        time_ns += round(spacing_s * NS_PER_S)
        spacing_s *= 1.002
        clock.judge(time_ns, 73, Boottime(AT + time_ns))
        rates.append(clock.rate_hz)
    assert min(rates) > 130 / 1.061
