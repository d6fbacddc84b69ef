import numpy as np
import pytest

from edge_agent.dsp.af_features import FEWEST_INTERVALS, NAMES, features

BIGEMINY = np.tile([600.0, 1000.0], 20)
SINUS = 800.0 + 60.0 * np.sin(2.0 * np.pi * np.arange(40) / 5.0)


def of(name, rr_ms):
    return features(rr_ms)[NAMES.index(name)]


def fibrillating(seed=1, count=40):
    return np.random.default_rng(seed).uniform(450.0, 1050.0, count)


def test_entropy_of_equal_intervals_and_of_intervals_that_never_repeat():
    assert of("entropy", np.full(10, 800.0)) == pytest.approx(-np.log(36.5 / 37.0))
    far_apart = 300.0 + 200.0 * np.arange(10)
    assert of("entropy", far_apart) == pytest.approx(np.log(2.0))  # no match: half a one in one


def test_entropy_counts_matches_that_match_again():
    rr_ms = np.tile([500.0, 900.0, 900.0], 3)  # among the first 8: 3 + 10 pairs alike
    pairs = repeated = 0
    for i in range(8):
        for j in range(i):
            pairs += rr_ms[i] == rr_ms[j]
            repeated += rr_ms[i] == rr_ms[j] and rr_ms[i + 1] == rr_ms[j + 1]
    assert of("entropy", rr_ms) == pytest.approx(-np.log((repeated + 0.5) / (pairs + 1.0)))


def test_compensated_ectopic_beats_are_evened_out():
    rr_ms = np.full(30, 800.0)
    for place in (3, 9, 10 + 4, 22):
        rr_ms[place : place + 2] = 500.0, 1100.0
    assert of("irregularity", rr_ms) == 0.0
    assert of("irregularity", BIGEMINY) == 0.0
    assert of("irregularity", fibrillating()) > 0.75


def test_irregularity_is_a_share_of_pairs():
    rr_ms = np.array([800.0] * 5 + [860.0] * 5)  # 25 of 45 pairs are 7 % apart
    assert of("irregularity", rr_ms) == pytest.approx(25 / 45)


def test_patterns_and_slow_waves_repeat_and_fibrillation_does_not():
    assert of("repetition", BIGEMINY) > 1.5
    assert of("repetition", np.tile([800.0, 810.0, 500.0], 13)) > 0.8
    assert of("repetition", SINUS) > 0.5
    drawn = [of("repetition", fibrillating(seed)) for seed in range(200)]
    assert abs(np.mean(drawn)) < 0.03


def test_spread_and_step():
    assert of("spread", BIGEMINY) == pytest.approx(np.log(0.003 + 0.25))
    assert of("step", BIGEMINY) == pytest.approx(np.log(0.003 + 0.5))
    assert of("step", np.full(9, 700.0)) == pytest.approx(np.log(0.003))


@pytest.mark.parametrize("rr_ms", [BIGEMINY, SINUS, fibrillating()])
def test_the_rate_does_not_count(rr_ms):
    assert features(0.5 * rr_ms) == pytest.approx(features(rr_ms))


def test_the_fewest_intervals_have_features():
    assert features(fibrillating(count=FEWEST_INTERVALS)).shape == (len(NAMES),)
