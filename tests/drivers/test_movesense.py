"""Vectors are computed from the published layout (GD-77): no capture of a real sensor is public."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from edge_agent.codes import ECG, HEART_RATE, RR_INTERVAL
from edge_agent.driver import FrameError, Write
from edge_agent.model import Boottime, Event, EventKind, State, Waveform
from edge_drivers.movesense import COMMAND, DATA, DRIVER, ECG_PATHS
from edge_drivers.movesense_codec import (
    Command,
    EcgBlock,
    HeartRate,
    Operation,
    Reference,
    Result,
)

AT = Boottime(10**12)
RAW = (
    "026387d612000000000078000000acfeffffd007000050140000c42200001c0c00007cfcffff24faffff"
    "70feffff00000000320000003c000000280000001400000000000000"
)
COUNTS = [0, 120, -340, 2000, 5200, 8900, 3100, -900, -1500, -400, 0, 50, 60, 40, 20, 0]
MICROVOLT = "026587d6120000000c00deffc80008027a033601a6ff6affd8ff000005000600040002000000"
MICROVOLTS = [0, 12, -34, 200, 520, 890, 310, -90, -150, -40, 0, 5, 6, 4, 2, 0]


def feed(decoder, data, at=AT):
    return list(decoder.feed(bytes.fromhex(data) if isinstance(data, str) else data, at))


def block(time_ms):
    return EcgBlock(time_ms=time_ms, samples=np.zeros(16, np.int32)).to_bytes()


@pytest.mark.parametrize(
    ("octets", "command"),
    [
        ("01632f4d6561732f4543472f313235", Command(Operation.SUBSCRIBE, 0x63, "/Meas/ECG/125")),
        ("0263", Command(Operation.UNSUBSCRIBE, 0x63)),
        ("01642f4d6561732f4852", Command(Operation.SUBSCRIBE, 0x64, "/Meas/HR")),
        ("0001", Command(Operation.HELLO, 1)),
    ],
)
def test_commands_both_ways(octets, command):
    assert command.to_bytes().hex() == octets
    assert Command.from_bytes(bytes.fromhex(octets)) == command


@pytest.mark.parametrize(("octets", "status"), [("0163c800", 200), ("01639401", 404)])
def test_results_both_ways(octets, status):
    assert Result(0x63, status).to_bytes().hex() == octets
    assert Result.from_bytes(bytes.fromhex(octets)) == Result(0x63, status)


@pytest.mark.parametrize(
    ("octets", "samples", "microvolts"),
    [(RAW, COUNTS, 3395.081), (MICROVOLT, MICROVOLTS, 890.0)],
)
def test_a_block_of_ecg_both_ways(octets, samples, microvolts):
    one = EcgBlock.from_bytes(bytes.fromhex(octets))
    assert one.time_ms == 1_234_567
    assert one.samples.tolist() == samples
    assert max(one.samples) * one.unit_per_count == pytest.approx(microvolts, abs=1e-3)
    assert one.to_bytes().hex() == octets


@given(st.integers(0, 2**32 - 1), arrays(np.int32, 16))
def test_any_block_round_trips(time_ms, samples):
    octets = EcgBlock(time_ms=time_ms, samples=samples).to_bytes()
    again = EcgBlock.from_bytes(octets)
    assert (again.time_ms, again.samples.tolist()) == (time_ms, samples.tolist())


def test_a_heart_rate_both_ways():
    one = HeartRate(average_per_min=71.5, rr_ms=839)
    assert one.to_bytes().hex() == "026400008f424703"
    assert HeartRate.from_bytes(one.to_bytes()) == one


def test_ecg_and_heart_rate_are_asked_for_and_let_go():
    decoder = DRIVER.decoder("patch")
    hello, *asked = [Command.from_bytes(one.payload) for one in decoder.open(AT)]
    assert hello == Command(Operation.HELLO, Reference.HELLO)
    assert [one.path for one in asked] == ["/Meas/ECG/125", "/Meas/HR"]
    assert {one.operation for one in asked} == {Operation.SUBSCRIBE}
    left = [Command.from_bytes(one.payload) for one in decoder.close()]
    assert [one.reference for one in left] == [one.reference for one in asked]
    assert {one.operation for one in left} == {Operation.UNSUBSCRIBE}


def test_the_names_in_the_answer_to_a_hello_are_not_told_and_leave_no_capture():
    answer = b"\x02\x01\x01" + b"174630000192\0Movesense\0"
    assert feed(DRIVER.decoder("patch"), answer) == []
    assert DRIVER.scrub(answer, DATA) == b"\x02\x01" + bytes(len(answer) - 2)
    assert DRIVER.scrub(bytes.fromhex(RAW), DATA).hex() == RAW


def test_a_refused_form_of_ecg_is_followed_by_the_next_and_the_last_refusal_is_told():
    decoder = DRIVER.decoder("patch")
    decoder.open(AT)
    paths = []
    for reference, _, _ in ECG_PATHS[:-1]:
        (asked,) = feed(decoder, Result(reference, 404).to_bytes())
        assert isinstance(asked, Write)
        assert asked.channel == COMMAND
        paths.append(Command.from_bytes(asked.payload).path)
    assert paths == [path for _, path, _ in ECG_PATHS[1:]]
    (refusal,) = feed(decoder, Result(Reference.ECG_MICROVOLT, 404).to_bytes())
    assert refusal.kind is EventKind.STREAM_REFUSED
    assert refusal.detail["stream"] == "/Meas/ECG/125/mV"
    assert refusal.detail["reason"] == "it has no such measurement"
    assert "firmware" in refusal.detail["next_step"]


def test_a_refused_heart_rate_is_told_in_words():
    decoder = DRIVER.decoder("patch")
    decoder.open(AT)
    (refusal,) = feed(decoder, Result(Reference.HEART_RATE, 507).to_bytes())
    assert refusal.detail["stream"] == "/Meas/HR"
    assert "no room" in refusal.detail["reason"]


def test_an_answer_to_something_else_says_nothing():
    decoder = DRIVER.decoder("patch")
    decoder.open(AT)
    assert feed(decoder, Result(Reference.HELLO, 501).to_bytes()) == []
    assert feed(decoder, Result(77, 404).to_bytes()) == []


def test_a_refused_farewell_says_nothing():
    decoder = DRIVER.decoder("patch")
    decoder.open(AT)
    decoder.close()
    for reference in (Reference.ECG, Reference.HEART_RATE):
        assert feed(decoder, Result(reference, 404).to_bytes()) == []


def feed_all(decoder, times_ms, *, after_ms=0):
    """Feed blocks that arrive as they are measured, by the sensor's own clock."""
    outputs = []
    for time_ms in times_ms:
        at = Boottime(AT + (time_ms - times_ms[0] + after_ms) * 10**6)
        outputs += feed(decoder, block(time_ms % 2**32), at)
    return outputs


def sorted_out(outputs):
    events = [one for one in outputs if isinstance(one, Event)]
    return events, [one for one in outputs if isinstance(one, Waveform)]


def test_a_missing_block_is_a_gap_and_a_doubled_one_is_given_once():
    events, waves = sorted_out(feed_all(DRIVER.decoder("patch"), (0, 128, 384, 384, 512)))
    assert [one.kind for one in events] == [EventKind.GAP, EventKind.OVERLAP]
    assert events[0].detail["missing_samples"] == 16
    assert [one.follows_gap for one in waves] == [False, False, True, False]


def test_the_millisecond_counter_runs_over_its_end():
    last = 2**32 - 64
    events, waves = sorted_out(feed_all(DRIVER.decoder("patch"), (last, last + 128, last + 256)))
    assert events == []
    assert [one.device_ns for one in waves] == [(last + ms) * 10**6 for ms in (0, 128, 256)]


def test_a_sensor_that_woke_up_is_a_clock_reset_and_no_gap_of_weeks():
    decoder = DRIVER.decoder("patch")
    feed_all(decoder, (900_000, 900_128))
    events, (wave, *_) = sorted_out(feed_all(decoder, (64, 192), after_ms=256))
    assert [one.kind for one in events] == [EventKind.CLOCK_RESET]
    assert wave.follows_gap


def test_a_sensor_that_slept_between_two_links_has_a_gap_as_long_as_it_was_away():
    decoder = DRIVER.decoder("patch")
    feed_all(decoder, (900_000, 900_128))
    decoder.open(AT)
    events, (wave, *_) = sorted_out(feed_all(decoder, (64, 192), after_ms=128 + 60_000))
    assert [one.kind for one in events] == [EventKind.CLOCK_RESET, EventKind.GAP]
    assert events[1].detail["missing_samples"] == 60 * 125 - 16
    assert wave.follows_gap


def test_an_ecg_without_beats_is_said_to_be_searched_for_them():
    times_ms = range(0, 12_000, 128)
    decoder = DRIVER.decoder("patch")
    rates = [one for one in feed_all(decoder, times_ms) if one.code == HEART_RATE]
    assert [(one.value, one.state) for one in rates] == [(None, State.SEARCHING)] * 2
    beat = HeartRate(average_per_min=70.0, rr_ms=850).to_bytes()
    feed(decoder, beat, Boottime(AT + 12_000 * 10**6))
    assert sorted_out(feed_all(decoder, range(12_032, 16_000, 128), after_ms=12_032))[0] == []


def test_a_block_in_two_halves_is_put_together():
    octets = bytes.fromhex(RAW)
    decoder = DRIVER.decoder("patch")
    assert feed(decoder, octets[:20]) == []
    (wave,) = feed(decoder, b"\x03\x63" + octets[20:])
    assert wave.samples.tolist() == COUNTS


@pytest.mark.parametrize("half", ["0363aa", "0365" + "00" * 18])
def test_a_half_that_does_not_fit_the_other_is_refused_and_the_next_block_read(half):
    octets = bytes.fromhex(RAW)
    decoder = DRIVER.decoder("patch")
    assert feed(decoder, octets[:20]) == []
    with pytest.raises(FrameError):
        feed(decoder, half)
    assert len(feed(decoder, octets)) == 1


@pytest.mark.parametrize(
    ("average", "state"),
    [(71.5, State.MEASURED), (0.0, State.SEARCHING), (999.0, State.QUESTIONABLE),
     (float("nan"), State.SEARCHING)],
)  # fmt: skip
def test_a_heart_rate_nobody_can_believe_is_said_to_be_so(average, state):
    decoder = DRIVER.decoder("patch")
    rate, rr = feed(decoder, HeartRate(average_per_min=average, rr_ms=839).to_bytes())
    assert (rate.code, rate.state) == (HEART_RATE, state)
    assert (rr.code, rr.value) == (RR_INTERVAL, 839.0)


@pytest.mark.parametrize("octets", ["", "02", "0263", "0363aa", "0299000000", "026400", RAW + "00"])
def test_what_is_no_block_is_refused(octets):
    with pytest.raises(FrameError):
        feed(DRIVER.decoder("patch"), octets)


def test_a_block_becomes_microvolts():
    (wave,) = feed(DRIVER.decoder("patch"), RAW)
    assert wave.code == ECG
    assert wave.rate_hz == 125.0
    assert wave.values[5] == pytest.approx(3395.081, abs=1e-3)
    assert wave.device_ns == 1_234_567 * 10**6
