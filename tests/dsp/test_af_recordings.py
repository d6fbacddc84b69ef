"""Against recordings with annotated rhythm (PhysioNet mitdb, cpsc2021), where they lie."""

import numpy as np
import pytest

from edge_agent.dsp.af import burden, detect_af
from edge_agent.dsp.af_learning import LabelledBeats, gross, tally

BEAT_CODES = {*range(1, 14), 25, 30, 34, 35, 38, 41}
SKIP, AUX = 59, 63


def read_beats(folder, name):
    """Annotated beats with the rhythm in force, from an annotation file in the MIT format."""
    rate_hz = float((folder / f"{name}.hea").read_text().split()[2])
    octets = (folder / f"{name}.atr").read_bytes()
    words = np.frombuffer(octets[: len(octets) // 2 * 2], dtype="<u2").tolist()
    at, place, marks = 0, 0, []
    while words[place]:
        code, rest = words[place] >> 10, words[place] & 0x3FF
        place += 1
        if code == SKIP:
            at += (words[place] << 16) | words[place + 1]
            place += 2
        elif code == AUX:
            text = octets[2 * place : 2 * place + rest].decode().rstrip("\0")
            place += (rest + 1) // 2
            marks[-1] = (marks[-1][0], marks[-1][1], text)
        elif code < SKIP:
            at += rest
            marks.append((at, code, ""))
    changes = [(at, text) for at, _, text in marks if text.startswith("(")]
    beats = np.array([at for at, code, _ in marks if code in BEAT_CODES])
    in_force = np.searchsorted([at for at, _ in changes], beats, side="right")
    rhythm = np.array(["(N", *(text for _, text in changes)])[in_force]
    return LabelledBeats(
        name=name,
        at_s=beats / rate_hz,
        rr_ms=np.concatenate(([np.nan], 1000.0 * np.diff(beats) / rate_hz)),
        af=rhythm == "(AFIB",
        counts=rhythm != "(AFL",
    )


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
