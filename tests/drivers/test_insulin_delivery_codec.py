"""Bytes marked "captured" are of a Medtronic 780G (decrypted, published by palmarci/OpenGuardian);
the others are computed from the Insulin Delivery Service 1.0.2."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_agent.driver import FrameError
from edge_drivers.e2e import with_crc
from edge_drivers.ieee11073 import DateTime
from edge_drivers.insulin_delivery_codec import (
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
    protected,
)
from edge_drivers.insulin_history_codec import (
    BasalRateChanged,
    BolusDelivered,
    DayDelivered,
    HistoryRecord,
    Recording,
    RecordsOpcode,
    RecordsOperator,
    RecordsReply,
    RecordsRequest,
    RecordsResult,
    RecordType,
    ReferenceTime,
    ReservoirChanged,
)
from edge_drivers.insulin_reader_codec import (
    ActiveBoluses,
    BasalRate,
    OnBoard,
    Question,
    Refused,
    TotalDaily,
    answer_from_bytes,
    answer_to_bytes,
    question_from_bytes,
    question_to_bytes,
)


def test_protected_status_both_ways():
    octets = bytes.fromhex("5596a0f401071479")
    one = Status.from_bytes(octets, e2e=True)
    assert one == Status(
        therapy=Therapy.RUN,
        operation=Operation.READY,
        reservoir_iu=118.4,
        is_reservoir_attached=True,
        counter=7,
    )
    assert one.to_bytes() == octets


def test_unprotected_status_both_ways():
    one = Status.from_bytes(bytes.fromhex("333c000000"), e2e=False)
    assert (one.therapy, one.operation) == (Therapy.STOP, Operation.STANDBY)
    assert (one.reservoir_iu, one.is_reservoir_attached) == (0.0, False)
    assert one.to_bytes().hex() == "333c000000"


def test_features_with_a_fourth_octet():
    one = Features.from_bytes(bytes.fromhex("ffff006400fede801f"))  # captured
    assert (one.concentration_iu_ml, one.e2e) == (100.0, False)
    assert one.has(FeatureBit.INSULIN_ON_BOARD)
    assert one.has(FeatureBit.BASAL_RATE)
    assert one.to_bytes().hex() == "ffff006400fede801f"


def test_crc_of_the_features_stands_in_front():
    one = Features(concentration_iu_ml=100.0, flags=FeatureBit.E2E_PROTECTION, counter=1)
    octets = bytearray(one.to_bytes())
    assert Features.from_bytes(bytes(octets)) == one
    octets[3] ^= 1
    with pytest.raises(FrameError, match="CRC"):
        Features.from_bytes(bytes(octets))


@pytest.mark.parametrize("octets", ["", "ffff006400fede", "ffff006400fede80", "ffff006400fede0000"])
def test_features_of_another_length_are_refused(octets):
    with pytest.raises(FrameError):
        Features.from_bytes(bytes.fromhex(octets))


@pytest.mark.parametrize(
    ("octets", "request_"),
    [
        ("3333", RecordsRequest(RecordsOpcode.REPORT, RecordsOperator.ALL)),
        ("5a33", RecordsRequest(RecordsOpcode.COUNT, RecordsOperator.ALL)),
        (
            "335a0f6400000078000000",
            RecordsRequest(RecordsOpcode.REPORT, RecordsOperator.RANGE, (100, 120)),
        ),
        ("550f", RecordsRequest(RecordsOpcode.ABORT, RecordsOperator.NONE)),
    ],
)
def test_requests_for_records_both_ways(octets, request_):
    assert request_.to_bytes().hex() == octets
    assert RecordsRequest.from_bytes(bytes.fromhex(octets)) == request_


def test_reply_about_records_both_ways():
    one = RecordsReply.from_bytes(bytes.fromhex("0f0f33f0"))
    assert one == RecordsReply(RecordsOpcode.REPORT, RecordsResult.SUCCESS)
    assert one.to_bytes().hex() == "0f0f33f0"


@pytest.mark.parametrize("octets", ["", "0f0f33", "0f0f33f000", "06000101", "0f3333f0"])
def test_reply_that_is_none_is_refused(octets):
    with pytest.raises(FrameError):
        RecordsReply.from_bytes(bytes.fromhex(octets))


@pytest.mark.parametrize("octets", ["", "33", "335a0f640000", "335a3364000000"])
def test_request_that_is_none_is_refused(octets):
    with pytest.raises(FrameError):
        RecordsRequest.from_bytes(bytes.fromhex(octets))


u8, u16 = st.integers(0, 0xFF), st.integers(0, 0xFFFF)
insulin = st.integers(0, 2000).map(lambda tenth: tenth / 10)
counters = st.none() | u8


@given(u8, u8, insulin, st.booleans(), counters)
def test_status_round_trip(therapy, operation, reservoir, attached, counter):
    one = Status(
        therapy=therapy,
        operation=operation,
        reservoir_iu=reservoir,
        is_reservoir_attached=attached,
        counter=counter,
    )
    assert Status.from_bytes(one.to_bytes(), e2e=counter is not None) == one


@given(st.integers(0, 0xFF).map(Change), counters)
def test_status_changed_round_trip(changes, counter):
    one = StatusChanged(changes=changes, counter=counter)
    assert StatusChanged.from_bytes(one.to_bytes(), e2e=counter is not None) == one


@given(u16, u16, u8, st.lists(u16, max_size=5).map(tuple), counters)
def test_annunciation_round_trip(instance, kind, state, auxiliary, counter):
    one = Annunciation(instance=instance, type=kind, state=state, auxiliary=auxiliary)
    assert Annunciation.from_bytes(one.to_bytes(counter), e2e=counter is not None) == one


def test_no_annunciation_is_none():
    assert Annunciation.from_bytes(b"\x00", e2e=False) is None
    assert Annunciation.from_bytes(protected(b"\x00", 9), e2e=True) is None


def test_annunciation_names_are_known():
    octets = bytes.fromhex("0107003c0033")
    assert Annunciation.from_bytes(octets, e2e=False) == Annunciation(
        instance=7, type=AnnunciationType.OCCLUSION, state=AnnunciationState.PENDING
    )


answers = st.one_of(
    st.builds(Refused, u16, u8),
    st.builds(ActiveBoluses, st.lists(u16, max_size=7).map(tuple)),
    st.builds(
        BasalRate,
        template=u8,
        profile_iu_h=insulin,
        temporary_template=st.none() | u8,
        context=st.none() | u8,
    ),
    st.builds(
        BasalRate,
        template=u8,
        profile_iu_h=insulin,
        temporary=u8,
        adjustment=insulin,
        programmed_min=u16,
        remaining_min=u16,
        temporary_template=st.none() | u8,
        context=st.none() | u8,
    ),
    st.builds(TotalDaily, bolus_iu=insulin, basal_iu=insulin, total_iu=insulin),
    st.builds(OnBoard, insulin_iu=insulin, remaining_min=st.none() | u16),
)


@given(answers, counters)
def test_answer_round_trip(answer, counter):
    octets = answer_to_bytes(answer, counter)
    assert answer_from_bytes(octets, e2e=counter is not None) == (answer, counter or 0)


@given(answers, u8, st.data())
def test_any_flipped_bit_of_a_protected_answer_is_refused(answer, counter, data):
    octets = bytearray(answer_to_bytes(answer, counter))
    bit = data.draw(st.integers(0, 8 * len(octets) - 1))
    octets[bit // 8] ^= 1 << bit % 8
    with pytest.raises(FrameError):
        answer_from_bytes(bytes(octets), e2e=True)


@pytest.mark.parametrize(
    "octets",
    [
        "",
        "fc",
        "fc03",
        "fc0300",
        "fc03011c00",
        "fc03001c0000",
        "9a031c001c00",
        "0c03ffff",
        "3f0302",
    ],
)
def test_answer_that_is_none_is_refused(octets):
    with pytest.raises(FrameError):
        answer_from_bytes(bytes.fromhex(octets), e2e=False)


@given(st.sampled_from(Question), counters)
def test_question_round_trip(question, counter):
    octets = question_to_bytes(question, counter)
    assert question_from_bytes(octets, e2e=counter is not None) == question


dates = st.builds(
    DateTime, u16, st.integers(0, 12), st.integers(0, 31), u8, u8, u8
)  # fmt: skip
contents = st.one_of(
    st.tuples(
        st.just(RecordType.REFERENCE_TIME),
        st.builds(
            ReferenceTime,
            recording=u8,
            clock=dates,
            zone_quarter_hours=st.integers(-128, 127),
            dst=u8,
        ),
    ),
    st.tuples(
        st.just(RecordType.BOLUS_DELIVERED),
        st.builds(
            BolusDelivered,
            bolus=u16,
            kind=u8,
            fast_iu=insulin,
            extended_iu=insulin,
            duration_min=u16,
        ),
    ),
    st.tuples(
        st.just(RecordType.BASAL_RATE_CHANGED),
        st.builds(BasalRateChanged, old_iu_h=insulin, new_iu_h=insulin, context=st.none() | u8),
    ),
    st.tuples(
        st.just(RecordType.TOTAL_DAILY_INSULIN),
        st.builds(
            DayDelivered,
            bolus_iu=insulin,
            basal_iu=insulin,
            year=u16,
            month=u8,
            day=u8,
            is_day_doubtful=st.booleans(),
        ),
    ),
    st.tuples(
        st.just(RecordType.RESERVOIR_CHANGED), st.builds(ReservoirChanged, reservoir_iu=insulin)
    ),
    st.tuples(st.just(0x03F3), st.none()),
)


@given(contents, st.integers(0, 0xFFFFFFFF), u16, st.booleans())
def test_history_round_trip(content, sequence, offset, e2e):
    kind, said = content
    one = HistoryRecord(type=kind, sequence=sequence, offset_s=offset, content=said)
    assert HistoryRecord.from_bytes(one.to_bytes(e2e=e2e), e2e=e2e) == one


@given(contents, st.integers(0, 20))
def test_history_record_of_another_length_is_refused(content, size):
    kind, said = content
    octets = HistoryRecord(type=kind, sequence=1, offset_s=0, content=said).to_bytes(e2e=False)
    if said is None or 8 + size == len(octets) or isinstance(said, BasalRateChanged):
        return
    damaged = (octets + bytes(20))[: 8 + size]
    with pytest.raises(FrameError):
        HistoryRecord.from_bytes(damaged, e2e=False)


@pytest.mark.parametrize("octets", ["9900010000000000", "990001000000000001000000", "0f00010000"])
def test_history_record_cut_short_is_refused(octets):
    with pytest.raises(FrameError):
        HistoryRecord.from_bytes(bytes.fromhex(octets), e2e=False)


def test_reference_time_is_local_and_knows_its_zone():
    one = ReferenceTime(
        recording=Recording.PERIODIC,
        clock=DateTime(2026, 3, 14, 10, 0, 0),
        zone_quarter_hours=4,
        dst=4,
    )
    assert one.local_s == 1773482400
    assert one.offset_s == 7200


@pytest.mark.parametrize(
    ("recording", "clock"),
    [
        (Recording.DATE_TIME_LOSS, DateTime(2026, 3, 14, 10, 0, 0)),
        (Recording.PERIODIC, DateTime(0, 0, 0, 0, 0, 0)),
    ],
)
def test_reference_time_of_a_lost_clock_is_none(recording, clock):
    one = ReferenceTime(recording=recording, clock=clock, zone_quarter_hours=-128, dst=255)
    assert one.local_s is None
    assert one.offset_s == 0


def test_value_that_is_no_number_stays_none():
    octets = bytes.fromhex("5596ff0701")
    assert math.isnan(Status.from_bytes(octets, e2e=False).reservoir_iu)


def test_protection_is_refused_when_it_is_cut_short():
    for octets in (b"", b"\x01", with_crc(b"")):
        with pytest.raises(FrameError):
            Status.from_bytes(octets, e2e=True)
