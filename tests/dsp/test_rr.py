import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_agent.dsp.rr import (
    HeartRate,
    Mark,
    Marker,
    heart_rate_per_min,
    mark,
    missing_beats,
    normal_only,
)

NAN = float("nan")
STEADY = [800.0] * 10


def test_a_steady_rhythm_is_normal():
    assert mark([800.0, 820.0, 780.0, 810.0, 790.0, 805.0]) == [Mark.NORMAL] * 6


def test_an_early_beat_and_its_pause_are_ectopic_and_nothing_else_is():
    marks = mark([*STEADY, 520.0, 1080.0, *STEADY])
    assert marks[10:12] == [Mark.ECTOPIC] * 2
    assert set(marks[:10] + marks[12:]) == {Mark.NORMAL}


@pytest.mark.parametrize(("rr_ms", "expected"), [
    (199.0, Mark.ARTEFACT), (4001.0, Mark.ARTEFACT), (NAN, Mark.GAP),
    (881.0, Mark.ECTOPIC), (879.0, Mark.NORMAL), (719.0, Mark.ECTOPIC), (721.0, Mark.NORMAL),
])  # fmt: skip
def test_limits_in_a_steady_rhythm(rr_ms, expected):
    assert mark([*STEADY, *STEADY, rr_ms])[-1] is expected


@pytest.mark.parametrize(("before", "share"), [
    (STEADY[:8], 0.2),  # not known yet how steady the heart is
    ([800.0, 780.0, 820.0] * 20, 5 * 0.025),
    ([800.0, 700.0, 900.0] * 20, 0.25),  # five times the usual deviation would be more
])  # fmt: skip
def test_the_limits_follow_the_person(before, share):
    for sign in (-1, 1):
        assert mark([*before, 800.0 * (1 + sign * (share - 0.01))])[-1] is Mark.NORMAL
        assert mark([*before, 800.0 * (1 + sign * (share + 0.01))])[-1] is Mark.ECTOPIC


def test_a_heart_that_swings_with_the_breath_is_not_ectopic():
    at, rr_ms = 0.0, []
    while at < 300:
        rr_ms.append(900.0 * (1 + 0.18 * np.sin(2 * np.pi * 0.25 * at)))
        at += rr_ms[-1] / 1000
    assert np.mean([one is Mark.NORMAL for one in mark(rr_ms)]) > 0.9


def test_the_interval_after_an_early_beat_is_ectopic_whatever_its_length():
    assert mark([*STEADY, 520.0, 800.0, 800.0])[10:] == [Mark.ECTOPIC, Mark.ECTOPIC, Mark.NORMAL]
    assert mark([*STEADY, 1080.0, 800.0])[10:] == [Mark.ECTOPIC, Mark.NORMAL]


def test_a_true_change_of_rate_is_accepted_after_a_few_beats():
    marks = mark([*STEADY, *[500.0] * 10])
    assert marks[10:14] == [Mark.ECTOPIC] * 4
    assert marks[15:] == [Mark.NORMAL] * 5


def test_artefacts_and_gaps_do_not_move_the_reference():
    marks = mark([*STEADY, *[100.0] * 20, *[NAN] * 20, 800.0])
    assert marks[-1] is Mark.NORMAL


@given(st.lists(st.one_of(st.none(), st.floats(50.0, 5000.0)), max_size=60))
def test_the_stream_marks_as_the_batch_does(rr_ms):
    marker = Marker()
    series = [NAN if one is None else one for one in rr_ms]
    assert [marker.push(one) for one in rr_ms] == mark(series)


def test_normal_only_keeps_length_and_blanks_the_rest():
    rr_ms = [*STEADY, 520.0, 100.0, NAN, 810.0]
    kept = normal_only(rr_ms)
    assert np.flatnonzero(np.isnan(kept)).tolist() == [10, 11, 12]
    assert kept[13] == 810.0


def test_missing_beats_are_as_many_as_a_hole_can_hold():
    rr_ms = [NAN, 800.0, 800.0, NAN, 800.0, NAN, 5000.0, 100.0]
    at_s = [10.0, 10.8, 11.6, 15.6, 16.4, 17.2, 22.2, 22.3]
    assert missing_beats(at_s, rr_ms) == 4 + 0 + 5
    assert missing_beats([1.0, 9.0], [NAN, NAN]) == 0
    assert missing_beats([], []) == 0


def test_heart_rate_is_beats_over_time():
    assert heart_rate_per_min([500.0, 1000.0, 1500.0]) == pytest.approx(60.0)
    assert heart_rate_per_min([1000.0, NAN, 1000.0, 20_000.0]) == pytest.approx(60.0)
    assert heart_rate_per_min([]) is None
    assert heart_rate_per_min([NAN, 100.0]) is None


def test_intervals_must_be_one_dimensional():
    with pytest.raises(ValueError, match="one-dimensional"):
        mark(np.zeros((2, 2)))


@given(st.lists(st.tuples(st.floats(0.25, 3.0), st.booleans()), min_size=1, max_size=60))
def test_the_rolling_rate_equals_the_batch_over_its_window(beats):
    rolling, times, intervals, at_s = HeartRate(window_s=8.0), [], [], 100.0
    for step_s, known in beats:
        at_s += step_s
        rr_ms = 1000.0 * step_s if known else None
        rolling.push(at_s, rr_ms)
        times.append(at_s)
        intervals.append(1000.0 * step_s if known else NAN)
        inside = np.array(times) > at_s - 8.0
        assert rolling.value() == heart_rate_per_min(np.array(intervals)[inside])


def test_the_rate_does_not_outlive_the_heart():
    rate = HeartRate(silence_s=5.0)
    for at_s in range(10):
        rate.push(float(at_s), None if at_s == 0 else 1000.0)
    assert rate.value(13.9) == pytest.approx(60.0)
    assert rate.value(14.1) is None


def test_a_beat_out_of_order_is_ignored():
    rate = HeartRate()
    rate.push(1.0, 1000.0)
    rate.push(0.5, 300.0)
    assert rate.value() == pytest.approx(60.0)


def test_there_is_no_rate_before_the_first_interval():
    rate = HeartRate()
    assert rate.value() is None
    rate.push(1.0, None)
    assert rate.value(1.0) is None
