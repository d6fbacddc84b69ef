import pytest

from edge_agent.dsp.rhythm_contact import STEP_S, Contact, ContactStep
from edge_agent.dsp.rhythm_finding import Kind, Standing
from edge_agent.dsp.rhythm_flat import FlatLineWatch

RHYTHM = [0.8 * n for n in range(1, 6)]  # until 4.0


def play(beats_s, until_s, *, dead):
    """``dead`` are spans (s); a beat is known at the step after it."""
    watch, found, waiting = FlatLineWatch(), [], sorted(beats_s)
    for number in range(1, round(until_s / STEP_S) + 1):
        at_s = number * STEP_S
        known = [one for one in waiting if one <= at_s]
        waiting = waiting[len(known) :]
        off = any(start < at_s <= end for start, end in dead)
        step = ContactStep(at_s, Contact.FLAT if off else Contact.ATTACHED)
        found += watch.push([step], known)
    return found


def told(findings):
    return [one.standing for one in findings]


def test_a_dead_line_is_told_after_two_seconds_and_ends_with_a_beat():
    begun, ended = play([*RHYTHM, 11.0], 14.0, dead=[(4.9, 10.1)])
    assert (begun.kind, begun.onset_s) == (Kind.FLAT_LINE, pytest.approx(5.0))
    assert begun.known_s == pytest.approx(7.0, abs=STEP_S + 0.01)
    assert (ended.standing, ended.offset_s) == (Standing.ENDED, pytest.approx(10.2))


def test_without_a_rhythm_before_there_is_none():
    assert play(RHYTHM[:3], 20.0, dead=[(4.9, 20.0)]) == []


@pytest.mark.parametrize("beats", [1, 2, 3])
def test_a_lead_that_comes_off_again_within_four_beats_is_told_again(beats):
    between = [10.9 + 0.8 * n for n in range(beats)]
    findings = play([*RHYTHM, *between], 20.0, dead=[(4.9, 10.1), (13.1, 20.0)])
    assert told(findings) == [Standing.BEGUN, Standing.ENDED, Standing.BEGUN]
    assert findings[-1].onset_s == pytest.approx(13.2)
    assert findings[-1].known_s == pytest.approx(15.2, abs=STEP_S + 0.01)


def test_after_half_a_minute_off_a_rhythm_has_to_be_seen_first():
    few = [41.0 + 0.8 * n for n in range(3)]
    findings = play([*RHYTHM, *few], 60.0, dead=[(4.9, 40.1), (43.9, 60.0)])
    assert told(findings) == [Standing.BEGUN, Standing.ENDED]
    four = [*few, 43.4]
    findings = play([*RHYTHM, *four], 60.0, dead=[(4.9, 40.1), (43.9, 60.0)])
    assert told(findings) == [Standing.BEGUN, Standing.ENDED, Standing.BEGUN]


def test_beats_after_a_dead_line_that_come_in_one_block_with_it_say_nothing_about_it():
    watch = FlatLineWatch()
    steps = [
        ContactStep(n * STEP_S, Contact.FLAT if 4.9 < n * STEP_S <= 10.1 else Contact.ATTACHED)
        for n in range(1, 70)
    ]
    begun, ended = watch.push(steps, [*RHYTHM, 10.9])
    assert begun.value == pytest.approx(begun.known_s - RHYTHM[-1])
    assert (ended.standing, ended.offset_s) == (Standing.ENDED, pytest.approx(10.2))
    assert FlatLineWatch().push(steps, [*RHYTHM[:3], 10.9, 11.7, 12.5]) == []
