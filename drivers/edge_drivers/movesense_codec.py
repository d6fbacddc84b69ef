"""The GATT SensorData protocol (GSP) of Movesense sensors, in both directions.

A command is an operation, a reference of the hub's choice and a resource path; what comes carries
the reference again. Source: Movesense, "GATT SensorData Protocol specification" (GD-77,
movesense.com/docs/esw/gatt_sensordata_protocol). No capture of a real sensor has been published, so
the vectors are computed from that page.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

from edge_agent.driver import FrameError

BLOCK_SAMPLES = 16
MICROVOLT_PER_COUNT = 0.381469726563
WRAP_MS = 1 << 32
"""The sensor's clock counts milliseconds since it woke and begins anew after 49.7 days."""


class Operation(IntEnum):
    """Operations that a hub uses."""

    HELLO = 0
    SUBSCRIBE = 1
    UNSUBSCRIBE = 2


class Kind(IntEnum):
    """What a notification is."""

    RESULT = 1
    VALUES = 2
    MORE_VALUES = 3


class Reference(IntEnum):
    """The references this driver gives what it asks."""

    HELLO = 1
    ECG = 99
    HEART_RATE = 100
    ECG_MICROVOLT = 101


ECG_OCTETS: dict[int, int] = {
    Reference.ECG: 6 + 4 * BLOCK_SAMPLES,
    Reference.ECG_MICROVOLT: 6 + 2 * BLOCK_SAMPLES,
}
"""Length of a block of ECG, by reference."""


@dataclass(frozen=True, slots=True)
class Command:
    """What the hub asks: an operation, a reference, and a path where one is needed."""

    operation: int
    reference: int
    path: str = ""

    @classmethod
    def from_bytes(cls, data: bytes) -> Command:
        """Decode, as a sensor does.

        :raises FrameError: shorter than two octets, or a path that is not ASCII.
        """
        if len(data) < 2:
            raise FrameError("Movesense command", "shorter than two octets", len(data))
        if not data[2:].isascii():
            raise FrameError("Movesense command", "the path is not ASCII", 2)
        return cls(data[0], data[1], data[2:].decode("ascii"))

    def to_bytes(self) -> bytes:
        """Encode."""
        return bytes([self.operation, self.reference]) + self.path.encode("ascii")


@dataclass(frozen=True, slots=True)
class Result:
    """The sensor's answer to a command: a status in the manner of HTTP."""

    reference: int
    status: int

    @classmethod
    def from_bytes(cls, data: bytes) -> Result:
        """Decode a notification.

        :raises FrameError: not a result of four octets.
        """
        if len(data) < 4 or data[0] != Kind.RESULT:
            raise FrameError("Movesense result", "expected 01, reference, status", len(data))
        return cls(data[1], int.from_bytes(data[2:4], "little"))

    def to_bytes(self) -> bytes:
        """Encode."""
        return struct.pack("<BBH", Kind.RESULT, self.reference, self.status)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class EcgBlock:
    """Sixteen samples and the sensor's time of the first, in milliseconds (32 bits, wrapping).

    ``samples`` are counts of 0.381469726563 uV, or microvolts when ``microvolt`` is true.
    """

    time_ms: int
    samples: NDArray[np.int32]
    microvolt: bool = False

    @classmethod
    def from_bytes(cls, data: bytes) -> EcgBlock:
        """Decode a notification.

        :raises FrameError: not a block of ECG, or of another length.
        """
        if len(data) < 2 or data[0] != Kind.VALUES or data[1] not in ECG_OCTETS:
            raise FrameError("Movesense ECG", "no block of ECG")
        microvolt = data[1] == Reference.ECG_MICROVOLT
        layout, expected = "<i2" if microvolt else "<i4", ECG_OCTETS[data[1]]
        if len(data) != expected:
            raise FrameError("Movesense ECG", f"expected {expected} octets", len(data))
        return cls(
            time_ms=int.from_bytes(data[2:6], "little"),
            samples=np.frombuffer(data, layout, offset=6).astype(np.int32),
            microvolt=microvolt,
        )

    def to_bytes(self) -> bytes:
        """Encode."""
        reference = Reference.ECG_MICROVOLT if self.microvolt else Reference.ECG
        head = struct.pack("<BBI", Kind.VALUES, reference, self.time_ms % WRAP_MS)
        return head + self.samples.astype("<i2" if self.microvolt else "<i4").tobytes()

    @property
    def unit_per_count(self) -> float:
        """How many microvolts a count is."""
        return 1.0 if self.microvolt else MICROVOLT_PER_COUNT


@dataclass(frozen=True, slots=True, kw_only=True)
class HeartRate:
    """The average heart rate per minute, and the RR interval that just ended, in milliseconds."""

    average_per_min: float
    rr_ms: int

    @classmethod
    def from_bytes(cls, data: bytes) -> HeartRate:
        """Decode a notification.

        :raises FrameError: not a heart rate, or of another length.
        """
        if len(data) != 8 or data[0] != Kind.VALUES or data[1] != Reference.HEART_RATE:
            raise FrameError("Movesense heart rate", "expected eight octets", len(data))
        average, rr_ms = struct.unpack_from("<fH", data, 2)
        return cls(average_per_min=average, rr_ms=rr_ms)

    def to_bytes(self) -> bytes:
        """Encode."""
        return struct.pack(
            "<BBfH", Kind.VALUES, Reference.HEART_RATE, self.average_per_min, self.rr_ms
        )
