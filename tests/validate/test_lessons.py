"""What the beat detector is taught, from a folder of small recordings of one lead."""

import numpy as np
import pytest

from edge_agent.validate.ecg.lessons import held_out, lessons, with_standstills
from edge_agent.validate.ecg.recordings import lead_count, read, record_names
from tests.validate.conftest import needs_bench

pytestmark = needs_bench


@pytest.fixture(scope="module")
def taught(small_recordings):
    return list(lessons(small_recordings))


def test_each_lesson_has_the_beats_of_its_record_at_its_own_rate(taught, small_recordings):
    counts = {read(small_recordings / "mitdb", name).beats.size for name in ("901", "902")}
    assert counts <= {one.beats.size for one in taught}
    for one in taught:
        assert one.beats.max() < one.signal_mV.size
        beats = one.signal_mV[one.beats]
        assert np.median(beats) > 0.5  # they lie on R peaks of 1 mV, whatever the rate


def test_records_are_learnt_from_faster_slower_noisy_and_as_a_strap_sends_them(taught):
    rates = {round(one.rate_hz) for one in taught}
    assert {130, 306, 360, 432} <= rates
    at_own_rate = [one for one in taught if one.rate_hz == 360.0]
    assert len({one.signal_mV.std().round(6) for one in at_own_rate}) > 6


def test_a_record_of_one_lead_is_not_asked_for_its_second(taught, small_recordings):
    assert lead_count(small_recordings / "mitdb", "901") == 1
    of_one_record = sum(one.signal_mV.size == 630 * 360 for one in taught) / 2
    assert of_one_record == 10  # own rate, faster, slower, standing still, six with noise


def test_a_set_weighs_the_same_however_many_records_it_has(small_recordings):
    def weight(keep):
        return sum(one.weight for one in lessons(small_recordings, keep))

    both = weight(lambda name: name in ("901", "902"))
    assert both == pytest.approx(weight(lambda name: name == "901"))
    assert both > 0.0


def test_every_record_is_held_out_once(small_recordings):
    names = ["901", "902", *record_names(small_recordings / "cpsc2019", annotated=True)]
    keeps = list(held_out(small_recordings, 3))
    assert len(keeps) == 3
    for name in names:
        assert [keep(name) for keep in keeps].count(False) == 1


def test_a_record_from_elsewhere_is_never_learnt_from_while_some_are_held_out(small_recordings):
    assert not any(keep("elsewhere") for keep in held_out(small_recordings, 2))


def test_a_heart_stands_still_for_seconds_and_its_beats_are_gone(small_recordings):
    record = read(small_recordings / "mitdb", "901")
    signal, beats = with_standstills(record)
    gone = np.setdiff1d(record.beats, beats)
    pauses_s = np.diff(beats) / record.rate_hz
    assert gone.size > 30
    assert 4 <= (pauses_s > 5.0).sum() <= 10
    assert pauses_s.max() < 16.0
    assert np.abs(signal[gone]).max() < 0.6
    untouched = signal == record.signal_mV
    assert untouched.mean() > 0.75
    again, _ = with_standstills(record)
    assert np.array_equal(signal, again)
