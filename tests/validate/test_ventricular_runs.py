"""Runs in a record with known symbols, and what a classifier makes of its beats."""

import numpy as np
import pytest

from edge_agent.validate.ecg.recordings import Recording
from edge_agent.validate.ecg.ventricular_runs import runs_of, table

RATE_HZ = 100.0


def record(symbols, *, rr=50, flutter=()):
    beats = 100 + rr * np.arange(len(symbols), dtype=np.int64)
    return Recording(
        name="r", lead="I", rate_hz=RATE_HZ, signal_mV=np.zeros(int(beats[-1]) + 100),
        beats=beats, symbols=tuple(symbols), flutter=flutter,
    )  # fmt: skip


def counts(symbols, called, **how):
    one = record(symbols, **how)
    calls = np.array([letter == "V" for letter in called])
    return [row[1:] for row in table([runs_of(one, one.beats, calls)]).rows]


@pytest.mark.parametrize(
    ("symbols", "called", "runs", "tachycardias"),
    [
        ("NNVVVNNN", "NNVVVNNN", [1, 1, 1, 1], [0, 0, 0, 0]),
        ("NNVVVNNN", "NNVVNNNN", [1, 0, 0, 0], [0, 0, 0, 0]),
        ("NNNNNNNN", "NNVVVNNN", [0, 0, 1, 0], [0, 0, 0, 0]),
        ("NVVVVVVN", "NNVVVVVN", [1, 1, 1, 1], [1, 1, 1, 1]),
        ("NVVVVVVN", "NNNVVVVN", [1, 1, 1, 1], [1, 0, 0, 0]),
        ("NVVVNVVVN", "NVVVVVVVN", [2, 2, 1, 1], [0, 0, 1, 0]),
        ("NVVVFVVVN", "NVVVNVVVN", [1, 1, 2, 2], [1, 0, 0, 0]),
        ("NEEELNNN", "NVVVNNNN", [1, 1, 1, 1], [0, 0, 0, 0]),
    ],
)
def test_runs_are_found_told_wrongly_or_missed(symbols, called, runs, tachycardias):
    assert counts(symbols, called) == [runs, tachycardias]


def test_slow_runs_are_no_tachycardia():
    assert counts("NVVVVVVN", "NVVVVVVN", rr=80) == [[1, 1, 1, 1], [0, 0, 0, 0]]


def test_a_tachycardia_in_a_run_is_not_another_run():
    one = record("NVVVVVVVVVVN")
    beats = np.cumsum([100, *[80] * 4, *[40] * 7]).astype(np.int64)
    slow_then_fast = Recording(
        name="r", lead="I", rate_hz=RATE_HZ, signal_mV=one.signal_mV, beats=beats,
        symbols=one.symbols,
    )  # fmt: skip
    runs = runs_of(slow_then_fast, beats, np.array([False, *[True] * 10, False]))
    assert len(runs.told) == 2
    assert [row[1:] for row in table([runs]).rows] == [[1, 1, 1, 1], [1, 1, 1, 1]]


def test_beats_in_flutter_say_nothing():
    assert counts("NNVVVNNN", "NNVVVNNN", flutter=((190, 320),)) == [[0] * 4, [0] * 4]
