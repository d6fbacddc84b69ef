"""Lines that Nonin's printing models send, as their operator's manuals show them."""

import datetime as dt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_agent.codes import PULSE_RATE, SPO2
from edge_agent.driver import FrameError
from edge_agent.model import Boottime, State
from edge_drivers.nonin_ascii import DRIVER, PrintedLine

AT = Boottime(10**12)


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("SPO2=098 HR=072", PrintedLine(spo2_percent=98, pulse_per_min=72)),
        ("SPO2=--- HR=---", PrintedLine(spo2_percent=None, pulse_per_min=None)),
        ("SPO2=097 HR=110 F", PrintedLine(spo2_percent=97, pulse_per_min=110, fast=True)),
        ("SPO2=097 HR=110*", PrintedLine(spo2_percent=97, pulse_per_min=110, event=True)),
        (
            "12:34:56 SPO2=097 HR=164",
            PrintedLine(spo2_percent=97, pulse_per_min=164, clock=dt.time(12, 34, 56)),
        ),
    ],
)
def test_published_line_goes_both_ways(text, line):
    assert PrintedLine.from_text(text) == line
    assert line.to_text() == text


@given(
    st.builds(
        PrintedLine,
        spo2_percent=st.none() | st.integers(0, 999),
        pulse_per_min=st.none() | st.integers(0, 999),
        clock=st.none() | st.times().map(lambda one: one.replace(microsecond=0)),
        fast=st.booleans(),
        event=st.booleans(),
        breath=st.booleans(),
    )
)
def test_line_round_trip(one):
    assert PrintedLine.from_text(one.to_text()) == one


@pytest.mark.parametrize(
    "text", ["", "SPO2=098", "HR=072", "SPO2=0x8 HR=072", "25:00:00 SPO2=098 HR=072",
             "SPO2=098 HR=072 X", "SPO2=098% BPM=097"],
)  # fmt: skip
def test_any_other_text_is_refused(text):
    with pytest.raises(FrameError):
        PrintedLine.from_text(text)


def test_dashes_for_the_rate_alone_leave_the_saturation():
    outputs = DRIVER.decoder("finger").feed(b"12:00:01 SPO2=096 HR=---\r\n", AT)
    assert [(one.code, one.value, one.state) for one in outputs] == [
        (SPO2, 96.0, State.MEASURED),
        (PULSE_RATE, None, State.SEARCHING),
    ]
