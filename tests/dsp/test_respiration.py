import math
from statistics import fmean

import numpy as np
import pytest

from edge_agent.dsp.respiration import RespirationStream, respiration_rates
from edge_agent.dsp.respiration_features import BeatShapeStream, beat_shapes
from edge_agent.dsp.rpeaks import Detector, detect
from edge_agent.validate.ecg.respiration import FAST, SLOW, Breather, Way, score


def simulated(rate_per_min, *, seconds=182.0, seed=0, **who):
    return Breather(**who).beats(rate_per_min, seconds, seed)


def scored(rates_per_min, *, use="both", seeds=6, seconds=182.0, **who):
    """Share of windows given a rate, mean error (per minute), share of those off by over 3."""
    way = Way(
        who=Breather(**who), rates_per_min=tuple(rates_per_min),
        shape=use != "timing", timing=use != "shape",
    )  # fmt: skip
    found = score(way, seeds, seconds=seconds)
    return found.given, np.nan_to_num(found.error_per_min), np.nan_to_num(found.off)


@pytest.mark.parametrize("heart_rate", [75.0, 100.0, 150.0])
def test_shape_and_timing_together_find_the_rate(heart_rate):
    given, error, off = scored((*SLOW, *FAST), heart_rate=heart_rate, seeds=1, seconds=122.0)
    assert given > 0.9
    assert error < 1.0
    assert off < 0.03


def test_fast_breathing_is_found_where_the_heart_is_faster_than_twice_it():
    given, error, off = scored((45, 55), heart_rate=150.0, seeds=2)
    assert given > 0.9
    assert error < 1.5
    assert off < 0.1


def test_the_shape_alone_finds_the_rate():
    given, error, off = scored((*SLOW, *FAST), use="shape", seeds=1)
    assert given > 0.9
    assert error < 1.0
    assert off < 0.03


def test_timing_alone_finds_rates_from_twelve_a_minute_for_a_strap_without_ecg():
    given, error, off = scored(FAST, use="timing", seeds=1)
    assert given > 0.85
    assert error < 1.0
    assert off < 0.03


def test_half_the_modulation_gives_fewer_rates_but_no_wrong_ones():
    given, error, off = scored((*SLOW, *FAST), in_rr=0.015, in_height=0.03, seeds=1)
    assert 0.3 < given < 0.9
    assert error < 1.0
    assert off < 0.03


def test_without_modulation_there_is_no_rate():
    given, _, _ = scored((15,), in_rr=0.0, in_height=0.0, seeds=6)
    assert given < 0.01


def test_in_atrial_fibrillation_the_shape_is_left_and_timing_says_nothing():
    given, error, off = scored((8, 15, 25), fibrillation=True, seeds=1)
    assert given > 0.9
    assert error < 1.0
    assert off < 0.03
    assert scored((8, 15, 25), fibrillation=True, use="timing", seeds=1)[0] < 0.02


def test_slow_waves_of_blood_pressure_are_not_taken_for_breathing():
    given, error, off = scored(FAST, mayer=0.03, seeds=1)
    assert given > 0.85
    assert error < 1.0
    assert off < 0.03
    assert scored(FAST, mayer=0.03, use="timing", seeds=1)[2] < 0.05


def test_modulations_that_disagree_give_no_rate():
    at_s = np.arange(0.0, 60.0, 0.8)
    rr_ms = 800.0 + 30.0 * np.sin(2.0 * np.pi * 12.0 / 60.0 * at_s)
    height = 1.0 + 0.1 * np.sin(2.0 * np.pi * 20.0 / 60.0 * at_s)
    for _, found in respiration_rates(at_s, rr_ms, height_mV=height):
        assert found.rate_per_min is None
        assert found.quality == 0.0
        assert found.by_shape.per_min == pytest.approx(20.0, abs=0.2)
        assert found.by_timing.per_min == pytest.approx(12.0, abs=0.2)


def test_the_quality_falls_with_the_modulation():
    qualities = []
    for height in (0.12, 0.06, 0.03):
        at_s, rr_ms, heights, areas = simulated(15, in_height=height, in_rr=height / 2.0)
        found = respiration_rates(at_s, rr_ms, height_mV=heights, area_mv_s=areas)
        qualities.append(fmean(one.quality for _, one in found))
        assert all(0.0 <= one.quality <= 1.0 for _, one in found)
    assert qualities == sorted(qualities, reverse=True)


@pytest.mark.parametrize("factor", [1e-4, -1.0, 1e4])
def test_the_unit_and_polarity_of_the_shape_do_not_matter(factor):
    at_s, rr_ms, height, area = simulated(15)
    plain = respiration_rates(at_s, rr_ms, height_mV=height, area_mv_s=area)
    other = respiration_rates(at_s, rr_ms, height_mV=factor * height, area_mv_s=factor * area)
    for (_, one), (_, two) in zip(plain, other, strict=True):
        assert two.rate_per_min == pytest.approx(one.rate_per_min, abs=1e-6)


def test_single_ectopic_beats_do_not_matter():
    at_s, rr_ms, height, area = simulated(15, seconds=120.0)
    rr_ms[20::25] *= 0.6
    rr_ms[21::25] *= 1.4
    height[20::25] *= -2.0
    area[20::25] *= 3.0
    found = respiration_rates(at_s, rr_ms, height_mV=height, area_mv_s=area)
    rates = [one.rate_per_min for _, one in found if one.rate_per_min is not None]
    assert len(rates) > 0.8 * len(found)
    assert max(abs(rate - 15.0) for rate in rates) < 3.0


def pushed(beats, stream=None):
    stream = stream or RespirationStream()
    for at_s, rr_ms, height, area in beats.T.tolist():
        stream.push_beat(at_s, rr_ms, height_mV=height, area_mv_s=area)
    return stream


def test_there_is_no_rate_before_the_window_is_nearly_full_nor_without_beats():
    assert RespirationStream().value().rate_per_min is None
    beats = simulated(15)
    assert pushed(beats[:, beats[0] < 24.0]).value().rate_per_min is None
    assert pushed(beats[:, beats[0] < 33.0]).value().rate_per_min == pytest.approx(15.0, abs=1.5)


def test_the_rate_does_not_outlive_the_beats_nor_bridge_a_hole():
    beats = simulated(15)
    stream = pushed(beats[:, beats[0] < 60.0])
    assert stream.value(61.0).rate_per_min is not None
    assert stream.value(66.0).rate_per_min is None
    holed = beats[:, (beats[0] < 70.0) | (beats[0] > 76.0)]
    assert pushed(holed[:, holed[0] < 80.0]).value().rate_per_min is None


def test_a_constant_series_has_no_rate():
    at_s = np.arange(0.0, 60.0, 0.75)
    found = respiration_rates(at_s, np.full(at_s.size, 750.0), height_mV=np.full(at_s.size, 1.2))
    assert [one.rate_per_min for _, one in found] == [None] * len(found)


def test_beats_out_of_order_are_ignored_and_memory_is_bounded():
    beats = simulated(15)
    stream = pushed(beats)
    before = stream.value()
    stream.push_beat(10.0, 2000.0, height_mV=9.0)
    assert stream.value() == before
    assert len(stream._beats) < 60


@pytest.mark.parametrize(
    "bad", [{"at_s": math.nan}, {"height_mV": math.inf}, {"area_mv_s": math.nan}]
)
def test_numbers_that_are_none_are_refused(bad):
    with pytest.raises(ValueError, match="finite"):
        RespirationStream().push_beat(**{"at_s": 1.0, "rr_ms": 800.0, **bad})


def breathing_ecg(rate_per_min, rate_hz, *, noise_mv=0.02, seed=1):
    """QRS complexes whose size breathes, on a base line that breathes too."""
    beats = simulated(rate_per_min, seconds=70.0, in_height=0.1, seed=seed)
    t = np.arange(round(71.0 * rate_hz)) / rate_hz
    signal = 0.3 * np.sin(2.0 * np.pi * rate_per_min / 60.0 * t + 1.0)
    signal += noise_mv * np.random.default_rng(seed).standard_normal(t.size)
    for at_s, _, height, _ in beats.T:
        near = np.abs(t - at_s) < 0.15
        apart = t[near] - at_s
        signal[near] += height * np.exp(-0.5 * (apart / 0.011) ** 2)
        signal[near] -= 0.22 * height * np.exp(-0.5 * ((apart - 0.027) / 0.01) ** 2)
    return signal


@pytest.mark.parametrize("rate_hz", [130.0, 250.0, 500.0])
@pytest.mark.parametrize("rate_per_min", [8, 15, 25])
@pytest.mark.parametrize("polarity", [1.0, -1.0])
def test_the_shape_of_the_beats_of_an_ecg_gives_the_rate(rate_per_min, rate_hz, polarity):
    signal = polarity * breathing_ecg(rate_per_min, rate_hz)
    peaks = detect(signal, rate_hz)
    shapes = beat_shapes(signal, rate_hz, peaks)
    found = respiration_rates(
        peaks / rate_hz,
        np.full(peaks.size, np.nan),
        height_mV=[one.height_mV for one in shapes],
        area_mv_s=[one.area_mv_s for one in shapes],
    )
    rates = [one.rate_per_min for _, one in found if one.rate_per_min is not None]
    assert len(rates) >= 0.8 * len(found)
    assert max(abs(rate - rate_per_min) for rate in rates) < 2.0


def test_height_and_area_of_a_beat_are_those_it_was_made_with():
    t = np.arange(500) / 250.0
    signal = 0.7 - 1.5 * np.exp(-0.5 * ((t - 1.0013) / 0.011) ** 2)
    (shape,) = beat_shapes(signal, 250.0, [250])
    assert shape.height_mV == pytest.approx(-1.5, rel=0.01)
    assert shape.area_mv_s == pytest.approx(1.5 * 0.011 * math.sqrt(2.0 * math.pi), rel=0.01)


@pytest.mark.parametrize("block", [1, 7, 50, 5000])
def test_shapes_are_the_same_for_every_split(block):
    signal = breathing_ecg(15, 130.0)[:2600]
    detector, stream = Detector(130.0), BeatShapeStream(130.0)
    measured = []
    for at in range(0, signal.size, block):
        part = signal[at : at + block]
        measured += stream.push(part, detector.push(part))
    measured += stream.flush(detector.flush())
    assert measured == beat_shapes(signal, 130.0, detect(signal, 130.0))
