"""A pump's history (0x2B28) and the control point that reports it (0x2B27), in both directions.

The control point's opcodes and operators are Hamming-coded. A record's time is told in seconds
since the last reference time that stands before it in the history.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from enum import IntEnum

from edge_agent.driver import FrameError
from edge_drivers.e2e import checked, with_crc
from edge_drivers.ieee11073 import DateTime, decode_sfloat, encode_sfloat

_BY_SEQUENCE = 0x0F
_TZ_EARLIEST, _TZ_LATEST, _DST = -48, 56, (0, 2, 4, 8)
_CONTEXT = 0x01


class RecordsOpcode(IntEnum):
    """Opcodes that a hub or a pump uses here."""

    REPLY = 0x0F
    REPORT = 0x33
    ABORT = 0x55
    COUNT = 0x5A
    COUNT_REPLY = 0x66


class RecordsOperator(IntEnum):
    """Which records a request is about."""

    NONE = 0x0F
    ALL = 0x33
    UP_TO = 0x3C
    FROM = 0x55
    RANGE = 0x5A
    FIRST = 0x66
    LAST = 0x69


class RecordsResult(IntEnum):
    """How a request ended."""

    SUCCESS = 0xF0
    OPCODE_UNSUPPORTED = 2
    OPERATOR_INVALID = 3
    OPERATOR_UNSUPPORTED = 4
    OPERAND_INVALID = 5
    NO_RECORDS = 6
    ABORT_FAILED = 7
    NOT_COMPLETED = 8
    OPERAND_UNSUPPORTED = 9
    NOT_APPLICABLE = 10


class RecordType(IntEnum):
    """The records that are understood here; a history has others."""

    REFERENCE_TIME = 0x000F
    REFERENCE_TIME_BASE = 0x0033
    BOLUS_DELIVERED = 0x0069
    BASAL_RATE_CHANGED = 0x0099
    TOTAL_DAILY_INSULIN = 0x00FF
    RESERVOIR_CHANGED = 0x0330


class Recording(IntEnum):
    """Why a reference time was recorded."""

    UNDETERMINED = 0x0F
    SET_DATE_TIME = 0x33
    PERIODIC = 0x3C
    DATE_TIME_LOSS = 0x55


@dataclass(frozen=True, slots=True)
class RecordsRequest:
    """A request; ``bounds`` are sequence numbers, as many as the operator needs."""

    opcode: int
    operator: int
    bounds: tuple[int, ...] = ()

    @classmethod
    def from_bytes(cls, data: bytes) -> RecordsRequest:
        """Decode, as a pump does.

        :raises FrameError: shorter than two octets, or bounds cut short.
        """
        bounds = data[3:]
        if len(data) < 2 or len(bounds) % 4:
            raise FrameError("insulin records", "cut short", len(data))
        if len(data) > 2 and data[2] != _BY_SEQUENCE:
            raise FrameError("insulin records", "bounds must be sequence numbers", 2)
        return cls(data[0], data[1], struct.unpack(f"<{len(bounds) // 4}I", bounds))

    def to_bytes(self) -> bytes:
        """Encode; this control point never has a counter or a CRC."""
        head = bytes([self.opcode, self.operator])
        if not self.bounds:
            return head
        return head + struct.pack(f"<B{len(self.bounds)}I", _BY_SEQUENCE, *self.bounds)


@dataclass(frozen=True, slots=True)
class RecordsReply:
    """The end of a request: for which opcode, and with which result."""

    request: int
    result: int

    @classmethod
    def from_bytes(cls, data: bytes) -> RecordsReply:
        """Decode an indication.

        :raises FrameError: not a reply of four octets.
        """
        if len(data) != 4 or data[:2] != bytes([RecordsOpcode.REPLY, RecordsOperator.NONE]):
            raise FrameError("insulin records", "expected 0f 0f, opcode, result")
        return cls(data[2], data[3])

    def to_bytes(self) -> bytes:
        """Encode."""
        return bytes([RecordsOpcode.REPLY, RecordsOperator.NONE, self.request, self.result])


@dataclass(frozen=True, slots=True, kw_only=True)
class ReferenceTime:
    """The pump's clock at one record; ``local_s`` counts seconds by it as if it were UTC."""

    recording: int
    clock: DateTime
    zone_quarter_hours: int
    dst: int

    @property
    def local_s(self) -> int | None:
        """Seconds since 1970 by the pump's clock on the wall; ``None`` when it has no date."""
        return None if self.recording == Recording.DATE_TIME_LOSS else self.clock.utc_s()

    @property
    def offset_s(self) -> int:
        """How far that clock is ahead of UTC; 0 where the pump does not know."""
        known = _TZ_EARLIEST <= self.zone_quarter_hours <= _TZ_LATEST
        dst = self.dst if self.dst in _DST else 0
        return ((self.zone_quarter_hours if known else 0) + dst) * 900


@dataclass(frozen=True, slots=True, kw_only=True)
class BolusDelivered:
    """What has been delivered of one bolus, at once and over ``duration_min``."""

    bolus: int
    kind: int
    fast_iu: float
    extended_iu: float
    duration_min: int


@dataclass(frozen=True, slots=True, kw_only=True)
class BasalRateChanged:
    """The basal rate delivered before and from now on."""

    old_iu_h: float
    new_iu_h: float
    context: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DayDelivered:
    """What was delivered on one day; ``is_day_doubtful`` says that the date was changed on it."""

    bolus_iu: float
    basal_iu: float
    year: int
    month: int
    day: int
    is_day_doubtful: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ReservoirChanged:
    """What was left in the reservoir."""

    reservoir_iu: float


Content = ReferenceTime | BolusDelivered | BasalRateChanged | DayDelivered | ReservoirChanged


@dataclass(frozen=True, slots=True, kw_only=True)
class HistoryRecord:
    """One record; ``content`` is ``None`` where its type is not one of those understood here.

    ``offset_s`` counts seconds since the reference time before it.
    """

    type: int
    sequence: int
    offset_s: int
    content: Content | None = None

    @classmethod
    def from_bytes(cls, data: bytes, *, e2e: bool) -> HistoryRecord:
        """Decode.

        :raises FrameError: a wrong length or CRC.
        """
        body = checked(data, "insulin history") if e2e else data
        if len(body) < 8:
            raise FrameError("insulin history", "shorter than eight octets", len(body))
        kind, sequence, offset = struct.unpack_from("<HIH", body)
        content = _content(kind, body[8:])
        return cls(type=kind, sequence=sequence, offset_s=offset, content=content)

    def to_bytes(self, *, e2e: bool) -> bytes:
        """Encode."""
        body = struct.pack("<HIH", self.type, self.sequence, self.offset_s)
        body += b"" if self.content is None else _content_to_bytes(self.content)
        return with_crc(body) if e2e else body


def _content(kind: int, octets: bytes) -> Content | None:
    try:
        match kind:
            case RecordType.REFERENCE_TIME:
                recording, zone, dst = struct.unpack("<B7xbB", octets)
                clock = DateTime.from_bytes(octets[1:])
                return ReferenceTime(
                    recording=recording, clock=clock, zone_quarter_hours=zone, dst=dst
                )
            case RecordType.BOLUS_DELIVERED:
                bolus, form, fast, extended, duration = struct.unpack("<HBHHH", octets)
                return BolusDelivered(
                    bolus=bolus,
                    kind=form,
                    fast_iu=decode_sfloat(fast),
                    extended_iu=decode_sfloat(extended),
                    duration_min=duration,
                )
            case RecordType.BASAL_RATE_CHANGED:
                has_context = bool(octets) and bool(octets[0] & _CONTEXT)
                fields = struct.unpack("<xHHB" if has_context else "<xHH", octets)
                return BasalRateChanged(
                    old_iu_h=decode_sfloat(fields[0]),
                    new_iu_h=decode_sfloat(fields[1]),
                    context=fields[2] if has_context else None,
                )
            case RecordType.TOTAL_DAILY_INSULIN:
                flags, bolus, basal, year, month, day = struct.unpack("<BHHHBB", octets)
                return DayDelivered(
                    bolus_iu=decode_sfloat(bolus),
                    basal_iu=decode_sfloat(basal),
                    year=year,
                    month=month,
                    day=day,
                    is_day_doubtful=bool(flags & 1),
                )
            case RecordType.RESERVOIR_CHANGED:
                (reservoir,) = struct.unpack("<H", octets)
                return ReservoirChanged(reservoir_iu=decode_sfloat(reservoir))
    except struct.error as error:
        raise FrameError("insulin history", f"type 0x{kind:04x}: {error}", 8) from error
    return None


def _content_to_bytes(content: Content) -> bytes:
    match content:
        case ReferenceTime(recording=recording, clock=clock, zone_quarter_hours=zone, dst=dst):
            return bytes([recording]) + clock.to_bytes() + struct.pack("<bB", zone, dst)
        case BolusDelivered():
            amounts = (encode_sfloat(content.fast_iu), encode_sfloat(content.extended_iu))
            return struct.pack(
                "<HBHHH", content.bolus, content.kind, *amounts, content.duration_min
            )
        case BasalRateChanged(context=context):
            rates = (encode_sfloat(content.old_iu_h), encode_sfloat(content.new_iu_h))
            body = struct.pack("<BHH", context is not None, *rates)
            return body if context is None else body + bytes([context])
        case DayDelivered():
            amounts = (encode_sfloat(content.bolus_iu), encode_sfloat(content.basal_iu))
            day = (content.year, content.month, content.day)
            return struct.pack("<BHHHBB", content.is_day_doubtful, *amounts, *day)
        case ReservoirChanged(reservoir_iu=reservoir):
            return struct.pack("<H", encode_sfloat(reservoir))
