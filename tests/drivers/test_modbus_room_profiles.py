"""Register contents follow the makers' sheets of the named sensors; float and word-order examples
are the published conventions (high octet first, registers swapped for "little")."""

import copy
import tomllib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_agent.codes import ROOM_CO2, ROOM_HUMIDITY, ROOM_TEMPERATURE
from edge_agent.driver import FrameError, Modbus, RegisterBlock
from edge_agent.model import Boottime, State
from edge_drivers.modbus_room import DRIVER, Profile, complete

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
    value = {**MINIMAL["block"][0]["value"][0], **keys}
    return changed(("block", 0, "value"), [value])


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
        ("jxct-air", "01c4 00e7 0000 0000 0012 0280",
         {ROOM_HUMIDITY: measured(45.2), ROOM_TEMPERATURE: measured(23.1),
          ROOM_CO2: measured(640.0)}),
        ("jxct-air", "0292 ff9b 0000 0000 0000 0280",
         {ROOM_HUMIDITY: measured(65.8), ROOM_TEMPERATURE: measured(-10.1),
          ROOM_CO2: measured(640.0)}),
        ("senseair-s8", "0000 0000 0000 0388", {ROOM_CO2: measured(904.0)}),
        ("senseair-s8", "0020 0000 0000 0000", {ROOM_CO2: NONE}),
        ("wb-msw", "090a 1018 0000 0000 028f",
         {ROOM_TEMPERATURE: measured(23.14), ROOM_HUMIDITY: measured(41.2),
          ROOM_CO2: measured(655.0)}),
        ("wb-msw", "7fff ffff 0000 0000 ffff",
         {ROOM_TEMPERATURE: NONE, ROOM_HUMIDITY: NONE, ROOM_CO2: NONE}),
        ("wb-msw", "ffff fffe 0000 0000 fffe",
         {ROOM_TEMPERATURE: measured(-0.01), ROOM_HUMIDITY: NONE, ROOM_CO2: NONE}),
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


@pytest.mark.parametrize("name", PROFILES)
@given(st.data())
def test_shipped_profile_round_trip(name, data):
    profile = Profile.from_table(shipped(name))
    for block in profile.blocks:
        given_values = {
            value.code: round(
                data.draw(st.integers(round(low / value.scale) + 1, round(high / value.scale) - 1))
                * value.scale,
                6,
            )
            for value in block.values
            for low, high in [(max(value.low, -40.0), min(value.high, 10_000.0))]
        }
        registers = block.encode(given_values)
        assert len(registers) == block.registers.count
        octets = b"".join(register.to_bytes(2, "big") for register in registers)
        outputs = read(shipped(name), octets.hex(), block.registers.name)
        assert outputs == {code: measured(value) for code, value in given_values.items()}


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
    driver = complete(shipped("wb-msw"))
    assert isinstance(driver.link, Modbus)
    assert driver.link.blocks == (RegisterBlock(name="block0", function=4, address=4, count=5),)
    assert (driver.link.line.baud, driver.link.line.stopbits) == (9600, 2)
    assert driver.measures == (ROOM_TEMPERATURE, ROOM_HUMIDITY, ROOM_CO2)
    assert DRIVER.complete is complete


@pytest.mark.parametrize("octets", ["", "0131", "013102220000"])
def test_block_of_another_length_is_refused(octets):
    with pytest.raises(FrameError, match="expected 4"):
        read(shipped("xy-md02"), octets)


def test_block_that_is_not_in_the_profile_is_refused():
    with pytest.raises(FrameError, match="not in the profile"):
        read(shipped("xy-md02"), "01310222", "block1")


def second_block(count):
    blocks = copy.deepcopy(MINIMAL["block"]) * 2
    blocks[1] = {**blocks[1], "address": 100, "count": count}
    return changed(("block",), blocks)


def test_blocks_of_different_lengths_are_allowed():
    assert len(Profile.from_table(second_block(3)).blocks) == 2


@pytest.mark.parametrize(
    ("table", "complaint"),
    [
        # An answer that comes late can only be told by its length.
        (second_block(2), r"block\[1\]\.count: 2 is also the count of block\[0\]"),
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
