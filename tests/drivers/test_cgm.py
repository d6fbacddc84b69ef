import math

import pytest

from edge_agent.codes import GLUCOSE, GLUCOSE_TREND
from edge_agent.driver import Read, Write
from edge_agent.model import Boottime, EventKind, Observation, State
from edge_drivers.cgm import DRIVER
from edge_drivers.cgm_codec import (
    FEATURE,
    MEASUREMENT,
    SESSION_START,
    STATUS,
    Feature,
    Measurement,
    SensorStatus,
    SessionStart,
    SessionStatus,
    WarningBit,
)
from edge_drivers.ieee11073 import DateTime
from edge_drivers.racp import RACP, RacpOpcode, RacpOperator, RacpReply, RacpRequest, RacpResult

NS_PER_MIN = 60 * 10**9
AT = Boottime(10_000 * NS_PER_MIN)
START = SessionStart(start=DateTime(2026, 2, 4, 18, 54, 44), zone_quarter_hours=0, dst=0)
UNDATED = SessionStart(start=DateTime(0, 0, 0, 0, 0, 0))


class Session:
    """Plays the sensor's side of a conversation; minutes are those of the sensor's session."""

    def __init__(self):
        self.decoder = DRIVER.decoder("arm")
        self.start_at = Boottime(AT - 600 * NS_PER_MIN)

    def at(self, minute):
        return Boottime(self.start_at + minute * NS_PER_MIN)

    def connect(self, minute, start=START):
        """Connect in ``minute``; return the offset from which the memory is asked for."""
        at = self.at(minute)
        assert list(self.decoder.open(at)) == [Read(FEATURE), Read(SESSION_START), Read(STATUS)]
        assert not self.decoder.feed(Feature(flags=1 << 12).to_bytes(), at, FEATURE)
        assert not self.decoder.feed(start.to_bytes(), at, SESSION_START)
        status = SessionStatus(offset_min=minute)
        (write,) = self.decoder.feed(status.to_bytes(), at, STATUS)
        assert isinstance(write, Write)
        assert write.channel == RACP
        request = RacpRequest.from_bytes(write.payload)
        assert (request.opcode, request.operator) == (RacpOpcode.REPORT, RacpOperator.FROM)
        return request.bounds[0]

    def send(self, *minutes, now, mgdl=100.0, **fields):
        records = [Measurement(glucose_mgdl=mgdl, offset_min=one, **fields) for one in minutes]
        octets = b"".join(record.to_bytes() for record in records)
        return list(self.decoder.feed(octets, self.at(now), MEASUREMENT))

    def end(self, now, result=RacpResult.SUCCESS):
        reply = RacpReply(RacpOpcode.REPORT, result).to_bytes()
        return list(self.decoder.feed(reply, self.at(now), RACP))


def backfilled(outputs):
    return [one.backfilled for one in outputs]


def test_new_hub_asks_for_a_day():
    assert Session().connect(600) == 0
    assert Session().connect(3000) == 3000 - 24 * 60


def test_fetched_record_gets_the_hub_time_at_which_it_was_true():
    session = Session()
    session.connect(600)
    (one,) = session.send(540, now=601)
    assert one.backfilled
    assert one.at == session.at(540)
    assert one.device_ns == 1770231284 * 10**9 + 540 * NS_PER_MIN


def test_record_made_while_the_memory_is_read_is_live():
    session = Session()
    session.connect(600)
    outputs = session.send(595, now=600) + session.send(601, now=601) + session.send(596, now=601)
    assert backfilled(outputs) == [True, False, True]
    assert [one.at for one in outputs] == [session.at(595), session.at(601), session.at(596)]


def test_record_after_the_memory_was_read_is_live():
    session = Session()
    session.connect(600)
    session.end(600, RacpResult.NO_RECORDS)
    (one,) = session.send(600, now=600)
    assert not one.backfilled


def test_record_that_comes_twice_is_given_once():
    session = Session()
    session.connect(600)
    assert len(session.send(600, now=600)) == 1
    assert session.send(600, now=601) == []
    session.end(601)
    assert len(session.send(605, 605, now=605)) == 1


def test_two_records_in_one_live_notification_keep_their_distance():
    session = Session()
    session.connect(600)
    session.end(600)
    outputs = session.send(604, 605, now=605)
    assert [one.at for one in outputs] == [session.at(604), session.at(605)]
    assert backfilled(outputs) == [False, False]


def test_record_older_than_the_newest_is_never_live():
    session = Session()
    session.connect(600)
    session.end(600)
    session.send(610, now=610)
    (late,) = session.send(605, now=611)
    assert late.backfilled
    assert late.at == session.at(605)


def test_next_connection_asks_for_what_came_after_the_memory_was_read():
    session = Session()
    session.connect(600)
    session.send(595, now=600)
    session.end(600)
    for minute in (600, 605, 610):
        session.send(minute, now=minute)
    # The last record is asked for again: it may have come at the start of a new connection.
    assert session.connect(700) == 606


def test_memory_that_was_not_read_to_its_end_is_read_on_at_the_next_connection():
    session = Session()
    session.connect(600)
    session.send(10, 15, 20, now=600)
    session.send(601, now=601)  # live, and then the link is lost
    assert session.connect(610) == 21


def test_memory_that_was_refused_is_asked_for_again():
    session = Session()
    session.connect(600)
    (event,) = session.end(600, RacpResult.BUSY)
    assert event.kind is EventKind.GAP
    session.send(601, now=601)
    session.send(606, now=606)
    assert session.connect(610) == 0


def test_record_between_subscription_and_opening_leaves_no_hole():
    session = Session()
    session.connect(600)
    session.end(600)
    session.send(600, now=600)
    session.send(605, now=605)  # the link is lost until 700
    session.send(700, now=700)  # arrives before the link has opened the decoder
    assert session.connect(700) <= 606


def test_last_offset_of_a_session_can_still_be_asked_from():
    session = Session()
    session.connect(65_000)
    session.send(0xFFFF, now=0xFFFF)
    session.end(0xFFFF)
    assert session.connect(0xFFFF) == 0xFFFF


def test_new_session_begins_with_an_empty_record():
    session = Session()
    session.connect(600)
    session.send(5, now=600)
    session.end(600)
    other = SessionStart(start=DateTime(2026, 2, 5, 18, 54, 44), zone_quarter_hours=0, dst=0)
    session.start_at = AT
    assert session.connect(10, other) == 0
    assert len(session.send(5, now=10)) == 1


def test_new_session_without_a_date_is_known_by_its_younger_clock():
    session = Session()
    session.connect(600, UNDATED)
    session.send(5, 595, now=600)
    session.end(600)
    session.start_at = AT
    assert session.connect(10, UNDATED) == 0
    (one,) = session.send(5, now=10)
    assert one.device_ns is None


def test_record_before_the_session_is_known_is_not_given_again():
    session = Session()
    assert len(session.send(600, now=600)) == 1
    session.connect(600)
    assert session.send(600, now=600) == []


@pytest.mark.parametrize(
    ("mgdl", "fields", "value", "state"),
    [
        (100.0, {}, 100.0, State.MEASURED),
        (-math.inf, {}, None, State.BELOW_RANGE),
        (math.inf, {}, None, State.ABOVE_RANGE),
        (math.nan, {}, None, State.SENSOR_FAULT),
        (39.0, {"warning": WarningBit.BELOW_DEVICE_RANGE}, None, State.BELOW_RANGE),
        (401.0, {"warning": WarningBit.ABOVE_DEVICE_RANGE}, None, State.ABOVE_RANGE),
        # A real sensor sets the malfunction bit together with LO and HI.
        (-math.inf, {"status": SensorStatus.MALFUNCTION}, None, State.BELOW_RANGE),
        (math.nan, {"status": SensorStatus.MALFUNCTION}, None, State.SENSOR_FAULT),
        (100.0, {"status": SensorStatus.MALFUNCTION}, 100.0, State.QUESTIONABLE),
        (100.0, {"status": SensorStatus.BATTERY_LOW}, 100.0, State.MEASURED),
        (2000.0, {}, 2000.0, State.QUESTIONABLE),
    ],
)
def test_what_a_glucose_says_of_itself(mgdl, fields, value, state):
    (one,) = Session().send(600, now=600, mgdl=mgdl, **fields)
    assert (one.code, one.value, one.state) == (GLUCOSE, value, state)
    assert one.quality == (1.0 if state.is_measurement else 0.0)


def test_quality_is_a_share_of_one():
    (one,) = Session().send(600, now=600, quality_percent=84.0)
    assert one.quality == 0.84


def test_trend_comes_with_its_glucose():
    glucose, trend = Session().send(600, now=600, trend=-0.4, quality_percent=95.0)
    assert (trend.code, trend.value, trend.quality) == (GLUCOSE_TREND, -0.4, 0.95)
    assert (trend.at, trend.device_ns) == (glucose.at, glucose.device_ns)


def test_trend_that_is_not_plausible_is_questionable():
    glucose, trend = Session().send(600, now=600, trend=200.0)
    assert glucose.state is State.MEASURED
    assert (trend.state, trend.quality) == (State.QUESTIONABLE, 0.0)


@pytest.mark.parametrize("mgdl", [math.inf, -math.inf, math.nan])
def test_there_is_no_trend_without_a_glucose(mgdl):
    outputs = Session().send(600, now=600, mgdl=mgdl, trend=-3.0)
    assert [one.code for one in outputs if isinstance(one, Observation)] == [GLUCOSE]
