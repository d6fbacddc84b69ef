import math

import numpy as np
import pytest

from edge_agent.dsp.qrs_likelihood import EVIDENCE, Context, Network, evidence
from edge_agent.dsp.qrs_weights import NETWORK

KNOWN = Context(
    signal=(1.0, 2.0), noise=(-1.0, 0.5), floor=(-2.0, -1.0), usual_s=0.8, regularity=0.75
)


def told(
    *, sizes=(1.0, 2.0), before=(-2.0, -2.5), later=(-1.5, -1.0), known=KNOWN, since_s=0.8, last=1.0
):
    values = evidence(sizes, before, later, known, since_s, last)
    return dict(zip(EVIDENCE, values, strict=True))


def shifted(known, by):
    return known._replace(
        **{
            name: tuple(one + by for one in getattr(known, name))
            for name in ("signal", "noise", "floor")
        }
    )


def test_there_is_a_name_for_every_piece_of_evidence_and_none_twice():
    assert len(set(EVIDENCE)) == len(EVIDENCE) == len(told())


def test_a_usual_beat_on_time_differs_in_nothing_from_the_usual():
    values = told()
    silent = ("narrow", "wide", "under_0.92", "over_1.1", "t_wave", "narrow_over_2", "wide_under_2")
    assert {values[name] for name in silent} == {0.0}
    assert values["on_time"] == 1.0
    assert values["on_time_regular"] == 0.75


def test_only_ratios_count_so_gain_does_not():
    plain = told(sizes=(0.5, 1.5), last=0.7)
    louder = told(sizes=(3.5, 4.5), last=3.7, known=shifted(KNOWN, 3.0))
    assert louder == pytest.approx(plain)


def test_only_shares_of_the_usual_interval_count_but_for_the_t_wave():
    slow = told(since_s=0.9, known=KNOWN._replace(usual_s=1.0))
    fast = told(since_s=0.45, known=KNOWN._replace(usual_s=0.5))
    assert fast == pytest.approx(slow)
    assert told(since_s=0.3)["t_wave"] == pytest.approx(0.1)


def test_sizes_lie_beside_those_of_the_beats_and_of_the_noise():
    values = told(sizes=(0.0, 3.0))
    assert values["narrow"] == -1.0
    assert values["narrow_under_2"] == 1.0
    assert values["wide_over_2"] == 1.0
    assert values["narrow_noise"] == -2.0
    assert values["wide_x_noise"] == -1.5
    assert values["narrow_floor"] == -3.0


def test_beyond_its_limits_a_size_says_no_more():
    assert told(sizes=(-40.0, -40.0)) == told(sizes=(-10.0, -10.0))
    assert told(sizes=(40.0, 40.0)) == told(sizes=(10.0, 10.0))


def test_beyond_its_limit_lateness_says_no_more():
    assert told(since_s=20.0) == told(since_s=2.0)
    assert told(since_s=1.2)["over_1.3"] == pytest.approx(0.2)


@pytest.mark.parametrize(("since_s", "early"), [(0.4, 0.3), (0.6, 0.05), (0.7, 0.0)])
def test_early_is_counted_in_usual_intervals(since_s, early):
    values = told(since_s=since_s)
    assert values["under_0.8"] == pytest.approx(early)
    assert values["under_0.8_regular"] == pytest.approx(0.75 * early)


def test_odds_are_those_of_rectified_sums():
    network = Network(
        hidden=np.array([[1.0, 0.0], [-1.0, 2.0]]),
        offsets=np.array([0.5, 0.0]),
        out=np.array([2.0, -1.0]),
        bias=0.25,
    )
    assert network.log_odds([1.0, 3.0]) == 2.0 * 1.5 - 5.0 + 0.25
    assert network.log_odds([-1.0, -1.0]) == 0.25  # both sums below zero


def test_the_shipped_network_takes_all_evidence_and_gives_a_number():
    assert NETWORK.hidden.shape == (NETWORK.out.size, len(EVIDENCE))
    assert NETWORK.offsets.shape == NETWORK.out.shape
    assert math.isfinite(NETWORK.log_odds(list(told().values())))


def test_the_shipped_network_tells_a_usual_beat_from_a_small_t_wave():
    beat = told(before=(-3.0, -3.0), later=(-2.0, -2.0))
    t_wave = told(sizes=(-1.5, -0.5), before=(1.0, 1.0), later=(-2.0, -2.0), since_s=0.3)
    assert NETWORK.log_odds(list(beat.values())) > 0.0
    assert NETWORK.log_odds(list(t_wave.values())) < 0.0
