"""Lines of text in a stream of octets, for sensors that speak as if to a printer."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TypeVar

from edge_agent.driver import FrameError
from edge_drivers.serial_frames import Framing

T = TypeVar("T")

LONGEST_LINE = 240

_BLANK_LINES = 16
_LINE = re.compile(
    rb"(?:\A|(?<=[\r\n]))[\r\n]{0,%d}[^\r\n]{1,%d}[\r\n]" % (_BLANK_LINES, LONGEST_LINE)
)


def number_or_dashes(text: str) -> int | None:
    """Read a column of digits; dashes stand for no number."""
    return None if text.startswith("-") else int(text)


def line_framing(parse: Callable[[str], T]) -> Framing[T]:
    """Return the framing of ASCII lines of up to 240 characters that ``parse`` accepts.

    ``parse`` gets the line without its end and without blanks around it, and raises
    :class:`FrameError` when the line is none of the protocol's.
    """

    def parse_octets(octets: bytes) -> T:
        try:
            text = octets.decode("ascii")
        except UnicodeDecodeError as error:
            raise FrameError("line", "not ASCII", error.start) from error
        return parse(text.strip())

    longest = _BLANK_LINES + LONGEST_LINE + 1
    return Framing(pattern=_LINE, longest=longest, parse=parse_octets, separate=True)
