"""Counts and noise equal those of an independent scoring script, where that and its data lie."""

import importlib.util

import numpy as np
import pytest

from edge_agent.dsp.rpeaks import detect
from edge_agent.validate.ecg import ec57, noise
from edge_agent.validate.ecg.recordings import read, resampled
from edge_agent.validate.software import quiet
from tests.validate.conftest import needs_bench

pytestmark = needs_bench


@pytest.fixture(scope="module")
def script(shared_recordings):
    path = shared_recordings.parent / "tools" / "ecg_eval.py"
    if not path.is_file():
        pytest.skip("scoring script not here")
    spec = importlib.util.spec_from_file_location("ecg_eval", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def expected(script, folder, name, found):
    with quiet():
        record = script.load(str(folder / name), "0")
    first, length = int(300 * record["fs"]), len(record["sig"])
    *counts, errors = script.score(
        record["ref"], found, record["fs"], 0.15, first, length, record["spans"]
    )
    return counts, errors


@pytest.mark.parametrize("name", ["119", "207"])
@pytest.mark.parametrize("rate_hz", [360.0, 130.0])
def test_counts_and_errors_are_equal(script, shared_recordings, name, rate_hz):
    folder = shared_recordings / "ecg" / "mitdb"
    record = read(folder, name)
    found = detect(resampled(record.signal_mV, 360.0, rate_hz), rate_hz) * (360.0 / rate_hz)
    found = np.unique(np.rint(found).astype(np.int64))
    counts, errors = expected(script, folder, name, found)
    one = ec57.score(name, record.beats, found, 360.0, record.length, record.flutter)
    assert [one.true_positives, one.false_positives, one.false_negatives] == counts
    assert one.errors_ms == pytest.approx(errors)


@pytest.mark.parametrize("seed", range(5))
def test_random_detections_pair_equally(script, seed):
    random = np.random.default_rng(seed)
    beats = np.unique(random.integers(0, 20_000, 600))
    found = np.unique(random.integers(0, 20_000, 700))
    expected_pairs = [tuple(pair) for pair in script.match(beats, found, 15).tolist()]
    assert ec57.pair(beats, found, 15) == expected_pairs


@pytest.mark.parametrize("kind", ["em", "ma", "bw"])
def test_added_noise_is_equal(script, shared_recordings, kind):
    folder = shared_recordings / "ecg"
    record = read(folder / "mitdb", "119")
    source = noise.find(folder / "nstdb")[kind]
    with quiet():
        theirs = script.load(str(folder / "mitdb" / "119"), "0")
        wave = script.read_noise(str(source), 0, 360.0)
    expected_mV = script.add_noise(theirs, wave, 6.0)
    np.testing.assert_allclose(noise.noisy(record, source, 6.0), expected_mV, rtol=0.0, atol=1e-9)
