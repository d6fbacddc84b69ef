"""``edge-agent validate learn`` on a folder of small recordings, as a person calls it."""

import importlib.util
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from edge_agent.cli.validate import command
from edge_agent.cli.validate_learn import command as learn
from edge_agent.dsp import af_features, af_strip
from edge_agent.dsp.logistic import Logistic
from edge_agent.dsp.qrs_likelihood import EVIDENCE, Network
from edge_agent.dsp.ventricular_context import FEATURES
from edge_agent.dsp.ventricular_weights import WEIGHTS
from edge_agent.errors import EdgeError
from edge_agent.validate.ecg.bench import EcgBench
from edge_agent.validate.ecg.learning import KINDS
from edge_agent.validate.ecg.learning import learn as learnt
from edge_agent.validate.ecg.weights_text import logistic_module, network_module
from tests.validate.conftest import needs_bench

ROOT = Path(__file__).parents[2]
FEATURES_OF = {
    "fibrillation": ("RHYTHM", af_features.NAMES),
    "strips": ("STRIP", af_strip.NAMES),
    "ventricular": ("WEIGHTS", FEATURES),
}
SHIPPED = {
    "beats": "qrs_weights",
    "fibrillation": "af_weights",
    "strips": "af_strip_weights",
    "ventricular": "ventricular_weights",
}


def run(*arguments):
    return CliRunner().invoke(command, ["learn", *map(str, arguments)])


def imported(text, folder):
    path = folder / "weights.py"
    path.write_text(text, encoding="utf-8")
    spec = importlib.util.spec_from_file_location("weights", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def assert_is_formatted(text, folder):
    path = folder / "formatted.py"
    path.write_text(text, encoding="utf-8")
    if importlib.util.find_spec("ruff") is None:
        pytest.skip("ruff not installed")
    for words in (["format", "--check"], ["check", "--ignore", "INP001"]):
        done = subprocess.run(
            [sys.executable, "-m", "ruff", *words, "--config", ROOT / "pyproject.toml", path],
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stdout + done.stderr


def network(seed=1, hidden=7):
    random = np.random.default_rng(seed)
    return Network(
        hidden=random.standard_normal((hidden, len(EVIDENCE))),
        offsets=1e-7 * random.standard_normal(hidden),
        out=1e3 * random.standard_normal(hidden),
        bias=-2.0,
    )


# ------------------------------------------------------------------ texts


def test_a_network_comes_back_from_its_text_to_five_digits(tmp_path):
    one = network()
    other = imported(network_module("Weights.\n\nOf a test.", "NETWORK", one), tmp_path).NETWORK
    for name in ("hidden", "offsets", "out", "bias"):
        assert getattr(other, name) == pytest.approx(getattr(one, name), rel=5e-5)
    told = np.random.default_rng(2).standard_normal(len(EVIDENCE)).tolist()
    assert other.log_odds(told) == pytest.approx(one.log_odds(told), rel=1e-3, abs=0.3)


def test_a_logistic_model_comes_back_with_each_weight_beside_its_feature(tmp_path):
    one = Logistic(-3.0, (1.234567, 1e-9, -12345678.0))
    text = logistic_module("Weights.\n\nOf a test.", "MODEL", one, ("first", "second", "third"))
    other = imported(text, tmp_path).MODEL
    assert other == Logistic(-3.0, (1.2346, 1e-9, -12346000.0))
    assert "1.2346,  # first\n" in text


@pytest.mark.parametrize(
    "text",
    [
        network_module("Weights.\n\n" + 20 * "Of a long test. ", "NETWORK", network()),
        logistic_module("Weights.\n\nOf a test.", "MODEL", Logistic(1.0, (2.0,)), ("only",)),
    ],
    ids=["network", "logistic"],
)
def test_a_text_is_as_the_formatter_would_have_it(text, tmp_path):
    assert max(map(len, text.splitlines())) <= 100
    assert_is_formatted(text, tmp_path)


# ------------------------------------------------------------------ the command


def test_the_command_offers_what_there_is_to_learn():
    (what,) = [one for one in learn.params if one.name == "what"]
    assert sorted(what.type.choices) == sorted([*KINDS, "glucose"])


@needs_bench
@pytest.mark.parametrize("what", sorted(FEATURES_OF))
def test_a_classifier_is_learnt_and_its_module_works(what, small_recordings, tmp_path):
    out = tmp_path / "out.py"
    done = run(what, "--data", small_recordings, "--seed", "3", "--out", out)
    assert done.exit_code == 0, done.output
    assert str(out) in done.output
    text = out.read_text(encoding="utf-8")
    name, features = FEATURES_OF[what]
    model = getattr(imported(text, tmp_path), name)
    assert model.probability(np.zeros((2, len(features)))).shape == (2,)
    assert f"validate learn {what} --seed 3``" in " ".join(text.split())
    assert_is_formatted(text, tmp_path)


@needs_bench
def test_the_network_is_learnt_and_its_module_works(small_recordings, tmp_path):
    arguments = ("beats", "--data", small_recordings, "--rounds", "1", "--report")
    done = CliRunner().invoke(command, ["learn", *map(str, arguments)])
    assert done.exit_code == 0, done.output
    assert "round 1 of 1" in done.stderr
    module = imported(done.stdout, tmp_path)
    assert np.isfinite(module.NETWORK.log_odds([0.0] * len(EVIDENCE)))
    assert module.NETWORK.hidden.shape[1] == len(EVIDENCE)
    head = " ".join(done.stdout.split('"""')[1].split())
    for words in ("--rounds 1``", "mitdb (2 records)", "cpsc2021 (absent)", "nstdb (3 records)"):
        assert words in head
    assert_is_formatted(done.stdout, tmp_path)


@needs_bench
def test_held_out_tells_the_figures_of_records_not_learnt_from(small_recordings):
    done = run("beats", "--data", small_recordings, "--rounds", "1", "--held-out", "2")
    assert done.exit_code == 0, done.output
    lines = done.output.splitlines()
    assert [line.partition(",")[0] for line in lines] == [
        *["part 1 of 2"] * 2, *["part 2 of 2"] * 2, "gross", "gross",
    ]  # fmt: skip
    assert "gross, 2 records of mitdb left out, at 130 Hz" in lines[-1]
    assert "worst 90" in lines[-1]
    assert float(re.search(r"F1 ([\d.]+) %", lines[-1])[1]) > 90.0


def test_held_out_is_for_beats_only(tmp_path):
    done = run("strips", "--data", tmp_path, "--held-out", "2")
    assert done.exit_code == 2
    assert "only beats" in done.output


@needs_bench
def test_a_folder_without_the_sets_is_refused(tmp_path):
    done = run("ventricular", "--data", tmp_path)
    assert isinstance(done.exception, EdgeError)
    assert "none of mitdb is there" in str(done.exception)


@needs_bench
def test_strips_all_alike_teach_nothing_and_it_is_said(small_recordings, tmp_path):
    folder = tmp_path / "cinc2017"
    folder.mkdir()
    for path in (small_recordings / "cinc2017").glob("A1.*"):
        (folder / path.name).write_bytes(path.read_bytes())
    (folder / "REFERENCE.csv").write_text("A1,N\n")
    done = run("strips", "--data", tmp_path)
    assert isinstance(done.exception, EdgeError)
    assert "teach nothing" in str(done.exception)


@pytest.mark.parametrize("what", sorted(SHIPPED))
def test_every_module_of_shipped_weights_names_the_command_that_wrote_it(what):
    module = importlib.import_module(f"edge_agent.dsp.{SHIPPED[what]}")
    assert f"``edge-agent validate learn {what} --seed" in " ".join(module.__doc__.split())


@needs_bench
def test_shipped_weights_of_ventricular_beats_are_what_is_learnt(shared_recordings, tmp_path):
    text = learnt("ventricular", EcgBench(data=shared_recordings / "ecg"))
    anew = imported(text, tmp_path).WEIGHTS
    assert anew.intercept == pytest.approx(WEIGHTS.intercept, rel=1e-3)
    assert anew.weights == pytest.approx(WEIGHTS.weights, rel=1e-3)
