"""Vectors are computed from the layout in viatomEcho/LepuBle; no capture is public."""

import dataclasses

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from edge_agent.codes import BATTERY, ECG, HEART_RATE
from edge_agent.driver import FrameError, Write
from edge_agent.model import Boottime, Event, State, Waveform
from edge_drivers.viatom_er import (
    DRIVER,
    MICROVOLT_PER_COUNT,
    NO_SAMPLE,
    REAL_TIME,
    Flag,
    RealTime,
    Run,
)
from edge_drivers.viatom_frames import NOTIFY, REQUEST, WRITE, Frame

AT = Boottime(10**12)
PUBLISHED = bytes.fromhex(
    "a503fc01012600480040580f000000030000000000000000000000080000000a00ecff2c0120037800c4ffff7f06"
)
COUNTS = [0, 10, -20, 300, 800, 120, -60, NO_SAMPLE]
MILLIVOLTS = [0.0, 0.024672, -0.049344, 0.740167, 1.973777, 0.296067, -0.148033]
GOOD = RealTime(
    heart_rate_per_min=72,
    flags=0,
    battery_percent=88,
    recorded_s=15,
    run=Run.RECORDING,
    before=Run.PREPARING,
    counts=np.arange(63, dtype=np.int32),
)


def reply(**changes):
    one = dataclasses.replace(GOOD, **changes)
    payload = one.to_bytes()
    return Frame(start=REQUEST, code=REAL_TIME, number=0x0101, payload=payload).to_bytes()


class Talk:
    """A conversation in which a reply comes every half a second."""

    def __init__(self):
        self.decoder, self.now_s = DRIVER.decoder("recorder"), 0.0
        self.decoder.open(AT)

    def hear(self, after_s=0.504, **changes):
        self.now_s += after_s
        at = Boottime(AT + round(self.now_s * 1e9))
        return list(self.decoder.feed(reply(**changes), at, NOTIFY))


def waves(outputs):
    return [one for one in outputs if isinstance(one, Waveform)]


def gaps(outputs):
    return [one.detail["missing_samples"] for one in outputs if isinstance(one, Event)]


def only(outputs, code):
    (one,) = [one for one in outputs if getattr(one, "code", None) == code]
    return one


def test_the_published_reply_both_ways():
    frame = Frame.from_bytes(PUBLISHED)
    one = RealTime.from_bytes(frame.payload)
    assert (one.heart_rate_per_min, one.battery_percent, one.recorded_s) == (72, 88, 15)
    assert (one.flags, one.run) == (0x40, Run.ANALYSING)
    assert one.counts.tolist() == COUNTS
    assert dataclasses.replace(frame, payload=one.to_bytes()).to_bytes() == PUBLISHED


def test_the_published_samples_in_millivolts():
    outputs = list(DRIVER.decoder("recorder").feed(PUBLISHED, AT, NOTIFY))
    (wave,) = waves(outputs)
    assert wave.values / 1000 == pytest.approx(MILLIVOLTS, abs=1e-6)
    assert pytest.approx(2.4672217239) == MICROVOLT_PER_COUNT
    assert (wave.code, wave.rate_hz) == (ECG, 125.0)
    assert wave.start == AT - 8 * 8_000_000
    assert only(outputs, HEART_RATE).value == 72.0
    assert only(outputs, BATTERY).value == 88.0


@given(
    st.builds(
        RealTime,
        heart_rate_per_min=st.integers(0, 0xFFFF),
        flags=st.integers(0, 0xFF),
        battery_percent=st.integers(0, 0xFF),
        recorded_s=st.integers(0, 2**32 - 1),
        run=st.sampled_from(Run),
        before=st.integers(0, 15),
        counts=arrays(np.int32, st.integers(0, 200), elements=st.integers(-(2**15), 2**15 - 1)),
    )
)
def test_any_reply_round_trips(one):
    again = RealTime.from_bytes(one.to_bytes())
    assert again.counts.tolist() == one.counts.tolist()
    fields = ("heart_rate_per_min", "flags", "battery_percent", "recorded_s", "run", "before")
    assert all(getattr(again, field) == getattr(one, field) for field in fields)


def test_it_is_asked_at_the_start_and_again_and_again_without_a_response():
    decoder = DRIVER.decoder("recorder")
    asked = Write(WRITE, bytes.fromhex("a503fc000001007d23"), response=False)
    assert list(decoder.open(AT)) == [asked]
    assert list(decoder.poll(AT)) == [asked]
    assert list(decoder.close()) == []
    assert DRIVER.link.poll_s == 0.5


@pytest.mark.parametrize("size", [1, 20, 244])
def test_a_reply_comes_in_pieces_as_the_link_s_mtu_makes_them(size):
    octets, outputs = reply(), []
    decoder = DRIVER.decoder("recorder")
    for at in range(0, len(octets), size):
        outputs += decoder.feed(octets[at : at + size], AT, NOTIFY)
    assert waves(outputs)[0].samples.tolist() == GOOD.counts.tolist()


def test_what_a_lost_link_left_unfinished_is_forgotten():
    decoder, octets = DRIVER.decoder("recorder"), reply()
    assert list(decoder.feed(octets[:20], AT, NOTIFY)) == []
    decoder.open(AT)
    assert waves(decoder.feed(octets, AT, NOTIFY))


def test_replies_that_follow_each_other_are_one_ecg():
    talk = Talk()
    blocks = [block for _ in range(100) for block in waves(talk.hear())]
    assert not any(one.follows_gap for one in blocks)
    assert [one.device_ns for one in blocks] == [number * 504_000_000 for number in range(100)]


def test_a_reply_that_was_held_up_is_no_gap():
    talk = Talk()
    outputs = talk.hear() + talk.hear(0.7) + talk.hear(0.308) + talk.hear()
    assert gaps(outputs) == []
    assert not any(one.follows_gap for one in waves(outputs))


def test_a_lost_reply_is_a_gap_with_its_samples():
    talk = Talk()
    talk.hear()
    outputs = talk.hear(2 * 0.504)
    assert gaps(outputs) == [63]
    (wave,) = waves(outputs)
    assert wave.follows_gap
    assert wave.device_ns == 2 * 504_000_000
    assert not waves(talk.hear())[0].follows_gap


def test_samples_without_a_value_cut_the_ecg():
    talk = Talk()
    counts = GOOD.counts.copy()
    counts[10:13] = NO_SAMPLE
    counts[60:] = NO_SAMPLE
    outputs = talk.hear(counts=counts)
    assert gaps(outputs) == [6]
    assert [(len(one.samples), one.follows_gap) for one in waves(outputs)] == [
        (10, False), (47, True),
    ]  # fmt: skip
    assert [one.device_ns for one in waves(outputs)] == [0, 13 * 8_000_000]
    assert [one.end for one in waves(outputs)] == [
        AT + 504_000_000 - 53 * 8_000_000, AT + 504_000_000 - 3 * 8_000_000,
    ]  # fmt: skip
    assert waves(talk.hear())[0].follows_gap


@pytest.mark.parametrize("run", [Run.IDLE, Run.STANDBY, Run.LEAD_OFF])
def test_without_skin_there_is_no_heart_rate_and_a_flat_ecg_that_says_so(run):
    counts = np.full(63, NO_SAMPLE, np.int32)
    outputs = Talk().hear(run=run, counts=counts)
    rate, (wave,) = only(outputs, HEART_RATE), waves(outputs)
    assert (rate.value, rate.state, rate.quality) == (None, State.NOT_ATTACHED, 0.0)
    assert wave.state is State.NOT_ATTACHED
    assert not wave.samples.any()


def test_a_recorder_that_has_no_sample_at_all_is_not_attached_whatever_it_says():
    (wave,) = waves(Talk().hear(counts=np.full(63, NO_SAMPLE, np.int32)))
    assert wave.state is State.NOT_ATTACHED


@pytest.mark.parametrize(
    ("changes", "state", "value"),
    [
        ({}, State.MEASURED, 72.0),
        ({"heart_rate_per_min": 0}, State.SEARCHING, None),
        ({"heart_rate_per_min": 400}, State.QUESTIONABLE, 400.0),
        ({"run": Run.PREPARING}, State.SEARCHING, None),
        ({"flags": Flag.R_PEAK}, State.MEASURED, 72.0),
        ({"flags": Flag.POOR_SIGNAL}, State.QUESTIONABLE, 72.0),
        ({"flags": Flag.BAD_SIGNAL}, State.QUESTIONABLE, 72.0),
        ({"flags": Flag.BAD_SIGNAL, "heart_rate_per_min": 0}, State.QUESTIONABLE, None),
    ],
)
def test_a_heart_rate_bears_the_state_of_the_signal(changes, state, value):
    rate = only(Talk().hear(**changes), HEART_RATE)
    assert (rate.state, rate.value) == (state, value)


def test_the_battery_is_told_when_it_changes():
    talk = Talk()
    told = [
        [one.value for one in talk.hear(battery_percent=percent) if one.code == BATTERY]
        for percent in (88, 88, 87)
    ]
    assert told == [[88.0], [], [87.0]]


def test_a_battery_nobody_can_believe_is_questionable():
    assert only(Talk().hear(battery_percent=255), BATTERY).state is State.QUESTIONABLE


def test_a_reply_without_samples_is_no_ecg_and_no_gap():
    talk = Talk()
    talk.hear()
    assert waves(talk.hear(0.1, counts=np.empty(0, np.int32))) == []
    assert gaps(talk.hear(0.404)) == []


@pytest.mark.parametrize(
    "frame",
    [
        Frame(start=REQUEST, code=0xE1, number=1, payload=bytes(40)),
        Frame(start=REQUEST, code=REAL_TIME, payload=GOOD.to_bytes()),  # a request
        Frame(start=REQUEST, code=REAL_TIME, number=1, payload=bytes(21)),
        Frame(start=REQUEST, code=REAL_TIME, number=1, payload=GOOD.to_bytes()[:-1]),
        Frame(start=REQUEST, code=REAL_TIME, number=1, payload=b"\x08" * 22),
    ],
)
def test_a_reply_that_is_none_is_refused(frame):
    with pytest.raises(FrameError):
        DRIVER.decoder("recorder").feed(frame.to_bytes(), AT, NOTIFY)
