import numpy as np
import pytest

from edge_agent.dsp.qrs_decision import BeatDecision
from edge_agent.dsp.qrs_energy import CandidateFinder
from edge_agent.dsp.qrs_learning import Lesson, _beginner, _labels, examples, learn
from edge_agent.dsp.qrs_likelihood import EVIDENCE

RATE_HZ = 250.0


def beats_found(ecg, network):
    finder = CandidateFinder(ecg.rate_hz)
    decision = BeatDecision(finder.working_rate_hz, finder.later, network=network)
    found = decision.push(finder.push(ecg.signal_mv), finder.horizon)
    found += decision.push(finder.flush(), finder.horizon) + decision.flush(finder.horizon)
    return np.array([one[0] for one in found]) / finder.working_rate_hz


def lesson(ecg, **more):
    return Lesson(
        signal_mV=ecg.signal_mv,
        rate_hz=ecg.rate_hz,
        beats=np.rint(ecg.beats_s * ecg.rate_hz).astype(np.int64),
        **more,
    )


@pytest.fixture(scope="module")
def tall(make_ecg):
    """Makes people with noise and T waves half as tall again as their R."""

    def make(seed):
        return make_ecg(RATE_HZ, beats=150, rr_s=0.7, t_wave=1.5, noise_mv=0.06, seed=seed)

    return make


@pytest.fixture(scope="module")
def learnt(tall):
    rounds = []
    network = learn(
        [lesson(tall(1)), lesson(tall(2))],
        rounds=2, hidden=8, seed=5,
        report=lambda number, _: rounds.append(number),
    )  # fmt: skip
    return network, rounds


def wrong(ecg, network):
    """How many beats are invented, and how many missed."""
    apart = np.abs(beats_found(ecg, network)[:, np.newaxis] - ecg.beats_s)
    return int((apart.min(axis=1) > 0.05).sum()), int((apart.min(axis=0) > 0.05).sum())


def test_two_rounds_teach_to_leave_tall_t_waves_alone(tall, learnt):
    unseen = tall(3)
    untaught_invents, _ = wrong(unseen, _beginner(8, np.random.default_rng(5)))
    assert untaught_invents > 100
    assert max(wrong(unseen, learnt[0])) <= 3


def test_each_round_is_reported(learnt):
    assert learnt[1] == [0, 1]


def test_the_same_seed_gives_the_same_network_and_another_seed_another(make_ecg):
    lessons = [lesson(make_ecg(RATE_HZ, noise_mv=0.1))]
    one, same = (learn(lessons, rounds=2, hidden=6, seed=3) for _ in range(2))
    other = learn(lessons, rounds=2, hidden=6, seed=4)
    assert np.array_equal(one.hidden, same.hidden)
    assert one.bias == same.bias
    assert not np.array_equal(one.hidden, other.hidden)


def test_nothing_to_learn_from_is_said():
    with pytest.raises(ValueError, match="no lessons"):
        learn([])
    flat = Lesson(signal_mV=np.zeros(5000), rate_hz=RATE_HZ, beats=np.empty(0, dtype=np.int64))
    with pytest.raises(ValueError, match="nothing to learn from"):
        learn([flat], rounds=1)


def test_the_first_network_knows_large_from_small_and_early():
    network = _beginner(8, np.random.default_rng(1))

    def odds(**told):
        values = dict.fromkeys(EVIDENCE, 0.0) | told
        return network.log_odds(list(values.values()))

    assert odds() > 0.0
    assert odds(narrow=-2.0, wide=-2.0) < 0.0
    assert odds(**{"under_0.6": 0.5}) < 0.0


def test_examples_are_what_was_told_with_the_truth_beside_it(make_ecg):
    one = lesson(make_ecg(RATE_HZ, noise_mv=0.1), weight=3.0)
    rows, labels, weights = examples(one, _beginner(8, np.random.default_rng(1)))
    assert rows.shape == (labels.size, len(EVIDENCE))
    assert set(labels) == {0.0, 1.0}
    assert weights == pytest.approx(3.0 / one.beats.size)
    sizes = rows[:, EVIDENCE.index("narrow")]
    assert sizes[labels == 1.0].mean() > sizes[labels == 0.0].mean() + 0.5


# ------------------------------------------------------------------ labels


def labels(*candidates, beats=(1000,), left_out=()):
    """Labels of candidates given as (ms, size)."""
    plain = [(at // 10, size, size, 0.0, 0.0) for at, size in candidates]
    beats = np.array(beats, dtype=np.int64)
    truth = Lesson(
        signal_mV=np.zeros(1),
        rate_hz=100.0,
        beats=beats // 10,
        left_out=[(one // 10, other // 10) for one, other in left_out],
    )
    return _labels(plain, truth)


def test_a_candidate_near_a_beat_is_that_beat_and_one_far_away_is_none():
    assert labels((500, 0.0), (1010, 0.0), (1500, 0.0)) == [0, 1, 0]


def test_of_two_near_a_beat_the_larger_is_it_and_the_other_does_not_count():
    assert labels((930, 0.0), (1060, 1.0)) == [-1, 1]


def test_one_that_fits_goes_before_a_larger_one_that_does_not():
    assert labels((1010, 0.0), (1130, 1.0)) == [1, -1]


def test_a_beat_with_no_better_candidate_takes_a_doubtful_one():
    assert labels((1140, 0.0)) == [1]
    assert labels((1160, 0.0)) == [0]


def test_a_candidate_of_one_beat_stays_it_beside_the_next():
    assert labels((1000, 1.0), (1150, 0.0), beats=(1000, 1140)) == [1, 1]


def test_nothing_counts_in_what_is_left_out_and_close_to_it():
    candidates = [(at, 0.0) for at in (1000, 2750, 3500, 4250, 5000)]
    assert labels(*candidates, left_out=[(3000, 4000)]) == [1, -1, -1, -1, 0]
