import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_agent.codes import INSULIN_BASAL_RATE, INSULIN_BOLUS, INSULIN_RESERVOIR
from edge_agent.driver import FrameError, Read, Write
from edge_agent.model import Boottime, Event, EventKind, Observation, State
from edge_drivers.e2e import with_crc
from edge_drivers.gatt import uuid16
from edge_drivers.ieee11073 import DateTime
from edge_drivers.insulin_delivery import DRIVER
from edge_drivers.insulin_delivery_codec import (
    ANNUNCIATION,
    FEATURES,
    HISTORY,
    READER,
    RECORDS,
    STATUS,
    STATUS_CHANGED,
    Annunciation,
    AnnunciationState,
    AnnunciationType,
    Change,
    FeatureBit,
    Features,
    Operation,
    Status,
    StatusChanged,
    Therapy,
)
from edge_drivers.insulin_history import FIRST_FETCH
from edge_drivers.insulin_history_codec import (
    BolusDelivered,
    HistoryRecord,
    Recording,
    RecordsOpcode,
    RecordsOperator,
    RecordsReply,
    RecordsRequest,
    RecordsResult,
    RecordType,
    ReferenceTime,
)
from edge_drivers.insulin_reader_codec import (
    BasalRate,
    OnBoard,
    Question,
    Refusal,
    Refused,
    answer_to_bytes,
    question_from_bytes,
)
from edge_drivers.sensor_time import CURRENT_TIME

NS_PER_S = 10**9
AT = Boottime(10**15)
ALL = (
    FeatureBit.E2E_PROTECTION
    | FeatureBit.BASAL_RATE
    | FeatureBit.FAST_BOLUS
    | FeatureBit.INSULIN_ON_BOARD
)


class Pump:
    """Plays the pump's side of a conversation; ``second`` counts from the start."""

    def __init__(self, flags=ALL):
        self.decoder = DRIVER.decoder("pump")
        self.flags, self.counter, self.second = flags, 0, 0

    @property
    def e2e(self):
        return bool(self.flags & FeatureBit.E2E_PROTECTION)

    def feed(self, octets, channel):
        at = Boottime(AT + self.second * NS_PER_S)
        self.outputs = list(self.decoder.feed(octets, at, channel))
        return self.outputs

    def open(self):
        self.counter = 0
        requests = list(self.decoder.open(Boottime(AT + self.second * NS_PER_S)))
        features = Features(concentration_iu_ml=100.0, flags=self.flags, counter=1)
        self.feed(features.to_bytes(), FEATURES)
        return requests

    def status(self, reservoir=100.0, *, attached=True, therapy=Therapy.RUN):
        status = Status(
            therapy=therapy,
            operation=Operation.READY,
            reservoir_iu=reservoir,
            is_reservoir_attached=attached,
            counter=1 if self.e2e else None,
        )
        return self.feed(status.to_bytes(), STATUS)

    def changed(self, changes):
        counter = 1 if self.e2e else None
        return self.feed(StatusChanged(changes=changes, counter=counter).to_bytes(), STATUS_CHANGED)

    def answer(self, answer):
        self.counter += 1
        counter = self.counter if self.e2e else None
        return self.feed(answer_to_bytes(answer, counter), READER)

    def record(self, kind, sequence, content=None, offset_s=60):
        one = HistoryRecord(type=kind, sequence=sequence, offset_s=offset_s, content=content)
        return self.feed(one.to_bytes(e2e=self.e2e), HISTORY)

    def reference(self, sequence, hour=10, recording=Recording.PERIODIC):
        clock = DateTime(2026, 3, 14, hour, 0, 0)
        content = ReferenceTime(recording=recording, clock=clock, zone_quarter_hours=4, dst=0)
        return self.record(RecordType.REFERENCE_TIME, sequence, content, 0)

    def bolus(self, sequence, insulin=2.0):
        content = BolusDelivered(
            bolus=1, kind=0x33, fast_iu=insulin, extended_iu=0.5, duration_min=0
        )
        return self.record(RecordType.BOLUS_DELIVERED, sequence, content)

    def end(self, result=RecordsResult.SUCCESS, request=RecordsOpcode.REPORT):
        return self.feed(RecordsReply(request, result).to_bytes(), RECORDS)

    def asked(self):
        writes = [one for one in self.outputs if isinstance(one, Write) and one.channel == READER]
        return [question_from_bytes(one.payload, e2e=self.e2e) for one in writes]

    def requested(self):
        writes = [one for one in self.outputs if isinstance(one, Write) and one.channel == RECORDS]
        requests = [RecordsRequest.from_bytes(one.payload) for one in writes]
        return [(RecordsOperator(one.operator), *one.bounds) for one in requests]

    def readings(self):
        return [one for one in self.outputs if isinstance(one, Observation)]

    def events(self, kind=EventKind.ANNUNCIATION):
        return [one for one in self.outputs if isinstance(one, Event) and one.kind is kind]

    def located(self, newest):
        """Open, tell the state, and answer which record is the newest."""
        self.open()
        self.status()
        assert self.requested() == [(RecordsOperator.LAST,)]
        self.bolus(newest)
        self.end()
        return self.requested()


def test_commands_are_on_no_list_of_the_driver():
    link = DRIVER.link
    commands = {uuid16(0x2B25), uuid16(0x2B26)}
    assert not commands & {*link.notify, *link.optional, *link.writable}
    assert set(link.writable) == {READER, RECORDS}
    assert link.pair


@given(st.data())
def test_whatever_a_pump_sends_nothing_is_written_but_questions_and_reports(data):
    pump = Pump(data.draw(st.integers(0, 0xFFFF)))
    outputs = list(pump.open())
    outputs += pump.outputs + pump.status()
    octets = st.binary(max_size=20) | st.binary(max_size=17).map(with_crc)
    readers = st.sampled_from([0x0303, 0x033F, 0x036A, 0x039A, 0x03FC]).flatmap(
        lambda opcode: st.binary(max_size=8).map(
            lambda rest: with_crc(opcode.to_bytes(2, "little") + rest)
        )
    )
    frames = st.one_of(
        st.tuples(st.sampled_from([*DRIVER.link.notify, *DRIVER.link.optional]), octets),
        st.tuples(st.just(READER), readers),
        st.tuples(st.just(RECORDS), st.binary(min_size=2, max_size=2).map(b"\x0f\x0f".__add__)),
    )
    for channel, frame in data.draw(st.lists(frames, max_size=30)):
        pump.second += 40
        with contextlib.suppress(FrameError):
            outputs += pump.feed(frame, channel)
        outputs += pump.decoder.poll(Boottime(AT + pump.second * NS_PER_S))
    outputs += pump.decoder.close()
    e2e = pump.e2e
    for write in (one for one in outputs if isinstance(one, Write)):
        if write.channel == READER:
            # Features that came later may have switched the protection.
            opcode = int.from_bytes(write.payload[:2], "little")
            assert Question(opcode)
            assert len(write.payload) in {2, 5}, e2e
        else:
            assert write.channel == RECORDS
            opcode = RecordsRequest.from_bytes(write.payload).opcode
            assert opcode in {RecordsOpcode.REPORT, RecordsOpcode.ABORT}


def test_no_question_changes_anything():
    reset_status = 0x030C
    assert reset_status not in set(Question)


@pytest.mark.parametrize("e2e", [True, False])
def test_indication_that_overtakes_the_first_reads_is_no_damaged_frame(e2e):
    """Seen on BlueZ 5.66: whether it has a checksum is told by what has not been read yet."""
    decoder = DRIVER.decoder("pump")
    list(decoder.open(AT))
    changed = StatusChanged(changes=Change.RESERVOIR, counter=1 if e2e else None)
    assert list(decoder.feed(changed.to_bytes(), AT, STATUS_CHANGED)) == []


def test_pump_is_read_before_it_is_asked():
    pump = Pump()
    assert pump.open() == [
        Read(FEATURES),
        Read(CURRENT_TIME),
        Read(uuid16(0x2A19)),
        Read(ANNUNCIATION),
        Read(STATUS),
    ]
    assert pump.outputs == []
    pump.status()
    assert pump.asked() == [Question.INSULIN_ON_BOARD]
    assert pump.requested() == [(RecordsOperator.LAST,)]


def test_questions_come_one_after_the_other_with_a_counter_of_their_own():
    pump = Pump()
    pump.open()
    pump.status()
    counters, asked = [], []
    answers = iter([OnBoard(insulin_iu=1.0), BasalRate(template=1, profile_iu_h=0.5)])
    for answer in (*answers, Refused(Question.TOTAL_DAILY_INSULIN, Refusal.NOT_COMPLETED)):
        (write,) = [one for one in pump.outputs if isinstance(one, Write) and one.channel == READER]
        counters.append(write.payload[2])
        asked += pump.asked()
        pump.answer(answer)
    assert counters == [1, 2, 3]
    assert asked == [
        Question.INSULIN_ON_BOARD,
        Question.ACTIVE_BASAL_RATE,
        Question.TOTAL_DAILY_INSULIN,
    ]


def test_question_that_the_features_rule_out_is_not_asked():
    pump = Pump(flags=FeatureBit.E2E_PROTECTION)
    pump.open()
    pump.status()
    assert pump.asked() == [Question.TOTAL_DAILY_INSULIN]


def test_question_that_is_not_known_to_the_pump_is_never_asked_again():
    pump = Pump()
    pump.open()
    pump.status()
    pump.answer(Refused(Question.INSULIN_ON_BOARD, Refusal.OPCODE_UNSUPPORTED))
    assert pump.asked() == [Question.ACTIVE_BASAL_RATE]
    pump.open()
    pump.status()
    assert pump.asked() == [Question.ACTIVE_BASAL_RATE]


def test_answer_with_the_counter_of_the_one_before_is_refused():
    pump = Pump()
    pump.open()
    pump.status()
    pump.answer(OnBoard(insulin_iu=1.0))
    pump.counter -= 1
    with pytest.raises(FrameError, match="counter"):
        pump.answer(OnBoard(insulin_iu=1.0))


@pytest.mark.parametrize(
    ("reservoir", "attached", "value", "state"),
    [
        (80.5, True, 80.5, State.MEASURED),
        (80.5, False, None, State.NOT_ATTACHED),
        (float("nan"), True, None, State.SENSOR_FAULT),
        (20000.0, True, 20000.0, State.QUESTIONABLE),
    ],
)
def test_reservoir(reservoir, attached, value, state):
    pump = Pump()
    pump.open()
    pump.status(reservoir, attached=attached)
    (one,) = pump.readings()
    assert (one.code, one.value, one.state) == (INSULIN_RESERVOIR, value, state)
    assert one.quality == (1.0 if state is State.MEASURED else 0.0)


@pytest.mark.parametrize(
    ("rate", "value", "state"),
    [
        (BasalRate(template=1, profile_iu_h=0.5), 0.5, State.MEASURED),
        (
            BasalRate(template=1, profile_iu_h=0.5, temporary=0x33, adjustment=0.2),
            0.2,
            State.MEASURED,
        ),
        (
            BasalRate(template=1, profile_iu_h=0.5, temporary=0x3C, adjustment=50.0),
            None,
            State.QUESTIONABLE,
        ),
    ],
)
def test_basal_rate_that_is_delivered_now(rate, value, state):
    pump = Pump()
    pump.open()
    pump.status()
    pump.answer(rate)
    (one,) = pump.readings()
    assert (one.code, one.value, one.state) == (INSULIN_BASAL_RATE, value, state)


def test_therapy_and_annunciations_are_told_once_per_change():
    pump = Pump()
    pump.open()
    pump.status()
    assert [(one.detail["annunciation"], one.detail["state"]) for one in pump.events()] == [
        ("therapy", "run"),
        ("operation", "ready"),
    ]
    pump.status()
    assert pump.events() == []
    pump.status(therapy=Therapy.STOP)
    assert [one.detail["state"] for one in pump.events()] == ["stop"]
    told = []
    for state in (AnnunciationState.PENDING, AnnunciationState.PENDING, AnnunciationState.SNOOZED):
        one = Annunciation(instance=1, type=AnnunciationType.OCCLUSION, state=state)
        pump.feed(one.to_bytes(1), ANNUNCIATION)
        told += [one.detail["state"] for one in pump.events()]
    assert told == ["pending", "snoozed"]


def test_annunciation_of_a_vendor_bears_its_number():
    pump = Pump()
    pump.open()
    pump.feed(Annunciation(instance=1, type=0xF007, state=0x33).to_bytes(1), ANNUNCIATION)
    assert pump.events()[0].detail["annunciation"] == "0xf007"


def test_what_has_changed_is_read_and_asked_for():
    pump = Pump()
    pump.located(100)
    pump.end(RecordsResult.NO_RECORDS)
    pump.answer(OnBoard(insulin_iu=1.0))
    for _ in range(3):
        pump.answer(Refused(0, Refusal.NOT_APPLICABLE))
    pump.changed(Change.RESERVOIR | Change.ANNUNCIATION | Change.BASAL_RATE | Change.HISTORY)
    assert Read(STATUS) in pump.outputs
    assert Read(ANNUNCIATION) in pump.outputs
    assert pump.asked() == [Question.ACTIVE_BASAL_RATE]
    assert pump.requested() == [(RecordsOperator.LAST,)]


def test_new_hub_asks_for_the_last_records_of_a_long_history():
    assert Pump().located(100) == [(RecordsOperator.FROM, 0)]
    assert Pump().located(5000) == [(RecordsOperator.FROM, 5000 - FIRST_FETCH + 1)]


def test_bolus_is_dated_by_the_reference_time_before_it_and_is_never_live():
    pump = Pump()
    pump.located(101)
    pump.reference(100)
    (one,) = pump.bolus(101)
    assert (one.code, one.value, one.backfilled) == (INSULIN_BOLUS, 2.5, True)
    assert one.device_ns == (1773482400 - 3600 + 60) * NS_PER_S  # 10:01 at one hour east of UTC
    assert one.at == AT  # without a clock that can be read there is no other time


def test_bolus_is_placed_in_the_hub_s_time_by_the_pump_s_clock():
    pump = Pump()
    pump.open()
    now = DateTime(2026, 3, 14, 10, 31, 0).to_bytes() + bytes([6, 0, 0])
    pump.feed(now, CURRENT_TIME)
    pump.status()
    pump.bolus(101)
    pump.end()
    pump.reference(100)
    (one,) = pump.bolus(101)
    assert one.at == AT - 30 * 60 * NS_PER_S


def test_record_of_the_future_by_the_pump_s_clock_is_not_placed_by_it():
    pump = Pump()
    pump.open()
    now = DateTime(2026, 3, 14, 9, 0, 0).to_bytes() + bytes([6, 0, 0])
    pump.feed(now, CURRENT_TIME)
    pump.status()
    pump.bolus(101)
    pump.end()
    pump.reference(100)
    (one,) = pump.bolus(101)
    assert one.at == AT


def test_only_what_is_new_is_fetched_later_and_nothing_twice():
    pump = Pump()
    pump.located(101)
    pump.reference(100)
    pump.bolus(101)
    pump.end()
    assert pump.located(101) == []
    assert pump.located(103) == [(RecordsOperator.FROM, 102)]
    assert pump.bolus(101) == []
    assert pump.readings() == []
    (one,) = pump.bolus(102)
    assert one.code is INSULIN_BOLUS


def test_record_waits_until_all_before_it_have_come():
    pump = Pump()
    pump.located(103)
    pump.reference(100, hour=10)
    pump.bolus(101)
    assert pump.bolus(103) == []  # 102 may be a reference time
    pump.end()
    assert pump.requested() == [(RecordsOperator.RANGE, 102, 102)]
    (one,) = pump.reference(102, hour=11)
    assert one.device_ns == (1773482400 + 60) * NS_PER_S


def test_gap_in_the_history_leaves_what_follows_without_a_time():
    pump = Pump()
    pump.located(103)
    pump.reference(100)
    pump.bolus(103)
    pump.end()
    pump.end()
    assert pump.requested() == [(RecordsOperator.RANGE, 101, 102)]
    pump.end()
    assert pump.readings() == []
    missing, undated = pump.events(EventKind.GAP)
    assert missing.detail["records"] == 2
    assert "reference time" in undated.detail["reason"]


def test_clock_that_was_lost_dates_nothing():
    pump = Pump()
    pump.located(101)
    pump.reference(100, recording=Recording.DATE_TIME_LOSS)
    assert pump.bolus(101) == []


def test_history_that_begins_again_is_followed():
    pump = Pump()
    pump.located(500)
    pump.reference(499)
    pump.bolus(500)
    pump.end()
    pump.open()
    pump.status()
    pump.bolus(3)
    assert pump.events(EventKind.CLOCK_RESET)
    pump.end()
    assert pump.requested() == [(RecordsOperator.FROM, 0)]
    pump.reference(2)
    assert len(pump.bolus(3)) == 1


def test_refused_report_is_tried_again_later_and_complained_of_once():
    pump = Pump()
    pump.open()
    pump.status()
    pump.end(RecordsResult.NOT_COMPLETED)
    assert len(pump.events(EventKind.GAP)) == 1
    pump.second += 29
    assert RECORDS not in written(pump)
    pump.second += 1
    assert RECORDS in written(pump)
    pump.end(RecordsResult.NOT_COMPLETED)
    assert pump.events(EventKind.GAP) == []


def test_silent_report_is_aborted_and_tried_again():
    pump = Pump()
    pump.open()
    pump.status()
    pump.second += 30
    (abort,) = [one for one in polled(pump) if isinstance(one, Write)]
    assert abort.payload.hex() == "550f"
    pump.end(request=RecordsOpcode.ABORT)
    assert pump.events(EventKind.GAP)
    pump.second += 30
    assert RECORDS in written(pump)


def test_silent_report_whose_abort_is_not_answered_is_given_up_and_told_with_the_next_frame():
    pump = Pump()
    pump.open()
    pump.status()
    pump.second += 30
    polled(pump)
    pump.second += 30
    assert RECORDS not in written(pump)
    pump.status()
    assert pump.events(EventKind.GAP)


def test_record_that_nobody_asked_for_is_not_used():
    pump = Pump()
    pump.open()
    pump.reference(100)
    assert pump.bolus(101) == []


def polled(pump):
    return list(pump.decoder.poll(Boottime(AT + pump.second * NS_PER_S)))


def written(pump):
    return [one.channel for one in polled(pump) if isinstance(one, Write)]
