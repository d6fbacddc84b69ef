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
BEAT_CODES = {*range(1, 14), 25, 30, 34, 35, 38, 41}
NORMAL_CODES = {1, 2, 3, 11, 25, 34, 35}
SKIP, AUX = 59, 63


def read_first_lead(folder, name):
    """Lead 0 in mV: WFDB format 212, two leads in turns, 200 units/mV, zero at 1024."""
    octets = np.fromfile(folder / f"{name}.dat", dtype=np.uint8).reshape(-1, 3).astype(np.int32)
    counts = octets[:, 0] | (octets[:, 1] & 0x0F) << 8
    return (np.where(counts > 2047, counts - 4096, counts) - 1024) / 200.0


def read_beats(folder, name):
    """Sample indices and codes of the beats: WFDB annotation file in the MIT format."""
    words = np.fromfile(folder / f"{name}.atr", dtype="<u2").tolist()
    at, place, beats = 0, 0, []
    while words[place]:
        code, rest = words[place] >> 10, words[place] & 0x3FF
        place += 1
        if code == SKIP:
            at += (words[place] << 16) | words[place + 1]
            place += 2
        elif code == AUX:
            place += (rest + 1) // 2
        elif code < SKIP:
            at += rest
            if code in BEAT_CODES:
                beats.append((at, code))
    samples, codes = zip(*beats, strict=True)
    return np.array(samples), np.array(codes)


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
    pytest.importorskip("wfdb", reason="extra [bench] not installed")
    names = record_names(mitdb, annotated=True)
    assert len(names) == 22
    gross = ec57.gross([scored(read(mitdb, name), rate_hz) for name in names])
    assert gross.true_positives + gross.false_negatives > 40_000
    assert gross.f1 >= bar


def test_hrv_of_annotated_beats_equals_what_other_software_gives(mitdb):
    samples, codes = read_beats(mitdb, "209")
    rr_ms = 1000.0 * np.diff(samples) / RATE_HZ
    first_minutes = rr_ms[samples[1:] <= LEARNING_S * RATE_HZ]
    assert time_domain(first_minutes).mean_hr_per_min == pytest.approx(97.222, abs=0.001)
    normal = np.isin(codes[:-1], list(NORMAL_CODES)) & np.isin(codes[1:], list(NORMAL_CODES))
    every, normal_only = time_domain(rr_ms), time_domain(np.where(normal, rr_ms, np.nan))
    assert every.rmssd_ms == pytest.approx(63.8, abs=0.05)
    assert every.sdnn_ms == pytest.approx(82.4, abs=0.05)
    assert normal_only.rmssd_ms == pytest.approx(31.7, abs=0.05)
    assert normal_only.sdnn_ms == pytest.approx(37.7, abs=0.05)
