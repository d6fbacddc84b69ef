import dataclasses
import json
from itertools import pairwise

import numpy as np
import pytest

from edge_agent import codes
from edge_agent.alarms.shipped import stale_rules
from edge_agent.clock import ClockRecord, VirtualClock
from edge_agent.config import AlarmSettings, RhythmSettings
from edge_agent.ecg_channel import EcgChannel
from edge_agent.model import Boottime, Observation, Phase, Priority, State, Waveform
from edge_agent.pipeline import Pipeline
from edge_agent.store.payload import decode, encode
from edge_agent.subject_limits import rhythm_limits, subject_rules
from tests.agent.rhythm_ecg import RATE_HZ, S, beats_every, blocks, ecg

CLOCK = ClockRecord.take(VirtualClock())


def make_pipeline(rhythm=None, *extra):
    alarms, rhythm = AlarmSettings(), rhythm or RhythmSettings()
    rules = (*subject_rules(alarms, rhythm), *extra)
    return Pipeline(rules, Boottime(0), rhythm_limits(alarms, rhythm))


def feed(pipeline, readings):
    alarms = []
    for reading in readings:
        now = reading.end if isinstance(reading, Waveform) else reading.at
        alarms += pipeline.take(reading, now) + pipeline.tick(now)
    return alarms


def raised(alarms):
    return {one.rule: one for one in alarms if one.phase is Phase.RAISED}


def standstill(last_s=40.0, silence_s=8.0, total_s=80.0):
    before = beats_every(0.8, 0.8, last_s + 0.1)
    after = beats_every(0.8, before[-1] + silence_s, total_s - 1.0)
    return before[-1], ecg(np.concatenate((before, after)), total_s)


def test_a_standstill_is_a_high_alarm_within_limit_and_0_4_s_and_says_what_to_do():
    last_s, signal = standstill()
    told = raised(feed(make_pipeline(), blocks(signal)))
    assert set(told) >= {"asystole", "pause"}
    asystole = told["asystole"]
    assert asystole.priority is Priority.HIGH
    assert not asystole.technical
    assert last_s + 4.0 < asystole.at / S <= last_s + 4.4
    assert told["pause"].at / S <= last_s + 3.4
    evidence = asystole.evidence[0]
    assert evidence.at / S == pytest.approx(last_s, abs=0.02)
    assert (evidence.unit, evidence.limit, evidence.sensor) == ("s", 4.0, "patch")
    assert "Look at the person" in asystole.advice


def test_the_heart_rate_of_a_standstill_is_zero_and_comes_back_with_the_beats():
    last_s, signal = standstill(silence_s=12.0)
    pipeline = make_pipeline()
    rates = {}
    for block in blocks(signal):
        pipeline.take(block, block.end)
        rates[round(block.end / S, 1)] = pipeline.twin.variable(codes.HEART_RATE, block.end)
    in_it = rates[round(last_s + 6.0, 1)]
    assert (in_it.value, in_it.state) == (0.0, State.MEASURED)
    assert rates[round(last_s + 3.0, 1)].value < 40.0
    assert rates[79.8].value == pytest.approx(75.0, rel=0.05)


def test_a_standstill_that_ends_stays_until_somebody_has_seen_it():
    _, signal = standstill()
    pipeline = make_pipeline()
    alarms = feed(pipeline, blocks(signal))
    phases = [one.phase for one in alarms if one.rule == "asystole"]
    assert phases == [Phase.RAISED, Phase.LATCHED]
    assert [one.phase for one in alarms if one.rule == "pause"] == [Phase.RAISED, Phase.CLEARED]
    (standing,) = [one for one in pipeline.alarms.active if one.rule == "asystole"]
    (seen,) = pipeline.alarms.acknowledge(standing.episode, Boottime(90 * S))
    assert seen.phase is Phase.CLEARED


def recovering(n):
    return 3.0 * np.exp(-np.arange(n) / RATE_HZ / 1.5)


OFF = {
    "recovering": recovering,
    "constant": lambda n: np.full(n, 0.4),
    "rail": lambda n: np.full(n, 20.0),
    "faint hum": lambda n: 0.02 * np.sin(2.0 * np.pi * 50.0 * np.arange(n) / RATE_HZ),
    "huge hum": lambda n: 2.0 * np.sin(2.0 * np.pi * 50.0 * np.arange(n) / RATE_HZ),
}


@pytest.mark.parametrize("how", OFF)
def test_an_electrode_that_comes_off_is_a_technical_alarm_that_grows_urgent(how):
    signal = ecg(beats_every(0.8, 0.8, 90.0), 90.0)
    first = round(40.5 * RATE_HZ)
    signal[first:] = OFF[how](signal.size - first)
    alarms = feed(make_pipeline(), blocks(signal))
    # While the line still moves, the heart rate is below range: nobody can say that it is not.
    allowed = {"flat-line", "heart-rate-low"} if how == "recovering" else {"flat-line"}
    assert {one.rule for one in alarms} <= allowed
    flat = [one for one in alarms if one.rule == "flat-line"]
    assert [one.phase for one in flat] == [Phase.RAISED, Phase.ESCALATED]
    assert flat[0].technical
    assert 42.0 <= flat[0].at / S <= 46.0
    assert (flat[0].priority, flat[1].priority) == (Priority.MEDIUM, Priority.HIGH)
    assert "the heart stands still" in flat[0].advice


def test_a_coarse_converter_whose_last_digit_toggles_is_not_attached_when_the_lead_is_off():
    signal = ecg(beats_every(0.8, 0.8, 40.0), 70.0)
    first = round(40.5 * RATE_HZ)
    toggles = np.random.default_rng(1).integers(0, 2, signal.size - first)
    signal[first:] = 0.4 + 0.01 * toggles
    channel = EcgChannel("patch", RATE_HZ)
    for block in blocks(np.rint(100.0 * signal) / 100.0):
        judged, found = channel.push(block)
        if block.end / S > 44.0:
            told = {one.code: one for one in found if isinstance(one, Observation)}
            quality = told[codes.ECG_QUALITY]
            assert (quality.state, quality.value) == (State.NOT_ATTACHED, 0.0)
            assert told[codes.HEART_RATE].state is State.NOT_ATTACHED
            assert judged.state is State.NOT_ATTACHED


def test_the_sensors_own_lead_off_is_no_standstill():
    last_s, signal = standstill(silence_s=15.0)
    alarms = feed(make_pipeline(), blocks(signal, off=(last_s + 0.5, last_s + 14.5)))
    assert not {one.rule for one in alarms} & {"asystole", "pause"}
    assert "flat-line" in {one.rule for one in alarms}


def test_the_finding_travels_with_its_strip_of_ecg():
    last_s, signal = standstill()
    pipeline = make_pipeline()
    feed(pipeline, blocks(signal))
    tables = decode(encode(pipeline.summary.take(CLOCK)))
    details = [json.loads(row["detail"]) for row in tables["event"] if row["kind"] == "finding"]
    begun = next(
        one for one in details if (one["finding"], one["standing"]) == ("asystole", "begun")
    )
    ended = next(
        one for one in details if (one["finding"], one["standing"]) == ("asystole", "ended")
    )
    strip = np.array(begun["strip_uV"].split(), dtype=int)
    assert strip.size == pytest.approx(8.0 * begun["strip_hz"], abs=2)
    top_s = begun["strip_start_ns"] / S + np.argmax(strip) / begun["strip_hz"]
    assert (last_s - top_s) / 0.8 == pytest.approx(round((last_s - top_s) / 0.8), abs=0.05)
    assert (ended["offset_ns"] - ended["onset_ns"]) / S == pytest.approx(8.0, abs=0.05)
    assert "strip_uV" not in ended
    assert len(encode({"event": tables["event"]})) < 8000


def test_a_heart_of_36_a_minute_is_extremely_slow_after_five_beats():
    slow = np.concatenate((beats_every(0.8, 0.8, 40.0), beats_every(60 / 36, 41.6, 80.0)))
    told = raised(feed(make_pipeline(), blocks(ecg(slow, 80.0))))
    assert {"extreme-bradycardia"} <= set(told) <= {"extreme-bradycardia", "heart-rate-low"}
    assert told["extreme-bradycardia"].at / S <= 41.6 + 4 * 60 / 36 + 0.7
    assert told["extreme-bradycardia"].evidence[0].value == pytest.approx(36.0, rel=0.1)


def test_a_heart_of_150_a_minute_is_extremely_fast_after_seventeen_beats():
    fast = np.concatenate((beats_every(0.8, 0.8, 40.0), beats_every(0.4, 40.5, 80.0)))
    told = raised(feed(make_pipeline(), blocks(ecg(fast, 80.0))))
    assert "extreme-tachycardia" in told
    assert told["extreme-tachycardia"].at / S <= 40.5 + 16 * 0.4 + 1.0


def test_noise_raises_no_rhythm_alarm_and_clears_none():
    rng = np.random.default_rng(4)
    _, signal = standstill(silence_s=30.0, total_s=60.0)
    pipeline = make_pipeline()
    assert "asystole" in raised(feed(pipeline, blocks(signal)))
    noise = rng.normal(0.0, 0.3, round(120.0 * RATE_HZ))
    assert not raised(feed(make_pipeline(), blocks(noise)))
    fresh = make_pipeline()
    quiet_end = signal[: round(48.0 * RATE_HZ)]
    feed(fresh, blocks(quiet_end))
    feed(fresh, blocks(noise, start_s=48.0, first_follows_gap=True))
    assert "asystole" in {one.rule for one in fresh.alarms.active}


def test_an_alarm_from_before_a_restart_ends_when_nothing_stands_any_more():
    slow = ecg(beats_every(60 / 36, 1.0, 60.0), 60.0)
    before = make_pipeline()
    assert "extreme-bradycardia" in raised(feed(before, blocks(slow)))
    kept = before.alarms.state(Boottime(60 * S))
    after = make_pipeline()
    after.alarms.restore(kept, Boottime(0))
    assert "extreme-bradycardia" in {one.rule for one in after.alarms.active}
    usual = ecg(beats_every(0.8, 0.8, 119.0), 120.0)
    cleared = [one.rule for one in feed(after, blocks(usual)) if one.phase is Phase.CLEARED]
    assert "extreme-bradycardia" in cleared


def test_limits_follow_the_configuration():
    last_s, signal = standstill(silence_s=12.0)
    late = RhythmSettings(pause_s=5.0, asystole_s=9.0)
    told = raised(feed(make_pipeline(late), blocks(signal)))
    assert last_s + 5.0 < told["pause"].at / S <= last_s + 5.4
    assert last_s + 9.0 < told["asystole"].at / S <= last_s + 9.4


def fibrillating(seconds, seed=5):
    rng = np.random.default_rng(seed)
    intervals = rng.uniform(0.42, 1.05, round(2.0 * seconds))
    beats = 1.0 + np.cumsum(intervals)
    return beats[beats < seconds - 1.0]


def strap(beats_s, sensor="strap"):
    for before, at_s in pairwise(beats_s):
        yield Observation(
            code=codes.RR_INTERVAL, value=1000.0 * (at_s - before), sensor=sensor,
            at=Boottime(round(at_s * S)),
        )  # fmt: skip


def test_a_strap_without_an_ecg_tells_of_fibrillation_and_its_burden():
    pipeline = make_pipeline()
    told = raised(feed(pipeline, strap(fibrillating(300.0))))
    assert set(told) == {"atrial-fibrillation"}
    assert told["atrial-fibrillation"].priority is Priority.LOW
    burden = pipeline.twin.variable(codes.AF_BURDEN, Boottime(299 * S))
    assert burden.value > 90.0
    assert pipeline.twin.variable(codes.RMSSD, Boottime(299 * S)) is not None


def test_a_regular_strap_has_no_burden_and_no_alarm():
    pipeline = make_pipeline()
    beats = np.cumsum(np.random.default_rng(2).normal(0.85, 0.03, 350))
    assert raised(feed(pipeline, strap(beats))) == {}
    assert pipeline.twin.variable(codes.AF_BURDEN, Boottime(290 * S)).value == 0.0


def test_fibrillation_alarms_can_be_left_out():
    pipeline = make_pipeline(RhythmSettings(fibrillation=False))
    assert raised(feed(pipeline, strap(fibrillating(300.0)))) == {}
    assert pipeline.twin.variable(codes.AF_BURDEN, Boottime(299 * S)).value > 90.0


def test_beats_of_an_ecg_are_not_counted_again_from_the_same_straps_intervals():
    beats = beats_every(0.8, 0.8, 200.0)
    signal = list(blocks(ecg(beats, 200.0), sensor="patch"))
    both = sorted(
        [*signal, *strap(beats, "patch")],
        key=lambda one: one.end if isinstance(one, Waveform) else one.at,
    )
    alone, together = make_pipeline(), make_pipeline()
    feed(alone, signal)
    feed(together, both)
    figures = [
        sum(
            row["n"]
            for row in pipeline.summary.take(CLOCK)["observation"]
            if row["code"] == codes.RMSSD.refid
        )
        for pipeline in (alone, together)
    ]
    assert figures[0] == figures[1] > 0
    assert together.beats == alone.beats


def test_a_strap_that_starts_and_one_that_goes_on_raise_nothing():
    stale = stale_rules([("patch", (codes.ECG, codes.HEART_RATE), 15.0)])
    signal = ecg(beats_every(0.8, 0.8, 60.0), 60.0)
    pipeline = make_pipeline(None, *stale)
    assert feed(pipeline, blocks(signal)) == []
    later = [
        dataclasses.replace(block, follows_gap=index == 0)
        for index, block in enumerate(blocks(signal, start_s=65.0))
    ]
    assert feed(pipeline, later) == []


def test_breathing_that_moves_the_beats_becomes_a_respiration_rate():
    beats = np.cumsum(0.85 + 0.03 * np.sin(2.0 * np.pi * 0.25 * 0.85 * np.arange(140)))
    t = np.arange(round(119.0 * RATE_HZ)) / RATE_HZ
    signal = ecg(beats, 119.0) * (1.0 + 0.1 * np.sin(2.0 * np.pi * 0.25 * t))
    pipeline = make_pipeline()
    assert raised(feed(pipeline, blocks(signal))) == {}
    breaths = pipeline.twin.variable(codes.RESPIRATION_RATE, Boottime(119 * S))
    assert breaths.value == pytest.approx(15.0, abs=1.0)


def test_ventricular_load_is_told_once_a_minute():
    pipeline = make_pipeline()
    feed(pipeline, blocks(ecg(beats_every(0.8, 0.8, 149.0), 150.0)))
    load = pipeline.twin.variable(codes.VENTRICULAR_LOAD, Boottime(150 * S))
    assert load.value == 0.0
    assert load.quality == pytest.approx(1.0, abs=0.15)
