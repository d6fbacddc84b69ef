"""Figures equal those of an independent scoring script, where that and its data lie."""

import importlib.util

import numpy as np
import pytest

from edge_agent.validate.glucose import events, figures, scoring
from edge_agent.validate.glucose.passes import run
from edge_agent.validate.glucose.predictions import write
from edge_agent.validate.glucose.recordings import read


@pytest.fixture(scope="module")
def script(shared_recordings):
    path = shared_recordings.parent / "tools" / "glucose_score.py"
    if not path.is_file():
        pytest.skip("scoring script not here")
    spec = importlib.util.spec_from_file_location("glucose_score", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(params=["iglu_hall/hall2133024", "shanghai_t1d/sh1007", "sim_uvapadova/child003"])
def file(request, shared_recordings):
    path = shared_recordings / "glucose" / f"{request.param}.csv"
    if not path.is_file():
        pytest.skip("traces not here")
    return path


def test_origins_and_truths_are_equal(script, file):
    trace, (t, g) = read(file), script.load(str(file))
    assert np.array_equal(trace.at_min, t)
    assert np.array_equal(trace.mgdl, g)
    assert np.array_equal(scoring.eligible(trace), script.eligible(t, 1440.0))
    for horizon_min in (15, 30, 60):
        expected = script.target(t, g, horizon_min)
        assert scoring.truth(trace, horizon_min) == pytest.approx(expected, nan_ok=True)


def test_an_alarm_scores_equally(script, file):
    trace = read(file)
    on = trace.mgdl < 80.0
    here = scoring.eligible(trace)
    at = trace.at_min[here]
    expected = script.alarm_score(
        trace.at_min, trace.mgdl, at, on[here], t_from=trace.at_min[0] + 1440.0
    )
    ours = events.alarm_score(trace, on)
    assert (ours.episodes, len(ours.leads)) == (expected["events"], expected["det"])
    assert list(ours.leads) == expected["leads"]
    assert (ours.alarms, ours.false) == (expected["edges"], expected["fp"])
    assert ours.days == pytest.approx(expected["days"])


def test_zones_and_crps_are_equal(script):
    random = np.random.default_rng(1)
    true, mean = random.uniform(20.0, 450.0, (2, 20_000))
    assert np.array_equal(figures.clarke(true, mean), script.clarke(true, mean))
    assert np.array_equal(figures.parkes(true, mean), script.parkes_t1(true, mean))
    some = slice(0, 500)
    ours = figures.crps(true[some] - mean[some], np.full(500, 20.0)).mean()
    assert ours == pytest.approx(script.crps_normal(true[some], mean[some], 20.0))


def test_what_is_written_is_what_the_script_reads(script, shared_recordings, tmp_path):
    file = shared_recordings / "glucose" / "shanghai_t2d" / "sh2012.csv"
    if not file.is_file():
        pytest.skip("traces not here")
    trace = read(file)
    made = run(trace)
    write(trace, made, tmp_path)
    read_back = script.read_pred(str(tmp_path / "shanghai_t2d" / "sh2012.csv"))
    here = np.flatnonzero(scoring.eligible(trace))
    assert here.size > 100
    for row in here.tolist():
        for column, horizon_min in enumerate((15, 30, 60)):
            mean, low, high, deviation = read_back[(round(trace.at_min[row], 3), horizon_min)]
            assert mean == pytest.approx(made.mean[row, column], abs=1e-3)
            assert low < mean < high
            assert deviation > 0.0
