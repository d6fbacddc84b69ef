"""Against recordings of the MIT-BIH Arrhythmia Database (PhysioNet mitdb 1.0.0), where they lie.

The shipped weights were learnt from these very records: this test finds out whether the code still
does what the weights were made for. What other patients' beats come to is in the report of
``edge-agent validate ecg``.
"""

import numpy as np
import pytest

from edge_agent.dsp.rpeaks import detect
from edge_agent.dsp.ventricular import classify
from edge_agent.validate.ecg.recordings import read, resampled
from edge_agent.validate.ecg.ventricular import NOT_VENTRICULAR, VENTRICULAR

RATE_HZ = 360.0
LEARNING_S = 300.0
TOLERANCE = 54  # samples, 150 ms


def counts(record, beats):
    """True positives, false positives, false negatives by EC57; fusion and others left out."""
    samples, symbols = record.beats, np.array(record.symbols)
    found = np.array([position for position, _ in beats])
    called = np.array([ventricular for _, ventricular in beats])
    nearest = np.argmin(np.abs(found[np.newaxis, :] - samples[:, np.newaxis]), axis=1)
    matched = np.abs(found[nearest] - samples) <= TOLERANCE
    scored = samples >= LEARNING_S * RATE_HZ
    truth = np.isin(symbols, list(VENTRICULAR))
    said = matched & called[nearest]
    other = scored & np.isin(symbols, list(NOT_VENTRICULAR))
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
        record = read(mitdb, name)
        signal = resampled(-record.signal_mV, RATE_HZ, rate_hz)
        beats = classify(signal, rate_hz, detect(signal, rate_hz))
        scaled = [(beat.position * RATE_HZ / rate_hz, beat.ventricular) for beat in beats]
        total += counts(record, scaled)
    hits, extra, missed = total
    assert 2 * hits / (2 * hits + extra + missed) >= 0.97
