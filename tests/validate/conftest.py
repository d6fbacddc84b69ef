"""A folder of small recordings whose beats are known, written as WFDB files."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import numpy as np
import pytest

from edge_agent.validate.software import quiet

NEEDED = [name for name in ("wfdb", "matplotlib") if importlib.util.find_spec(name) is None]
needs_bench = pytest.mark.skipif(bool(NEEDED), reason=f"extra [bench] not installed: {NEEDED}")

_WAVES = ((-0.17, 0.022, 0.12), (0.0, 0.011, 1.0), (0.027, 0.01, -0.22), (0.26, 0.045, 0.28))


def ecg(rate_hz, duration_s, *, rr_s=0.8, variation=0.04, seed=1):
    """Signal (mV, R of 1 mV) and beats (samples)."""
    random = np.random.default_rng(seed)
    count = int(duration_s / rr_s) + 1
    at_s = 0.5 + np.cumsum(rr_s * (1.0 + variation * random.standard_normal(count)))
    at_s = at_s[at_s < duration_s - 0.5]
    t = np.arange(round(duration_s * rate_hz)) / rate_hz
    signal = 0.01 * random.standard_normal(t.size)
    reach = np.arange(-round(0.4 * rate_hz), round(0.5 * rate_hz))
    for beat in at_s:
        near = round(beat * rate_hz) + reach
        near = near[(near >= 0) & (near < t.size)]
        for centre, width, size in _WAVES:
            signal[near] += size * np.exp(-0.5 * ((t[near] - beat - centre) / width) ** 2)
    return signal, np.rint(at_s * rate_hz).astype(int)


def write_record(folder, name, signal, rate_hz, *, beats=(), symbols=None, notes=()):
    """Write a record of one lead; ``notes`` are rhythm marks (sample, text) or ([ and ])."""
    import wfdb

    folder.mkdir(parents=True, exist_ok=True)
    wfdb.wrsamp(
        name, fs=rate_hz, units=["mV"], sig_name=["MLII"], p_signal=signal[:, np.newaxis],
        fmt=["16"], adc_gain=[1000.0], baseline=[0], write_dir=str(folder),
    )  # fmt: skip
    marks = [(int(at), symbol, "") for at, symbol in zip(beats, symbols or "N" * len(beats))]  # noqa: B905
    marks += [(at, text if text in "[]" else "+", "" if text in "[]" else text)
              for at, text in notes]  # fmt: skip
    marks.sort(key=lambda mark: mark[0])
    if marks:
        at, signs, texts = zip(*marks, strict=True)
        wfdb.wrann(
            name, "atr", np.array(at), symbol=list(signs), aux_note=list(texts),
            write_dir=str(folder),
        )  # fmt: skip


def noise(rate_hz, duration_s, seed):
    return 0.1 * np.random.default_rng(seed).standard_normal(round(duration_s * rate_hz))


@pytest.fixture(scope="session")
def small_recordings(tmp_path_factory) -> Path:
    """Two half-long records, three kinds of noise, two strips; other sets are missing."""
    if NEEDED:
        pytest.skip(f"extra [bench] not installed: {NEEDED}")
    data = tmp_path_factory.mktemp("recordings")
    with quiet():
        for seed, name in ((1, "901"), (2, "902")):
            signal, beats = ecg(360.0, 630.0, seed=seed)
            write_record(data / "mitdb", name, signal, 360, beats=beats, notes=[(5, "(N")])
        (data / "mitdb" / "RECORDS").write_text("901\n902\n")
        for seed, name in enumerate(("em_a", "ma_a", "bw_a")):
            write_record(data / "nstdb", name, noise(360.0, 60.0, seed), 360)
        for seed, name in ((3, "strip1"), (4, "strip2")):
            signal, beats = ecg(500.0, 10.0, seed=seed)
            write_record(data / "cpsc2019", name, signal, 500, beats=beats)
    return data


@pytest.fixture(scope="session")
def shared_recordings() -> Path:
    folder = Path(__file__).resolve().parents[3] / "shared" / "data"
    if not folder.is_dir():
        pytest.skip("shared data not here")
    return folder
