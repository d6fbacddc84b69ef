"""Messages of the CGM Specific Ops Control Point (0x2AAC), in both directions.

Source: Bluetooth CGM Service 1.0.2. Requests and replies are written alike: an opcode, its
operand, and a CRC where the sensor's features say so. Glucose is in mg/dL, rates in mg/dL/min,
times in minutes since the start of the session. The codec knows every message; which of them a
hub may send is the driver's to say.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from enum import IntEnum
from typing import Self

from edge_agent.driver import FrameError
from edge_drivers.e2e import checked, with_crc
from edge_drivers.gatt import uuid16
from edge_drivers.ieee11073 import decode_sfloat, encode_sfloat

CONTROL = uuid16(0x2AAC)

FASTEST, NOT_PERIODIC = 0xFF, 0
"""Intervals with a meaning of their own: as fast as the sensor can, and only when asked."""


class Control(IntEnum):
    """Opcodes; what the sensor answers ends in ``TOLD``."""

    SET_INTERVAL = 1
    GET_INTERVAL = 2
    INTERVAL_TOLD = 3
    SET_CALIBRATION = 4
    GET_CALIBRATION = 5
    CALIBRATION_TOLD = 6
    SET_PATIENT_HIGH = 7
    GET_PATIENT_HIGH = 8
    PATIENT_HIGH_TOLD = 9
    SET_PATIENT_LOW = 10
    GET_PATIENT_LOW = 11
    PATIENT_LOW_TOLD = 12
    SET_HYPO = 13
    GET_HYPO = 14
    HYPO_TOLD = 15
    SET_HYPER = 16
    GET_HYPER = 17
    HYPER_TOLD = 18
    SET_FALL = 19
    GET_FALL = 20
    FALL_TOLD = 21
    SET_RISE = 22
    GET_RISE = 23
    RISE_TOLD = 24
    RESET_DEVICE_ALERT = 25
    START_SESSION = 26
    STOP_SESSION = 27
    DONE = 28


class ControlResult(IntEnum):
    """How a request ended."""

    SUCCESS = 1
    UNSUPPORTED = 2
    OPERAND_INVALID = 3
    NOT_COMPLETED = 4
    OUT_OF_RANGE = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Calibration:
    """A calibration: the reference glucose, when it was taken, and when the next one is due.

    ``next_min`` is 0xFFFF when none is due. ``record`` numbers the calibrations of a session; to
    set one it is 0, and ``status`` (rejected 1, out of range 2, pending 4) is the sensor's.
    """

    glucose_mgdl: float
    at_min: int
    type_location: int
    next_min: int
    record: int = 0
    status: int = 0

    @classmethod
    def from_bytes(cls, data: bytes) -> Self:
        """Decode ten octets."""
        glucose, at, type_location, due, record, status = struct.unpack("<HHBHHB", data)
        return cls(
            glucose_mgdl=decode_sfloat(glucose),
            at_min=at,
            type_location=type_location,
            next_min=due,
            record=record,
            status=status,
        )

    def to_bytes(self) -> bytes:
        """Encode."""
        return struct.pack(
            "<HHBHHB",
            encode_sfloat(self.glucose_mgdl),
            self.at_min,
            self.type_location,
            self.next_min,
            self.record,
            self.status,
        )


@dataclass(frozen=True, slots=True)
class Done:
    """The end of a request that has no answer of its own, or that failed."""

    request: int
    result: int


Operand = int | float | Calibration | Done | None

_SIZES = {int: 1, float: 2, Calibration: 10, Done: 2, None: 0}
_LEVELS = range(Control.SET_PATIENT_HIGH, Control.RISE_TOLD + 1)
_OPERANDS: dict[int, type[int | float | Calibration | Done] | None] = {
    **dict.fromkeys(Control, None),
    **{opcode: float for opcode in _LEVELS if (opcode - Control.SET_PATIENT_HIGH) % 3 != 1},
    Control.SET_INTERVAL: int,
    Control.INTERVAL_TOLD: int,
    Control.SET_CALIBRATION: Calibration,
    Control.CALIBRATION_TOLD: Calibration,
    Control.DONE: Done,
}


@dataclass(frozen=True, slots=True)
class ControlMessage:
    """One request or reply: what its operand is depends on the opcode.

    An interval in minutes (``int``), a glucose level or a rate (``float``), a record number to
    get a calibration by (``int``), a calibration, the end of a request, or nothing.
    """

    opcode: Control
    operand: Operand = None

    @classmethod
    def from_bytes(cls, data: bytes, *, crc: bool) -> ControlMessage:
        """Decode.

        :raises FrameError: an unknown opcode, a wrong length or CRC.
        """
        body = checked(data, "CGM control") if crc else data
        if not body or body[0] not in _OPERANDS:
            raise FrameError("CGM control", "no opcode that is known")
        opcode, operand = Control(body[0]), body[1:]
        kind = _OPERANDS[opcode]
        size = 2 if opcode is Control.GET_CALIBRATION else _SIZES[kind]
        if len(operand) != size:
            raise FrameError("CGM control", f"opcode {opcode} has {size} octets behind it", 1)
        if kind is Calibration:
            return cls(opcode, Calibration.from_bytes(operand))
        if kind is Done:
            return cls(opcode, Done(*operand))
        number = int.from_bytes(operand, "little")
        if kind is float:
            return cls(opcode, decode_sfloat(number))
        return cls(opcode, number if size else None)

    def to_bytes(self, *, crc: bool) -> bytes:
        """Encode.

        :raises ValueError: a level beyond the range of an SFLOAT.
        """
        body = bytes([self.opcode]) + self._operand()
        return with_crc(body) if crc else body

    def _operand(self) -> bytes:
        match self.operand:
            case None:
                return b""
            case Calibration() as calibration:
                return calibration.to_bytes()
            case Done(request, result):
                return bytes([request, result])
            case float() as level:
                return struct.pack("<H", encode_sfloat(level))
            case int() as number:
                wide = self.opcode is Control.GET_CALIBRATION
                return struct.pack("<H" if wide else "<B", number)
