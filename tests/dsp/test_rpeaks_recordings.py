"""Against recordings of the MIT-BIH Arrhythmia Database (PhysioNet mitdb 1.0.0), where they lie.

All 22 records of DS1, first lead, scored after ANSI/AAMI EC57.
"""

import numpy as np
import pytest

from edge_agent.dsp.hrv import time_domain
from edge_agent.dsp.rpeaks import detect
from edge_agent.validate.ecg import ec57
from edge_agent.validate.ecg.recordings import read, record_names, resampled

RATE_HZ = 360.0
LEARNING_S = 300.0
NORMAL = "NLRBjen"  # begun by the sinus or the atrioventricular node, or escaping


@pytest.fixture(scope="module")
def mitdb(shared_recordings):
    folder = shared_recordings / "ecg" / "mitdb"
    if not folder.is_dir():
        pytest.skip("shared data not here")
    return folder


def scored(record, rate_hz):
    signal = record.signal_mV
    if rate_hz != record.rate_hz:
        signal = resampled(signal, record.rate_hz, rate_hz)
    at = np.rint(detect(signal, rate_hz) * (record.rate_hz / rate_hz)).astype(np.int64)
    return ec57.score(
        record.name, record.beats, at[at < record.length], record.rate_hz, record.length,
        record.flutter,
    )  # fmt: skip


@pytest.mark.parametrize(("rate_hz", "bar"), [(RATE_HZ, 99.88), (130.0, 99.86)])
def test_f1_over_twenty_two_half_hours_reaches_the_bar(mitdb, rate_hz, bar):
    names = record_names(mitdb, annotated=True)
    assert len(names) == 22
    gross = ec57.gross([scored(read(mitdb, name), rate_hz) for name in names])
    assert gross.true_positives + gross.false_negatives > 40_000
    assert gross.f1 >= bar


def test_hrv_of_annotated_beats_equals_what_other_software_gives(mitdb):
    record = read(mitdb, "209")
    rr_ms = 1000.0 * np.diff(record.beats) / RATE_HZ
    first_minutes = rr_ms[record.beats[1:] <= LEARNING_S * RATE_HZ]
    assert time_domain(first_minutes).mean_hr_per_min == pytest.approx(97.222, abs=0.001)
    normal = np.isin(record.symbols, list(NORMAL))
    both = normal[:-1] & normal[1:]
    every, normal_only = time_domain(rr_ms), time_domain(np.where(both, rr_ms, np.nan))
    assert every.rmssd_ms == pytest.approx(63.8, abs=0.05)
    assert every.sdnn_ms == pytest.approx(82.4, abs=0.05)
    assert normal_only.rmssd_ms == pytest.approx(31.7, abs=0.05)
    assert normal_only.sdnn_ms == pytest.approx(37.7, abs=0.05)
