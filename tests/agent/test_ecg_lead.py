"""Blocks that don't go on from the last: another rate, time that jumps, a lead that is off."""

import dataclasses

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.signal import resample_poly

from edge_agent import codes
from edge_agent.ecg_lead import EcgLead
from edge_agent.model import Boottime, Event, EventKind, State, Waveform
from tests.agent.rhythm_ecg import RATE_HZ, S, beats_every, blocks, ecg

WITHOUT_BEATS = {"pause", "asystole", "flat-line"}


def play(lead, readings):
    return [one for block in readings for one in lead.push(block)[1]]


def rates(found):
    return [one for one in found if getattr(one, "code", None) == codes.HEART_RATE]


def begun(found):
    return {
        one.detail["finding"]
        for one in found
        if isinstance(one, Event) and one.detail.get("standing") == "begun"
    }


def at_rate(rate_hz, beats_s, seconds, start_s):
    """The same heart, sampled at ``rate_hz`` in blocks of 0.2 s."""
    signal = resample_poly(ecg(beats_s, seconds), round(rate_hz), round(RATE_HZ))
    size = round(0.2 * rate_hz)
    for first in range(0, signal.size - size + 1, size):
        yield Waveform(
            code=codes.ECG,
            samples=np.rint(1000.0 * signal[first : first + size]).astype(np.int32),
            unit_per_count=1.0,
            rate_hz=rate_hz,
            start=Boottime(round((start_s + first / rate_hz) * S)),
            sensor="patch",
        )


@pytest.mark.parametrize(("before_hz", "after_hz"), [(125.0, 500.0), (500.0, 125.0)])
def test_a_sensor_that_changes_its_rate_is_read_at_the_new_one(before_hz, after_hz):
    lead = EcgLead("patch")
    beats = beats_every(0.8, 0.8, 59.0)
    play(lead, at_rate(before_hz, beats, 60.0, 0.0))
    found = play(lead, at_rate(after_hz, beats, 60.0, 60.0))
    told = [one for one in rates(found) if one.is_reliable]
    assert len(told) > 200
    assert all(one.value == pytest.approx(75.0, rel=0.06) for one in told)
    assert not begun(found) & WITHOUT_BEATS
    (event,) = [one for one in found if isinstance(one, Event) and one.kind is EventKind.GAP]
    assert event.detail["reason"] == (
        f"the sampling rate changed from {before_hz:g} to {after_hz:g} Hz; the ECG is judged anew"
    )


def test_a_rate_that_is_known_better_goes_on():
    lead = EcgLead("patch")
    beats = beats_every(0.8, 0.8, 59.0)
    readings = list(blocks(ecg(beats, 60.0)))
    found = play(lead, readings[:150])
    later = [dataclasses.replace(one, rate_hz=RATE_HZ * 1.01) for one in readings[150:]]
    found += play(lead, later)
    assert not [one for one in found if isinstance(one, Event) and one.kind is EventKind.GAP]


@pytest.mark.parametrize("back_s", [0.6, 30.0, 3600.0])
def test_time_that_goes_back_begins_anew_and_says_so(back_s):
    lead = EcgLead("patch")
    signal = ecg(beats_every(0.8, 0.8, 119.0), 120.0)
    half = round(60.0 * RATE_HZ)
    play(lead, blocks(signal[:half], start_s=4000.0))
    found = play(lead, blocks(signal[half:], start_s=4060.0 - back_s))
    assert not begun(found) & WITHOUT_BEATS
    (event,) = [one for one in found if isinstance(one, Event) and one.kind is EventKind.GAP]
    assert f"the sensor's time went back by {back_s:.1f} s" in event.detail["reason"]
    assert rates(found)[0].state is State.SEARCHING
    assert rates(found)[-1].value == pytest.approx(75.0, rel=0.05)


JUMPS = st.lists(
    st.tuples(
        st.integers(1, 60),
        st.one_of(st.floats(-2.0, 2.0), st.sampled_from([-3600.0, -0.5, -0.1, 0.1, 0.5, 3600.0])),
        st.booleans(),
    ),
    min_size=1,
    max_size=8,
)


@settings(max_examples=40)
@given(JUMPS, st.booleans())
def test_no_order_of_blocks_raises_or_makes_a_heart_stand_still(jumps, is_beating):
    """Runs of blocks of a healthy heart, with steps of time between them, marked as gaps or not."""
    beats = beats_every(0.8, 0.8, 119.0) if is_beating else []
    readings = list(blocks(ecg(beats, 120.0)))
    lead, shift_s, at = EcgLead("patch"), 10_000.0, 0
    found = []
    for count, jump_s, follows_gap in jumps:
        for index, one in enumerate(readings[at : at + count]):
            start = Boottime(one.start + round(shift_s * S))
            told = follows_gap and index == 0
            found += play(lead, [dataclasses.replace(one, start=start, follows_gap=told)])
        at, shift_s = at + count, shift_s + jump_s
    if is_beating:
        assert not begun(found) & WITHOUT_BEATS


def clearing(found):
    return {
        kind: one.at / S
        for one in found
        if isinstance(one, Event) and one.detail.get("standing") == "watched"
        for kind in one.detail["kinds"].split()
    }


def test_each_kind_is_vouched_for_by_what_it_is_judged_by():
    found = play(EcgLead("patch"), blocks(ecg(beats_every(0.8, 0.8, 149.0), 150.0)))
    vouched = clearing(found)
    assert {"asystole", "bradycardia", "ventricular-tachycardia", "atrial-fibrillation"} <= set(
        vouched
    )
    assert vouched["asystole"] >= 90.0
    assert vouched["ventricular-tachycardia"] >= 48.0
    assert vouched["atrial-fibrillation"] >= 60.0


def test_a_rhythm_whose_intervals_cannot_be_judged_is_no_all_clear_for_fibrillation():
    """Single beats among short gaps: the rate is known, and never enough beats in a row."""
    lead, found = EcgLead("patch"), []
    signal = ecg(beats_every(0.8, 0.8, 299.0), 300.0)
    for number, block in enumerate(blocks(signal)):
        found += play(lead, [dataclasses.replace(block, follows_gap=number % 75 == 0)])
    assert "atrial-fibrillation" not in clearing(found)


def toggling(count_uv, seconds, start_s=0.0):
    """A lead that is off: the last digit of its converter alternates."""
    digits = np.tile([0, 1], round(seconds * RATE_HZ / 2))
    for block in blocks(digits / 1000.0, start_s=start_s):
        yield dataclasses.replace(block, unit_per_count=count_uv)


@pytest.mark.parametrize("count_uv", [0.2, 1.0, 2.44, 4.88, 10.0])
def test_a_lead_that_is_off_is_never_measured_though_its_last_digit_alternates(count_uv):
    lead = EcgLead("patch")
    judged = [lead.push(block) for block in toggling(count_uv, 60.0)]
    found = [one for _, derived in judged for one in derived]
    assert not [one for one in rates(found) if one.state.is_measurement]
    assert judged[-1][0].state is State.NOT_ATTACHED


@pytest.mark.parametrize("count_uv", [1.0, 4.88, 10.0])
def test_a_lead_that_comes_off_is_told_though_its_last_digit_alternates(count_uv):
    lead = EcgLead("patch")
    play(lead, blocks(ecg(beats_every(0.8, 0.8, 39.0), 40.0)))
    judged = [lead.push(block) for block in toggling(count_uv, 30.0, 40.0)]
    found = [one for _, derived in judged for one in derived]
    assert begun(found) == {"flat-line"}
    assert [one.state for one in rates(found)[50:]] == [State.NOT_ATTACHED] * (len(judged) - 50)


@pytest.mark.parametrize("count_uv", [1.0, 4.88, 10.0])
def test_a_small_ecg_is_read_though_the_converter_is_coarse(count_uv):
    lead, found = EcgLead("patch"), []
    for block in blocks(0.15 * ecg(beats_every(0.8, 0.8, 59.0), 60.0)):
        counts = np.rint(block.samples / count_uv).astype(np.int32)
        one = dataclasses.replace(block, samples=counts, unit_per_count=count_uv)
        found += play(lead, [one])
    told = rates(found)[100:]
    assert all(one.is_reliable and abs(one.value - 75.0) < 4.0 for one in told)
