import contextlib
import itertools
import math
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_agent.codes import BATTERY, GLUCOSE, GLUCOSE_TREND
from edge_agent.driver import FrameError, Read, Write
from edge_agent.model import Boottime, Event, EventKind, Observation, State
from edge_drivers.cgm import DRIVER
from edge_drivers.cgm_codec import (
    FEATURE,
    MEASUREMENT,
    RUN_TIME,
    SESSION_START,
    STATUS,
    CalibrationBit,
    Feature,
    FeatureBit,
    Measurement,
    RunTime,
    SensorStatus,
    SessionStart,
    SessionStatus,
    WarningBit,
)
from edge_drivers.cgm_control import QUESTIONS
from edge_drivers.cgm_control_codec import CONTROL, Control, ControlMessage, ControlResult, Done
from edge_drivers.e2e import with_crc
from edge_drivers.gatt import BATTERY_LEVEL
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
        request = self.open(minute, start)
        assert (request.opcode, request.operator) == (RacpOpcode.REPORT, RacpOperator.FROM)
        return request.bounds[0]

    def open(self, minute, start=START, flags=FeatureBit.E2E_CRC):
        """Connect in ``minute``; return the request to the record access control point."""
        self.decoder.open(self.at(minute))
        self.feed(Feature(flags=flags).to_bytes(), minute, FEATURE)
        self.feed(start.to_bytes(), minute, SESSION_START)
        self.status(minute)
        return self.requests()[0]

    def control(self, message, now):
        return self.feed(message.to_bytes(crc=True), now, CONTROL)

    def questions(self):
        """Return what the last step asked of the control point."""
        writes = [one for one in self.outputs if isinstance(one, Write) and one.channel == CONTROL]
        return [ControlMessage.from_bytes(write.payload, crc=True).opcode for write in writes]

    @property
    def reset_reasons(self):
        return [one.detail["reason"] for one in self.events(EventKind.CLOCK_RESET)]

    def status(self, minute, now=None, **octets):
        status = SessionStatus(offset_min=minute, **octets)
        return self.feed(status.to_bytes(), minute if now is None else now, STATUS)

    def feed(self, octets, now, channel):
        self.outputs = list(self.decoder.feed(octets, self.at(now), channel))
        return self.outputs

    def send(self, *minutes, now, mgdl=100.0, **fields):
        """Notify records; return the readings, and leave all that comes in ``outputs``."""
        records = [Measurement(glucose_mgdl=mgdl, offset_min=one, **fields) for one in minutes]
        octets = b"".join(record.to_bytes() for record in records)
        outputs = self.feed(octets, now, MEASUREMENT)
        return [one for one in outputs if isinstance(one, Observation)]

    def end(self, now, result=RacpResult.SUCCESS, request=RacpOpcode.REPORT):
        return self.feed(RacpReply(request, result).to_bytes(), now, RACP)

    def requests(self):
        """Return what the last step asked of the record access control point."""
        writes = [one for one in self.outputs if isinstance(one, Write) and one.channel == RACP]
        return [RacpRequest.from_bytes(write.payload) for write in writes]

    def asked(self):
        """Return operator and bounds of the one request of the last step."""
        (request,) = self.requests()
        assert request.opcode == RacpOpcode.REPORT
        return (RacpOperator(request.operator), *request.bounds)

    def events(self, kind=EventKind.ANNUNCIATION):
        return [one for one in self.outputs if isinstance(one, Event) and one.kind is kind]

    def annunciations(self):
        return [(one.detail["annunciation"], one.detail["state"]) for one in self.events()]


def backfilled(outputs):
    return [one.backfilled for one in outputs]


def test_new_hub_asks_for_all_of_a_session():
    assert Session().connect(600) == 0
    assert Session().connect(14 * 24 * 60) == 0
    assert Session().connect(40 * 24 * 60) == 24 * 24 * 60  # no sensor lasts so long


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


def announced(session, minutes, *, interval=None, flags=FeatureBit.E2E_CRC):
    """Connect in the last of ``minutes``, tell the interval, and let the memory be read."""
    session.open(minutes[-1], flags=flags)
    if interval is not None:
        session.control(ControlMessage(Control.INTERVAL_TOLD, interval), minutes[-1])
    session.send(*minutes, now=minutes[-1])
    session.end(minutes[-1])
    return session


def test_hole_inside_a_connection_is_fetched_as_a_range():
    session = announced(Session(), [590, 595, 600], interval=5)
    session.send(605, now=605)
    assert session.requests() == []
    session.send(620, now=620)
    assert session.requests() == []  # it might be the first record of a new connection
    session.send(625, now=625)
    assert session.asked() == (RacpOperator.RANGE, 606, 619)
    outputs = session.send(610, now=625) + session.send(630, now=630) + session.send(615, now=630)
    assert backfilled(outputs) == [True, False, True]
    assert session.end(630) == []
    assert session.connect(640) == 631


def test_hole_is_fetched_by_the_poll_too():
    session = announced(Session(), [590, 595, 600], interval=5)
    session.send(620, now=620)
    assert list(session.decoder.poll(session.at(620))) == []
    (write,) = session.decoder.poll(session.at(621))
    assert write.channel == RACP


def test_interval_is_learned_from_the_records_where_the_sensor_does_not_tell_it():
    session = announced(Session(), [585, 590, 595, 600])
    session.send(607, now=607)  # a little late is no hole
    session.send(612, now=612)
    session.send(617, now=617)
    assert session.requests() == []
    session.send(627, now=627)
    session.send(632, now=632)
    assert session.asked() == (RacpOperator.RANGE, 618, 626)


def test_sensor_that_stores_more_seldom_than_it_says_has_no_holes():
    session = announced(Session(), [585, 590, 595, 600], interval=1)
    for minute in range(605, 660, 5):
        session.send(minute, now=minute)
        assert session.requests() == []


def test_record_that_was_damaged_in_a_report_is_asked_for_again_and_then_told_as_a_gap():
    session = Session()
    session.open(600)
    session.send(*range(590, 595), now=600)
    session.send(*range(596, 601), now=600)
    session.end(600)
    assert session.asked() == (RacpOperator.RANGE, 595, 595)
    session.end(600)
    assert session.asked() == (RacpOperator.RANGE, 595, 595)
    session.end(600)
    (gap,) = session.events(EventKind.GAP)
    assert (gap.detail["first_min"], gap.detail["last_min"]) == (595, 595)
    assert session.requests() == []
    assert session.connect(700) == 601


def test_every_hole_of_a_report_is_asked_for_one_after_the_other():
    session = Session()
    session.open(600)
    session.send(*(minute for minute in range(590, 601) if minute not in {592, 596}), now=600)
    session.end(600)
    assert session.asked() == (RacpOperator.RANGE, 592, 592)
    assert session.send(592, now=600)
    session.end(600)
    assert session.asked() == (RacpOperator.RANGE, 596, 596)
    session.end(600, RacpResult.NO_RECORDS)
    (gap,) = session.events(EventKind.GAP)
    assert "no record" in gap.detail["reason"]
    assert session.requests() == []


def test_sensor_without_ranges_is_asked_from_the_hole_on():
    session = announced(Session(), [590, 595, 600], interval=5)
    session.send(615, now=615)
    session.send(620, now=620)
    session.end(620, RacpResult.OPERATOR_UNSUPPORTED)
    assert session.asked() == (RacpOperator.FROM, 601)
    outputs = session.send(605, 610, 615, 620, now=620)
    assert [one.at for one in outputs] == [session.at(605), session.at(610)]
    assert session.end(620) == []
    session.send(635, now=635)
    session.send(640, now=640)
    assert session.asked() == (RacpOperator.FROM, 621)  # it is not asked for a range again


def test_sensor_that_knows_only_the_whole_memory_is_asked_for_it():
    session = Session()
    session.open(600)
    session.end(600, RacpResult.OPERATOR_UNSUPPORTED)
    assert session.asked() == (RacpOperator.ALL,)
    session.end(600, RacpResult.OPERATOR_UNSUPPORTED)
    assert session.requests() == []
    assert session.events(EventKind.GAP)


def test_busy_memory_is_tried_again_ever_later_and_complained_of_once():
    session = Session()
    session.open(600)
    session.end(600, RacpResult.BUSY)
    assert len(session.events(EventKind.GAP)) == 1
    asked_in = []
    for second in range(1, 3000):
        at = Boottime(session.at(600) + second * 10**9)
        if session.decoder.poll(at):
            asked_in.append(second)
            busy = RacpReply(RacpOpcode.REPORT, RacpResult.BUSY).to_bytes()
            assert list(session.decoder.feed(busy, at, RACP)) == []
    waits = [after - before for before, after in itertools.pairwise([0, *asked_in])]
    assert waits == [30, 60, 120, 240, 480, 600, 600, 600]


def test_silent_procedure_is_aborted_and_tried_again_and_live_values_stay_live():
    session = Session()
    session.open(600)
    session.send(590, 591, now=600)
    (live,) = session.send(601, now=601)
    assert not live.backfilled
    (request,) = session.requests()
    assert request == RacpRequest(RacpOpcode.ABORT, RacpOperator.NONE)
    session.end(601, request=RacpOpcode.ABORT)
    assert session.events(EventKind.GAP)
    (live,) = session.send(602, now=602)
    assert not live.backfilled
    assert session.asked() == (RacpOperator.FROM, 592)


def test_procedure_whose_abort_is_not_answered_either_is_given_up():
    session = Session()
    session.open(600)
    session.send(601, now=601)
    session.send(602, now=602)
    assert session.requests() == []
    assert session.events(EventKind.GAP)
    session.send(603, now=603)
    assert session.asked() == (RacpOperator.FROM, 0)


def test_long_report_is_not_aborted_while_it_goes_on():
    session = Session()
    session.open(600)
    for second in range(0, 300, 20):
        octets = Measurement(glucose_mgdl=100.0, offset_min=second).to_bytes()
        at = Boottime(session.at(600) + second * 10**9)
        outputs = list(session.decoder.feed(octets, at, MEASUREMENT))
        assert [type(one) for one in outputs] == [Observation]


def test_one_procedure_runs_at_a_time():
    session = announced(Session(), [590, 595, 600], interval=5)
    session.send(620, now=620)
    session.send(625, now=625)
    assert session.asked() == (RacpOperator.RANGE, 601, 619)
    at = Boottime(session.at(625) + 29 * 10**9)
    assert list(session.decoder.poll(at)) == []


def test_new_session_within_a_connection_is_noticed_and_read():
    session = announced(Session(), [590, 595, 600])
    assert session.send(3, now=630) == []  # of which session? the sensor is asked
    reads = [one for one in session.outputs if isinstance(one, Read)]
    assert reads == [Read(SESSION_START), Read(STATUS)]
    session.start_at = session.at(627)
    other = SessionStart(start=DateTime(2026, 2, 5, 18, 54, 44), zone_quarter_hours=0, dst=0)
    session.feed(other.to_bytes(), 3, SESSION_START)
    session.status(3)
    assert session.events(EventKind.CLOCK_RESET)
    assert session.asked() == (RacpOperator.FROM, 0)
    (one,) = session.send(3, now=3)
    assert one.backfilled
    assert one.device_ns == other.utc_s * 10**9 + 3 * NS_PER_MIN


def test_sensor_is_not_asked_for_its_session_with_every_stray_record():
    session = announced(Session(), [590, 595, 600])
    asked = 0
    for second in range(0, 50, 5):
        octets = Measurement(glucose_mgdl=100.0, offset_min=second).to_bytes()
        at = Boottime(session.at(630) + second * 10**9)
        asked += Read(STATUS) in session.decoder.feed(octets, at, MEASUREMENT)
    assert asked == 1


def test_clock_of_a_session_that_is_set_does_not_make_another_session_of_it():
    session = announced(Session(), [590, 595, 600])
    later = replace(START, start=DateTime(2026, 2, 4, 19, 54, 44))
    assert session.connect(610, later) == 601
    assert "set" in session.reset_reasons[-1]
    assert session.send(600, now=610) == []


def test_status_that_was_damaged_is_read_again():
    session = Session()
    session.decoder.open(session.at(600))
    with pytest.raises(FrameError):
        session.decoder.feed(b"\x00", session.at(600), STATUS)
    session.send(600, now=600)
    assert Read(STATUS) not in session.outputs
    session.send(601, now=601)
    assert Read(STATUS) in session.outputs


def test_annunciations_are_told_once_per_change():
    session = announced(Session(), [590, 595, 600])
    session.send(605, now=605, status=SensorStatus.BATTERY_LOW)
    assert session.annunciations() == [("battery-low", "on")]
    session.send(610, now=610, status=SensorStatus.BATTERY_LOW)
    assert session.annunciations() == []
    session.send(
        615,
        now=615,
        status=SensorStatus.SENSOR_TYPE_WRONG,
        calibration=CalibrationBit.CALIBRATION_PENDING | CalibrationBit.TEMPERATURE_TOO_HIGH,
        warning=WarningBit.HYPO,
    )
    assert session.annunciations() == [
        ("battery-low", "off"),
        ("calibration-pending", "on"),
        ("hypo", "on"),
        ("sensor-type-wrong", "on"),
        ("temperature-too-high", "on"),
    ]


def test_record_from_memory_says_nothing_of_the_present():
    session = Session()
    session.open(600)
    session.send(595, now=600, status=SensorStatus.BATTERY_LOW)
    assert session.annunciations() == []


def test_value_out_of_range_is_no_malfunction():
    session = announced(Session(), [590, 595, 600])
    session.send(
        605, now=605, status=SensorStatus.MALFUNCTION, warning=WarningBit.BELOW_DEVICE_RANGE
    )
    assert session.annunciations() == []
    session.send(610, now=610, mgdl=math.nan, status=SensorStatus.MALFUNCTION)
    assert session.annunciations() == [("malfunction", "on")]


def test_status_tells_annunciations_and_the_expected_end_of_the_session():
    session = Session()
    session.decoder.open(session.at(600))
    session.feed(Feature(flags=FeatureBit.E2E_CRC).to_bytes(), 600, FEATURE)
    session.feed(START.to_bytes(), 600, SESSION_START)
    session.feed(RunTime(hours=336).to_bytes(), 600, RUN_TIME)
    session.status(600, calibration=CalibrationBit.TIME_SYNC_NEEDED)
    assert session.annunciations() == [("session-end", "expected"), ("time-sync-needed", "on")]
    assert session.events()[0].detail["left_min"] == 336 * 60 - 600
    session.status(601)
    assert session.annunciations() == [("time-sync-needed", "off")]


def test_clock_without_a_zone_is_called_by_its_name():
    session = Session()
    session.open(600, replace(START, zone_quarter_hours=-128))
    assert session.annunciations() == [("time-zone-unknown", "on")]


def test_only_questions_that_the_features_allow_are_asked_one_after_the_other():
    session = Session()
    session.open(600, flags=FeatureBit.E2E_CRC | FeatureBit.HYPO_LEVEL | FeatureBit.RATE_LEVELS)
    told = iter(
        [
            ControlMessage(Control.INTERVAL_TOLD, 5),
            ControlMessage(Control.HYPO_TOLD, 55.0),
            ControlMessage(Control.DONE, Done(Control.GET_FALL, ControlResult.UNSUPPORTED)),
            ControlMessage(Control.RISE_TOLD, 2.0),
        ]
    )
    asked = []
    while questions := session.questions():
        (question,) = questions
        asked.append(question)
        session.control(next(told), 600)
    assert asked == [Control.GET_INTERVAL, Control.GET_HYPO, Control.GET_FALL, Control.GET_RISE]
    assert session.events()[0].detail == {
        "annunciation": "rise-rate-level",
        "state": "set",
        "mgdl_per_min": 2.0,
    }


def test_sensor_that_hangs_up_on_a_question_is_not_asked_for_ever():
    session = Session()
    asked = []
    for _ in range(5):
        session.open(600)
        asked += session.questions()
    assert asked == [Control.GET_INTERVAL, Control.GET_INTERVAL]


@given(st.data())
def test_nothing_is_ever_written_but_questions(data):
    """Whatever a sensor sends: no setter, no calibration, no start or stop of a session."""
    session = Session()
    flags = data.draw(st.integers(0, (1 << 24) - 1))
    session.open(600, flags=FeatureBit(flags | FeatureBit.E2E_CRC))
    outputs = list(session.outputs)
    messages = st.sampled_from(Control).flatmap(
        lambda opcode: st.binary(max_size=10).map(lambda operand: bytes([opcode]) + operand)
    )
    answer = (
        st.tuples(st.just(CONTROL), messages.map(with_crc))
        | st.tuples(st.just(RACP), st.binary(min_size=2, max_size=2).map(b"\x06\x00".__add__))
        | st.tuples(st.sampled_from(DRIVER.link.optional), st.binary(max_size=12).map(with_crc))
        | st.tuples(
            st.just(MEASUREMENT),
            st.integers(0, 0xFFFF).map(
                lambda minute: Measurement(glucose_mgdl=90.0, offset_min=minute).to_bytes()
            ),
        )
    )  # fmt: skip
    for second, (channel, octets) in enumerate(data.draw(st.lists(answer, max_size=30))):
        at = Boottime(session.at(600) + second * 40 * 10**9)
        with contextlib.suppress(FrameError):
            outputs += session.decoder.feed(octets, at, channel)
        outputs += session.decoder.poll(at)
    outputs += session.decoder.close()
    for write in (one for one in outputs if isinstance(one, Write)):
        if write.channel == CONTROL:
            assert ControlMessage.from_bytes(write.payload, crc=True).opcode in QUESTIONS
        else:
            assert write.channel == RACP
            request = RacpRequest.from_bytes(write.payload)
            assert request.opcode in {RacpOpcode.REPORT, RacpOpcode.ABORT}


def test_questions_are_those_that_change_nothing():
    assert set(QUESTIONS) == {2, 8, 11, 14, 17, 20, 23}


def test_battery_level_is_told():
    (one,) = Session().feed(b"\x58", 600, BATTERY_LEVEL)
    assert (one.code, one.value) == (BATTERY, 88.0)
