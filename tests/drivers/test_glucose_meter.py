"""The vector marked Nordic is from the tests of Android-BLE-Common-Library; the others are computed
from the layout of the Glucose service 1.0.1."""

import dataclasses
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_agent.codes import CAPILLARY_GLUCOSE, GLUCOSE
from edge_agent.driver import FrameError, Write
from edge_agent.model import Boottime, Event, EventKind, Observation, State
from edge_drivers.glucose_context import told_of
from edge_drivers.glucose_meter import CONTEXT, DRIVER, MEASUREMENT
from edge_drivers.glucose_meter_codec import Context, Fluid, Glucose, Measurement, Site, Status
from edge_drivers.ieee11073 import DateTime
from edge_drivers.racp import RACP, RacpOpcode, RacpOperator, RacpReply, RacpRequest, RacpResult
from edge_drivers.sensor_time import CURRENT_TIME, NO_DATE, CurrentTime
from tests.wire_values import date_times, octets, sfloats, words

NS_PER_S = 10**9
AT = Boottime(10**15)
NOW = DateTime(2026, 3, 14, 8, 0, 0)
NORDIC = "1b0100e307021b0b0a1efbff1e00120501"
ALL, FROM = RacpOperator.ALL, RacpOperator.FROM

glucoses = st.builds(
    Glucose,
    concentration=sfloats,
    in_mol_l=st.booleans(),
    fluid=st.integers(0, 15),
    site=st.integers(0, 15),
)
measurements = st.builds(
    Measurement,
    sequence=words,
    base=date_times,
    offset_min=st.none() | st.integers(-(1 << 15), (1 << 15) - 1),
    glucose=st.none() | glucoses,
    status=st.none() | words.map(Status),
    context_follows=st.booleans(),
)
contexts = st.builds(
    Context,
    sequence=words,
    extended=st.none() | octets,
    carbohydrate=st.none() | st.tuples(octets, sfloats),
    meal=st.none() | octets,
    tester_health=st.none() | octets,
    exercise=st.none() | st.tuples(words, octets),
    medication=st.none() | st.tuples(octets, sfloats),
    medication_in_litres=st.booleans(),
    hba1c_percent=st.none() | sfloats,
)


class Meter:
    """Plays the sensor's side: its clock shows ``NOW`` whenever it is connected."""

    def __init__(self):
        self.decoder = DRIVER.decoder("meter")

    def connect(self):
        """Connect; return what the memory is asked for."""
        request = self.decoder.open(AT)[-1]
        self.feed(CURRENT_TIME, CurrentTime(date_time=NOW).to_bytes())
        return self.asked([request])

    def asked(self, outputs):
        """Return operator and bounds of the one request among ``outputs``."""
        (write,) = [one for one in outputs if isinstance(one, Write)]
        assert write.channel == RACP
        request = RacpRequest.from_bytes(write.payload)
        assert request.opcode == RacpOpcode.REPORT
        return (request.operator, *request.bounds)

    def feed(self, channel, data):
        return list(self.decoder.feed(data, AT, channel))

    def send(self, one):
        return self.feed(MEASUREMENT, one.to_bytes())

    def end(self, result=RacpResult.SUCCESS):
        return self.feed(RACP, RacpReply(RacpOpcode.REPORT, result).to_bytes())


@pytest.fixture
def meter():
    return Meter()


def record(sequence, mgdl=105, **changes):
    one = Measurement(
        sequence=sequence,
        base=DateTime(2026, 3, 14, 7, 59, 0),
        glucose=Glucose(concentration=mgdl / 100_000),
    )
    return dataclasses.replace(one, **changes)


def told(outputs):
    return [one.detail["annunciation"] for one in outputs if isinstance(one, Event)]


@pytest.mark.parametrize(
    ("data", "one"),
    [
        (
            "0b2900ea07030e080500c4ff69b0110000",
            Measurement(
                sequence=41,
                base=DateTime(2026, 3, 14, 8, 5, 0),
                offset_min=-60,
                glucose=Glucose(concentration=0.00105),
                status=Status.NONE,
            ),
        ),
        (
            "062a00ea07030e0805003ac011",
            Measurement(
                sequence=42,
                base=DateTime(2026, 3, 14, 8, 5, 0),
                glucose=Glucose(concentration=0.0058, in_mol_l=True),
            ),
        ),
        (
            NORDIC,
            Measurement(
                sequence=1,
                base=DateTime(2019, 2, 27, 11, 10, 30),
                offset_min=-5,
                glucose=Glucose(concentration=30.0, fluid=2, site=Site.FINGER),
                status=Status.BATTERY_LOW | Status.SAMPLE_TOO_SMALL | Status.TOO_COLD,
                context_follows=True,
            ),
        ),
    ],
)
def test_measurements_both_ways(data, one):
    assert Measurement.from_bytes(bytes.fromhex(data)) == one
    assert one.to_bytes().hex() == data


@given(measurements)
def test_measurement_round_trip(one):
    assert Measurement.from_bytes(one.to_bytes()) == one


@given(contexts)
def test_context_round_trip(one):
    assert Context.from_bytes(one.to_bytes()) == one


@given(measurements)
def test_every_stamp_is_a_date_or_none(one):
    assert one.stamp == NO_DATE or one.stamp.utc_s() is not None


@pytest.mark.parametrize("length", range(17))
def test_measurement_that_is_cut_is_refused_at_every_length(length):
    with pytest.raises(FrameError):
        Measurement.from_bytes(bytes.fromhex(NORDIC)[:length])


@pytest.mark.parametrize("length", range(11))
def test_context_that_is_cut_is_refused_at_every_length(length):
    whole = Context(
        sequence=1, carbohydrate=(1, 0.045), exercise=(1800, 50), meal=1, tester_health=1
    )
    assert len(whole.to_bytes()) == 11
    with pytest.raises(FrameError):
        Context.from_bytes(whole.to_bytes()[:length])


def test_offset_is_added_to_the_base_time():
    one = record(1, base=DateTime(2026, 3, 1, 0, 5, 0), offset_min=-10)
    assert one.stamp == DateTime(2026, 2, 28, 23, 55, 0)


def test_kilograms_and_moles_are_told_in_mg_per_dl(meter):
    meter.connect()
    (by_mass,) = meter.send(record(1, glucose=Glucose(concentration=0.00105)))
    (by_moles,) = meter.send(record(2, glucose=Glucose(concentration=0.0058, in_mol_l=True)))
    assert (by_mass.code, by_mass.value) == (CAPILLARY_GLUCOSE, pytest.approx(105))
    assert (by_moles.code, by_moles.value) == (CAPILLARY_GLUCOSE, pytest.approx(104.5, abs=0.05))


def test_fresh_sample_is_live_and_an_old_one_is_not(meter):
    meter.connect()
    (fresh,) = meter.send(record(1))
    (old,) = meter.send(record(2, offset_min=-60))
    assert (AT - fresh.at, fresh.backfilled) == (60 * NS_PER_S, False)
    assert (AT - old.at, old.backfilled) == (3660 * NS_PER_S, True)


@pytest.mark.parametrize(
    "glucose",
    [
        Glucose(concentration=0.00105, fluid=Fluid.CONTROL_SOLUTION),
        Glucose(concentration=0.00105, site=Site.CONTROL_SOLUTION),
        Glucose(concentration=0.0058, in_mol_l=True, fluid=Fluid.CONTROL_SOLUTION),
    ],
)
@pytest.mark.parametrize("status", [None, Status.ABOVE_RANGE, Status.MALFUNCTION])
def test_control_solution_is_nobody_s_glucose(meter, glucose, status):
    meter.connect()
    outputs = meter.send(record(1, glucose=glucose, status=status))
    assert "control-solution" in told(outputs)
    assert not [one for one in outputs if isinstance(one, Observation)]


def test_interstitial_fluid_is_told_as_what_it_is(meter):
    meter.connect()
    (one,) = meter.send(record(1, glucose=Glucose(concentration=0.00105, fluid=Fluid.INTERSTITIAL)))
    assert one.code is GLUCOSE


@pytest.mark.parametrize(
    ("changes", "value", "state"),
    [
        ({"status": Status.ABOVE_RANGE}, None, State.ABOVE_RANGE),
        ({"status": Status.ABOVE_RANGE | Status.MALFUNCTION}, None, State.ABOVE_RANGE),
        ({"status": Status.BELOW_RANGE}, None, State.BELOW_RANGE),
        ({"glucose": Glucose(concentration=math.inf)}, None, State.ABOVE_RANGE),
        ({"glucose": Glucose(concentration=-math.inf)}, None, State.BELOW_RANGE),
        ({"glucose": Glucose(concentration=math.nan)}, None, State.SENSOR_FAULT),
        ({"glucose": None}, None, State.SENSOR_FAULT),
        ({"status": Status.BATTERY_LOW}, 105.0, State.MEASURED),
        ({"status": Status.MALFUNCTION}, 105.0, State.QUESTIONABLE),
        ({"status": Status.SAMPLE_TOO_SMALL}, 105.0, State.QUESTIONABLE),
        ({"status": Status.STRIP_INSERTION_WRONG}, 105.0, State.QUESTIONABLE),
        ({"status": Status.STRIP_TYPE_WRONG}, 105.0, State.QUESTIONABLE),
        ({"status": Status.TOO_WARM}, 105.0, State.QUESTIONABLE),
        ({"status": Status.TOO_COLD}, 105.0, State.QUESTIONABLE),
        ({"status": Status.STRIP_PULLED_EARLY}, 105.0, State.QUESTIONABLE),
        ({"status": Status.GENERAL_FAULT}, 105.0, State.QUESTIONABLE),
    ],
)
def test_state_of_a_sample(meter, changes, value, state):
    meter.connect()
    one = meter.send(record(1, **changes))[-1]
    assert (one.value, one.state) == (None if value is None else pytest.approx(value), state)


def test_meter_that_doubts_its_clock_proves_nothing_live(meter):
    meter.connect()
    event, one = meter.send(record(1, status=Status.TIME_FAULT))
    assert event.detail["annunciation"] == "time-fault"
    assert (one.at, one.backfilled, one.device_ns) == (AT, True, None)


def test_first_connection_asks_for_everything_and_the_next_from_the_newest_on(meter):
    assert meter.connect() == (ALL,)
    for sequence in (41, 42, 43):
        assert meter.send(record(sequence))
    assert meter.end() == []
    assert meter.connect() == (FROM, 43)
    assert meter.send(record(43)) == []
    assert meter.send(record(44))
    assert meter.end() == []
    assert meter.connect() == (FROM, 44)


def test_report_that_was_cut_off_is_asked_for_again_and_given_once(meter):
    meter.connect()
    assert meter.send(record(41))
    assert meter.connect() == (ALL,)
    assert meter.send(record(41)) == []
    assert meter.send(record(42))


def test_numbering_that_began_anew_is_noticed_whether_or_not_it_has_caught_up(meter):
    meter.connect()
    meter.send(record(5))
    meter.end()
    meter.connect()
    assert meter.asked(meter.end(RacpResult.NO_RECORDS)) == (ALL,)
    assert meter.send(record(1, mgdl=110))
    assert meter.end() == []
    assert meter.connect() == (FROM, 1)
    assert meter.send(record(1, mgdl=120))  # the same number, and another sample
    assert meter.asked(meter.end()) == (ALL,)
    assert meter.send(record(1, mgdl=120)) == []
    assert meter.end() == []


def test_memory_that_was_erased_is_asked_once_and_begun_anew(meter):
    meter.connect()
    meter.send(record(5))
    meter.end()
    meter.connect()
    assert meter.asked(meter.end(RacpResult.NO_RECORDS)) == (ALL,)
    assert meter.end(RacpResult.NO_RECORDS) == []
    assert meter.connect() == (ALL,)


@pytest.mark.parametrize(
    "result", [RacpResult.OPERATOR_UNSUPPORTED, RacpResult.OPERAND_UNSUPPORTED]
)
def test_meter_that_can_not_choose_is_asked_for_everything(meter, result):
    meter.connect()
    meter.send(record(5))
    meter.end()
    meter.connect()
    assert meter.asked(meter.end(result)) == (ALL,)


def test_memory_that_can_not_be_read_is_told_and_asked_again_on_the_next_connection(meter):
    meter.connect()
    meter.send(record(5))
    (event,) = meter.end(RacpResult.NOT_COMPLETED)
    assert (event.kind, event.detail["reason"]) == (
        EventKind.GAP,
        "the meter's memory can't be read (result 8)",
    )
    assert meter.connect() == (ALL,)


def test_reply_that_nobody_waits_for_is_let_be(meter):
    meter.connect()
    meter.end()
    assert meter.end(RacpResult.NOT_COMPLETED) == []
    abort = RacpReply(RacpOpcode.ABORT, RacpResult.SUCCESS)
    assert meter.feed(RACP, abort.to_bytes()) == []


def test_context_is_told_at_the_time_of_its_sample_and_once(meter):
    meter.connect()
    (sample,) = meter.send(record(7, context_follows=True))
    context = Context(sequence=7, meal=3).to_bytes()
    (event,) = meter.feed(CONTEXT, context)
    assert (event.kind, event.at) == (EventKind.ANNUNCIATION, sample.at)
    assert event.detail == {
        "annunciation": "sample-context", "state": "noted", "meal": "fasting",
    }  # fmt: skip
    assert meter.feed(CONTEXT, context) == []


def test_context_of_another_sample_is_not_told(meter):
    meter.connect()
    meter.send(record(7, context_follows=True))
    assert meter.feed(CONTEXT, Context(sequence=8, meal=3).to_bytes()) == []


def test_contexts_that_never_come_fill_no_memory(meter):
    meter.connect()
    for sequence in range(200):
        meter.send(record(sequence, context_follows=True))
    assert len(meter.decoder._awaited) == 32
    assert meter.feed(CONTEXT, Context(sequence=199, meal=1).to_bytes())


def test_context_in_words():
    context = Context(
        sequence=1,
        carbohydrate=(1, 0.045),
        meal=1,
        tester_health=0x51,
        exercise=(1800, 50),
        medication=(4, 0.00012),
        medication_in_litres=True,
        hba1c_percent=6.4,
    )
    assert told_of(context) == {
        "carbohydrate": "breakfast",
        "carbohydrate_g": pytest.approx(45),
        "meal": "before a meal",
        "tester": "the person",
        "health": "no health issues",
        "exercise_s": 1800.0,
        "exercise_percent": 50.0,
        "medication": "long acting insulin",
        "medication_ml": pytest.approx(0.12),
        "hba1c_percent": 6.4,
    }


def test_context_that_says_nothing_known_is_empty():
    context = Context(
        sequence=1,
        carbohydrate=(99, math.nan),
        meal=0,
        tester_health=0xFF,
        medication=(6, math.inf),
        hba1c_percent=math.nan,
    )
    assert told_of(context) == {}
    overrun = Context(sequence=1, exercise=(0xFFFF, 50))
    assert told_of(overrun) == {"exercise_percent": 50.0}
