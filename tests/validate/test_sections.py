"""What single sections count, on signals whose truth is known."""

import math

import numpy as np
import pytest

from edge_agent.dsp.rhythm_finding import Kind
from edge_agent.errors import EdgeError
from edge_agent.validate.ecg import (
    cost,
    fibrillation,
    fibrillation_strips,
    latency,
    noise_curves,
    pauses,
    polar,
    ride,
    silences,
    ventricular,
)
from edge_agent.validate.ecg.bench import EcgBench
from edge_agent.validate.ecg.detectors import OUR_DETECTOR, PEERS, Detector, run
from edge_agent.validate.ecg.ranking import area_under_curve, curve
from edge_agent.validate.ecg.recordings import Recording
from edge_agent.validate.ecg.scoring import Tally, score_one
from edge_agent.validate.section import Outcome
from tests.validate.conftest import ecg, pmd_file

RATE_HZ = 250.0


def recording(duration_s=90.0, *, symbols=None, rhythms=(), flutter=(), **kwargs):
    one = ecg(RATE_HZ, duration_s, **kwargs)
    return Recording(
        name="r", lead="I", rate_hz=RATE_HZ, signal_mV=one.signal, beats=one.beats,
        symbols=tuple(symbols or one.symbols), rhythms=rhythms, flutter=flutter,
    )  # fmt: skip


def test_a_peer_that_fails_is_named_and_has_found_nothing():
    def fails(_signal, _rate_hz):
        raise ZeroDivisionError("no beats")

    record, tally = recording(), Tally()
    peer = Detector(name="peer", distribution="peer", find=fails)
    score_one(tally, peer, record, record.signal_mV, record.rate_hz)
    assert tally.failures == ["r: ZeroDivisionError: no beats"]
    assert (tally.gross.true_positives, tally.gross.false_negatives) == (0, record.beats.size)


def test_a_failure_of_our_own_detector_is_raised():
    def fails(_signal, _rate_hz):
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        run(Detector(name="edge-agent", distribution="", find=fails), np.zeros(10), RATE_HZ)


def test_peaks_at_another_rate_are_scored_at_the_records_own():
    record, tally = recording(), Tally()
    exact = Detector(name="peer", distribution="peer", find=lambda _, __: record.beats / 2.0)
    score_one(tally, exact, record, record.signal_mV[::2], RATE_HZ / 2.0)
    assert tally.gross.f1 == 100.0


def test_latency_counts_from_the_peak_to_the_end_of_the_block_that_tells_it():
    one = latency.stream(recording(), 0.2)
    finer = latency.stream(recording(), 0.02)
    assert one.as_batch
    assert finer.latency_s.size == one.latency_s.size
    assert finer.latency_s.min() > 0.0
    assert 0.0 <= np.median(one.latency_s) - np.median(finer.latency_s) <= 0.2


def test_memory_is_that_of_a_process_of_its_own():
    memory = cost.peak_memory(recording())
    assert memory["numpy alone, the recording read"] <= memory["edge-agent, stream"]
    assert memory["edge-agent, stream"] < 200.0


def test_every_detector_is_timed_in_processes_of_its_own():
    detectors = [OUR_DETECTOR, *(one for one in PEERS if one.name == cost.PEER)]
    times = cost.batch_times(detectors, [recording()], 125.0)
    assert set(times) == {one.name for one in detectors}
    assert all(seconds > 0.0 for seconds in times.values())


def test_the_cleanest_records_stand_in_where_the_noise_stress_test_has_none(small_recordings):
    bench = EcgBench(data=small_recordings)
    normal = recording()
    mixed = recording(ventricular=3)
    chosen = noise_curves.stress_records(bench, [mixed, normal, mixed])
    assert chosen == [normal, mixed]


def test_frames_give_samples_and_the_rate_of_their_clock(tmp_path):
    signal = np.rint(1000.0 * ecg(130.0, 30.0).signal) / 1000.0
    signal[5] = -3.0
    path = tmp_path / "a_pmd_b.bin"
    path.write_bytes(pmd_file(signal, 130.05))
    samples, rate_hz = polar.read_frames(path)
    assert samples == pytest.approx(signal[: samples.size])
    assert samples.size == signal.size // 73 * 73
    assert rate_hz == pytest.approx(130.05, abs=1e-4)


@pytest.mark.parametrize("damage", [lambda o: o[1:], lambda o: o[:-5], lambda o: o[:27],
                                    lambda o: o[:28] + b"\x01" + o[29:]])  # fmt: skip
def test_a_damaged_file_of_frames_is_refused(tmp_path, damage):
    path = tmp_path / "a_pmd_b.bin"
    path.write_bytes(damage(pmd_file(np.zeros(730), 130.0)))
    with pytest.raises(EdgeError, match=r"a_pmd_b\.bin"):
        polar.read_frames(path)


def test_a_ride_comes_with_the_lag_that_its_readme_tells(small_recordings):
    (one,) = polar.rides(small_recordings / "polar_h10")
    assert one.lag_s == 20
    assert one.heart_rate.size == 240
    (strap,) = polar.strap_beats(small_recordings / "polar_h10")
    assert strap.rate_hz == pytest.approx(130.0, abs=0.01)
    assert strap.rr_ms.mean() == pytest.approx(800.0, rel=0.02)


def ridden(beats_s, heart_rate, lag_s=0, duration_s=600.0):
    one = polar.Ride(
        name="x", signal_mV=np.zeros(round(duration_s * 130)), rate_hz=130.0,
        heart_rate=np.asarray(heart_rate, dtype=float), lag_s=lag_s,
    )  # fmt: skip
    return ride.compare(one, np.asarray(beats_s), lag_s)


def test_an_exact_heart_rate_has_no_error_and_loses_no_minute():
    one = ridden(np.arange(0.0, 600.0, 0.5), np.full(580, 120.0), lag_s=20)
    assert one.centred == pytest.approx(0.0, abs=1e-9)
    assert one.trailing == pytest.approx(0.0, abs=1e-9)
    assert one.lost_minutes == 0


def test_minutes_without_beats_or_far_off_are_lost():
    beats = np.concatenate((np.arange(0.0, 180.0, 0.5), np.arange(300.0, 600.0, 0.5)))
    heart_rate = np.full(600, 120.0)
    heart_rate[420:480] = 140.0
    assert ridden(beats, heart_rate).lost_minutes == 3


def test_the_lag_can_be_found_where_nobody_wrote_it_down():
    t = np.arange(600.0)
    rate = 100.0 + 30.0 * np.sin(t / 40.0)
    beats = np.interp(np.arange(2.0, 850.0), np.cumsum(rate / 60.0), t)
    one = polar.Ride(
        name="x", signal_mV=np.zeros(600 * 130), rate_hz=130.0, heart_rate=rate[37:], lag_s=None
    )
    assert abs(ride.best_lag(one, beats) - 37) <= 2


@pytest.mark.parametrize(
    ("values", "area"), [([1, 2, 3, 4], 1.0), ([4, 3, 2, 1], 0.0), ([1, 1, 1, 1], 0.5),
                         ([1, 3, 2, 4], 0.75)],
)  # fmt: skip
def test_area_under_the_curve(values, area):
    positive = np.array([False, False, True, True])
    values = np.array(values, dtype=float)
    assert area_under_curve(values, positive) == area
    false_rate, true_rate = curve(values, positive)
    assert np.trapezoid(true_rate, false_rate) == pytest.approx(area)


def test_the_area_needs_both_classes():
    assert math.isnan(area_under_curve(np.array([0.1]), np.array([True])))


def test_beats_have_the_rhythm_written_down_before_them():
    record = recording(rhythms=((0, "(N"), (2500, "(AFIB"), (5000, "(AFL"), (7500, "(N")))
    beats = fibrillation.labelled(record, np.array([9.0, 10.5, 19.0, 21.0, 31.0]))
    assert beats.af.tolist() == [False, True, True, False, False]
    assert beats.counts.tolist() == [True, True, True, False, True]
    assert math.isnan(beats.rr_ms[0])
    assert beats.rr_ms[1:] == pytest.approx([1500.0, 8500.0, 2000.0, 10000.0])


def judged(probability, symbols, unfound=0):
    return ventricular.Judged(
        record="r", probability=np.array(probability), symbols=tuple(symbols), unfound=unfound
    )


def test_ventricular_beats_are_counted_and_fusion_beats_count_for_nothing():
    one = judged([0.9, 0.1, 0.9, 0.1, 0.9, 0.9], ["V", "V", "N", "N", "F", ""], unfound=1).count()
    assert (one.hits, one.missed, one.invented, one.left_alone) == (1, 2, 2, 1)
    assert one.f1 == pytest.approx(100.0 * 2 / 6)


def test_each_detection_has_the_annotation_it_pairs_with():
    record = recording(ventricular=5, flutter=((5000, 6000),))
    peaks = np.delete(record.beats, 4)  # a ventricular beat is missed
    features = ventricular.beat_features(record.signal_mV, RATE_HZ, peaks)
    one = ventricular.judge(record, peaks, features, ventricular.WEIGHTS)
    inside = (peaks < 5000) | (peaks > 6000)
    assert one.unfound == 1
    assert one.symbols == tuple(np.array(record.symbols)[[*range(4), *range(5, 1 + peaks.size)]]
                                [inside])  # fmt: skip


@pytest.fixture(scope="module")
def all_cuts():
    record = recording(duration_s=120.0)
    random = np.random.default_rng(3)
    return {one.filling: one for one in silences.cuts(record, 1, random)}


def test_a_cut_is_silent_from_its_last_beat_to_the_next(all_cuts):
    assert sorted(all_cuts) == sorted(silences.FILLINGS)
    for one in all_cuts.values():
        found = pauses.watch(one.signal_mV, one.rate_hz)
        inside = slice(
            round((one.last_beat_s + 0.45) * RATE_HZ), round((one.next_beat_s - 0.35) * RATE_HZ)
        )
        assert one.next_beat_s - one.last_beat_s > silences.LEAST_S
        if one.filling in {"standstill", "flat", "rail"}:
            assert np.ptp(one.signal_mV[inside]) < 0.4
        assert found


def test_a_standstill_alarms_in_time_and_a_lead_that_is_off_does_not(all_cuts):
    for name, one in all_cuts.items():
        result = pauses.judge(one)
        late = [result.lateness_s[kind] for kind in (Kind.PAUSE, Kind.ASYSTOLE)]
        assert result.elsewhere == 0
        if name in silences.HEART_STOPS:
            assert all(0.0 < value <= pauses.LATENESS_BAR_S for value in late)
        else:
            assert late == [None, None]
            assert result.flat_line


def test_cuts_are_the_same_for_the_same_seed_and_need_room():
    record = recording(duration_s=120.0)
    first, second = (
        [one.last_beat_s for one in silences.cuts(record, 2, np.random.default_rng(1))]
        for _ in range(2)
    )
    assert first == second
    assert not list(silences.cuts(recording(duration_s=20.0), 1, np.random.default_rng(1)))


def test_too_few_strips_to_learn_from_are_a_note_and_no_error(tmp_path):
    one = ecg(300.0, 30.0)
    strips = [
        fibrillation_strips.Strip(name=label, label=label, signal_mV=one.signal, rate_hz=300.0)
        for label in "NA"
    ]
    outcome = Outcome()
    fibrillation_strips.judge_strips(EcgBench(data=tmp_path), strips, {}, outcome)
    assert "too few strips" in outcome.notes[0]
    assert outcome.verdicts[0].met is None
