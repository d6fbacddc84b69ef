"""Alarm fatigue in figures: counted by hand, and kept over a restart."""

import json

import pytest

from edge_agent.alarms.fatigue import DAYS, FatigueLog
from edge_agent.model import Alarm, Boottime, Phase, Priority

S = 10**9
DAY_S = 86_400


def step(phase, episode, rule="spo2-low", priority=Priority.HIGH, *, technical=False):
    return Alarm(
        rule=rule, episode=episode, title=rule, priority=priority, technical=technical, phase=phase,
        at=Boottime(0), evidence=(),
    )  # fmt: skip


def at(seconds):
    return Boottime(round(seconds * S))


def a_day(log, begin_s=0.0):
    """One attended, one that ended by itself, one that escalated, one technical that stands."""
    log.note(step(Phase.RAISED, "a"), at(begin_s + 10))
    log.note(step(Phase.ACKNOWLEDGED, "a"), at(begin_s + 20), by_person=True)
    log.note(step(Phase.CLEARED, "a"), at(begin_s + 110))
    log.note(step(Phase.RAISED, "b"), at(begin_s + 200))
    log.note(step(Phase.CLEARED, "b"), at(begin_s + 230))
    log.note(step(Phase.RAISED, "c", "glucose-low", Priority.MEDIUM), at(begin_s + 300))
    log.note(step(Phase.ESCALATED, "c", "glucose-low"), at(begin_s + 400))
    log.note(step(Phase.CLEARED, "c", "glucose-low"), at(begin_s + 1000))
    log.note(step(Phase.RAISED, "d", "stale-ox", Priority.LOW, technical=True), at(begin_s + 2000))


def test_alarms_of_two_days_are_counted_by_priority_and_by_what_became_of_them():
    log = FatigueLog(at(0))
    a_day(log)
    log.pass_time(at(2 * DAY_S))
    figures = log.figures()
    assert figures.bed_days == pytest.approx(2)
    assert figures.alarms == 4
    assert figures.per_day == {"low": 0.5, "medium": 0.5, "high": 1.0}
    assert figures.technical_per_day == 0.5
    assert figures.actionable_share == pytest.approx(2 / 3)
    assert (figures.longest_rule, figures.longest_s) == ("glucose-low", 700)
    assert (figures.top_rule, figures.top_rule_share) == ("spo2-low", 0.5)


def test_nothing_is_said_of_what_became_of_alarms_while_none_has_ended():
    log = FatigueLog(at(0))
    log.note(step(Phase.RAISED, "a"), at(1))
    assert log.figures().actionable_share is None


def test_somebody_who_sees_a_latched_alarm_has_attended_to_it():
    log = FatigueLog(at(0))
    log.note(step(Phase.RAISED, "a"), at(1))
    log.note(step(Phase.LATCHED, "a"), at(9))
    log.note(step(Phase.CLEARED, "a"), at(20), by_person=True)
    assert log.figures().actionable_share == 1.0


def test_before_a_day_has_passed_the_count_stands_for_the_rate():
    log = FatigueLog(at(0))
    log.note(step(Phase.RAISED, "a"), at(60))
    assert log.figures().per_day["high"] == 1.0


def test_a_restart_keeps_the_figures_and_what_stands():
    log = FatigueLog(at(0))
    a_day(log)
    log.pass_time(at(DAY_S / 2))
    kept = json.loads(json.dumps(log.state(at(DAY_S / 2))))
    after = FatigueLog(at(5))
    after.restore(kept, at(5), standing={"d"})
    assert after.figures() == log.figures()
    after.note(step(Phase.CLEARED, "d", "stale-ox"), at(65))
    figures = after.figures()
    assert figures.actionable_share == 0.5
    assert figures.longest_s == pytest.approx(DAY_S / 2 - 2000 + 60)


def test_old_days_are_forgotten():
    log = FatigueLog(at(0))
    a_day(log)
    log.pass_time(at(100 * DAY_S))
    figures = log.figures()
    assert DAYS - 1 <= figures.bed_days <= DAYS
    assert figures.alarms == 0
    assert len(log.state(at(100 * DAY_S))["days"]) <= DAYS


def test_time_that_runs_backwards_counts_for_nothing():
    log = FatigueLog(at(100))
    log.pass_time(at(50))
    log.pass_time(at(100))
    assert log.figures().bed_days == 0
