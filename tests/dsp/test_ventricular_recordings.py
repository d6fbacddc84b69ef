"""Against recordings of the MIT-BIH Arrhythmia Database (PhysioNet mitdb 1.0.0), where they lie.

The shipped weights were learnt from these very records: this test finds out whether the code still
does what the weights were made for. What other patients' beats come to is in the report of
``edge-agent validate ecg``.
"""

import numpy as np
import pytest

from edge_agent.dsp.rpeaks import detect
from edge_agent.dsp.ventricular import classify

RATE_HZ = 360.0
LEARNING_S = 300.0
TOLERANCE = 54  # samples, 150 ms
VENTRICULAR, SCORED = {5, 10}, {1, 2, 3, 4, 5, 7, 8, 9, 10, 11, 25, 34, 35}
BEAT_CODES = {*SCORED, 6, 12, 13, 30, 38, 41}
SKIP, AUX = 59, 63


def read_first_lead(folder, name):
    octets = np.fromfile(folder / f"{name}.dat", dtype=np.uint8).reshape(-1, 3).astype(np.int32)
    counts = octets[:, 0] | (octets[:, 1] & 0x0F) << 8
    return (np.where(counts > 2047, counts - 4096, counts) - 1024) / 200.0


def read_beats(folder, name):
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


def counts(samples, codes, beats):
    """True positives, false positives, false negatives by EC57; fusion and others left out."""
    found = np.array([position for position, _ in beats])
    called = np.array([ventricular for _, ventricular in beats])
    nearest = np.argmin(np.abs(found[np.newaxis, :] - samples[:, np.newaxis]), axis=1)
    matched = np.abs(found[nearest] - samples) <= TOLERANCE
    scored = samples >= LEARNING_S * RATE_HZ
    truth = np.isin(codes, list(VENTRICULAR))
    said = matched & called[nearest]
    other = scored & np.isin(codes, list(SCORED)) & ~truth
    unmatched = np.ones(found.size, dtype=bool)
    unmatched[nearest[matched]] = False
    invented = unmatched & called & (found >= LEARNING_S * RATE_HZ)
    hits, missed = (scored & truth & said).sum(), (scored & truth & ~said).sum()
    return np.array([hits, (other & said).sum() + invented.sum(), missed])


@pytest.fixture(scope="module")
def mitdb(shared_recordings):
    folder = shared_recordings / "ecg" / "mitdb"
    if not folder.is_dir():
        pytest.skip("shared data not here")
    return folder


@pytest.mark.parametrize("rate_hz", [RATE_HZ, 130.0])
def test_f1_of_ventricular_beats_over_five_half_hours_is_at_least_97_percent(mitdb, rate_hz):
    total = np.zeros(3, dtype=int)
    for name in ("106", "119", "203", "208", "215"):
        signal = -read_first_lead(mitdb, name)
        at = np.arange(0.0, signal.size - 1.0, RATE_HZ / rate_hz)
        signal = np.interp(at, np.arange(signal.size), signal)
        beats = classify(signal, rate_hz, detect(signal, rate_hz))
        scaled = [(beat.position * RATE_HZ / rate_hz, beat.ventricular) for beat in beats]
        total += counts(*read_beats(mitdb, name), scaled)
    hits, extra, missed = total
    assert 2 * hits / (2 * hits + extra + missed) >= 0.97
