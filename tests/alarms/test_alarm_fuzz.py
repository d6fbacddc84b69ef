"""A thousand seeded episodes with restarts, pauses and holes; and that the fuzz finds faults."""

import pytest

from edge_agent.alarms.engine import AlarmEngine
from edge_agent.alarms.life import Life
from edge_agent.alarms.pause import Pause
from edge_agent.model import Phase
from edge_agent.validate.alarms.fuzz import play

SEED = 20261123


def test_a_thousand_episodes_take_every_transition_and_lose_none():
    result = play(1000, SEED)
    assert result.faults == 0, (SEED, result)
    assert result.never_taken == set()
    assert result.episodes == 1000
    assert min(result.onsets, result.restarts, result.pauses, result.latched) > 200


def forget_everything(engine, state, now):
    """A restart that keeps nothing."""


@pytest.mark.parametrize(
    ("owner", "name", "fault", "found"),
    [
        (AlarmEngine, "restore", forget_everything, "lost_latched"),
        (Pause, "covers", lambda pause, alarm: True, "silenced_high"),
        (Pause, "without", lambda pause, episode: pause, "silenced_high"),
        (Life, "due", lambda life, now, may_repeat: None, "never_taken"),
    ],
)
def test_a_planted_fault_is_found(monkeypatch, owner, name, fault, found):
    monkeypatch.setattr(owner, name, fault)
    assert getattr(play(300, SEED), found)


def test_a_latch_that_does_not_hold_is_found(monkeypatch):
    monkeypatch.setattr("edge_agent.alarms.life.LATCHED", (None, Phase.CLEARED))
    assert play(300, SEED).lost_latched
