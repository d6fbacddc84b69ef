"""A pause of the audio: bounded, recorded, over restarts; urgent news is told all the same."""

import json

import pytest

from edge_agent import codes
from edge_agent.alarms.engine import AlarmEngine
from edge_agent.alarms.life import Policy
from edge_agent.alarms.rules import LimitRule
from edge_agent.model import Boottime, Observation, Phase, Priority

S = 10**9
RULES = tuple(
    LimitRule(
        name=name, title=name, code=code, priority=priority, low=low, delay_s=2, hysteresis=2,
        policy=Policy(repeat_after_s=30, latching=True),
    )
    for name, code, priority, low in (
        ("spo2-low", codes.SPO2, Priority.HIGH, 90),
        ("glucose-low", codes.GLUCOSE, Priority.MEDIUM, 70),
    )
)  # fmt: skip


class Bed:
    def __init__(self, at_most_s=600.0):
        self.at_most_s, self.second = at_most_s, 0
        self.engine = AlarmEngine(RULES, Boottime(0), pause_at_most_s=at_most_s)
        self.spo2, self.glucose = 97, 120

    @property
    def now(self):
        return Boottime(self.second * S)

    def go(self, seconds, spo2=None, glucose=None):
        """Let time pass; return the steps, as (phase, rule, silent)."""
        self.spo2, self.glucose = spo2 or self.spo2, glucose or self.glucose
        steps = []
        for _ in range(seconds):
            self.second += 1
            for code, value in ((codes.SPO2, self.spo2), (codes.GLUCOSE, self.glucose)):
                one = Observation(code=code, value=value, at=self.now, sensor="s")
                steps += self.engine.judge(one, self.now)
            steps += self.engine.tick(self.now)
        return [(one.phase, one.rule, one.silent) for one in steps]

    def pause(self, seconds):
        self.second += 1
        return self.engine.pause(seconds, "nurse", self.now)

    def restart(self, at_most_s=None, second=50_000):
        kept = json.loads(json.dumps(self.engine.state(self.now)))
        self.second = second
        self.engine = AlarmEngine(
            RULES, self.now, pause_at_most_s=self.at_most_s if at_most_s is None else at_most_s
        )
        self.engine.restore(kept, self.now)


def test_what_stands_is_not_said_again_until_the_pause_is_over_and_then_once():
    bed = Bed()
    assert bed.go(5, spo2=84) == [(Phase.RAISED, "spo2-low", False)]
    bed.pause(100)
    assert bed.go(99) == []
    assert bed.go(1) == [(Phase.REPEATED, "spo2-low", False)]
    assert bed.engine.paused is None
    assert bed.go(29) == []
    assert bed.go(1) == [(Phase.REPEATED, "spo2-low", False)]


def test_a_new_alarm_of_high_priority_is_told_and_said_again_all_the_same():
    bed = Bed()
    bed.pause(600)
    assert bed.go(5, spo2=84, glucose=60) == [
        (Phase.RAISED, "spo2-low", False),
        (Phase.RAISED, "glucose-low", True),
    ]
    assert [one.silent for one in bed.engine.active] == [False, True]
    assert bed.go(30) == [(Phase.REPEATED, "spo2-low", False)]


def test_an_urgent_condition_that_comes_back_is_news():
    bed = Bed()
    bed.go(5, spo2=84)
    bed.pause(600)
    assert bed.go(10, spo2=97) == [(Phase.LATCHED, "spo2-low", True)]
    assert bed.go(5, spo2=80) == [(Phase.REPEATED, "spo2-low", False)]


def test_what_was_acknowledged_is_not_said_again_when_a_pause_ends():
    bed = Bed()
    bed.go(5, spo2=84)
    bed.pause(60)
    bed.engine.acknowledge(bed.engine.active[0].episode, bed.now)
    assert bed.go(120) == []


def test_a_pause_can_be_ended_early():
    bed = Bed()
    bed.go(5, spo2=84)
    bed.pause(600)
    bed.go(10)
    assert [one.phase for one in bed.engine.resume(bed.now)] == [Phase.REPEATED]
    assert bed.engine.resume(bed.now) == []


@pytest.mark.parametrize("seconds", [0, -1, 601, float("nan"), float("inf")])
def test_no_pause_is_longer_than_the_bound(seconds):
    with pytest.raises(ValueError, match="no pause between"):
        Bed().pause(seconds)


def test_a_pause_survives_a_restart_with_what_is_left_of_it_and_who_paused():
    bed = Bed()
    bed.go(5, spo2=84)
    bed.pause(100)
    bed.go(40)
    bed.restart()
    assert (bed.engine.paused.by, bed.engine.paused.left_s(bed.now)) == ("nurse", 60)
    assert bed.go(59) == []
    assert bed.go(1)[0][0] is Phase.REPEATED


def test_what_is_left_after_a_restart_is_within_today_s_bound():
    bed = Bed()
    bed.pause(600)
    bed.restart(at_most_s=30)
    assert bed.engine.paused.left_s(bed.now) == 30


def test_an_alarm_heard_before_the_pause_stays_silent_after_a_restart():
    bed = Bed()
    bed.go(5, spo2=84)
    bed.pause(300)
    bed.restart()
    assert bed.go(100) == []


def test_what_an_older_version_kept_is_taken_up():
    bed = Bed()
    bed.go(5, spo2=84)
    older = bed.engine.state(bed.now)["alarms"]
    after = AlarmEngine(RULES, Boottime(0))
    after.restore(older, Boottime(0))
    assert [one.rule for one in after.active] == ["spo2-low"]
