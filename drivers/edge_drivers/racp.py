"""The record access control point by which stored records are asked for, in both directions.

Sources: Bluetooth CGM Service 1.0.2 and Glucose Service 1.0.1. The control point never carries a
CRC. Records are chosen by number: a glucose sensor's by minutes since its session began, a meter's
by sequence number. The two look alike on the wire; the numbers of a health sensor's records have
four octets (Generic Health Sensor Service 1.0).
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from enum import IntEnum

from edge_agent.driver import FrameError
from edge_drivers.gatt import uuid16

RACP = uuid16(0x2A52)

_BY_NUMBER = 1


class RacpOpcode(IntEnum):
    """Opcodes of the record access control point that a hub or a sensor uses here."""

    REPORT = 1
    ABORT = 3
    COUNT = 4
    COUNT_REPLY = 5
    REPLY = 6


class RacpOperator(IntEnum):
    """Which records a request is about."""

    NONE = 0
    ALL = 1
    UP_TO = 2
    FROM = 3
    RANGE = 4
    FIRST = 5
    LAST = 6


class RacpResult(IntEnum):
    """How a request ended."""

    SUCCESS = 1
    OPCODE_UNSUPPORTED = 2
    OPERATOR_INVALID = 3
    OPERATOR_UNSUPPORTED = 4
    OPERAND_INVALID = 5
    NO_RECORDS = 6
    ABORT_FAILED = 7
    NOT_COMPLETED = 8
    OPERAND_UNSUPPORTED = 9
    BUSY = 10


OPERATOR_REFUSED = frozenset(
    {
        RacpResult.OPERATOR_INVALID,
        RacpResult.OPERATOR_UNSUPPORTED,
        RacpResult.OPERAND_INVALID,
        RacpResult.OPERAND_UNSUPPORTED,
    }
)
"""The sensor has the records and does not know this way of choosing them."""


@dataclass(frozen=True, slots=True)
class RacpRequest:
    """A request for stored records; ``bounds`` are minutes or sequence numbers, as it needs.

    ``wide`` says that a bound has four octets instead of two.
    """

    opcode: int
    operator: int
    bounds: tuple[int, ...] = ()
    wide: bool = False

    @classmethod
    def from_bytes(cls, data: bytes, *, wide: bool = False) -> RacpRequest:
        """Decode, as a sensor does.

        :raises FrameError: shorter than two octets, or bounds cut short.
        """
        if len(data) < 2:
            raise FrameError("RACP request", "shorter than two octets", len(data))
        bounds = data[3:]
        count, left = divmod(len(bounds), 4 if wide else 2)
        if len(data) > 2 and (data[2] != _BY_NUMBER or left):
            raise FrameError("RACP request", "bounds must be whole numbers", 2)
        numbers = struct.unpack(f"<{count}{'I' if wide else 'H'}", bounds)
        return cls(data[0], data[1], numbers, wide)

    def to_bytes(self) -> bytes:
        """Encode; the control point never carries a CRC."""
        head = bytes([self.opcode, self.operator])
        if not self.bounds:
            return head
        layout = f"<B{len(self.bounds)}{'I' if self.wide else 'H'}"
        return head + struct.pack(layout, _BY_NUMBER, *self.bounds)


@dataclass(frozen=True, slots=True)
class RacpReply:
    """The end of a request: for which opcode, and with which result."""

    request: int
    result: int

    @classmethod
    def from_bytes(cls, data: bytes) -> RacpReply:
        """Decode an indication.

        :raises FrameError: not a reply of four octets.
        """
        if len(data) != 4 or data[0] != RacpOpcode.REPLY or data[1] != RacpOperator.NONE:
            raise FrameError("RACP reply", "expected 06 00, opcode, result")
        return cls(data[2], data[3])

    def to_bytes(self) -> bytes:
        """Encode."""
        return bytes([RacpOpcode.REPLY, RacpOperator.NONE, self.request, self.result])
