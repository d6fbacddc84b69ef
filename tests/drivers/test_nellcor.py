"""Rows composed as the manuals of the NPB-295 and N-395 and mdpnp/mdpnp have them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_agent.driver import FrameError
from edge_agent.model import Boottime, Event, State
from edge_drivers.nellcor import DRIVER, STATUS, Row, row

AT = Boottime(10**12)


@pytest.mark.parametrize(
    ("text", "spo2", "rate", "amplitude", "status", "alarm"),
    [
        ("01-Jan-26 10:15:02    98     72    40", 98, 72, 40, (), False),
        ("01-Jan-26 10:15:04    87*    72    40   SL", 87, 72, 40, ("SL",), True),
        ("01-Jan-26 10:15:06   ---    ---   ---   SD", None, None, None, ("SD",), False),
        ("12-NOV-98 14:00:05 100 120 50", 100, 120, 50, (), False),
        ("01-Jan-26 10:15:08   ---    ---   ---   PS AS LB", None, None, None,
         ("PS", "AS", "LB"), False),
    ],
)  # fmt: skip
def test_published_row_is_read(text, spo2, rate, amplitude, status, alarm):
    one = Row.from_text(text)
    assert (one.spo2_percent, one.pulse_per_min, one.amplitude) == (spo2, rate, amplitude)
    assert (one.status, one.spo2_alarm, one.rate_alarm) == (status, alarm, False)
    assert Row.from_text(one.to_text()) == one


_NUMBER = st.none() | st.integers(0, 999)


@given(
    st.builds(
        Row,
        spo2_percent=_NUMBER,
        pulse_per_min=_NUMBER,
        amplitude=_NUMBER,
        status=st.lists(st.sampled_from(sorted(STATUS)), max_size=6).map(tuple),
        spo2_alarm=st.booleans(),
        rate_alarm=st.booleans(),
    )
)
def test_row_round_trip(one):
    assert Row.from_text(one.to_text()) == one


@pytest.mark.parametrize(
    "text",
    [
        "N-595 VERSION 1.0.0.1 CRC: 0000 SpO2 Limit: 85-100% PR Limit: 40-170BPM",
        "NPB-295    VERSION 2.0.0.0 CRC: XXXX SpO2 Limit: 70-100% PR Limit: 60-160BPM",
        "TIME                %SPO2  BPM    PA    STATUS",
        "TIME %SpO2 BPM PA Status",
    ],
)
def test_headers_are_known_and_say_nothing(text):
    assert row(text) is None
    assert list(DRIVER.decoder("finger").feed(f"{text}\r\n".encode(), AT)) == []


@pytest.mark.parametrize(
    "text",
    ["", "01-Jan-26 10:15:02", "01-Jan-26 10:15:02 98 72", "01-Jan-26 10:15:02 9x 72 40",
     "01-Jan-26 10:15:02 98 72 40 S", "10:15:02 98 72 40"],
)  # fmt: skip
def test_any_other_text_is_refused(text):
    with pytest.raises(FrameError):
        row(text)


@pytest.mark.parametrize(
    ("status", "state"),
    [
        (("AO", "PH", "BU", "XX"), State.MEASURED),
        (("MO",), State.QUESTIONABLE),
        (("ID",), State.QUESTIONABLE),
        (("PS", "MO"), State.SEARCHING),
        (("LP",), State.SEARCHING),
        (("LM",), State.SEARCHING),
        (("SD", "PS"), State.NOT_ATTACHED),
        (("SO",), State.NOT_ATTACHED),
    ],
)
def test_worst_status_makes_the_state(status, state):
    assert Row(spo2_percent=97, pulse_per_min=70, amplitude=4, status=status).state is state


def test_low_battery_is_told_when_it_begins_and_ends():
    rows = [
        Row(spo2_percent=97, pulse_per_min=70, amplitude=4, status=status)
        for status in ((), ("LB",), ("LB",), ())
    ]
    octets = "".join(f"{one.to_text()}\r\n" for one in rows).encode()
    events = [one for one in DRIVER.decoder("x").feed(octets, AT) if isinstance(one, Event)]
    assert [event.detail["state"] for event in events] == ["on", "off"]
