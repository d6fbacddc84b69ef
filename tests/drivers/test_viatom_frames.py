"""Requests marked "captured" are those of ecostech/viatom-ble, which works with a real ring; the
rest is computed from the layout in the vendor's SDK (viatomEcho/LepuBle)."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_agent.driver import FrameError
from edge_drivers.viatom_frames import (
    REPLY_OLD,
    REQUEST,
    REQUEST_OLD,
    Frame,
    crc8,
    join,
)

VECTORS = [
    ("a503fc000001007d23", Frame(start=REQUEST, code=0x03, payload=b"\x7d")),
    ("a5e11e0000000069", Frame(start=REQUEST, code=0xE1)),
    ("aa17e8000000001b", Frame(start=REQUEST_OLD, code=0x17)),  # captured
    ("aa1be400000100005e", Frame(start=REQUEST_OLD, code=0x1B, payload=b"\0")),
    ("aa14eb00000000c6", Frame(start=REQUEST_OLD, code=0x14)),
]
REPLY = Frame(start=REQUEST, code=0x03, number=0x0101, payload=bytes(range(100)))

frames = st.builds(
    Frame,
    start=st.sampled_from([REQUEST, REQUEST_OLD, REPLY_OLD]),
    code=st.integers(0, 255),
    number=st.integers(0, 0xFFFF),
    payload=st.binary(max_size=300),
)


def assembled(pieces, start=REQUEST):
    begun, whole = b"", []
    for piece in pieces:
        begun, frame = join(begun, piece, start)
        whole += [frame] if frame else []
    return whole, begun


def cut(octets, size):
    return [octets[at : at + size] for at in range(0, len(octets), size)]


def test_the_check_value_of_the_crc():
    assert crc8(b"123456789") == 0xF4


@pytest.mark.parametrize(("octets", "frame"), VECTORS)
def test_published_frames_both_ways(octets, frame):
    assert Frame.from_bytes(bytes.fromhex(octets)) == frame
    assert frame.to_bytes().hex() == octets


@given(frames)
def test_frame_round_trip(frame):
    assert Frame.from_bytes(frame.to_bytes()) == frame


@pytest.mark.parametrize(
    ("octets", "reason"),
    [
        ("", "shorter"),
        ("a503fc000001007d", "octets it says"),
        ("a503fd000001007d23", "complement"),
        ("a503fc000002007d23", "octets it says"),
        ("a503fc000001007d24", "CRC"),
        ("a503fc000001007c23", "CRC"),
    ],
)
def test_octets_that_are_no_frame_are_refused(octets, reason):
    with pytest.raises(FrameError, match=reason):
        Frame.from_bytes(bytes.fromhex(octets))


@given(frames, st.integers(1, 244))
def test_a_frame_is_put_together_from_pieces_of_any_size(frame, size):
    assert assembled(cut(frame.to_bytes(), size), frame.start) == ([frame], b"")


@pytest.mark.parametrize("size", [1, 20, 60, 244])
def test_frames_follow_each_other(size):
    assert assembled(cut(REPLY.to_bytes(), size) * 3) == ([REPLY] * 3, b"")


@pytest.mark.parametrize("lost", range(6))
def test_a_lost_piece_costs_its_frame_and_no_other(lost):
    pieces = cut(REPLY.to_bytes(), 20)
    assert len(pieces) == 6
    del pieces[lost]
    whole, begun = [], b""
    for piece in pieces + cut(REPLY.to_bytes(), 20):
        try:
            begun, frame = join(begun, piece, REQUEST)
        except FrameError:
            continue
        whole += [frame] if frame else []
    assert whole == [REPLY]


def test_a_damaged_frame_is_refused_and_keeps_what_has_begun():
    octets = bytearray(REPLY.to_bytes())
    octets[50] ^= 1
    begun, frame = join(b"", bytes(octets[:60]), REQUEST)
    assert (begun, frame) == (octets[:60], None)
    with pytest.raises(FrameError):
        join(begun, bytes(octets[60:]), REQUEST)
    assert join(begun, REPLY.to_bytes(), REQUEST) == (b"", REPLY)


@pytest.mark.parametrize("piece", ["", "00", "55aa", "a50304", "a503fc0000ffff"])
def test_what_begins_no_frame_is_refused(piece):
    with pytest.raises(FrameError):
        join(b"", bytes.fromhex(piece), REQUEST)


@given(st.lists(st.binary(max_size=40), max_size=200), st.integers(0, 2048))
def test_no_more_is_kept_than_the_longest_frame(pieces, length):
    begun, _ = join(b"", b"\xa5\x03\xfc\x00\x00" + length.to_bytes(2, "little"), REQUEST)
    for piece in pieces:
        try:
            begun, _ = join(begun, piece, REQUEST)
        except FrameError:
            continue
        assert len(begun) <= 2048 + 8
