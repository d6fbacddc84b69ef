"""The section on respiration: made-up people are scored, and real records counted."""

import math

import pytest

from edge_agent.validate.ecg import respiration
from edge_agent.validate.ecg.bench import EcgBench
from edge_agent.validate.ecg.respiration import Breather, Scored, Way, score
from tests.validate.conftest import needs_bench


def test_a_made_up_person_breathes_at_the_rate_and_is_the_same_again():
    found = score(Way(rates_per_min=(15,)), 2, seconds=122.0)
    assert found.given > 0.9
    assert found.error_per_min < 1.0
    assert found == score(Way(rates_per_min=(15,)), 2, seconds=122.0)
    assert Breather(heart_rate=100.0).beats(15, 60.0, 1).shape[1] == pytest.approx(100, abs=6)


def test_windows_without_a_rate_have_no_error():
    none = Scored(windows=4, errors=())
    assert none.given == 0.0
    assert math.isnan(none.error_per_min)
    assert Scored(windows=4, errors=(1.0, 4.0)).off == 0.5


@needs_bench
def test_the_section_meets_its_bars_and_counts_real_records(small_recordings, monkeypatch):
    few = {name: respiration.WAYS[name] for name in (respiration.USUAL, respiration.STILL)}
    monkeypatch.setattr(respiration, "WAYS", few)
    outcome = respiration.measure(EcgBench(data=small_recordings, quick=True))
    assert [one.met for one in outcome.verdicts] == [True] * 3
    assert set(outcome.figures["given"]) == {"901", "902"}
