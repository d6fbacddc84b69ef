import numpy as np
import pytest

from edge_agent.dsp.logistic import Logistic, fit


def drawn(model, count=20_000, seed=3):
    random = np.random.default_rng(seed)
    rows = random.normal((5.0, -200.0), (2.0, 50.0), (count, 2))
    return rows, random.random(count) < model.probability(rows)


def test_the_weights_that_made_the_labels_are_found_again():
    model = Logistic(1.0, (0.8, 0.02))
    rows, labels = drawn(model)
    found = fit(rows, labels, ridge=0.01)
    assert found.weights == pytest.approx(model.weights, rel=0.1)
    assert np.abs(found.probability(rows) - model.probability(rows)).mean() < 0.02


def test_a_row_of_weight_two_is_a_row_twice():
    rows, labels = drawn(Logistic(0.0, (0.5, 0.01)), 200)
    twice = fit(np.vstack((rows, rows[:50])), np.concatenate((labels, labels[:50])))
    weighted = fit(rows, labels, sample_weights=np.where(np.arange(200) < 50, 2.0, 1.0))
    assert weighted.weights == pytest.approx(twice.weights)
    assert weighted.intercept == pytest.approx(twice.intercept)


def test_a_constant_feature_and_separable_classes_leave_finite_weights():
    rows = np.column_stack((np.arange(20.0), np.full(20, 3.0)))
    found = fit(rows, np.arange(20) >= 10)
    assert np.isfinite([found.intercept, *found.weights]).all()
    assert found.weights[1] == 0.0
    assert (found.probability(rows) > 0.5).tolist() == [False] * 10 + [True] * 10


def test_columns_that_say_the_same_and_heavy_rows_do_not_make_it_diverge():
    rows, labels = drawn(Logistic(-8.0, (2.0, 0.01)), 2000)
    share = (rows[:, :1] > 5.0).astype(float)
    partition = np.hstack((rows * 100.0, share, 1.0 - share))
    found = fit(partition, labels, sample_weights=np.where(labels, 1000.0, 1.0))
    assert np.abs(found.weights).max() < 100.0
    assert np.mean(found.probability(partition)[labels]) > 0.9


def test_labels_all_alike_are_refused():
    with pytest.raises(ValueError, match="all alike"):
        fit([[1.0], [2.0]], [1, 1])
