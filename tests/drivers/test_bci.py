"""Five-octet frames, BCI's and the older Contec's, computed from zh2x/BCI_Protocol and
atbrask/CMS50Dplus."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_agent.codes import PLETH, PULSE_RATE, SPO2
from edge_agent.driver import FrameError
from edge_agent.model import Boottime, Event, Observation, State, Waveform
from edge_drivers import contec_old
from edge_drivers.bci import DRIVER, SAMPLES_PER_BLOCK, Flag, Frame

AT = Boottime(10**12)


@pytest.mark.parametrize(
    ("octets", "frame"),
    [
        (
            "c634073d61",
            Frame(
                spo2_percent=97, pulse_per_min=61, pleth=52, signal=6, bar=7, flags=int(Flag.BEAT)
            ),
        ),
        # Bit 6 of the third octet is bit 7 of the rate.
        ("841e430d62", Frame(spo2_percent=98, pulse_per_min=141, pleth=30, signal=4, bar=3)),
        (
            "9000607f7f",
            Frame(
                spo2_percent=None,
                pulse_per_min=None,
                pleth=0,
                signal=0,
                flags=Flag.NO_SIGNAL | Flag.SEARCHING,
            ),
        ),
        (
            "9000207f7f",
            Frame(
                spo2_percent=None,
                pulse_per_min=127,
                pleth=0,
                signal=0,
                flags=Flag.NO_SIGNAL | Flag.SEARCHING,
            ),
        ),
    ],
)
def test_published_frame_goes_both_ways(octets, frame):
    assert Frame.from_bytes(bytes.fromhex(octets)) == frame
    assert frame.to_bytes().hex() == octets


@given(
    st.builds(
        Frame,
        spo2_percent=st.none() | st.integers(0, 126),
        pulse_per_min=st.none() | st.integers(0, 254),
        pleth=st.integers(0, 127),
        signal=st.integers(0, 15),
        bar=st.integers(0, 15),
        flags=st.sets(st.sampled_from(list(Flag))).map(sum),
    )
)
def test_frame_round_trip(one):
    assert Frame.from_bytes(one.to_bytes()) == one


@pytest.mark.parametrize("octets", ["", "c634073d", "c634073d6100", "4634073d61", "c634873d61"])
def test_frame_of_wrong_length_or_with_bit_7_elsewhere_is_refused(octets):
    with pytest.raises(FrameError):
        Frame.from_bytes(bytes.fromhex(octets))


def readings(driver, **fields):
    """Feed a block of frames with ``fields``; return the numbers and the wave."""
    frame = Frame(**{"spo2_percent": 97, "pulse_per_min": 200, "pleth": 5} | fields)
    spo2, pulse, wave = driver.decoder("finger").feed(
        frame.to_bytes() * (SAMPLES_PER_BLOCK + 1), AT
    )
    assert (spo2.code, pulse.code, wave.code) == (SPO2, PULSE_RATE, PLETH)
    return spo2, pulse, wave


OLD = contec_old.Flag


@pytest.mark.parametrize(
    ("driver", "flags", "state"),
    [
        (DRIVER, Flag.BEAT, State.MEASURED),
        (DRIVER, Flag.NO_FINGER, State.NOT_ATTACHED),
        (DRIVER, Flag.PROBE_UNPLUGGED, State.NOT_ATTACHED),
        (DRIVER, Flag.NO_SIGNAL, State.SEARCHING),
        (DRIVER, Flag.SEARCHING, State.SEARCHING),
        (contec_old.DRIVER, OLD.BEAT | OLD.SPO2_DROPPING, State.MEASURED),
        (contec_old.DRIVER, OLD.FINGER_OUT | OLD.SEARCHING, State.NOT_ATTACHED),
        (contec_old.DRIVER, OLD.PROBE_ERROR, State.SENSOR_FAULT),
        (contec_old.DRIVER, OLD.SEARCHING, State.SEARCHING),
    ],
)
def test_same_bits_mean_other_states_in_each_dialect(driver, flags, state):
    spo2, pulse, wave = readings(driver, flags=int(flags))
    assert {spo2.state, pulse.state, wave.state} == {state}
    measured = state is State.MEASURED
    assert (spo2.value, pulse.value) == ((97.0, 200.0) if measured else (None, None))


def test_weak_signal_lowers_the_quality():
    assert readings(DRIVER, signal=2)[0].quality == 0.6
    assert readings(DRIVER, signal=3)[0].quality == 1.0


def test_each_dialect_has_its_rate():
    assert readings(DRIVER)[2].rate_hz == 100.0
    assert readings(contec_old.DRIVER)[2].rate_hz == 60.0


def test_cut_stream_loses_the_cut_frames_only():
    octets = bytes.fromhex("3d61c634073d61841e861f073e61" + "c634073d61" * SAMPLES_PER_BLOCK)
    outputs = DRIVER.decoder("finger").feed(octets, AT)
    assert [one.detail["octets"] for one in outputs if isinstance(one, Event)] == [2, 2]
    waves = [one for one in outputs if isinstance(one, Waveform)]
    assert [wave.samples.tolist()[:2] for wave in waves] == [[52], [31, 52]]
    assert [wave.follows_gap for wave in waves] == [False, True]


def test_block_that_a_lost_line_has_cut_is_dropped():
    decoder = DRIVER.decoder("finger")
    frame = Frame(spo2_percent=97, pulse_per_min=60, pleth=1).to_bytes()
    assert list(decoder.feed(frame * 20, AT)) == []
    assert list(decoder.open(AT)) == []
    outputs = decoder.feed(frame * (SAMPLES_PER_BLOCK + 1), AT)
    assert sum(isinstance(one, Observation) for one in outputs) == 2
    assert [len(one.samples) for one in outputs if isinstance(one, Waveform)] == [SAMPLES_PER_BLOCK]
