"""A folder of small recordings whose beats are known, in the layout that the report reads."""

from __future__ import annotations

import gzip
import importlib.util
import struct
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest

from edge_agent.validate.software import quiet

NEEDED = [name for name in ("wfdb", "matplotlib") if importlib.util.find_spec(name) is None]
needs_bench = pytest.mark.skipif(bool(NEEDED), reason=f"extra [bench] not installed: {NEEDED}")

_WAVES = ((-0.17, 0.022, 0.12), (0.0, 0.011, 1.0), (0.027, 0.01, -0.22), (0.26, 0.045, 0.28))
_WIDE_WAVES = ((0.0, 0.05, 1.4), (0.12, 0.05, -0.6))


@dataclass
class Ecg:
    """Signal (mV, R of 1 mV), beats (samples), their symbols and rhythm marks."""

    signal: np.ndarray
    beats: np.ndarray
    symbols: list[str]
    notes: list[tuple[int, str]] = field(default_factory=list)


def ecg(rate_hz, duration_s, *, seed=1, ventricular=0, fibrillating_from_s=None):
    """Beats every 0.8 s; every ``ventricular``-th wide and early; irregular from some time on."""
    random = np.random.default_rng(seed)
    at_s, kinds, now = [], [], 0.5
    while now < duration_s - 0.6:
        is_early = bool(ventricular) and len(at_s) % ventricular == ventricular - 1
        at_s.append(now - (0.25 if is_early else 0.0))
        kinds.append("V" if is_early else "N")
        irregular = fibrillating_from_s is not None and now > fibrillating_from_s
        spread = 0.25 if irregular else 0.02
        now += 0.8 * max(0.5, 1.0 + spread * random.standard_normal())
    t = np.arange(round(duration_s * rate_hz)) / rate_hz
    signal = 0.01 * random.standard_normal(t.size)
    reach = np.arange(-round(0.4 * rate_hz), round(0.5 * rate_hz))
    for beat, kind in zip(at_s, kinds, strict=True):
        near = round(beat * rate_hz) + reach
        near = near[(near >= 0) & (near < t.size)]
        for centre, width, size in _WIDE_WAVES if kind == "V" else _WAVES:
            signal[near] += size * np.exp(-0.5 * ((t[near] - beat - centre) / width) ** 2)
    notes = [(5, "(N")]
    if fibrillating_from_s is not None:
        notes.append((round(fibrillating_from_s * rate_hz), "(AFIB"))
    return Ecg(signal, np.rint(np.array(at_s) * rate_hz).astype(int), kinds, notes)


def write_record(folder, name, signal, rate_hz, *, beats=(), symbols=None, notes=()):
    """Write a record of one lead; ``notes`` are rhythm marks (sample, text) or ([ and ])."""
    import wfdb

    folder.mkdir(parents=True, exist_ok=True)
    wfdb.wrsamp(
        name, fs=rate_hz, units=["mV"], sig_name=["MLII"], p_signal=signal[:, np.newaxis],
        fmt=["16"], adc_gain=[1000.0], baseline=[0], write_dir=str(folder),
    )  # fmt: skip
    named = symbols if symbols is not None else ["N"] * len(beats)
    marks = [(int(at), symbol, "") for at, symbol in zip(beats, named, strict=True)]
    marks += [(at, text if text in "[]" else "+", "" if text in "[]" else text)
              for at, text in notes]  # fmt: skip
    marks.sort(key=lambda mark: mark[0])
    if marks:
        at, signs, texts = zip(*marks, strict=True)
        wfdb.wrann(
            name, "atr", np.array(at), symbol=list(signs), aux_note=list(texts),
            write_dir=str(folder),
        )  # fmt: skip


def write_ecg(folder, name, one, rate_hz):
    write_record(
        folder, name, one.signal, rate_hz, beats=one.beats, symbols=one.symbols, notes=one.notes
    )


def noise(rate_hz, duration_s, seed):
    return 0.1 * np.random.default_rng(seed).standard_normal(round(duration_s * rate_hz))


def pmd_file(signal_mv, rate_hz, *, frame=73):
    """Octets of a file of PMD frames."""
    out = bytearray(b"H10 ECG v1.0 binary data")
    microvolts = np.rint(signal_mv * 1000.0).astype(int)
    for first in range(0, microvolts.size - frame + 1, frame):
        last_ns = round((first + frame - 1) * 1e9 / rate_hz)
        samples = b"".join(
            int(one).to_bytes(3, "little", signed=True) for one in microvolts[first : first + frame]
        )
        payload = b"\x00" + struct.pack("<Q", last_ns) + b"\x00" + samples
        out += struct.pack("<I", len(payload)) + payload
    return bytes(out)


def write_ride(folder):
    """Four minutes at 75 beats a minute, the second strap 20 s behind; beats of another strap."""
    folder.mkdir()
    one = ecg(130.0, 240.0, seed=7)
    (folder / "ride_pmd_a.bin").write_bytes(pmd_file(one.signal, 130.05))
    rows = [f"00:{k // 60:02d}:{k % 60:02d},75" for k in range(240)]
    (folder / "ride_hr_a.csv").write_text("\n".join(["time,hr_bpm", *rows]) + "\n")
    (folder / "README.md").write_text("Row k belongs to ECG second k + 20 (by correlation).\n")
    lines = ["t_ms,ecg_mV,hr_bpm,rr_ms"]
    intervals = iter(1000.0 * np.diff(one.beats[:100]) / 130.0)
    for k, value in enumerate(one.signal[:10_400]):
        rr = f"{next(intervals):.0f}" if k % 110 == 100 else ""
        lines.append(f"{1000.0 * k / 130.0:.3f},{value:.3f},,{rr}")
    with gzip.open(folder / "strap.csv.gz", "wt", encoding="utf-8") as file:
        file.write("\n".join(lines) + "\n")


@pytest.fixture(scope="session")
def small_recordings(tmp_path_factory) -> Path:
    """Every set but cpsc2021."""
    if NEEDED:
        pytest.skip(f"extra [bench] not installed: {NEEDED}")
    data = tmp_path_factory.mktemp("recordings")
    with quiet():
        for seed, name in ((1, "901"), (2, "902")):
            one = ecg(360.0, 630.0, seed=seed, ventricular=15, fibrillating_from_s=480.0)
            write_ecg(data / "mitdb", name, one, 360)
        (data / "mitdb" / "RECORDS").write_text("901\n902\n")
        for seed, name in enumerate(("em_a", "ma_a", "bw_a")):
            write_record(data / "nstdb", name, noise(360.0, 60.0, seed), 360)
        for seed, name in ((3, "strip1"), (4, "strip2")):
            write_ecg(data / "cpsc2019", name, ecg(500.0, 10.0, seed=seed), 500)
        strips = {
            "A1": ecg(300.0, 30.0, seed=5).signal,
            "A2": ecg(300.0, 30.0, seed=6, fibrillating_from_s=0.0).signal,
            "A3": 10.0 * noise(300.0, 30.0, 9),
            "A4": ecg(300.0, 30.0, seed=8).signal,
            "A5": ecg(300.0, 30.0, seed=9, fibrillating_from_s=0.0).signal,
        }
        for name, signal in strips.items():
            write_record(data / "cinc2017", name, signal, 300)
    (data / "cinc2017" / "REFERENCE.csv").write_text("A1,N\nA2,A\nA3,~\nA4,N\nA5,A\n")
    write_ride(data / "polar_h10")
    return data


@pytest.fixture(scope="session")
def shared_recordings() -> Path:
    folder = Path(__file__).resolve().parents[3] / "shared" / "data"
    if not folder.is_dir():
        pytest.skip("shared data not here")
    return folder
