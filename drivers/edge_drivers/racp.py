"""The record access control point by which stored records are asked for, in both directions.

Sources: Bluetooth CGM Service 1.0.2 and Glucose Service 1.0.1. The control point never carries a
CRC. Here records are chosen by time offset, in minutes.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from enum import IntEnum

from edge_agent.driver import FrameError
from edge_drivers.gatt import uuid16

RACP = uuid16(0x2A52)

_BY_OFFSET = 1


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


@dataclass(frozen=True, slots=True)
class RacpRequest:
    """A request for stored records; ``bounds`` are offsets in minutes, as many as it needs."""

    opcode: int
    operator: int
    bounds: tuple[int, ...] = ()

    @classmethod
    def from_bytes(cls, data: bytes) -> RacpRequest:
        """Decode, as a sensor does.

        :raises FrameError: shorter than two octets, or bounds cut short.
        """
        if len(data) < 2:
            raise FrameError("RACP request", "shorter than two octets", len(data))
        bounds = data[3:]
        if len(data) > 2 and (data[2] != _BY_OFFSET or len(bounds) % 2):
            raise FrameError("RACP request", "bounds must be time offsets", 2)
        return cls(data[0], data[1], struct.unpack(f"<{len(bounds) // 2}H", bounds))

    def to_bytes(self) -> bytes:
        """Encode; the control point never carries a CRC."""
        head = bytes([self.opcode, self.operator])
        if not self.bounds:
            return head
        return head + struct.pack(f"<B{len(self.bounds)}H", _BY_OFFSET, *self.bounds)


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
