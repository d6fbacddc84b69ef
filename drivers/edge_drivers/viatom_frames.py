"""The frames of Wellue and Viatom sensors in both directions, and putting them together.

Two generations: the older sensors are asked with ``AA`` and answer with ``55``, the newer use
``A5`` both ways. Both carry a CRC-8, and a frame is spread over as many notifications as the link's
MTU makes of it. Sources: viatomEcho/LepuBle (the vendor's SDK) and ecostech/viatom-ble, on GitHub.
"""

from __future__ import annotations

import struct
from abc import abstractmethod
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from edge_agent.codes import BATTERY
from edge_agent.driver import Decoder, FrameError, Output, Request, Write
from edge_agent.model import Boottime, Observation, State

SERVICE = "14839ac4-7d7e-415c-9a42-167340cf2339"
WRITE = "8b00ace7-eb0b-49b0-bbe9-9aee0a26e1a3"
NOTIFY = "0734594a-a8e7-4b1a-a6b1-cd5243059a57"

REQUEST, REQUEST_OLD, REPLY_OLD = 0xA5, 0xAA, 0x55
"""The first octet of a frame: of the newer generation, of an older request, of an older reply."""

_WRITE_AT_MOST = 20
_HEAD_OCTETS = 7
_OVERHEAD = _HEAD_OCTETS + 1
_LONGEST_PAYLOAD = 2048
_POLYNOMIAL = 0x07


def _crc8_table() -> bytes:
    table = bytearray()
    for octet in range(256):
        crc = octet
        for _ in range(8):
            crc = (crc << 1 ^ (_POLYNOMIAL if crc & 0x80 else 0)) & 0xFF
        table.append(crc)
    return bytes(table)


_CRC8 = _crc8_table()


def crc8(data: bytes) -> int:
    """Return the CRC-8 of a frame: polynomial 0x07, initial value 0."""
    crc = 0
    for octet in data:
        crc = _CRC8[crc ^ octet]
    return crc


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """One frame, of either generation and direction, told apart by its first octet ``start``.

    ``code`` is the command; in an older reply it is the status, 0 for good. ``number`` are the two
    octets before the length: in a newer frame its kind (0 request, 1 reply) and a running number,
    in an older one the number of a block.
    """

    start: int
    code: int
    number: int = 0
    payload: bytes = b""

    @classmethod
    def from_bytes(cls, data: bytes) -> Frame:
        """Decode a whole frame.

        :raises FrameError: code and complement differ, or length or CRC is wrong.
        """
        if len(data) < _OVERHEAD:
            raise FrameError("Viatom frame", "shorter than its head", len(data))
        start, code, complement, number, length = struct.unpack_from("<BBBHH", data)
        if code ^ complement != 0xFF:
            raise FrameError("Viatom frame", "code and complement differ", 2)
        if len(data) != _OVERHEAD + length:
            raise FrameError("Viatom frame", f"does not have the {length} octets it says", 5)
        if crc8(data[:-1]) != data[-1]:
            raise FrameError("Viatom frame", "the CRC is wrong", len(data) - 1)
        return cls(start=start, code=code, number=number, payload=data[_HEAD_OCTETS:-1])

    def to_bytes(self) -> bytes:
        """Encode."""
        head = (self.start, self.code, self.code ^ 0xFF, self.number, len(self.payload))
        body = struct.pack("<BBBHH", *head) + self.payload
        return body + bytes([crc8(body)])


def begins_frame(piece: bytes, start: int) -> bool:
    """Whether ``piece`` may be the beginning of a frame whose first octet is ``start``."""
    if not piece or piece[0] != start:
        return False
    if len(piece) > 2 and piece[1] ^ piece[2] != 0xFF:
        return False
    return len(piece) < _HEAD_OCTETS or _length(piece) <= _OVERHEAD + _LONGEST_PAYLOAD


def join(begun: bytes, piece: bytes, start: int) -> tuple[bytes, Frame | None]:
    """Go on with the frame that has ``begun``; return what has begun then, or the whole frame.

    A frame that is not whole when another begins has lost a notification and is given up.

    :raises FrameError: ``piece`` goes on with nothing and begins nothing.
    """
    if begun:
        octets = begun + piece
        short = _HEAD_OCTETS - len(octets) if len(octets) < _HEAD_OCTETS else _missing(octets)
        if short == 0 and crc8(octets[:-1]) == octets[-1]:
            return b"", Frame.from_bytes(octets)
        if short > 0 and begins_frame(octets, start) and not _is_head(piece, start):
            return octets, None
    if not begins_frame(piece, start):
        raise FrameError("Viatom frame", f"neither begins with {start:02X} nor goes on", 0)
    if len(piece) < _HEAD_OCTETS or _missing(piece) > 0:
        return piece, None
    return b"", Frame.from_bytes(piece)


def _is_head(piece: bytes, start: int) -> bool:
    return len(piece) >= _HEAD_OCTETS and begins_frame(piece, start)


def _missing(octets: bytes) -> int:
    return _length(octets) - len(octets)


def _length(octets: bytes) -> int:
    return _OVERHEAD + int.from_bytes(octets[5:_HEAD_OCTETS], "little")


class FrameDecoder(Decoder):
    """A conversation in frames: one question, asked again and again, and the replies to it."""

    def __init__(self, sensor: str, question: Frame, start: int) -> None:
        super().__init__(sensor)
        self._question, self._start, self._begun = question, start, b""
        self._battery_percent: int | None = None

    def open(self, at: Boottime) -> Iterable[Request]:
        """Forget what an earlier link left unfinished, and ask."""
        self._begun, self._battery_percent = b"", None
        return self.poll(at)

    def poll(self, at: Boottime) -> Iterable[Request]:
        """Ask. No sensor takes more than 20 octets in one write, whatever the link would carry."""
        octets = self._question.to_bytes()
        return tuple(
            Write(WRITE, octets[begin : begin + _WRITE_AT_MOST], response=False)
            for begin in range(0, len(octets), _WRITE_AT_MOST)
        )

    def feed(self, data: bytes, at: Boottime, channel: str = NOTIFY) -> Iterable[Output]:
        """Take one notification of ``channel``; decode the reply that it completes."""
        if channel != NOTIFY:
            raise FrameError(f"channel {channel}", "not one of this driver's")
        begun, frame = join(self._begun, data, self._start)
        outputs = () if frame is None else tuple(self._told(frame, at))
        self._begun = begun
        return outputs

    def _battery(self, percent: int, at: Boottime) -> Iterator[Observation]:
        """Tell the battery at first and when it has changed: every reply bears it."""
        if percent == self._battery_percent:
            return
        self._battery_percent = percent
        plausible = BATTERY.is_plausible(percent)
        yield Observation(
            code=BATTERY,
            value=float(percent),
            at=at,
            sensor=self.sensor,
            state=State.MEASURED if plausible else State.QUESTIONABLE,
            quality=1.0 if plausible else 0.0,
        )

    @abstractmethod
    def _told(self, frame: Frame, at: Boottime) -> Iterable[Output]:
        """Decode a reply.

        :raises FrameError: it is not valid; nothing has been changed.
        """
