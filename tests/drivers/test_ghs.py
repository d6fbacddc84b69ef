import struct

import pytest

from edge_agent.codes import PULSE_RATE, SPO2
from edge_agent.driver import FrameError, Read, Write
from edge_agent.model import Boottime, Event, EventKind, Observation, State
from edge_drivers.elapsed_time import ELAPSED_TIME, ElapsedTime
from edge_drivers.gatt import BATTERY_LEVEL
from edge_drivers.ghs import DRIVER, START_LIVE, STOP_LIVE
from edge_drivers.ghs_codec import (
    CONTROL,
    LIVE,
    STORED,
    Bundle,
    Compound,
    Discrete,
    DiscreteSet,
    HealthObservation,
    Kind,
    Numeric,
    Opaque,
    StatusBit,
)
from edge_drivers.ghs_segments import segmented
from edge_drivers.racp import RACP, RacpOpcode, RacpOperator, RacpReply, RacpRequest, RacpResult

NS_PER_S = 10**9
AT = Boottime(10**15)
COUNT = 690724210
UTC_NS = 1637409010 * NS_PER_S


def stamp(after_s=0):
    return ElapsedTime(flags=0x22, count=COUNT + after_s, source=6)


def spo2(value=97.0, **fields):
    return HealthObservation(kind=Kind.NUMERIC, type=SPO2.mdc, value=Numeric(544, value), **fields)


class Sensor:
    """Plays the sensor's side of a conversation."""

    def __init__(self):
        self.decoder = DRIVER.decoder("finger")
        self.second = 0

    @property
    def at(self):
        return Boottime(AT + self.second * NS_PER_S)

    def open(self):
        self.outputs = list(self.decoder.open(self.at))
        return self.outputs

    def feed(self, octets, channel):
        self.outputs = list(self.decoder.feed(octets, self.at, channel))
        return self.outputs

    def send(self, message, channel, size=244):
        outputs = []
        for segment in segmented(message, size):
            outputs += self.feed(segment, channel)
        self.outputs = outputs
        return [one for one in outputs if isinstance(one, Observation)]

    def live(self, observation, size=244):
        return self.send(observation.to_bytes(), LIVE, size)

    def stored(self, number, value=97.0, after_s=0, size=244):
        message = struct.pack("<I", number) + spo2(value, time=stamp(after_s)).to_bytes()
        return self.send(message, STORED, size)

    def end(self, result=RacpResult.SUCCESS, request=RacpOpcode.REPORT):
        return self.feed(RacpReply(request, result).to_bytes(), RACP)

    def requested(self):
        writes = [one for one in self.outputs if isinstance(one, Write) and one.channel == RACP]
        requests = [RacpRequest.from_bytes(one.payload, wide=True) for one in writes]
        return [(RacpOpcode(one.opcode), one.operator, *one.bounds) for one in requests]

    def poll(self):
        self.outputs = list(self.decoder.poll(self.at))
        return self.requested()

    def events(self, kind):
        return [one for one in self.outputs if isinstance(one, Event) and one.kind is kind]

    def said(self):
        return [
            (one.detail["annunciation"], one.detail["state"])
            for one in self.events(EventKind.ANNUNCIATION)
        ]


ALL = (RacpOpcode.REPORT, RacpOperator.ALL)


def test_sensor_is_asked_for_its_clock_its_records_and_live_values():
    sensor = Sensor()
    assert sensor.open() == [
        Read(ELAPSED_TIME),
        Read(BATTERY_LEVEL),
        Write(RACP, b"\x01\x01"),
        Write(CONTROL, START_LIVE),
    ]
    assert list(sensor.decoder.close()) == [Write(CONTROL, STOP_LIVE)]


def test_live_observation_is_true_now_and_bears_the_sensor_s_time():
    sensor = Sensor()
    sensor.open()
    (one,) = sensor.live(spo2(time=stamp()))
    assert (one.code, one.value, one.at, one.backfilled) == (SPO2, 97.0, AT, False)
    assert one.device_ns == UTC_NS


@pytest.mark.parametrize("size", [2, 20, 244])
def test_observation_comes_in_any_number_of_segments(size):
    sensor = Sensor()
    assert len(sensor.live(spo2(), size)) == 1


def test_live_and_stored_segments_may_be_interleaved():
    sensor = Sensor()
    sensor.open()
    stored = list(segmented(struct.pack("<I", 1) + spo2(91.0).to_bytes(), 12))
    live = list(segmented(spo2(98.0).to_bytes(), 12))
    values = []
    for pair in zip(stored, [*live, *[None] * len(stored)], strict=False):
        for segment, channel in zip(pair, (STORED, LIVE), strict=True):
            if segment is not None:
                values += [one.value for one in sensor.feed(segment, channel)]
    assert sorted(values) == [91.0, 98.0]


def test_lost_segment_costs_its_observation_and_is_told():
    sensor = Sensor()
    first, second, *_ = segmented(spo2().to_bytes(), 8)
    sensor.feed(first, LIVE)
    with pytest.raises(FrameError):
        sensor.feed(bytes([second[0] + 4]) + second[1:], LIVE)
    (one,) = sensor.live(spo2(96.0))
    assert one.value == 96.0
    assert sensor.events(EventKind.GAP)


def test_bundle_gives_its_time_status_and_type_to_its_members():
    members = (
        spo2(),
        HealthObservation(kind=Kind.NUMERIC, type=PULSE_RATE.mdc, value=Numeric(2720, 71.0)),
    )
    bundle = HealthObservation(
        kind=Kind.BUNDLE, time=stamp(), status=StatusBit.QUESTIONABLE, value=Bundle(members)
    )
    readings = Sensor().live(bundle)
    assert [one.code for one in readings] == [SPO2, PULSE_RATE]
    assert {one.device_ns for one in readings} == {UTC_NS}
    assert {one.state for one in readings} == {State.QUESTIONABLE}


@pytest.mark.parametrize(
    ("bits", "value", "state"),
    [
        (0, 97.0, State.MEASURED),
        (StatusBit.INVALID, None, State.SENSOR_FAULT),
        (StatusBit.NOT_AVAILABLE, None, State.SENSOR_FAULT),
        (StatusBit.QUESTIONABLE, 97.0, State.QUESTIONABLE),
        (StatusBit.TEST_DATA, 97.0, State.QUESTIONABLE),
        (StatusBit.MANUALLY_ENTERED, 97.0, State.QUESTIONABLE),
        (1 << 14, 97.0, State.MEASURED),
    ],
)
def test_what_a_sensor_says_of_a_measurement(bits, value, state):
    (one,) = Sensor().live(spo2(status=bits))
    assert (one.value, one.state) == (value, state)
    assert one.quality == (1.0 if state is State.MEASURED else 0.0)


def test_number_that_can_t_be_is_questionable():
    (one,) = Sensor().live(spo2(120.0))
    assert (one.value, one.state) == (120.0, State.QUESTIONABLE)


def test_unit_of_another_dimension_refuses_the_whole_observation():
    bundle = HealthObservation(
        kind=Kind.BUNDLE,
        patient=7,
        value=Bundle((spo2(), HealthObservation(kind=1, type=SPO2.mdc, value=Numeric(2720, 9.0)))),
    )
    sensor = Sensor()
    with pytest.raises(FrameError, match="unit"):
        sensor.live(bundle)
    sensor.live(spo2(patient=8))
    assert sensor.said() == []  # the refused one's person is not remembered


def test_what_the_hub_has_no_use_for_is_told_once():
    sensor = Sensor()
    unknown = HealthObservation(kind=Kind.NUMERIC, type=4711, value=Numeric(544, 1.0))
    assert sensor.live(unknown) == []
    assert sensor.said() == [("mdc-4711 of class 1", "not used")]
    sensor.live(unknown)
    assert sensor.said() == []
    sensor.live(HealthObservation(kind=Kind.SAMPLE_ARRAY, value=Opaque(b"1234")))
    assert sensor.said() == [("untyped of class 4", "not used")]


def test_part_of_a_compound_may_be_of_use():
    parts = ((SPO2.mdc, Numeric(544, 96.0)), (4711, Numeric(1, 2.0)))
    sensor = Sensor()
    (one,) = sensor.live(HealthObservation(kind=Kind.COMPOUND, value=Compound(parts)))
    assert one.value == 96.0
    assert sensor.said() == [("mdc-4711", "not used")]


def test_states_are_told_once_per_change():
    sensor = Sensor()
    told = []
    for codes_ in ((240,), (240,), (240, 430), ()):
        one = HealthObservation(kind=Kind.DISCRETE_SET, type=99, value=DiscreteSet(codes_))
        sensor.live(one)
        told += sensor.said()
    assert told == [("mdc-99", "240"), ("mdc-99", "240 430"), ("mdc-99", "none")]
    sensor.live(HealthObservation(kind=Kind.DISCRETE, type=98, value=Discrete(5)))
    assert sensor.said() == [("mdc-98", "5")]


def test_second_person_is_told_without_a_number():
    sensor = Sensor()
    for patient in (3, 3, 4, 5):
        sensor.live(spo2(patient=patient))
        assert sensor.said() == ([("several-users", "on")] if patient == 4 else [])


def test_stored_record_is_placed_by_the_sensor_s_clock():
    sensor = Sensor()
    sensor.open()
    sensor.feed(stamp(600).to_bytes(), ELAPSED_TIME)
    sensor.second = 5
    (one,) = sensor.stored(1, after_s=300)
    assert one.backfilled
    assert one.at == AT - 300 * NS_PER_S
    assert one.device_ns == UTC_NS + 300 * NS_PER_S


def test_stored_record_without_a_clock_is_where_it_arrived():
    sensor = Sensor()
    sensor.open()
    (one,) = sensor.stored(1)
    assert (one.at, one.backfilled) == (AT, True)


def test_stored_records_are_fetched_once_over_connections():
    sensor = Sensor()
    sensor.open()
    assert sensor.requested() == [ALL]
    for number in (4, 5, 6):
        assert len(sensor.stored(number)) == 1
    assert sensor.end() == []
    sensor.open()
    assert sensor.requested() == [(RacpOpcode.REPORT, RacpOperator.FROM, 6)]
    assert sensor.stored(6) == []
    assert len(sensor.stored(7)) == 1


def test_missing_record_is_asked_for_once_more_and_then_told():
    sensor = Sensor()
    sensor.open()
    sensor.stored(1)
    sensor.stored(4)
    sensor.end()
    assert sensor.requested() == [(RacpOpcode.REPORT, RacpOperator.FROM, 1)]
    sensor.stored(1)
    sensor.stored(4)
    sensor.end()
    (gap,) = sensor.events(EventKind.GAP)
    assert gap.detail["records"] == 2
    assert sensor.requested() == []


@pytest.mark.parametrize("gone", [True, False])
def test_sensor_that_was_erased_is_read_anew(gone):
    sensor = Sensor()
    sensor.open()
    sensor.stored(1)
    sensor.stored(2)
    sensor.end()
    sensor.open()
    if gone:
        sensor.end(RacpResult.NO_RECORDS)
    else:
        sensor.stored(2, 88.0)
        sensor.end()
    assert sensor.events(EventKind.CLOCK_RESET)
    assert sensor.requested() == [ALL]
    assert len(sensor.stored(1, 87.0)) == 1


def test_busy_memory_is_tried_again_later_and_complained_of_once():
    sensor = Sensor()
    sensor.open()
    sensor.end(RacpResult.BUSY)
    assert sensor.events(EventKind.GAP)
    sensor.second = 29
    assert sensor.poll() == []
    sensor.second = 30
    assert sensor.poll() == [ALL]
    sensor.end(RacpResult.BUSY)
    assert sensor.events(EventKind.GAP) == []


def test_silent_report_is_aborted_and_tried_again():
    sensor = Sensor()
    sensor.open()
    sensor.stored(1)
    sensor.second = 30
    assert sensor.poll() == [(RacpOpcode.ABORT, RacpOperator.NONE)]
    sensor.end(request=RacpOpcode.ABORT)
    assert sensor.events(EventKind.GAP)
    sensor.second = 60
    assert sensor.poll() == [(RacpOpcode.REPORT, RacpOperator.FROM, 1)]


def test_sensor_without_a_memory_is_not_accused():
    sensor = Sensor()
    sensor.open()
    sensor.second = 30
    sensor.poll()
    sensor.second = 60
    sensor.poll()
    sensor.live(spo2())
    assert sensor.events(EventKind.GAP) == []


def test_refused_live_stream_is_told():
    sensor = Sensor()
    sensor.open()
    assert sensor.feed(b"\x80", CONTROL) == []
    sensor.feed(b"\x82", CONTROL)
    assert sensor.events(EventKind.STREAM_REFUSED)


def test_numbers_far_behind_are_forgotten_and_memory_stays_bounded():
    sensor = Sensor()
    sensor.open()
    for number in range(10_000):
        sensor.stored(number)
    assert len(sensor.decoder._stored._held) <= 4096
    assert sensor.stored(9_999) == []
