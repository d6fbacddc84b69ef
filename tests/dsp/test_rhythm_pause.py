import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge_agent.dsp.rhythm_contact import STEP_S, Contact, ContactStep
from edge_agent.dsp.rhythm_finding import Kind, Standing
from edge_agent.dsp.rhythm_pause import PauseWatch

SETTLED_AFTER_S = 0.5


def play(beats, until_s, *, limit_s=3.0, block_s=0.2, dead=(), holding=(), late=None):
    """Beats settle half a second late, those in ``late`` by as much as it says.

    ``dead`` are spans (s), ``holding`` are (from, until, position).
    """
    watch, found = PauseWatch(limit_s), []
    waiting = sorted(beats)
    step_s, blocks = STEP_S, round(until_s / block_s)
    next_step = 1
    for block in range(1, blocks + 1):
        now_s = block * block_s
        settled = []
        while waiting:
            delay = (late or {}).get(waiting[0], SETTLED_AFTER_S)
            if waiting[0] + delay > now_s + 1e-9:
                break
            settled.append(waiting.pop(0))
        steps = []
        while next_step * step_s <= now_s + 1e-9:
            at_s = next_step * step_s
            off = any(start < at_s <= end for start, end in dead)
            steps.append(ContactStep(at_s, Contact.FLAT if off else Contact.ATTACHED))
            next_step += 1
        seen = [at for start, end, at in holding if start <= now_s < end]
        found += watch.push(now_s, settled, steps, holding_s=seen)
    return found


def told(findings):
    return [(one.standing, round(one.onset_s, 3)) for one in findings]


REGULAR = [round(0.8 * n, 3) for n in range(1, 11)]  # until 8.0


@pytest.mark.parametrize("limit_s", [2.0, 3.0, 4.0, 10.0])
@pytest.mark.parametrize("block_s", [0.02, 0.1, 0.2])
def test_a_silence_is_told_within_0_4_s_of_last_beat_and_limit(limit_s, block_s):
    (begun,) = play(REGULAR, 20.0, limit_s=limit_s, block_s=block_s)
    assert (begun.kind, begun.standing, begun.onset_s) == (Kind.PAUSE, Standing.BEGUN, 8.0)
    assert begun.onset_s + limit_s < begun.known_s <= begun.onset_s + limit_s + 0.4


def test_the_next_beat_ends_it():
    _, ended = play([*REGULAR, 13.5, 14.3], 16.0)
    assert (ended.standing, ended.onset_s, ended.offset_s) == (Standing.ENDED, 8.0, 13.5)
    assert ended.value == pytest.approx(5.5)


def test_a_beat_just_after_the_limit_gives_a_pause_that_begins_and_ends():
    findings = play([*REGULAR, 11.1, 11.9], 14.0)
    assert told(findings) == [(Standing.BEGUN, 8.0), (Standing.ENDED, 8.0)]
    assert findings[-1].value == pytest.approx(3.1)


def test_a_beat_just_within_the_limit_gives_none_when_it_has_been_seen_early():
    assert play([*REGULAR, 10.95, 11.7], 14.0, holding=[(11.1, 11.5, 10.95)]) == []


def test_a_beat_seen_early_that_comes_to_nothing_holds_back_only_as_long_as_it_is_held():
    (begun,) = play(REGULAR, 20.0, holding=[(10.0, 12.1, 9.9)])
    assert begun.known_s == pytest.approx(12.2)


def test_a_beat_seen_early_beyond_the_limit_holds_nothing_back():
    (begun,) = play(REGULAR, 20.0, holding=[(11.1, 20.0, 11.05)])
    assert begun.known_s <= 8.0 + 3.0 + 0.4


def test_a_beat_that_search_back_finds_in_the_silence_withdraws_it():
    findings = play([*REGULAR, 10.0, 12.4, 13.2], 15.0, late={10.0: 3.5, 12.4: 1.1, 13.2: 0.5})
    assert told(findings) == [(Standing.BEGUN, 8.0), (Standing.WITHDRAWN, 8.0)]
    assert "searched" in findings[-1].note


def test_a_dead_line_is_no_silence_and_the_silence_counts_from_its_end():
    assert play(REGULAR, 30.0, dead=[(8.5, 30.0)]) == []
    (begun,) = play(REGULAR, 30.0, dead=[(8.5, 9.5)])
    assert 9.4 + 3.0 < begun.known_s <= 9.6 + 3.0 + 0.4


def test_after_two_dead_seconds_a_rhythm_has_to_be_seen_first():
    assert play(REGULAR, 40.0, dead=[(8.5, 14.0)]) == []
    again = [20.0, 20.8, 21.6, 22.4, 23.2]
    (begun,) = play([*REGULAR, *again], 40.0, dead=[(8.5, 14.0)])
    assert begun.onset_s == pytest.approx(23.2)


def test_without_a_rhythm_before_there_is_no_standstill():
    assert play([], 20.0) == []
    assert play([1.0, 1.8], 20.0) == []


def test_a_gap_is_no_silence_and_what_stands_before_it_stands_after_it():
    watch = PauseWatch(3.0)
    attached = [ContactStep(8.0, Contact.ATTACHED)]
    assert watch.push(8.0, REGULAR, attached) == []
    watch.gap(20.0)
    assert watch.push(21.0, (), [ContactStep(21.0, Contact.ATTACHED)]) == []
    assert watch.push(23.5, (), [ContactStep(23.4, Contact.ATTACHED)]) == []
    (begun,) = watch.push(23.7, (), [ContactStep(23.6, Contact.ATTACHED)])
    assert begun.onset_s == 20.0
    watch.gap(25.0)
    (ended,) = watch.push(27.0, [26.0], [ContactStep(27.0, Contact.ATTACHED)])
    assert (ended.standing, ended.onset_s) == (Standing.ENDED, 20.0)


def test_after_a_long_gap_a_rhythm_has_to_be_seen_first():
    watch = PauseWatch(3.0)
    watch.push(8.0, REGULAR, [ContactStep(8.0, Contact.ATTACHED)])
    watch.gap(60.0)
    assert watch.push(70.0, (), [ContactStep(70.0, Contact.ATTACHED)]) == []


@settings(max_examples=40)
@given(
    st.lists(st.sampled_from([0.6, 0.8, 2.0, 2.9, 3.05, 3.15, 5.0, 9.0]), min_size=8, max_size=16),
    st.lists(st.tuples(st.floats(0.0, 60.0), st.floats(0.2, 4.0)), max_size=3),
    st.sampled_from([0.05, 0.1, 1.0, 3.0]),
)
def test_what_is_found_in_the_end_does_not_depend_on_the_blocks(intervals, holes, block_s):
    beats = [round(float(at), 3) for at in np.cumsum([0.8] * 5 + intervals)]
    dead = [(start, start + length) for start, length in holes]
    until_s = 3.0 * math.ceil(beats[-1] / 3.0) + 3.0

    def ended(size_s):
        findings = play(beats, until_s, block_s=size_s, dead=dead)
        return [
            (one.onset_s, one.offset_s, one.value)
            for one in findings
            if one.standing is Standing.ENDED
        ]

    assert ended(block_s) == ended(0.2)
