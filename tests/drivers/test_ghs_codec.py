"""The observations are of ST's published sample sensor
(stm32-hotspot/STM32WBA-BLE-GenericHealthSensor, ghs_app.c); what else there is, is computed."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_agent import codes
from edge_agent.driver import FrameError
from edge_drivers.elapsed_time import ElapsedTime, TimeFlag
from edge_drivers.ghs_codec import (
    Bundle,
    Compound,
    Discrete,
    DiscreteSet,
    HealthObservation,
    Kind,
    Numeric,
    Opaque,
    Text,
)
from edge_drivers.ghs_quantities import BY_TYPE, QUANTITIES, converted
from edge_drivers.ghs_segments import LONGEST, Segments, segmented

TIME = ElapsedTime(flags=0x22, count=690724210, source=6)
UTC_NS = 1637409010 * 10**9  # 2021-11-20T11:50:10Z
SPO2 = HealthObservation(
    kind=Kind.NUMERIC,
    type=150456,
    time=TIME,
    patient=1,
    supplemental=(150588,),
    value=Numeric(544, 98.0),
)
PUBLISHED = [
    ("011b006300b84b020022729d2b290000060001013c4c0200200262000000", SPO2),
    (
        (
            "0735001300044a020022729d2b290000060040e2010003054a020001200f64000000"
            "064a020001200f3c000000074a020001200f50000000"
        ),
        HealthObservation(
            kind=Kind.COMPOUND,
            type=150020,
            time=TIME,
            id=123456,
            value=Compound(
                (
                    (150021, Numeric(3872, 100.0)),
                    (150022, Numeric(3872, 60.0)),
                    (150023, Numeric(3872, 80.0)),
                )
            ),
        ),
    ),
    (
        (
            "ff2f00420022729d2b2900000600013c4c02000201"
            "0c000100b84b0200200262000000010c0001001a480200a00a62000000"
        ),
        HealthObservation(
            kind=Kind.BUNDLE,
            time=TIME,
            supplemental=(150588,),
            value=Bundle(
                (
                    HealthObservation(kind=1, type=150456, value=Numeric(544, 98.0)),
                    HealthObservation(kind=1, type=149530, value=Numeric(2720, 98.0)),
                )
            ),
        ),
    ),
    (
        "0514008100f05580000140e2010002f0000300ae010300",
        HealthObservation(
            kind=Kind.DISCRETE_SET,
            type=0x008055F0,
            derived_from=(123456,),
            value=DiscreteSet((0x000300F0, 0x000301AE)),
        ),
    ),
    ("030700000003004d616e", HealthObservation(kind=Kind.TEXT, value=Text("Man"))),
]


@pytest.mark.parametrize(("octets", "observation"), PUBLISHED)
def test_published_observations_both_ways(octets, observation):
    assert HealthObservation.from_bytes(bytes.fromhex(octets)) == observation
    assert observation.to_bytes().hex() == octets


def test_published_time_both_ways():
    octets = bytes.fromhex("22729d2b2900000600")
    assert ElapsedTime.from_bytes(octets) == TIME
    assert TIME.to_bytes() == octets
    assert TIME.utc_ns == UTC_NS


@pytest.mark.parametrize(
    ("flags", "count", "zone", "utc_ns"),
    [
        (0x22, 690724210, 0, UTC_NS),
        (0x26, 6907242105, 0, UTC_NS + 500_000_000),
        (0x2A, 690724210123, 0, UTC_NS + 123_000_000),
        (0x2E, 6907242101234, 0, UTC_NS + 123_400_000),
        (0x32, 690724210, 8, UTC_NS),  # UTC, and the zone for the wall
        (0x30, 690724210 + 7200, 8, UTC_NS),  # local, two hours east
        (0x20, 690724210, 0, UTC_NS),  # local, of unknown zone
        (0x21, 690724210, 0, None),  # ticks
        (0x02, 690724210, 0, None),  # a clock that has been set since
    ],
)
def test_kinds_of_time(flags, count, zone, utc_ns):
    one = ElapsedTime(flags=flags, count=count, zone_quarter_hours=zone)
    assert one.utc_ns == utc_ns
    assert ElapsedTime.from_bytes(one.to_bytes()) == one


@pytest.mark.parametrize(
    ("then", "now", "age_s"),
    [
        (0x22, 0x22, 60),
        (0x21, 0x21, 60),
        (0x20, 0x22, None),
        (0x21, 0x22, None),
        (0x02, 0x22, None),
    ],
)
def test_age_is_known_only_on_one_timeline(then, now, age_s):
    stamp = ElapsedTime(flags=then, count=1000)
    age_ns = stamp.age_ns(ElapsedTime(flags=now, count=1060))
    assert age_ns == (None if age_s is None else age_s * 10**9)


@pytest.mark.parametrize("octets", ["", "22729d2b29000006", "22729d2b290000060000"])
def test_time_of_another_length_is_refused(octets):
    with pytest.raises(FrameError):
        ElapsedTime.from_bytes(bytes.fromhex(octets))


u8, u16, u32 = st.integers(0, 0xFF), st.integers(0, 0xFFFF), st.integers(0, 0xFFFFFFFF)
numbers = st.integers(-(10**6), 10**6).map(lambda tenth: tenth / 10)
numerics = st.builds(Numeric, u16, numbers)
some_codes = st.lists(u32, max_size=4).map(tuple)
times = st.builds(
    ElapsedTime,
    flags=u8,
    count=st.integers(0, 2**48 - 1),
    source=u8,
    zone_quarter_hours=st.integers(-128, 127),
)
values = st.one_of(
    st.tuples(st.just(Kind.NUMERIC), numerics),
    st.tuples(st.just(Kind.DISCRETE), st.builds(Discrete, u32)),
    st.tuples(st.just(Kind.TEXT), st.builds(Text, st.text(max_size=10))),
    st.tuples(st.just(Kind.DISCRETE_SET), st.builds(DiscreteSet, some_codes)),
    st.tuples(
        st.just(Kind.COMPOUND),
        st.builds(Compound, st.lists(st.tuples(u32, numerics), max_size=3).map(tuple)),
    ),
    st.tuples(
        st.sampled_from([Kind.SAMPLE_ARRAY, Kind.STATE_SET, Kind.ATTRIBUTES, 77]),
        st.builds(Opaque, st.binary(max_size=20)),
    ),
)


def observations(kinds):
    return st.tuples(
        kinds,
        st.fixed_dictionaries(
            {
                "type": st.none() | u32,
                "time": st.none() | times,
                "duration_s": st.none() | numbers,
                "status": st.none() | u16,
                "id": st.none() | u32,
                "patient": st.none() | u8,
                "supplemental": some_codes,
                "derived_from": some_codes,
                "has_member": some_codes,
            }
        ),
    ).map(lambda drawn: HealthObservation(kind=drawn[0][0], value=drawn[0][1], **drawn[1]))


single = observations(values)
bundles = observations(
    st.tuples(
        st.just(Kind.BUNDLE), st.lists(single, max_size=3).map(tuple).map(Bundle)
    )
)  # fmt: skip


@given(single | bundles)
def test_round_trip(observation):
    assert HealthObservation.from_bytes(observation.to_bytes()) == observation


@given(single | bundles, st.data())
def test_observation_that_is_cut_short_or_too_long_is_refused(observation, data):
    octets = observation.to_bytes()
    end = data.draw(st.integers(0, len(octets) - 1))
    for damaged in (octets[:end], octets + b"\x00"):
        with pytest.raises(FrameError):
            HealthObservation.from_bytes(damaged)


def test_attributes_leave_the_value_unread():
    one = HealthObservation(
        kind=Kind.NUMERIC, type=150456, has_attributes=True, value=Opaque(b"\x01\x02\x03")
    )
    assert HealthObservation.from_bytes(one.to_bytes()) == one


def test_compound_with_a_part_that_is_no_number_is_not_understood():
    octets = bytes.fromhex("070a00000001054a02000300aa")
    assert isinstance(HealthObservation.from_bytes(octets).value, Opaque)


@pytest.mark.parametrize(
    ("octets", "reason"),
    [
        ("", "shorter"),
        ("03050000000000aa", "longer"),
        ("0103000000", "shorter"),
        ("0102000004", "reserved"),
        ("0108000080b84b02000000", "reserved"),
        ("ff0800000001ff0200000000", "bundle"),
    ],
)
def test_octets_that_are_no_observation(octets, reason):
    with pytest.raises(FrameError, match=reason):
        HealthObservation.from_bytes(bytes.fromhex(octets))


def test_text_must_be_utf_8():
    with pytest.raises(FrameError, match="UTF-8"):
        HealthObservation.from_bytes(bytes.fromhex("03060000000200fffe"))


def joined(segments):
    step, message = Segments(), None
    for segment in segments:
        step = step.with_segment(segment)
        if Segments.is_last(segment):
            message = step.collected
    return message


def test_published_observation_at_the_smallest_mtu():
    octets = SPO2.to_bytes()
    segments = [one.hex() for one in segmented(octets, 20)]
    assert segments == [
        "01011b006300b84b020022729d2b290000060001",
        "06013c4c0200200262000000",
    ]
    assert joined(bytes.fromhex(one) for one in segments) == octets
    assert [one.hex() for one in segmented(octets, 244)] == ["03" + octets.hex()]


@given(st.binary(max_size=300), st.integers(2, 244), st.integers(0, 63))
def test_segments_round_trip(message, size, counter):
    segments = list(segmented(message, size, counter))
    assert max(map(len, segments)) <= size
    assert joined(segments) == message


def test_counter_rolls_over():
    segments = list(segmented(bytes(100), 2, 60))
    assert joined(segments) == bytes(100)
    assert {one[0] >> 2 for one in segments} == set(range(64))


@pytest.mark.parametrize(
    "segments",
    [
        [b""],
        [b"\x04a"],
        [b"\x02a"],
        [b"\x01a", b"\x08b"],
        [b"\x01a", b"\x00b"],
    ],
)
def test_segment_that_does_not_follow_is_refused(segments):
    step = Segments()
    for segment in segments[:-1]:
        step = step.with_segment(segment)
    with pytest.raises(FrameError):
        step.with_segment(segments[-1])


def test_message_without_end_is_refused():
    step = Segments().with_segment(b"\x01")
    for counter in range(1, LONGEST // 256 + 1):
        step = step.with_segment(bytes([counter % 64 << 2]) + bytes(256))
    assert len(step.collected) == LONGEST
    with pytest.raises(FrameError, match="more than"):
        step.with_segment(bytes([(LONGEST // 256 + 1) % 64 << 2]) + b"!")


@pytest.mark.parametrize(
    ("code", "unit", "given_", "value"),
    [
        (codes.SPO2, 544, 97.0, 97.0),
        (codes.BODY_TEMPERATURE, 4416, 98.6, 37.0),
        (codes.SYSTOLIC, 3843, 16.0, 120.01),
        (codes.BODY_WEIGHT, 1760, 154.0, 69.853),
        (codes.BODY_HEIGHT, 1376, 70.0, 177.8),
        (codes.GLUCOSE, 4722, 5.5, 99.086),
        (codes.RR_INTERVAL, 2176, 0.8, 800.0),
        (codes.RESPIRATION_RATE, 2784, 15.0, 15.0),
    ],
)
def test_units_are_converted(code, unit, given_, value):
    assert converted(code, Numeric(unit, given_)) == pytest.approx(value, rel=1e-4)


def test_quantity_in_a_unit_of_another_dimension_is_refused():
    with pytest.raises(FrameError, match="unit 2720"):
        converted(codes.SPO2, Numeric(2720, 97.0))


def test_every_quantity_has_a_number_of_the_nomenclature():
    assert len(BY_TYPE) == len(QUANTITIES)
    assert not any(code.refid.startswith("MDCX") for code in QUANTITIES)


def test_ticks_count_from_anywhere():
    assert not TimeFlag.TICKS & TIME.flags
    assert TIME.counted_ns == 690724210 * 10**9
