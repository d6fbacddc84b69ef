"""A model that learnt from made-up persons judges other made-up persons."""

from dataclasses import replace

import numpy as np
import pytest

from edge_agent.dsp.af import AfBeat, detect_af
from edge_agent.dsp.af_learning import LabelledBeats, Tally, gross, learn, tally


def recording(name, parts):
    """Beats of stretches, each (fibrillation or not, intervals)."""
    rr_ms = np.concatenate([part for _, part in parts])
    af = np.concatenate([np.full(part.size, label) for label, part in parts])
    return LabelledBeats(
        name=name,
        at_s=np.cumsum(rr_ms) / 1000.0,
        rr_ms=np.concatenate(([np.nan], rr_ms[1:])),
        af=af,
        counts=np.ones(af.size, dtype=bool),
    )


def persons(seed):
    random = np.random.default_rng(seed)
    sinus = [850.0 + 20.0 * random.standard_normal(300) for _ in range(3)]
    af = [700.0 * (0.6 + 0.4 * random.gamma(2.0, 0.5, 200)) for _ in range(2)]
    return [
        recording(f"steady {seed}", [(False, sinus[0])]),
        recording(f"paroxysmal {seed}", [(False, sinus[1]), (True, af[0]), (False, sinus[2])]),
        recording(f"persistent {seed}", [(True, af[1])]),
    ]


@pytest.fixture(scope="module")
def model():
    return learn([persons(1)])


def test_other_persons_are_told_apart(model):
    found = gross(tally(detect_af(one.at_s, one.rr_ms, model=model), one) for one in persons(2))
    assert found.sensitivity > 0.95
    assert found.specificity > 0.95


def test_a_set_that_comes_twice_changes_nothing(model):
    assert learn([persons(1), persons(1)]).weights == pytest.approx(model.weights, rel=1e-6)


def test_bigeminy_never_seen_in_the_recordings_is_known_from_variants(model):
    bigeminy = np.tile([600.0, 1000.0], 60) + 12.0 * np.random.default_rng(3).standard_normal(120)
    assert not any(
        beat.af for beat in detect_af(np.cumsum(bigeminy) / 1000.0, bigeminy, model=model)
    )


def test_learning_repeats_itself_and_leaves_out_beats_that_do_not_count(model):
    wrong = persons(1)
    flutter = recording("flutter", [(False, wrong[2].rr_ms[1:])])
    left_out = replace(flutter, counts=np.zeros(flutter.af.size, dtype=bool))
    assert learn([[*wrong, left_out]]).weights == pytest.approx(model.weights, rel=1e-6)
    found = tally(detect_af(left_out.at_s, left_out.rr_ms, model=model), left_out)
    assert found == Tally(
        true_positives=0, false_negatives=0, false_positives=0, true_negatives=0, unanswered=0
    )
    assert found.sensitivity is None
    assert found.specificity is None


def test_a_tally_counts_beats_and_leaves_those_without_answer_out():
    answers = [True, False, True, False, None, None]
    beats = [
        AfBeat(at_s=float(i), rr_ms=800.0, probability=None, af=af) for i, af in enumerate(answers)
    ]
    truth = recording("x", [(True, np.full(2, 800.0)), (False, np.full(4, 800.0))])
    found = tally(beats, truth)
    assert (found.true_positives, found.false_negatives) == (1, 1)
    assert (found.false_positives, found.true_negatives, found.unanswered) == (1, 1, 2)
    assert (found.sensitivity, found.specificity) == (0.5, 0.5)
    assert gross([found, found]).false_positives == 2


def test_answers_and_truth_must_be_as_many():
    with pytest.raises(ValueError, match="zip"):
        tally([], recording("x", [(True, np.full(2, 800.0))]))


def test_a_set_of_one_kind_is_refused():
    with pytest.raises(ValueError, match="all alike"):
        learn([persons(1), [persons(1)[0]]])
