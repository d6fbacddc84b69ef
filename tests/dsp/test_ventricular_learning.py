import numpy as np
import pytest

from edge_agent.dsp.ventricular_context import FEATURES
from edge_agent.dsp.ventricular_learning import Examples, _weights, examples, learn, leave_one_out
from edge_agent.dsp.ventricular_weights import WEIGHTS


def patient(seed, ventricular=20, others=200):
    """Only the size of the QRS tells the two apart."""
    random = np.random.default_rng(seed)
    labels = np.arange(ventricular + others) < ventricular
    rows = random.standard_normal((labels.size, len(FEATURES)))
    rows[:, FEATURES.index("area")] += 4.0 * labels
    return Examples(rows=rows, ventricular=labels)


def test_there_is_a_weight_for_each_feature():
    assert len(WEIGHTS.weights) == len(FEATURES)


def test_what_tells_the_beats_apart_gets_the_weight():
    learnt = learn([patient(1), patient(2)])
    assert np.argmax(np.abs(learnt.weights)) == FEATURES.index("area")
    unseen = patient(3)
    right = (learnt.probability(unseen.rows) > 0.5) == unseen.ventricular
    assert right.mean() > 0.95


def test_leaving_one_out_is_learning_from_the_others():
    patients = [patient(seed) for seed in (1, 2, 3)]
    assert leave_one_out(patients, "abc")[1] == learn([patients[0], patients[2]])


def test_the_recordings_of_a_patient_are_left_out_together():
    recordings = [patient(seed) for seed in (1, 2, 3, 4)]
    first, second, third, fourth = leave_one_out(recordings, ["a", "b", "a", "c"])
    assert first == third == learn([recordings[1], recordings[3]])
    assert second == learn([recordings[0], recordings[2], recordings[3]])
    assert fourth == learn(recordings[:3])


def test_sixteen_times_the_ventricular_beats_have_four_times_the_say():
    one, many = patient(4), patient(4, ventricular=3200)
    usual = Examples(rows=one.rows[:200], ventricular=one.ventricular[:200])
    weight = _weights(many)[many.ventricular]
    assert weight.sum() == pytest.approx(4.0 * 200.0)
    assert _weights(usual)[usual.ventricular] == pytest.approx(1.0)


def test_only_clear_beats_are_examples():
    random = np.random.default_rng(2)
    peaks = np.arange(300.0, 300.0 + 200.0 * 9, 200.0)
    found = examples(
        random.standard_normal(2500), 250.0, peaks, ["N", "V", "F", "Q", "E", "A", None, "/", "L"]
    )
    assert found.ventricular.tolist() == [False, True, True, False, False]
    assert found.rows.shape == (5, len(FEATURES))
