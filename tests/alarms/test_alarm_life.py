"""What becomes of a raised alarm: acknowledged, escalated, repeated, latched, kept."""

import csv
import dataclasses
import itertools
import json
import random
from pathlib import Path

import pytest

from edge_agent import codes
from edge_agent.alarms.engine import AlarmEngine
from edge_agent.alarms.life import TRANSITIONS, Happening, Life, Policy, Stand
from edge_agent.alarms.rules import LimitRule, StaleRule
from edge_agent.alarms.shipped import limit_rules
from edge_agent.model import Boottime, Observation, Phase, Priority, State

NS_PER_S = 10**9
SEED = 20261123


def second(number):
    return Boottime(round(number * NS_PER_S))


def rule(**policy):
    return LimitRule(
        name="spo2-low", title="SpO2 low", code=codes.SPO2, priority=Priority.MEDIUM, low=90,
        delay_s=5, hysteresis=2, policy=Policy(**policy),
    )  # fmt: skip


class Ward:
    """An engine fed one value a second; restarts go through JSON, as on a hub."""

    def __init__(self, *rules):
        self.rules, self.now_s, self.boots = rules, 0, 0
        self.engine = AlarmEngine(rules, second(0))
        self.told = []

    def value(self, spo2, seconds=1, **changes):
        for _ in range(seconds):
            self.now_s += 1
            at = second(self.now_s)
            one = Observation(code=codes.SPO2, value=spo2, at=at, sensor="ox", **changes)
            self.told += self.engine.judge(one, at)
            self.told += self.engine.tick(at)
        return self

    def acknowledge(self):
        for alarm in self.engine.active:
            self.told += self.engine.acknowledge(alarm.episode, second(self.now_s))
        return self

    def restart(self):
        """Boot time begins anew, at some other place."""
        kept = json.loads(json.dumps(self.engine.state(second(self.now_s))))
        self.boots += 1
        self.now_s = 10_000 * self.boots
        self.engine = AlarmEngine(self.rules, second(self.now_s))
        self.engine.restore(kept, second(self.now_s))
        return self

    @property
    def phases(self):
        return [one.phase for one in self.told]


def test_an_alarm_is_raised_acknowledged_and_cleared_as_one_episode():
    ward = Ward(rule()).value(85, 10).acknowledge().value(85, 100).value(97, 10)
    assert ward.phases == [Phase.RAISED, Phase.ACKNOWLEDGED, Phase.CLEARED]
    assert len({one.episode for one in ward.told}) == 1
    assert ward.engine.active == ()


def test_a_latching_alarm_stays_until_somebody_has_seen_it():
    ward = Ward(rule(latching=True)).value(85, 10).value(97, 600)
    assert ward.phases == [Phase.RAISED, Phase.LATCHED]
    assert [one.phase for one in ward.engine.active] == [Phase.LATCHED]
    ward.acknowledge()
    assert ward.phases[-1] is Phase.CLEARED
    assert ward.engine.active == ()


def test_a_latching_alarm_that_was_seen_ends_with_its_condition():
    ward = Ward(rule(latching=True)).value(85, 10).acknowledge().value(97, 10)
    assert ward.phases == [Phase.RAISED, Phase.ACKNOWLEDGED, Phase.CLEARED]


def test_a_latched_alarm_whose_condition_is_back_is_the_same_episode():
    ward = Ward(rule(latching=True)).value(85, 10).value(97, 20).value(84, 10)
    assert ward.phases == [Phase.RAISED, Phase.LATCHED, Phase.REPEATED]
    assert len({one.episode for one in ward.told}) == 1
    assert ward.told[-1].evidence[0].value == 84


def test_nobody_who_comes_raises_the_priority_once():
    ward = Ward(rule(escalate_after_s=60)).value(85, 600)
    assert ward.phases == [Phase.RAISED, Phase.ESCALATED]
    assert ward.engine.active[0].priority is Priority.HIGH
    assert Ward(rule(escalate_after_s=60)).value(85, 10).acknowledge().value(85, 600).phases == [
        Phase.RAISED, Phase.ACKNOWLEDGED,
    ]  # fmt: skip


def test_an_alarm_is_said_again_until_it_is_seen_and_later_if_it_lasts():
    """As glucose sensors do: every five minutes until confirmed, and half an hour after that."""
    ward = Ward(rule(repeat_after_s=300, realarm_after_s=1800)).value(85, 906)
    assert ward.phases == [Phase.RAISED, Phase.REPEATED, Phase.REPEATED, Phase.REPEATED]
    ward.acknowledge().value(85, 1799)
    assert ward.phases[4:] == [Phase.ACKNOWLEDGED]
    ward.value(85, 2)
    assert ward.phases[5:] == [Phase.REPEATED]


def test_unreliable_values_neither_clear_nor_end_anything():
    ward = Ward(rule(latching=True)).value(85, 10)
    ward.value(97, 60, quality=0.1, state=State.QUESTIONABLE)
    assert [one.phase for one in ward.engine.active] == [Phase.RAISED]


def test_acknowledging_what_does_not_stand_changes_nothing():
    ward = Ward(rule())
    assert ward.engine.acknowledge("spo2-low-ox-0", second(1)) == []


@pytest.mark.parametrize("acknowledged", [False, True])
def test_a_restart_keeps_an_alarm_as_the_same_episode(acknowledged):
    ward = Ward(rule(repeat_after_s=300)).value(85, 10)
    if acknowledged:
        ward.acknowledge()
    before = ward.engine.active[0]
    ward.restart().value(85, 100)
    after = ward.engine.active[0]
    assert (after.episode, after.phase) == (before.episode, before.phase)
    assert after.evidence[0].value == before.evidence[0].value
    ward.value(97, 20)
    assert ward.phases[-1] is Phase.CLEARED
    assert len({one.episode for one in ward.told}) == 1


def test_a_latched_alarm_outlives_any_number_of_restarts():
    ward = Ward(rule(latching=True)).value(85, 10).value(97, 20)
    for _ in range(5):
        ward.restart().value(97, 50)
    assert [one.phase for one in ward.engine.active] == [Phase.LATCHED]
    assert ward.phases == [Phase.RAISED, Phase.LATCHED]


def test_times_go_on_after_a_restart_and_never_too_early():
    ward = Ward(rule(escalate_after_s=60)).value(85, 40).restart().value(85, 20)
    assert ward.phases == [Phase.RAISED]
    ward.value(85, 10)
    assert ward.phases == [Phase.RAISED, Phase.ESCALATED]


def test_a_stale_alarm_survives_a_restart_and_clears_when_the_sensor_is_back():
    stale = StaleRule(
        name="stale-ox", title="ox gives no usable values", sensor="ox", codes=(codes.SPO2,),
        after_s=30, priority=Priority.MEDIUM,
    )  # fmt: skip
    ward = Ward(stale)
    ward.now_s = 40
    ward.told += ward.engine.tick(second(40))
    ward.restart()
    ward.told += ward.engine.tick(second(ward.now_s + 100))
    ward.now_s += 100
    assert ward.phases == [Phase.RAISED]
    assert ward.engine.active[0].technical
    ward.value(97)
    assert ward.phases == [Phase.RAISED, Phase.CLEARED]


def test_what_was_kept_of_a_rule_that_is_no_more_is_left_out():
    kept = Ward(rule()).value(85, 10).engine.state(second(10))
    other = AlarmEngine((), second(0))
    other.restore(kept, second(0))
    assert other.active == ()


def test_the_deeper_the_drop_the_shorter_the_delay():
    graded = LimitRule(
        name="spo2-low", title="SpO2 low", code=codes.SPO2, priority=Priority.HIGH, low=90,
        delay_s=20, at_once=80,
    )  # fmt: skip
    raised_after_s = {}
    for spo2 in (89.9, 85, 80, 70):
        ward = Ward(graded)
        while not ward.told:
            ward.value(spo2)
        raised_after_s[spo2] = ward.now_s - 1
    assert raised_after_s == {89.9: 20, 85: 10, 80: 0, 70: 0}


@pytest.fixture
def taken(monkeypatch):
    """Note every transition that a life takes."""
    transitions, happen = set(), Life.happen

    def noting(life, what, *arguments, **changes):
        before = life.stand
        step = happen(life, what, *arguments, **changes)
        if step is not None:
            transitions.add((before, what))
        return step

    monkeypatch.setattr(Life, "happen", noting)
    return transitions


def test_a_thousand_episodes_with_restarts_take_every_transition_and_lose_none(taken):
    """Against a plain account of the condition: five seconds beyond, five seconds inside."""
    rng = random.Random(SEED)
    for _ in range(1000):
        policy = Policy(
            latching=rng.random() < 0.5,
            escalate_after_s=rng.choice([None, 15]),
            repeat_after_s=rng.choice([None, 20]),
            realarm_after_s=rng.choice([None, 25]),
        )
        ward = Ward(rule(**policy_fields(policy)))
        beyond = inside = 0
        is_there = must_be_seen = False
        for spo2 in itertools.chain.from_iterable(
            itertools.repeat(rng.choice([84, 97]), rng.randint(1, 30)) for _ in range(8)
        ):
            if rng.random() < 0.02:
                ward.restart()
                inside = 0  # a delay runs on, an alarm ends only by what was seen since
            if rng.random() < 0.03:
                ward.acknowledge()
                must_be_seen = False
            ward.value(spo2)
            beyond, inside = (beyond + 1, 0) if spo2 < 90 else (0, inside + 1)
            if beyond > 5 and not is_there:
                is_there = must_be_seen = True
            if inside > 5 and is_there:
                is_there = False
                must_be_seen = must_be_seen and policy.latching
            if ward.told and ward.told[-1].phase is Phase.REPEATED:
                must_be_seen = True
            stands = bool(ward.engine.active)
            assert stands == (is_there or (must_be_seen and policy.latching)), f"seed {SEED}"
        episodes = [one.episode for one in ward.told if one.phase is Phase.RAISED]
        assert len(episodes) == len(set(episodes))
    assert taken == set(TRANSITIONS)


def policy_fields(policy):
    return {name: getattr(policy, name) for name in Policy.__dataclass_fields__}


@pytest.mark.parametrize("stand", Stand)
@pytest.mark.parametrize("what", Happening)
def test_what_is_not_in_the_table_changes_nothing(stand, what):
    ward = Ward(rule()).value(85, 10)
    life = Life.begin(Policy(), ward.told[0])
    life.stand = stand
    step = life.happen(what, second(20))
    assert (step is None) == ((stand, what) not in TRANSITIONS)
    if step is None:
        assert life.stand is stand


def spo2_rule(**changes):
    (rule,) = [
        one
        for one in limit_rules(
            heart_rate_low_per_min=45, heart_rate_high_per_min=130, spo2_low_percent=90,
            glucose_low_mgdl=70, delay_s=5,
        )
        if one.name == "spo2-low"
    ]  # fmt: skip
    return dataclasses.replace(rule, **changes)


def test_short_and_shallow_drops_alarm_no_more_and_long_deep_ones_all_do():
    """Four hours with a drop every two minutes: 15 s to 86 %, or 45 s to 82 %, every tenth time."""
    drops = [(82, 45) if index % 10 == 9 else (86, 15) for index in range(120)]
    spo2 = [value for low, long_s in drops for value in [96] * (120 - long_s) + [low] * long_s]
    ward = Ward(spo2_rule()).value(96)
    for value in spo2:
        ward.value(value)
    raised = [one for one in ward.told if one.phase is Phase.RAISED]
    assert len(raised) == 12
    assert {one.evidence[0].value for one in raised} == {82}


def test_on_six_nights_most_alarms_go(shared_nights):
    """Against a plain limit at 90 %: at least three of five fewer. None of them is long."""
    plain = spo2_rule(delay_s=0.0, hysteresis=0.0, at_once=None)
    before = sum(count_raised(plain, spo2) for spo2 in shared_nights)
    after = sum(count_raised(spo2_rule(), spo2) for spo2 in shared_nights)
    assert after <= 0.4 * before, (before, after)


def count_raised(rule, spo2):
    ward = Ward(rule)
    for value in spo2:
        ward.value(value)
    return sum(one.phase is Phase.RAISED for one in ward.told)


@pytest.fixture
def shared_nights():
    file = Path(__file__).resolve().parents[3] / "shared/data/twin/spo2_desat_series_1hz.csv"
    if not file.is_file():
        pytest.skip("shared data not here")
    nights = {}
    with file.open() as rows:
        for row in csv.DictReader(rows):
            nights.setdefault(row["case"], []).append(float(row["spo2"]))
    return list(nights.values())
