import numpy as np
import pytest

from edge_agent.dsp.rhythm_beats import KnownBeats
from edge_agent.dsp.rhythm_contact import Contact, ContactStep
from edge_agent.dsp.rhythm_strip import StripRecorder
from edge_agent.dsp.rhythm_sure import SureBeats

RATE_HZ = 125.0
BEATS_S = [round(0.8 * n, 3) for n in range(1, 13)]
P_WAVE_S = 10.6


def line(*, step_mv=0.0):
    """Ten beats and more, a small wave 10.6 s in, and a step of the line half a second before."""
    t = np.arange(round(12.0 * RATE_HZ)) / RATE_HZ
    signal = sum(np.exp(-0.5 * ((t - at) / 0.012) ** 2) for at in BEATS_S)
    signal += 0.15 * np.exp(-0.5 * ((t - P_WAVE_S) / 0.03) ** 2)
    return signal + step_mv * (t > P_WAVE_S - 0.5)


def judged(*, contact=Contact.ATTACHED, since_s=0.0, step_mv=0.0):
    """Return which beats count, and whether the small wave does."""
    recorder, signal = StripRecorder(RATE_HZ), line(step_mv=step_mv)
    sure, waiting, found = SureBeats(KnownBeats(), recorder), list(BEATS_S), []
    for n in range(1, 60):
        at_s = 0.2 * n
        first = round((at_s - 0.2) * RATE_HZ)
        recorder.push(signal[first : first + 25], at_s - 0.2)
        sure.push([ContactStep(at_s, contact if at_s >= since_s else Contact.ATTACHED)])
        while waiting and waiting[0] + 0.3 <= at_s:
            found.append(sure.is_sure(waiting.pop(0)))
    return found, sure.resembles(P_WAVE_S), sure.is_sure(P_WAVE_S)


def test_beats_count_and_a_small_wave_does_not():
    found, resembles, counts = judged()
    assert all(found)
    assert (resembles, counts) == (False, False)


@pytest.mark.parametrize("contact", [Contact.HUM, Contact.FLAT, Contact.SATURATED, Contact.OFF])
def test_what_is_found_on_a_dead_line_does_not_count(contact):
    found, _, counts = judged(contact=contact, since_s=4.1)
    assert found == [at < 4.2 for at in BEATS_S]
    assert not counts


def test_after_the_line_has_moved_far_a_small_wave_may_be_a_beat():
    _, resembles, counts = judged(step_mv=3.0)
    assert (resembles, counts) == (True, True)


def test_after_an_overload_too():
    _, resembles, counts = judged(contact=Contact.RECOVERING, since_s=10.1)
    assert (resembles, counts) == (True, True)
