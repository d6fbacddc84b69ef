"""Against recordings with annotated rhythm (PhysioNet mitdb, cpsc2021), where they lie."""

import pytest

from edge_agent.dsp.af import burden, detect_af
from edge_agent.dsp.af_learning import gross, tally
from edge_agent.validate.ecg.fibrillation import labelled
from edge_agent.validate.ecg.recordings import read


def read_beats(folder, name):
    """Annotated beats with the rhythm in force."""
    record = read(folder, name)
    return labelled(record, record.beats / record.rate_hz)


def judged(record):
    return detect_af(record.at_s, record.rr_ms)


@pytest.fixture(scope="module")
def ecg(shared_recordings):
    folder = shared_recordings / "ecg"
    if not folder.is_dir():
        pytest.skip("shared data not here")
    return folder


def test_fibrillation_is_found_and_the_rest_left_alone(ecg):
    folders = {"cpsc2021": (ecg / "cpsc2021" / "RECORDS").read_text().split(), "mitdb": ["203"]}
    records = [
        read_beats(ecg / folder, name) for folder, names in folders.items() for name in names
    ]
    found = gross(tally(judged(one), one) for one in records)
    assert found.sensitivity >= 0.95
    assert found.specificity >= 0.95


@pytest.mark.parametrize(("name", "least_specificity"), [
    ("106", 0.94), ("119", 0.97), ("223", 0.97), ("208", 0.8),
])  # fmt: skip
def test_ectopic_beats_by_the_hundred_are_mostly_left_alone(ecg, name, least_specificity):
    record = read_beats(ecg / "mitdb", name)
    assert not record.af.any()
    assert tally(judged(record), record).specificity >= least_specificity


def test_a_persistent_fibrillation_is_a_burden_of_nearly_all_the_time(ecg):
    found = burden(judged(read_beats(ecg / "cpsc2021", "data_8_2")))
    assert found.share > 0.95
    assert found.unjudged_s == 0.0
