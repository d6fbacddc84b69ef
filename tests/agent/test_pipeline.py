import dataclasses
import random

import numpy as np
import pytest

from edge_agent import codes
from edge_agent.alarms.shipped import limit_rules, stale_rules
from edge_agent.clock import ClockRecord, VirtualClock
from edge_agent.model import Boottime, Event, EventKind, Observation, Phase, State, Waveform
from edge_agent.pipeline import Pipeline
from edge_mocks.ecg import SyntheticEcg

S = 1_000_000_000
RATE_HZ = 130.0
CLOCK = ClockRecord.take(VirtualClock())


def make_pipeline(*extra):
    rules = limit_rules(
        heart_rate_low_per_min=45, heart_rate_high_per_min=130, spo2_low_percent=90,
        glucose_low_mgdl=70, delay_s=5,
    )  # fmt: skip
    return Pipeline((*rules, *extra), Boottime(0))


def ecg_blocks(seconds, rate_per_min, seed=1, sensor="patch"):
    source = SyntheticEcg(random.Random(seed), rate_hz=RATE_HZ, heart_rate_per_min=rate_per_min)
    for index in range(round(seconds * RATE_HZ / 73)):
        yield Waveform(
            code=codes.ECG, samples=source.read(73), unit_per_count=1.0, rate_hz=RATE_HZ,
            start=Boottime(round(index * 73 / RATE_HZ * S)), sensor=sensor,
        )  # fmt: skip


def observe(code, value, at_s, sensor="s", **kwargs):
    at = Boottime(round(at_s * S))
    return Observation(code=code, value=value, at=at, sensor=sensor, **kwargs)


def feed(pipeline, readings):
    alarms = []
    for reading in readings:
        now = reading.end if isinstance(reading, Waveform) else reading.at
        alarms += pipeline.take(reading, now) + pipeline.tick(now)
    return alarms


@pytest.mark.parametrize("rate_per_min", [50, 75, 110])
def test_an_ecg_becomes_heart_rate_rr_and_hrv(rate_per_min):
    pipeline = make_pipeline()
    assert feed(pipeline, ecg_blocks(130, rate_per_min)) == []
    now = Boottime(130 * S)
    rate = pipeline.twin.variable(codes.HEART_RATE, now)
    assert rate.value == pytest.approx(rate_per_min, rel=0.1)
    assert not rate.is_stale
    assert pipeline.beats == pytest.approx(130 * rate_per_min / 60, rel=0.06)
    hrv = {code: pipeline.twin.variable(code, now) for code in (codes.SDNN, codes.RMSSD)}
    assert all(variable is not None and variable.value > 0 for variable in hrv.values())


def test_a_slow_heart_raises_an_alarm_with_its_rate_as_evidence():
    alarms = feed(make_pipeline(), ecg_blocks(40, 36))
    assert [alarm.rule for alarm in alarms] == ["heart-rate-low"]
    assert alarms[0].evidence[0].value == pytest.approx(36, rel=0.1)


def test_an_electrode_that_comes_off_is_a_technical_alarm_and_no_rate_outlives_it():
    stale = stale_rules([("patch", (codes.ECG, codes.HEART_RATE), 10.0)])
    pipeline = make_pipeline(*stale)
    blocks = list(ecg_blocks(60, 70))
    half = len(blocks) // 2
    flat = [
        Waveform(
            code=codes.ECG, samples=np.full(73, 400, np.int32), unit_per_count=1.0,
            rate_hz=RATE_HZ, start=block.start, sensor="patch",
        )
        for block in blocks[half:]
    ]  # fmt: skip
    alarms = feed(pipeline, blocks[:half] + flat)
    assert [(alarm.rule, alarm.technical) for alarm in alarms] == [("stale-patch", True)]
    assert "not-attached" in alarms[0].evidence[0].note
    rate = pipeline.twin.variable(codes.HEART_RATE, blocks[-1].end)
    assert rate.value is None or rate.is_stale


def test_the_straps_own_rate_is_judged_only_without_a_rate_from_the_ecg():
    def strap_says(value, seconds):
        return [observe(codes.HEART_RATE, value, at, "patch") for at in range(seconds)]

    alone = feed(make_pipeline(), strap_says(35, 20))
    assert [alarm.rule for alarm in alone] == ["heart-rate-low"]
    # Until the ECG has been judged for ten seconds the strap's rate stands alone.
    strap = [observe(codes.HEART_RATE, 75 if at < 12 else 35, at, "patch") for at in range(40)]
    mixed = sorted(
        [*ecg_blocks(40, 75), *strap],
        key=lambda one: one.start if isinstance(one, Waveform) else one.at,
    )
    assert feed(make_pipeline(), mixed) == []


def test_one_wrong_saturation_among_good_ones_raises_nothing():
    readings = [observe(codes.SPO2, 70 if at % 9 == 4 else 97, at) for at in range(60)]
    pipeline = make_pipeline()
    assert feed(pipeline, readings) == []
    assert pipeline.twin.variable(codes.SPO2, Boottime(59 * S)).value == 97


def test_a_saturation_that_stays_low_is_an_alarm_and_clears_when_it_is_back():
    levels = [97] * 20 + [84] * 40 + [97] * 40
    readings = [observe(codes.SPO2, level, at) for at, level in enumerate(levels)]
    alarms = feed(make_pipeline(), readings)
    assert [(alarm.rule, alarm.phase) for alarm in alarms] == [
        ("spo2-low", Phase.RAISED),
        ("spo2-low", Phase.CLEARED),
    ]
    # Five seconds of smoothing, and twelve of the delay: twenty at the limit, none at 75 %.
    assert 35 * S <= alarms[0].at <= 40 * S


@pytest.mark.parametrize(("per_reading", "least_min"), [(5, 10), (10, 10), (12, 5)])
def test_a_falling_glucose_warns_before_it_is_low(per_reading, least_min):
    """The level that warns was fixed at one false alarm in three days: most falls end above it."""
    levels = [180.0] * 24 + [180.0 - per_reading * step for step in range(130 // per_reading + 2)]
    falling = [observe(codes.GLUCOSE, one, 300 * at, "cgm") for at, one in enumerate(levels)]
    alarms = feed(make_pipeline(), falling)
    raised = {alarm.rule: alarm for alarm in alarms if alarm.phase is Phase.RAISED}
    assert set(raised) == {"glucose-low", "glucose-low-forecast"}
    warned_s = (raised["glucose-low"].at - raised["glucose-low-forecast"].at) / S
    assert warned_s >= least_min * 60
    assert raised["glucose-low-forecast"].evidence[0].sensor == "cgm"


def test_backfilled_glucose_teaches_the_forecast_and_raises_no_alarm():
    past = [observe(codes.GLUCOSE, 55.0, 300 * step, "cgm", backfilled=True) for step in range(24)]
    pipeline = make_pipeline()
    assert feed(pipeline, past) == []
    assert {one.horizon_min for one in pipeline.forecasts} == {15.0, 30.0, 60.0}
    live = feed(pipeline, [observe(codes.GLUCOSE, 55.0, 300 * 24, "cgm")])
    assert "glucose-low" in {alarm.rule for alarm in live}


def test_a_sensor_that_can_not_measure_below_its_range_still_raises_the_low_alarm():
    low = observe(codes.GLUCOSE, None, 10, "cgm", state=State.BELOW_RANGE)
    assert [alarm.rule for alarm in feed(make_pipeline(), [low])] == ["glucose-low"]


def test_everything_but_waveforms_reaches_the_summary():
    pipeline = make_pipeline()
    feed(pipeline, ecg_blocks(20, 70))
    feed(pipeline, [observe(codes.SPO2, 97, 21), observe(codes.ROOM_CO2, 900, 22)])
    feed(pipeline, [Event(kind=EventKind.CONNECTED, at=Boottime(23 * S), sensor="s")])
    feed(pipeline, [observe(codes.GLUCOSE, 100 + step, 24 + 300 * step) for step in range(12)])
    tables = pipeline.summary.take(CLOCK)
    seen = {row["code"] for row in tables["observation"]}
    assert {"MDC_PULS_OXIM_SAT_O2", "MDC_ECG_HEART_RATE", "MDC_ECG_TIME_PD_RR_GL"} <= seen
    assert "MDC_ECG_ELEC_POTL" not in seen
    assert len(tables["event"]) == 1
    assert tables["forecast"][-1]["low90"] <= tables["forecast"][-1]["mean"]


def noise_blocks(seconds, seed=7, gap_every=None):
    rng = np.random.default_rng(seed)
    for index in range(round(seconds * RATE_HZ / 73)):
        start = index * 73 / RATE_HZ
        samples = rng.normal(0, 300, 73).astype(np.int32)
        gap = gap_every is not None and int(start / gap_every) != int((start - 0.562) / gap_every)
        yield Waveform(
            code=codes.ECG, samples=samples, unit_per_count=1.0, rate_hz=RATE_HZ,
            start=Boottime(round(start * S)), sensor="patch", follows_gap=gap,
        )  # fmt: skip


@pytest.mark.parametrize("gap_every", [None, 4.5], ids=["steady", "with gaps"])
def test_noise_gives_no_rate_no_hrv_and_no_interval_to_rely_on(gap_every):
    pipeline = make_pipeline()
    assert feed(pipeline, noise_blocks(180, gap_every=gap_every)) == []
    rows = pipeline.summary.take(CLOCK).get("observation", [])
    told = {"MDC_ECG_HEART_RATE", "MDC_ECG_TIME_PD_RR_GL", "MDCX_EDGE_ECG_QUALITY"}
    assert {row["code"] for row in rows} <= told
    assert all("measured" not in row["state"].split() for row in rows)


def test_noise_with_gaps_never_clears_the_alarm_of_a_slow_heart():
    pipeline = make_pipeline()
    slow = list(ecg_blocks(40, 36))
    assert [alarm.rule for alarm in feed(pipeline, slow)] == ["heart-rate-low"]
    later = [
        dataclasses.replace(block, start=Boottime(block.start + 40 * S))
        for block in noise_blocks(120, gap_every=4.5)
    ]
    assert feed(pipeline, later) == []
    assert [alarm.rule for alarm in pipeline.alarms.active] == ["heart-rate-low"]


def test_a_heart_that_stands_still_under_a_good_signal_raises_the_low_alarm():
    """A wandering baseline shows that the electrodes are on; no beat comes any more."""
    blocks = list(ecg_blocks(60, 70))
    half = len(blocks) // 2
    drift = [
        dataclasses.replace(
            block,
            samples=(80 * np.sin((np.arange(73) + 73 * index) / 400)).astype(np.int32),
        )
        for index, block in enumerate(blocks[half:])
    ]
    alarms = feed(make_pipeline(), blocks[:half] + drift)
    assert "heart-rate-low" in {alarm.rule for alarm in alarms}
    evidence = next(one for one in alarms if one.rule == "heart-rate-low").evidence[0]
    assert (evidence.value, evidence.note) == (None, "below-range")


def test_hrv_ends_with_the_signal_it_was_worked_out_from():
    pipeline = make_pipeline()
    feed(pipeline, ecg_blocks(130, 70))
    assert pipeline.twin.variable(codes.SDNN, Boottime(130 * S)) is not None
    pipeline.summary.take(CLOCK)
    flat = [
        dataclasses.replace(
            block, samples=np.full(73, 400, np.int32), start=Boottime(block.start + 130 * S)
        )
        for block in ecg_blocks(300, 70)
    ]
    feed(pipeline, flat)
    seen = {row["code"] for row in pipeline.summary.take(CLOCK)["observation"]}
    assert "MDCX_EDGE_HRV_SDNN" not in seen


def test_an_alarm_about_the_future_shows_what_was_measured_and_how_sure_it_is():
    levels = [180.0] * 24 + [180.0 - 5 * step for step in range(22)]
    falling = [observe(codes.GLUCOSE, one, 300 * at, "cgm") for at, one in enumerate(levels)]
    alarms = feed(make_pipeline(), falling)
    ahead = next(alarm for alarm in alarms if alarm.rule == "glucose-low-forecast")
    expected, measured, low, chance = ahead.evidence
    assert expected.value < 70 < measured.value
    assert low.value < measured.value
    assert 0 < chance.value <= 100
    assert "min" in chance.note


def test_a_strap_that_starts_as_it_should_raises_no_alarm():
    """What is worked out from the ECG is judged for ten seconds; the strap's own rate is there."""
    stale = stale_rules([("patch", (codes.ECG, codes.HEART_RATE), 10.0)])
    strap = [observe(codes.HEART_RATE, 70, at, "patch") for at in range(40)]
    mixed = sorted(
        [*ecg_blocks(40, 70), *strap],
        key=lambda one: one.start if isinstance(one, Waveform) else one.at,
    )
    assert feed(make_pipeline(*stale), mixed) == []
