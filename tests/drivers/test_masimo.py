"""Lines captured from a Rad-8 (yahnatan/pulseox) and a Radical-7 (nmenon/masimo-datacapture)."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_agent.codes import PERFUSION_INDEX, PULSE_RATE, SPO2
from edge_agent.driver import FrameError
from edge_agent.model import Boottime, State
from edge_drivers.masimo import DRIVER, Exc, Line

AT = Boottime(10**12)
RAD_8 = (
    "02/22/16 22:47:45 SN=0000056661 SPO2=098% BPM=097 PI=03.60% SPCO=--.-% SPMET=--.-% "
    "DESAT=-- PIDELTA=+-- ALARM=0000 EXC=000800"
)
RADICAL_7 = (
    "03/17/16 19:19:36 SN=---------- SPO2=098% BPM=123 PI=00.55 SPCO=--% SPMET=--.-% SPHB=--.- "
    "SPOC=-- RESVD=--- DESAT=-- PIDELTA=+-- PVI=--- ALARM=000000 EXC=0000C00 EXC1=00000000"
)


def test_captured_rad_8_line_goes_both_ways():
    one = Line.from_text(RAD_8)
    assert (one.spo2_percent, one.pulse_per_min, one.perfusion_percent) == (98, 97, 3.6)
    assert (one.serial_number, one.clock) == ("0000056661", "02/22/16 22:47:45")
    assert (one.exceptions, one.state) == (Exc.SIGNAL_EXTRACTION, State.MEASURED)
    assert one.to_text() == RAD_8


def test_captured_radical_7_line_doubts_its_signal():
    one = Line.from_text(RADICAL_7)
    assert (one.spo2_percent, one.pulse_per_min, one.perfusion_percent) == (98, 123, 0.55)
    assert one.exceptions == Exc.SIGNAL_EXTRACTION | Exc.LOW_SIGNAL_IQ
    assert one.state is State.QUESTIONABLE


@given(
    st.builds(
        Line,
        spo2_percent=st.none() | st.integers(0, 100),
        pulse_per_min=st.none() | st.integers(0, 999),
        perfusion_percent=st.none() | st.integers(0, 9999).map(lambda one: one / 100),
        exceptions=st.sets(st.sampled_from(list(Exc))).map(lambda bits: Exc(sum(bits))),
        serial_number=st.from_regex(r"\A[0-9]{10}\Z"),
        clock=st.just("02/22/16 22:47:45"),
    )
)
def test_line_round_trip(one):
    assert Line.from_text(one.to_text()) == one


@pytest.mark.parametrize(
    "text",
    ["", "SPO2=098%", "BPM=097 PI=03.60%", "SPO2=0x8% BPM=097", "SPO2=098% BPM=97O",
     "SPO2=098% BPM=097 EXC=00G800", "SPO2=098% BPM=097 EXC=" + "F" * 100,
     "SPO2=098% BPM=097 PI=3,6"],
)  # fmt: skip
def test_line_without_its_fields_or_with_a_damaged_one_is_refused(text):
    with pytest.raises(FrameError):
        Line.from_text(text)


@pytest.mark.parametrize(
    ("exceptions", "state"),
    [
        (Exc.NONE, State.MEASURED),
        (Exc.LOW_PERFUSION, State.MEASURED),
        (Exc.SEARCHING | Exc.LOW_PERFUSION, State.SEARCHING),
        (Exc.OFF_PATIENT | Exc.SEARCHING, State.NOT_ATTACHED),
        (Exc.NO_SENSOR, State.NOT_ATTACHED),
        (Exc.SENSOR_DEFECTIVE | Exc.OFF_PATIENT, State.SENSOR_FAULT),
        (Exc.SENSOR_UNRECOGNISED, State.SENSOR_FAULT),
        (Exc.INTERFERENCE, State.QUESTIONABLE),
        (Exc.AMBIENT_LIGHT, State.QUESTIONABLE),
    ],
)
def test_worst_exception_makes_the_state(exceptions, state):
    assert Line(spo2_percent=97, pulse_per_min=70, exceptions=exceptions).state is state


def test_low_perfusion_lowers_the_quality_of_all_three():
    weak = Line(
        spo2_percent=97, pulse_per_min=170, perfusion_percent=0.2, exceptions=Exc.LOW_PERFUSION
    )
    outputs = DRIVER.decoder("finger").feed(weak.to_text().encode() + b"\r\n\r\n", AT)
    assert [(one.code, one.value, one.quality) for one in outputs] == [
        (SPO2, 97.0, 0.6),
        (PULSE_RATE, 170.0, 0.6),
        (PERFUSION_INDEX, 0.2, 0.6),
    ]


@pytest.mark.parametrize("begin", [0, 18, 21, 25, 30])
def test_serial_number_is_scrubbed_even_where_its_line_was_cut(begin):
    octets = f"{RAD_8}\r\n".encode()
    cut = octets[begin:] + octets[:26]
    clean = DRIVER.scrub(cut, "")
    assert len(clean) == len(cut)
    assert b"56661" not in clean
    assert b"5666" not in clean
    assert DRIVER.scrub(octets, "").replace(b"0000000000", b"0000056661") == octets
