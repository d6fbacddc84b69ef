import importlib.util
import sys

import numpy as np
import pytest

from edge_agent.validate.ecg import hrv_figures
from edge_agent.validate.software import hrv_analysis

PEERS = {"neurokit2": "neurokit2", "hrv-analysis": "hrvanalysis"}


def intervals(seed):
    random = np.random.default_rng(seed)
    return 800.0 + 40.0 * random.standard_normal(370) + 30.0 * np.sin(np.arange(370) / 3.0)


@pytest.mark.parametrize("peer", PEERS)
def test_figures_agree_with_the_peer_to_a_billionth(peer):
    if importlib.util.find_spec(PEERS[peer]) is None:
        pytest.skip("extra [bench] not installed")
    of_peer = {
        "neurokit2": hrv_figures.neurokit_figures,
        "hrv-analysis": hrv_figures.hrv_analysis_figures,
    }[peer]
    windows = {str(seed): intervals(seed) for seed in range(2)}
    theirs = {name: of_peer(rr) for name, rr in windows.items()}
    largest = hrv_figures.largest_differences(windows, theirs)
    assert len(largest) >= 8
    assert max(largest.values()) < 1e-9


def test_a_difference_is_seen():
    windows = {"a": intervals(1)}
    theirs = hrv_figures.our_figures(windows["a"])
    theirs["SDNN"] *= 1.01
    largest = hrv_figures.largest_differences(windows, {"a": theirs})
    assert largest.pop("SDNN") == pytest.approx(0.01 / 1.01)
    assert set(largest.values()) == {0.0}


def test_two_tones_have_the_power_that_was_put_in():
    tones = hrv_figures.two_tones(with_peers=False)
    assert tones["truth"] == {"LF": 200.0, "HF": 112.5}
    assert tones["edge-agent"]["LF"] == pytest.approx(200.0, rel=0.005)
    assert tones["edge-agent"]["HF"] == pytest.approx(112.5, rel=0.015)


def test_hrv_analysis_is_loaded_without_what_python_3_11_can_not_load():
    if importlib.util.find_spec("hrvanalysis") is None:
        pytest.skip("extra [bench] not installed")
    features = hrv_analysis().get_time_domain_features([800, 810, 790, 805])
    assert features["mean_nni"] == pytest.approx(801.25)
    assert "nolds" not in sys.modules or sys.modules["nolds"].__file__
