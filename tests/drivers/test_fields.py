import math

import pytest

from edge_agent.driver import FrameError
from edge_drivers.fields import Fields, float32, s16, sfloat, u16, u24
from edge_drivers.ieee11073 import DateTime

WHOLE = bytes.fromhex("01 0203 feff 040506 bdf6 740100ff ea07030e071e05")


def test_fields_come_one_after_the_other():
    fields = Fields(WHOLE, "example")
    assert (fields.u8(), fields.u16(), fields.s16(), fields.u24()) == (1, 0x0302, -2, 0x060504)
    assert (fields.sfloat(), fields.float32()) == (172.5, 37.2)
    assert fields.date_time() == DateTime(2026, 3, 14, 7, 30, 5)
    fields.end()


def test_fields_are_encoded_as_they_are_read():
    assert u16(0x0302) + s16(-2) + u24(0x060504) + sfloat(172.5) + float32(37.2) == WHOLE[1:14]


def test_missing_numbers_are_no_numbers():
    fields = Fields(bytes.fromhex("ff07 ffff7f00"), "example")
    assert math.isnan(fields.sfloat())
    assert math.isnan(fields.float32())


@pytest.mark.parametrize("name", ["u8", "u16", "s16", "u24", "sfloat", "float32", "date_time"])
def test_field_that_is_cut_short_names_the_value_and_its_length(name):
    with pytest.raises(FrameError, match="example: shorter than its flags say") as caught:
        getattr(Fields(b"", "example"), name)()
    assert caught.value.offset == 0


def test_left_over_octets_are_refused_unless_the_value_may_go_on():
    fields = Fields(b"\x01\x02", "example")
    fields.u8()
    fields.end(may_go_on=True)
    with pytest.raises(FrameError, match="longer than its flags say") as caught:
        fields.end()
    assert caught.value.offset == 1
