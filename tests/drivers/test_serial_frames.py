"""Frames in a stream: the same however it is cut, found again after garbage, bounded in memory."""

import itertools
import random
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_agent.driver import FrameError
from edge_drivers.serial_frames import Found, FrameSearch, Framing, Lost, recogniser
from edge_drivers.serial_lines import LONGEST_LINE, line_framing


def even(octets):
    if sum(octets) % 2:
        raise FrameError("frame", "odd")
    return octets


FIXED = Framing(pattern=re.compile(rb"(?s:A.{2})"), longest=3, parse=even)
CONFIRMED = Framing(
    pattern=re.compile(rb"[\x80-\xff][\x00-\x7f]"),
    longest=2,
    parse=bytes,
    after_loss=re.compile(rb"[\x80-\xff][\x00-\x7f](?=[\x80-\xff])"),
)


def number(text):
    if not text.isdigit():
        raise FrameError("line", "no number")
    return int(text)


LINES = line_framing(number)


def cut(framing, octets, places=()):
    search = FrameSearch(framing)
    edges = [0, *sorted(places), len(octets)]
    return [
        one for begin, end in itertools.pairwise(edges) for one in search.feed(octets[begin:end])
    ]


def test_frame_that_does_not_parse_is_searched_again_from_its_second_octet():
    assert cut(FIXED, b"xxAA\x01\x02") == [Found(b"A\x01\x02", 3, 3)]


def test_without_checksum_a_frame_after_a_loss_is_believed_when_the_next_begins():
    assert cut(CONFIRMED, b"\x01\x80\x01") == []
    first = Found(b"\x80\x01", 2, 1)
    assert cut(CONFIRMED, b"\x01\x80\x01\x81") == [first]
    assert cut(CONFIRMED, b"\x01\x80\x01\x81\x02") == [first, Found(b"\x81\x02", 2, 0)]


def test_line_that_is_none_is_dropped_whole_and_the_next_is_read():
    assert cut(LINES, b"12\r\n\r\n7x\r\n8\r\n") == [Found(12, 3, 0), Found(8, 3, 6)]


@pytest.mark.parametrize("length", [LONGEST_LINE, LONGEST_LINE + 1, LONGEST_LINE + 16, 3000])
def test_line_that_is_too_long_costs_no_more_than_itself(length):
    octets = b"5\n" + b"1" * length + b"\n" + b"6\n7\n"
    numbers = [one.frame for one in cut(LINES, octets) if isinstance(one, Found)]
    assert numbers[0] == 5
    assert numbers[-1] == 7
    lost = sum(one.lost if isinstance(one, Found) else one.octets for one in cut(LINES, octets))
    assert lost == (0 if length <= LONGEST_LINE else length + 1)


ALPHABETS = {"fixed": (FIXED, b"Ax\x01\x02"), "confirmed": (CONFIRMED, b"\x01\x02\x80\x90"),
             "lines": (LINES, b"012x\r\n")}  # fmt: skip


@pytest.mark.parametrize("name", ALPHABETS)
@given(st.data())
def test_no_split_changes_what_is_found(name, data):
    framing, alphabet = ALPHABETS[name]
    octets = bytes(data.draw(st.lists(st.sampled_from(list(alphabet)), max_size=60)))
    places = data.draw(st.lists(st.integers(0, len(octets)), max_size=20))
    assert cut(framing, octets, places) == cut(framing, octets)


@pytest.mark.parametrize("name", ALPHABETS)
@pytest.mark.parametrize("seed", range(3))
def test_no_split_changes_what_is_found_in_long_garbage_seed(name, seed):
    framing, alphabet = ALPHABETS[name]
    rng = random.Random(seed)
    octets = rng.randbytes(1500) + b"1" * 600 + bytes(rng.choices(alphabet, k=2500))
    assert cut(framing, octets, range(1, len(octets))) == cut(framing, octets)


def test_long_garbage_is_told_in_pieces_and_not_kept():
    search = FrameSearch(FIXED)
    assert list(search.feed(b"x" * 3000)) == [Lost(), Lost()]
    assert list(search.feed(b"A\x01\x02")) == [Found(b"A\x01\x02", 3, 3000 - 2 * 1024)]
    for _ in range(100):
        list(search.feed(b"A\x01\x01" * 100))
    assert len(search._octets) <= FIXED.longest


def test_share_counts_octets_in_frames():
    share = recogniser(LINES)
    assert share(b"12\n34\n") == 1.0
    assert share(b"xx\n34\n") == 0.5
    assert share(b"xx\n") == share(b"") == 0.0
