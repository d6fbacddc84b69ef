"""Register contents follow the makers' sheets of the named sensors; float and word-order examples
are the published conventions (high octet first, registers swapped for "little").

What every shipped profile makes of its sensor's registers stands in ``tests/captures/modbus-room``;
here are the traps, the formats and the complaints."""

import copy
import math
import tomllib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_agent.codes import (
    CONTACT_CLOSED,
    CONTACT_COUNT,
    ENERGY,
    POWER,
    ROOM_CO2,
    ROOM_HUMIDITY,
    ROOM_ILLUMINANCE,
    ROOM_MOTION,
    ROOM_PM2_5,
    ROOM_SOUND,
    ROOM_TEMPERATURE,
    ROOM_VOC,
)
from edge_agent.driver import FrameError, Modbus, RegisterBlock
from edge_agent.model import Boottime, State
from edge_drivers.modbus_room import DRIVER, complete
from edge_drivers.modbus_room_profile import Profile
from edge_drivers.modbus_room_value import Contact, RegisterBit

AT = Boottime(10**12)
FOLDER = Path(__file__).parents[2] / "config" / "modbus"
PROFILES = sorted(path.stem for path in FOLDER.glob("*.toml"))

MINIMAL = {
    "title": "a sensor",
    "block": [
        {
            "function": 4,
            "address": 0,
            "count": 2,
            "value": [{"code": "MDC_TEMP_ROOM", "offset": 0, "scale": 0.1}],
        }
    ],
}


def shipped(name):
    return tomllib.loads((FOLDER / f"{name}.toml").read_text(encoding="utf-8"))


def read(table, octets, block="block0"):
    decoder = complete(table).decoder("room")
    outputs = decoder.feed(bytes.fromhex(octets), AT, block)
    return {one.code: (one.value, one.state) for one in outputs}


def changed(path, value):
    """Return the minimal profile with the key at ``path`` set to ``value``."""
    table = copy.deepcopy(MINIMAL)
    *folders, key = path
    inner = table
    for folder in folders:
        inner = inner[folder]
    inner[key] = value
    return table


def with_value(**keys):
    """Return the minimal profile with other ``keys`` of its value; None leaves one out."""
    value = {**MINIMAL["block"][0]["value"][0], **keys}
    return changed(("block", 0, "value"), [{k: v for k, v in value.items() if v is not None}])


def measured(value):
    return (value, State.MEASURED)


NONE = (None, State.SENSOR_FAULT)


@pytest.mark.parametrize(
    ("profile", "octets", "expected"),
    [
        ("xy-md02", "0131 0222",
         {ROOM_TEMPERATURE: measured(30.5), ROOM_HUMIDITY: measured(54.6)}),
        ("xy-md02", "ff33 0222",
         {ROOM_TEMPERATURE: measured(-20.5), ROOM_HUMIDITY: measured(54.6)}),
        ("xy-md02", "0131 03e9",
         {ROOM_TEMPERATURE: measured(30.5), ROOM_HUMIDITY: (100.1, State.QUESTIONABLE)}),
        ("jxct-th", "0292 ff9b",
         {ROOM_HUMIDITY: measured(65.8), ROOM_TEMPERATURE: measured(-10.1)}),
        ("kincony-sht30", "2733 01f4",
         {ROOM_TEMPERATURE: measured(-3.5), ROOM_HUMIDITY: measured(50.0)}),
        ("huawei-th", "00f6 011f",
         {ROOM_TEMPERATURE: measured(24.6), ROOM_HUMIDITY: measured(28.7)}),
        ("senseair-s8", "0000 0000 0000 0388", {ROOM_CO2: measured(904.0)}),
        ("senseair-s8", "0020 0000 0000 0000", {ROOM_CO2: NONE}),
        ("senseair-s8", "0001 0000 0000 0388", {ROOM_CO2: NONE}),
        ("senseair-s8", "0080 0000 0000 0388", {ROOM_CO2: measured(904.0)}),
        ("vaisala-gmp252", "0000 7fc0", {ROOM_CO2: NONE}),
        ("sns-rftm",
         "02c8 02c1 00b4 00b0 00e0 00df 019f 01a0 0000 0000 0000 00f0 00ec 0009 0008",
         {ROOM_CO2: measured(712.0), ROOM_TEMPERATURE: measured(22.4),
          ROOM_HUMIDITY: measured(41.5), ROOM_VOC: measured(240.0), ROOM_PM2_5: measured(9.0)}),
        ("wb-msw", "0f0a 090a 1018 0000 0000 028f 0000 7a12 0078 fffe",
         {ROOM_SOUND: measured(38.5), ROOM_TEMPERATURE: measured(23.14),
          ROOM_HUMIDITY: measured(41.2), ROOM_CO2: measured(655.0),
          ROOM_ILLUMINANCE: measured(312.5), ROOM_VOC: measured(120.0)}),
        ("wb-msw", "ffff ffff fffe 0000 0000 ffff ffff ffff fffe 0000",
         {ROOM_SOUND: NONE, ROOM_TEMPERATURE: measured(-0.01), ROOM_HUMIDITY: NONE,
          ROOM_CO2: NONE, ROOM_ILLUMINANCE: NONE, ROOM_VOC: NONE}),
        ("eastron-sdm120", "449a 5000", {POWER: measured(1234.5)}),
        ("waveshare-io8", "01 00 01 00 00 00 00 00", {CONTACT_CLOSED: measured(1.0)}),
        ("waveshare-io8", "00 01 01 01 01 01 01 01", {CONTACT_CLOSED: measured(0.0)}),
    ],
)  # fmt: skip
def test_shipped_profile_reads_its_sensor(profile, octets, expected):
    assert read(shipped(profile), octets) == expected


@pytest.mark.parametrize(
    ("keys", "octets", "value"),
    [
        ({"type": "int16", "scale": 0.1}, "ff33", -20.5),
        ({"type": "uint16", "scale": 0.001}, "ff33", 65.331),
        ({"sign": "offset-10000", "scale": 0.1}, "2733", -3.5),
        ({"sign": "offset-10000", "scale": 0.1}, "00fa", 25.0),
        ({"type": "float32", "scale": 1.0}, "41b9 3333", 23.15),
        ({"type": "float32", "scale": 1.0, "word_order": "little"}, "3333 41b9", 23.15),
        ({"type": "uint32", "scale": 0.0001}, "0001 86a0", 10.0),
        ({"type": "uint32", "scale": 0.0001, "word_order": "little"}, "86a0 0001", 10.0),
        ({"type": "int32", "scale": 0.01}, "ffff fc18", -10.0),
    ],
)
def test_number_formats(keys, octets, value):
    octets = bytes.fromhex(octets)
    block = octets + bytes(4 - len(octets))
    assert read(with_value(**keys), block.hex())[ROOM_TEMPERATURE] == measured(
        pytest.approx(value, abs=1e-5)
    )


@pytest.mark.parametrize("octets", ["7fc00000", "7f800000", "ff800000"])
def test_float_that_is_no_number_is_a_fault(octets):
    assert read(with_value(type="float32"), octets)[ROOM_TEMPERATURE] == NONE


def test_error_value_is_compared_in_the_number_s_own_word_order():
    table = with_value(type="uint32", word_order="little", errors=[0xFFFF7FFF])
    assert read(table, "7fffffff")[ROOM_TEMPERATURE] == NONE


def test_profile_s_own_range_is_narrower_than_the_quantity_s():
    table = with_value(low=0, high=40)
    assert read(table, "019a0000")[ROOM_TEMPERATURE] == (41.0, State.QUESTIONABLE)
    assert read(table, "01900000")[ROOM_TEMPERATURE] == measured(40.0)


def values_of(value):
    """Draw what a sensor can tell of one quantity."""
    if isinstance(value, Contact | RegisterBit):
        return st.sampled_from([0.0, 1.0])
    is_signed = not value.type.startswith("u") or value.sign == "offset-10000"
    low = max(value.low, value.code.low, -9_999 * value.scale if is_signed else 0.0)
    high = min(value.high, value.code.high, 30_000 * value.scale)
    steps = st.integers(math.ceil(low / value.scale), math.floor(high / value.scale))
    return steps.map(lambda step: round(step * value.scale, 6))


@pytest.mark.parametrize("name", PROFILES)
@given(st.data())
def test_shipped_profile_round_trip(name, data):
    profile = Profile.from_table(shipped(name))
    for block in profile.blocks:
        told = {value.code: data.draw(values_of(value)) for value in block.values}
        items = block.encode(told)
        assert len(items) == block.read.count
        width = 1 if block.has_inputs else 2
        octets = b"".join(item.to_bytes(width, "big") for item in items)
        expected = {code: measured(value) for code, value in told.items()}
        assert read(shipped(name), octets.hex(), block.read.name) == expected


@pytest.mark.parametrize("name", PROFILES)
def test_shipped_profile_names_its_source_and_its_line(name):
    head = (FOLDER / f"{name}.toml").read_text(encoding="utf-8").partition("title")[0]
    profile = Profile.from_table(shipped(name))
    assert "# Source: " in head
    assert f"{profile.baud} 8{profile.parity}{profile.stopbits}" in " ".join(
        line.strip("# ") for line in head.splitlines()
    )
    assert all(len(line) <= 100 for line in head.splitlines())


@given(
    st.sampled_from(["int16", "int32", "uint16", "uint32", "float32"]),
    st.sampled_from(["big", "little"]),
    st.sampled_from(["twos-complement", "offset-10000"]),
    st.integers(0, 800),
    st.booleans(),
)
def test_every_number_format_round_trip(kind, order, sign, tenths, negative):
    can_be_negative = sign == "offset-10000" or not kind.startswith("u")
    value = (-tenths / 20 if negative else tenths / 10) if can_be_negative else tenths / 10
    table = with_value(type=kind, word_order=order, sign=sign, scale=0.05)
    (block,) = Profile.from_table(table).blocks
    octets = b"".join(one.to_bytes(2, "big") for one in block.encode({ROOM_TEMPERATURE: value}))
    assert read(table, octets.hex())[ROOM_TEMPERATURE] == measured(pytest.approx(value, abs=1e-4))


def test_driver_asks_for_the_profile_s_blocks_on_its_line():
    driver = complete(shipped("wb-mcm8"))
    assert isinstance(driver.link, Modbus)
    assert driver.link.blocks == (
        RegisterBlock(name="block0", function=2, address=0, count=8),
        RegisterBlock(name="block1", function=4, address=60, count=16),
    )
    assert (driver.link.line.baud, driver.link.line.stopbits) == (9600, 2)
    assert driver.measures == (CONTACT_CLOSED, CONTACT_COUNT)
    assert DRIVER.complete is complete


def test_part_that_not_every_sensor_has_is_not_what_the_sensor_is_there_for():
    driver = complete(shipped("wb-msw"))
    assert driver.measures == (ROOM_TEMPERATURE, ROOM_HUMIDITY)
    assert driver.also == (ROOM_SOUND, ROOM_CO2, ROOM_ILLUMINANCE, ROOM_VOC, ROOM_MOTION)


def inputs(**keys):
    """Return a profile of four discrete inputs with one value."""
    value = {"code": "MDCX_EDGE_CONTACT_CLOSED", "offset": 1, **keys}
    return {"title": "a", "block": [{"function": 2, "address": 0, "count": 4, "value": [value]}]}


@pytest.mark.parametrize(
    ("keys", "octets", "value"),
    [
        ({}, "00 01 00 00", 1.0),
        ({}, "01 00 01 01", 0.0),
        ({"invert": True}, "00 01 00 00", 0.0),
        ({"invert": True}, "01 00 01 01", 1.0),
    ],
)
def test_discrete_input_is_0_or_1_and_a_normally_closed_contact_the_other_way(keys, octets, value):
    assert read(inputs(**keys), octets) == {CONTACT_CLOSED: measured(value)}


@pytest.mark.parametrize("octets", ["00 02 00 00", "00 ff 00 00", "00 01 00 80"])
def test_input_that_is_neither_0_nor_1_is_refused(octets):
    with pytest.raises(FrameError, match="an input is 0 or 1"):
        read(inputs(), octets)


@pytest.mark.parametrize("bit", range(16))
@pytest.mark.parametrize("invert", [False, True])
def test_bit_of_a_register_is_found_and_leaves_its_neighbours(bit, invert):
    table = with_value(
        code="MDCX_EDGE_BED_OCCUPIED", offset=1, scale=None, type="bit", bit=bit, invert=invert
    )
    (block,) = Profile.from_table(table).blocks
    (value,) = block.values
    for occupied in (0.0, 1.0):
        octets = bytearray(4)
        value.encode(occupied, octets)
        is_set = bool(occupied) is not invert
        assert int.from_bytes(octets, "big") == (1 << bit if is_set else 0)
        assert read(table, octets.hex()) == {value.code: measured(occupied)}
        full = bytearray(b"\xff" * 4)
        value.encode(occupied, full)
        assert int.from_bytes(full, "big") == 0xFFFFFFFF ^ (0 if is_set else 1 << bit)


def test_counter_holds_all_of_its_32_bits():
    octets = "ffff ffff " + "0000 0000 " * 7
    assert read(shipped("wb-mcm8"), octets, "block1") == {CONTACT_COUNT: measured(4_294_967_295.0)}


def test_meter_that_feeds_in_has_a_negative_power():
    assert read(shipped("eastron-sdm630"), "c37a 0000") == {POWER: measured(-250.0)}
    energy = read(shipped("eastron-sdm630"), "4640e6b7 00000000", "block1")[ENERGY]
    assert energy == (pytest.approx(12_345.679), State.MEASURED)


@pytest.mark.parametrize("octets", ["", "0131", "013102220000"])
def test_block_of_another_length_is_refused(octets):
    with pytest.raises(FrameError, match="expected 4"):
        read(shipped("xy-md02"), octets)


def test_block_that_is_not_in_the_profile_is_refused():
    with pytest.raises(FrameError, match="not in the profile"):
        read(shipped("xy-md02"), "01310222", "block1")


def second_block(**keys):
    second = {
        "function": 4,
        "address": 100,
        "count": 3,
        "value": [{"code": "MDCX_EDGE_ROOM_CO2", "offset": 0}],
        **keys,
    }
    return changed(("block",), [*copy.deepcopy(MINIMAL["block"]), second])


def twice(**keys):
    """Return four inputs, and a second block of inputs."""
    table = inputs()
    value = {"code": "MDCX_EDGE_BED_OCCUPIED", "offset": 0}
    second = {"function": 2, "address": 50, "value": [value], **keys}
    return {**table, "block": [*table["block"], second]}


@pytest.mark.parametrize(
    "table", [second_block(), second_block(count=2, function=3), twice(count=9)]
)
def test_blocks_whose_answers_differ_in_length_or_function_are_allowed(table):
    assert len(Profile.from_table(table).blocks) == 2


@pytest.mark.parametrize(
    ("table", "complaint"),
    [
        # An answer that comes late can only be told by its length.
        (second_block(count=2), r"block\[1\]\.count: .* with 2 is also that of block\[0\]\.count"),
        (twice(count=8), r"block\[1\]\.count: .* with 8 is also that of block\[0\]\.count"),
        (
            second_block(value=MINIMAL["block"][0]["value"]),
            r"block\[1\]\.value\[0\]\.code: MDC_TEMP_ROOM is also that of block\[0\]\.value\[0\]",
        ),
        (second_block(address=65_534), r"block\[1\]\.count: .*beyond address 65535"),
        (with_value(optional=True), "block: every value is optional"),
        (with_value(optional="yes"), r"value\[0\]\.optional: 'yes'.*true or false"),
        (with_value(type="bit"), r"value\[0\]\.bit: missing"),
        (with_value(type="bit", bit=16, scale=None), r"value\[0\]\.bit: 16.*0 to 15"),
        (with_value(type="bit", bit=1), r"value\[0\]\.scale: unknown key"),
        (with_value(bit=1), r"value\[0\]\.bit: unknown key"),
        (with_value(invert=True), r"value\[0\]\.invert: unknown key"),
        (inputs(type="uint16"), r"value\[0\]\.type: 'uint16'.*expected one of bit"),
        (inputs(offset=4), r"value\[0\]\.offset: 4.*0 to 3"),
        (inputs(invert=1), r"value\[0\]\.invert: 1 .*true or false"),
        (inputs(scale=0.1), r"value\[0\]\.scale: unknown key"),
        (inputs(bit=1), r"value\[0\]\.bit: unknown key"),
        (with_value(fault_mask=1), r"value\[0\]\.fault_offset: missing"),
        (with_value(fault_offset=1), r"value\[0\]\.fault_mask: missing"),
        (with_value(fault_offset=2, fault_mask=1), r"value\[0\]\.fault_offset: 2"),
        (with_value(fault_offset=1, fault_mask=0), r"value\[0\]\.fault_mask: 0"),
        (with_value(low=10, high=10), r"value\[0\]\.low: 10 is not below high, 10"),
        (changed(("block", 0, "count"), 126), r"block\[0\]\.count: 126.*125"),
        (changed(("block", 0, "function"), 1), r"block\[0\]\.function: 1.*2 to 4"),
        ({}, "title: missing"),
        (changed(("title",), ""), "title: '' is not allowed"),
        ({"title": "a"}, "block: missing"),
        (changed(("block",), []), "block: .*at least one"),
        (changed(("pol_s",), 5), "pol_s: unknown key; did you mean 'poll_s'"),
        (changed(("poll_s",), 0), "poll_s: 0 is not allowed"),
        (changed(("parity",), "X"), "parity: 'X'"),
        (changed(("stopbits",), 3), "stopbits: 3"),
        (changed(("block", 0, "function"), 6), r"block\[0\]\.function: 6"),
        (changed(("block", 0, "address"), -1), r"block\[0\]\.address: -1"),
        (changed(("block", 0, "count"), "2"), r"block\[0\]\.count: '2'"),
        (changed(("block", 0, "value"), []), r"block\[0\]\.value"),
        (changed(("block", 0, "scale"), 1), r"block\[0\]\.scale: unknown key"),
        (with_value(code="MDC_TEMP_ROM"), r"value\[0\]\.code: .*did you mean 'MDC_TEMP_ROOM'"),
        (with_value(offset=2), r"value\[0\]\.offset: 2"),
        (with_value(offset=1, type="uint32"), r"value\[0\]\.offset: uint32 reaches beyond"),
        (with_value(type="int8"), r"value\[0\]\.type: 'int8'"),
        (with_value(scale=0), r"value\[0\]\.scale: 0"),
        (with_value(scale="0.1"), r"value\[0\]\.scale: '0.1'"),
        (with_value(scale=float("nan")), r"value\[0\]\.scale: nan"),
        (with_value(errors=0x7FFF), r"value\[0\]\.errors"),
        (with_value(errors=[True]), r"value\[0\]\.errors"),
        # Contents of registers are never negative and never wider than the number.
        (with_value(errors=[-1]), r"value\[0\]\.errors.*0xffff"),
        (with_value(errors=[0x1FFFF]), r"value\[0\]\.errors.*0xffff"),
        (with_value(sign="ones-complement"), r"value\[0\]\.sign"),
        (with_value(word_order="middle"), r"value\[0\]\.word_order"),
    ],
)
def test_profile_that_does_not_fit_names_the_key(table, complaint):
    with pytest.raises(ValueError, match=complaint):
        complete(table)
