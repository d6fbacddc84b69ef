"""Beats that noise makes up are doubted, and counted apart from those that are there."""

import numpy as np
import pytest

from edge_agent.validate.ecg.beat_trust import Doubted, doubted, table
from edge_agent.validate.ecg.bench import EcgBench
from edge_agent.validate.ecg.recordings import read
from tests.validate.conftest import needs_bench

pytestmark = needs_bench


@pytest.fixture(scope="module")
def record(small_recordings):
    return read(small_recordings / "mitdb", "901")


def test_clean_beats_are_not_doubted(record):
    found = doubted(record, record.signal_mV)
    assert found.true >= 0.99 * record.beats.size
    assert found.doubted_true <= 0.01 * found.true
    assert found.false == 0


def test_what_is_found_in_noise_alone_is_false_and_mostly_doubtful(record):
    noise = np.random.default_rng(3).standard_normal(record.length)
    found = doubted(record, noise)
    assert found.false > 50
    assert found.doubted_false > 0.8 * found.false


def test_counts_add_up():
    assert Doubted(1, 2, 3, 4) + Doubted(10, 20, 30, 40) == Doubted(11, 22, 33, 44)


def test_every_noise_that_is_there_has_a_row(small_recordings, tmp_path):
    rows = table(EcgBench(data=small_recordings, quick=True)).rows
    assert [row[0] for row in rows][:2] == ["as it is", "baseline wander, 12 dB"]
    assert len(rows) == 1 + 3 * 3
    assert table(EcgBench(data=tmp_path)) is None
