"""What must not change the alarms: a restart, a hole in the data, a step of a clock, a split."""

import asyncio
import random

from hypothesis import given, settings
from hypothesis import strategies as st

from edge_agent import codes
from edge_agent.alarms.life import Policy
from edge_agent.alarms.rules import LimitRule
from edge_agent.alarms.shipped import stale_rules
from edge_agent.capture import Action, Capture, Step
from edge_agent.clock import VirtualClock
from edge_agent.model import Observation, Phase, Priority
from edge_agent.registry import find
from edge_agent.replay import Replay
from edge_agent.validate.alarms.ward import Ward, boottime
from edge_drivers.nonin import FrameStatus, Packet

DELAY_S = 5
SETTLED_S = 12
RULE = LimitRule(
    name="spo2-low", title="SpO2 low", code=codes.SPO2, priority=Priority.MEDIUM, low=90,
    delay_s=DELAY_S, hysteresis=2,
    policy=Policy(latching=True, escalate_after_s=40, repeat_after_s=25, realarm_after_s=50),
)  # fmt: skip
STALE_S = 10.0
RULES = (RULE, *stale_rules([("ox", (codes.SPO2,), STALE_S)]))

levels = st.lists(
    st.tuples(st.sampled_from([80.0, 97.0]), st.integers(SETTLED_S, 60)), min_size=1, max_size=8
)


def value(ward, spo2, **changes):
    return Observation(code=codes.SPO2, value=spo2, at=ward.now, sensor="ox", **changes)


def seconds(stretches):
    """One value a second; with each, for how long its level has lasted."""
    return [(level, lasts) for level, length in stretches for lasts in range(length)]


def play(stretches, *, restarts=(), missing=(), seen=(), **changes):
    """Play a value a second; return (second, phase, rule) of every step, and the ward."""
    ward = Ward(rules=RULES)
    for index, (level, _) in enumerate(seconds(stretches)):
        if index in restarts:
            ward.restart()
        if index in seen:
            ward.acknowledge()
        ward.second += 1
        if index not in missing:
            ward.judge(value(ward, level, **changes))
        ward.keep(ward.engine.tick(ward.now))
    return [(second, step.phase, step.rule) for second, step in ward.told], ward


@given(levels, st.sets(st.integers(0, 400)), st.sets(st.integers(0, 400), max_size=3))
def test_a_restart_changes_no_alarm_and_no_second_of_one(stretches, chances, seen):
    """Restarts come when no delay is running: how long a condition has lasted is not kept."""
    settled = {at for at, (_, lasts) in enumerate(seconds(stretches)) if lasts > DELAY_S + 1}
    without, ward = play(stretches, seen=seen)
    with_restarts, restarted = play(stretches, seen=seen, restarts=chances & settled)
    assert with_restarts == without
    episodes = [step.episode for _, step in ward.told if step.phase is Phase.RAISED]
    again = [step.episode for _, step in restarted.told if step.phase is Phase.RAISED]
    assert len(set(again)) == len(set(episodes))


@given(levels, st.integers(0, 400), st.integers(1, 90))
def test_a_hole_clears_nothing_and_is_told_itself(stretches, begin, length):
    hole = range(begin, begin + length)
    every = seconds(stretches)
    told, ward = play(stretches, missing=hole)
    in_hole = [one for one in told if begin < one[0] <= begin + length]
    assert not [one for one in in_hole if one[2] == "spo2-low" and one[1] is Phase.CLEARED]
    silent = [one for one in in_hole if one[2] == "stale-ox" and one[1] is Phase.RAISED]
    inside = min(begin + length, len(every)) - begin
    assert len(silent) == (inside > STALE_S)
    before = [one for one in play(stretches)[0] if one[0] <= begin]
    assert [one for one in told if one[0] <= begin] == before
    # Once values have come for longer than the delay, what stands is as if there had been no hole.
    settled = [at for at, (_, lasts) in enumerate(every) if lasts > 2 * DELAY_S]
    if settled and settled[-1] == len(every) - 1 and len(every) - 1 > begin + length + 2 * DELAY_S:
        is_low = every[-1][0] < 90
        phases = [one.phase for one in ward.engine.active if one.rule == "spo2-low"]
        assert bool(phases and phases != [Phase.LATCHED]) >= is_low


@given(levels, st.integers(0, 10**15), st.lists(st.integers(-(10**18), 10**18), min_size=1))
def test_no_clock_changes_an_alarm_but_the_hub_s_own(stretches, boot_s, device_ns):
    """Boot time may begin anywhere; a sensor's clock may say anything."""
    plain, _ = play(stretches)
    shifted, _ = play(stretches, device_ns=device_ns[0])
    assert shifted == plain
    ward = Ward(rules=RULES, boots=boot_s % 10_000)
    for level, _ in seconds(stretches):
        ward.second += 1
        ward.judge(value(ward, level))
        ward.keep(ward.engine.tick(ward.now))
    assert [(second, step.phase, step.rule) for second, step in ward.told] == plain


@given(levels, st.data())
def test_extra_looks_around_change_no_alarm(stretches, data):
    """How often the hub ticks between two values makes no difference to limits."""
    plain, _ = play(stretches)
    ward = Ward(rules=RULES)
    for level, _ in seconds(stretches):
        for _ in range(data.draw(st.integers(0, 3))):
            ward.keep(ward.engine.tick(ward.now))
        ward.second += 1
        ward.judge(value(ward, level))
        ward.keep(ward.engine.tick(ward.now))
    assert [(second, step.phase, step.rule) for second, step in ward.told] == plain


@given(levels)
def test_values_from_a_sensor_s_memory_raise_and_clear_nothing(stretches):
    ward = Ward(rules=RULES)
    for level, _ in seconds(stretches):
        ward.second += 1
        ward.judge(value(ward, level, backfilled=True))
        ward.keep(ward.engine.tick(ward.now))
    assert [step.rule for _, step in ward.told if step.phase is Phase.RAISED] == (
        ["stale-ox"] if ward.second > STALE_S else []
    )


def packets():
    """A serial oximeter: well, low for 25 seconds, well for 40."""
    for at_ms in range(0, 75_000, 333):
        packet = Packet(
            spo2_percent=80 if 10_000 <= at_ms < 35_000 else 97, pulse_per_min=60,
            pleth=(100,) * 25, status=FrameStatus.GREEN_PERFUSION,
        )  # fmt: skip
        yield at_ms, packet.to_bytes()


def replayed(capture):
    async def run():
        replay = Replay(capture, find("nonin-2"))
        return [
            (moment.at, one.rule, one.phase)
            async for moment in replay.run()
            for one in moment.alarms
        ]

    return asyncio.run(run())


def split(rng, cuts):
    """Cut every packet into so many pieces, which arrive together."""
    for at_ms, octets in packets():
        places = sorted(rng.sample(range(1, len(octets)), cuts))
        for begin, end in zip([0, *places], [*places, len(octets)], strict=True):
            yield Step(at_ns=at_ms * 10**6, action=Action.RECEIVED, octets=octets[begin:end])


@settings(max_examples=8)
@given(st.integers(1, 60), st.integers(0, 2**32))
def test_how_the_octets_are_split_changes_no_alarm(cuts, seed):
    rng = random.Random(seed)
    whole = replayed(Capture(steps=tuple(split(rng, 0))))
    assert [one[1:] for one in whole] == [
        ("spo2-low", Phase.RAISED), ("spo2-low", Phase.CLEARED),
    ]  # fmt: skip
    assert replayed(Capture(steps=tuple(split(rng, cuts)))) == whole


def test_a_step_of_the_wall_clock_is_none_of_boot_time():
    clock = VirtualClock()
    before = clock.boottime()
    clock.step_utc(-10 * 365 * 86_400)
    assert clock.boottime() == before == boottime(0)
