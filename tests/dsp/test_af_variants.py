import numpy as np
import pytest

from edge_agent.dsp.af_variants import is_free_of_ectopy, paroxysms, with_ectopy, with_spread


def random(seed=1):
    return np.random.default_rng(seed)


def steady(count=400, seed=1):
    return 800.0 + 15.0 * random(seed).standard_normal(count)


def test_ectopy_is_seen_once_it_is_made():
    assert is_free_of_ectopy(steady())
    changed = with_ectopy(steady(), random())
    assert not is_free_of_ectopy(changed)
    assert changed.size == 400
    assert (changed > 200.0).all()
    assert 0.1 < np.mean(np.abs(changed / steady() - 1.0) > 0.05) < 0.9


def test_variants_are_drawn_and_leave_their_source_alone():
    source = steady()
    first, again, other = (with_ectopy(source, random(seed)) for seed in (5, 5, 6))
    assert (first == again).all()
    assert (first != other).any()
    assert (source == steady()).all()


@pytest.mark.parametrize("factor", [0.5, 2.0])
def test_spread_scales_what_leaves_the_running_mean(factor):
    changed = with_spread(steady(), factor)
    assert changed.mean() == pytest.approx(800.0, rel=0.01)
    assert changed.std() == pytest.approx(factor * steady().std(), rel=0.1)


def test_paroxysms_are_short_and_labelled():
    rr_ms, af = paroxysms([np.full(300, 800.0)], [np.full(300, 500.0)], random(), episodes=10)
    assert (af == (rr_ms == 500.0)).all()
    edges = np.flatnonzero(np.diff(af.astype(int)) == 1)
    assert edges.size == 10
    assert not af[0]


def test_too_few_intervals_are_not_called_free():
    assert not is_free_of_ectopy(np.full(8, 800.0))
