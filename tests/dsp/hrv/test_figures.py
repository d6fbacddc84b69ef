import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge_agent.dsp.hrv import (
    DAY_S,
    RollingHrv,
    frequency_domain,
    hrv,
    long_term,
    nonlinear,
    time_domain,
    ultra_low_ms2,
)
from edge_agent.dsp.rr import normal_only
from tests.dsp.hrv.series import lively, two_tones

NAN = float("nan")


def ended(rr_ms, start_s=0.0):
    return start_s + np.cumsum(rr_ms) / 1000.0


def day_of_beats(hours=24.0):
    """A day's swing of 50 ms, 30 ms at 0.001 Hz, 20 ms at 0.01 Hz, and 20 ms at 0.1 Hz."""
    at_s, rr_ms = 0.0, []
    while at_s < hours * 3600.0:
        slow = 0.05 * np.sin(2 * np.pi * at_s / 86_400) + 0.03 * np.sin(2 * np.pi * 0.001 * at_s)
        fast = 0.02 * np.sin(2 * np.pi * 0.01 * at_s) + 0.02 * np.sin(2 * np.pi * 0.1 * at_s)
        rr_ms.append(1000.0 * (1.0 + slow + fast))
        at_s += rr_ms[-1] / 1000.0
    return np.array(rr_ms)


@pytest.fixture(scope="module")
def day():
    return day_of_beats()


def test_the_figures_are_those_of_the_single_functions():
    rr_ms = lively(350)
    figures = hrv(ended(rr_ms), rr_ms)
    inside = ended(rr_ms) > ended(rr_ms)[-1] - 300.0
    nn = normal_only(rr_ms)[inside]
    assert figures.time.sdnn_ms == time_domain(nn).sdnn_ms
    assert figures.time.n_missing == 0
    assert figures.nonlinear == nonlinear(nn)
    assert figures.frequency == frequency_domain(nn, rr_ms=rr_ms[inside])
    assert figures.long_term is None
    assert figures.at_s == ended(rr_ms)[-1]


@settings(max_examples=25)
@given(
    st.lists(
        st.tuples(st.floats(0.25, 3.0), st.booleans(), st.booleans()), min_size=1, max_size=300
    )
)
def test_beat_by_beat_gives_what_all_at_once_gives(beats):
    rolling, times, intervals, at_s = RollingHrv(window_s=60.0), [], [], 1e5
    for step_s, is_known, is_long_gap in beats:
        at_s += step_s + 20.0 * (is_long_gap and not is_known)
        rolling.push(at_s, 1000.0 * step_s if is_known else None)
        times.append(at_s)
        intervals.append(1000.0 * step_s if is_known else NAN)
    assert rolling.value() == hrv(times, intervals, window_s=60.0)


def test_beats_that_nobody_saw_are_told():
    rr_ms = np.full(200, 800.0)
    at_s = ended(rr_ms)
    at_s[100:] += 16.0
    rr_ms[100] = NAN
    figures = hrv(at_s, rr_ms)
    assert figures.time.n_missing == 20
    assert figures.time.n_excluded == 1
    assert figures.frequency.n_stretches == 0
    assert figures.frequency.lf_ms2 is None


def test_spectrum_of_five_minutes_with_a_gap_says_what_it_covers():
    rr_ms = two_tones(320)
    at_s = ended(rr_ms)
    at_s[225:] += 20.0
    rr_ms[225] = NAN
    frequency = hrv(at_s, rr_ms).frequency
    assert frequency.n_stretches == 2
    assert frequency.covered_share == pytest.approx(280 / 300, abs=0.02)
    assert frequency.lf_ms2 == pytest.approx(200.0, rel=0.02)


def test_memory_of_a_window_stays_bounded():
    rolling = RollingHrv(window_s=10.0)
    for beat in range(5000):
        rolling.push(float(beat), 1000.0)
    assert len(rolling._window._at_s) <= 300
    assert rolling.value().time.n == 10


def test_a_beat_out_of_order_is_ignored():
    rolling = RollingHrv()
    rolling.push(10.0, 800.0)
    rolling.push(9.0, 900.0)
    assert rolling.value().time.n == 1


def test_nothing_gives_nothing():
    assert hrv([], []) is None
    assert hrv([1.0, 2.0], [NAN, NAN]) is None
    assert RollingHrv().value() is None


def test_times_must_ascend_and_fit():
    with pytest.raises(ValueError, match="do not ascend"):
        hrv([1.0, 1.0], [800.0, 800.0])
    with pytest.raises(ValueError, match="as many expected"):
        hrv([1.0], [800.0, 800.0])


def test_a_day_has_power_in_every_band(day):
    figures = hrv(ended(day), day, window_s=DAY_S)
    assert figures.frequency.ulf_ms2 == pytest.approx(50.0**2 / 2 + 30.0**2 / 2, rel=0.01)
    assert figures.frequency.vlf_ms2 == pytest.approx(200.0, rel=0.01)
    assert figures.frequency.lf_ms2 == pytest.approx(200.0, rel=0.01)
    assert figures.frequency.hf_ms2 == pytest.approx(0.0, abs=1.0)
    bands = ("ulf_ms2", "vlf_ms2", "lf_ms2", "hf_ms2")
    total = sum(getattr(figures.frequency, name) for name in bands)
    assert figures.frequency.total_ms2 == pytest.approx(total)
    assert figures.long_term.n_segments == 288
    assert figures.nonlinear.sample_entropy is None


def test_gaps_in_a_day_are_told_and_change_little(day):
    at_s, random = ended(day), np.random.default_rng(5)
    keep = np.ones(day.size, dtype=bool)
    for begin in random.uniform(0.0, 86_000.0, 40):
        keep &= ~((at_s > begin) & (at_s < begin + random.uniform(5.0, 400.0)))
    rr_ms = day.copy()
    rr_ms[1:][~keep[:-1]] = NAN
    figures = hrv(at_s[keep], rr_ms[keep], window_s=DAY_S)
    assert figures.time.n_missing == pytest.approx(np.count_nonzero(~keep), rel=0.02)
    assert figures.frequency.ulf_ms2 == pytest.approx(1700.0, rel=0.05)
    assert figures.frequency.covered_share < keep.mean()
    assert figures.frequency.n_stretches > 20


def test_less_than_eighteen_hours_have_no_ulf(day):
    at_s = ended(day)
    short = at_s < 17.5 * 3600
    assert ultra_low_ms2(at_s[short], day[short]) is None
    thin = at_s % 3600 < 1700
    assert ultra_low_ms2(at_s[thin], day[thin]) is None
    assert ultra_low_ms2([], []) is None
    assert ultra_low_ms2([1.0], [800.0]) is None


def test_segments_of_five_minutes_have_closed_forms():
    segments = [np.tile([mean - 10.0, mean + 10.0], 150) for mean in (990.0, 1000.0, 1010.0)]
    at_s = np.concatenate([300.0 * number + 0.99 * np.arange(300) for number in range(3)])
    figures = long_term(at_s, np.concatenate(segments))
    assert figures.n_segments == 3
    assert figures.sdann_ms == pytest.approx(10.0)
    assert figures.sdnn_index_ms == pytest.approx(10.0 * np.sqrt(300 / 299))


def test_a_segment_less_than_half_filled_does_not_count():
    rr_ms = np.full(1200, 1000.0)
    at_s = ended(rr_ms)
    rr_ms[at_s % 300 >= 140] = NAN
    assert long_term(at_s, rr_ms) is None
    assert long_term([], []) is None
