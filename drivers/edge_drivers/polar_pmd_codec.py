"""The data frames of Polar's PMD service, in both directions: ECG, acceleration, delta packing.

A frame is ``type, time (u64), frame type, payload``, little-endian. The time is that of the *last*
sample, in nanoseconds since 2000-01-01T00:00Z by the strap's own clock. Layout as in Polar's BLE
SDK (polarofficial/polar-ble-sdk, ``online_measurement.pdf`` and its unit tests).
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edge_agent.driver import FrameError
from edge_drivers.polar_pmd_control_codec import Measurement

_HEAD = struct.Struct("<BQB")
_TYPE_MASK = 0x3F
_COMPRESSED = 0x80
_AXES = 3
_RAW_OCTETS = {0: 1, 1: 2, 2: 3}
"""Octets of an uncompressed acceleration, by frame type; all are milli-g."""
_DELTA_UNIT = {0: 1000.0, 1: 1.0}
"""Milli-g of a compressed acceleration times the sensor's factor, by frame type."""
_DELTA_BITS = 16
_WIDEST_DELTA = 24


def measurement_type(data: bytes) -> int:
    """Return the measurement type of a data frame, without the mark of offline recordings.

    :raises FrameError: shorter than its head.
    """
    if len(data) < _HEAD.size:
        raise FrameError("PMD frame", "shorter than its head", len(data))
    return data[0] & _TYPE_MASK


@dataclass(frozen=True, slots=True, eq=False)
class EcgFrame:
    """One ECG notification: samples in microvolts, shape ``(n,)``, int32.

    ``timestamp_ns`` is the strap's time of the last sample, in nanoseconds since 2000-01-01.
    """

    timestamp_ns: int
    samples_uv: NDArray[np.int32]

    @classmethod
    def from_bytes(cls, data: bytes) -> EcgFrame:
        """Decode an uncompressed ECG frame of 24-bit samples, the only kind straps send.

        :raises FrameError: another type or frame type, or a length that is no whole sample.
        """
        if len(data) < _HEAD.size + 3:
            raise FrameError("ECG frame", "shorter than one sample", len(data))
        kind, timestamp_ns, frame_type = _HEAD.unpack_from(data)
        if kind & _TYPE_MASK != Measurement.ECG:
            raise FrameError("ECG frame", f"measurement type {kind & _TYPE_MASK} is not ECG")
        if frame_type & _COMPRESSED:
            raise FrameError("ECG frame", "compressed ECG has no published layout", 9)
        if frame_type != 0:
            raise FrameError("ECG frame", f"frame type {frame_type:#x} is not supported", 9)
        if (len(data) - _HEAD.size) % 3:
            raise FrameError("ECG frame", "the last sample is cut short", len(data))
        return cls(timestamp_ns, _signed(data[_HEAD.size :], 3))

    def to_bytes(self) -> bytes:
        """Encode; samples must fit 24 bits."""
        return _HEAD.pack(Measurement.ECG, self.timestamp_ns, 0) + _octets(self.samples_uv, 3)


@dataclass(frozen=True, slots=True, eq=False)
class AccelerationFrame:
    """One notification of acceleration: counts, shape ``(n, 3)``, int32, axes x, y, z.

    ``frame_type`` 0, 1 and 2 are raw, ``0x80`` and ``0x81`` packed as differences.
    """

    timestamp_ns: int
    counts: NDArray[np.int32]
    frame_type: int = 1

    @classmethod
    def from_bytes(cls, data: bytes) -> AccelerationFrame:
        """Decode.

        :raises FrameError: another type or frame type, or a payload that does not come out even.
        """
        if len(data) < _HEAD.size + _AXES:
            raise FrameError("acceleration frame", "shorter than one sample", len(data))
        kind, timestamp_ns, frame_type = _HEAD.unpack_from(data)
        if kind & _TYPE_MASK != Measurement.ACCELERATION:
            raise FrameError("acceleration frame", f"measurement type {kind & _TYPE_MASK}")
        payload = data[_HEAD.size :]
        if frame_type & _COMPRESSED and frame_type ^ _COMPRESSED in _DELTA_UNIT:
            return cls(timestamp_ns, unpack_deltas(payload, _AXES, _DELTA_BITS), frame_type)
        size = _RAW_OCTETS.get(frame_type)
        if size is None:
            raise FrameError("acceleration frame", f"frame type {frame_type:#x} is not known", 9)
        if len(payload) % (_AXES * size):
            raise FrameError("acceleration frame", "the last sample is cut short", len(data))
        return cls(timestamp_ns, _signed(payload, size).reshape(-1, _AXES), frame_type)

    def to_bytes(self) -> bytes:
        """Encode; counts must fit the frame type."""
        head = _HEAD.pack(Measurement.ACCELERATION, self.timestamp_ns, self.frame_type)
        if self.frame_type & _COMPRESSED:
            return head + pack_deltas(self.counts, _DELTA_BITS)
        return head + _octets(self.counts.ravel(), _RAW_OCTETS[self.frame_type])

    def milli_g_per_count(self, factor: float) -> float:
        """Return what a count is; ``factor`` is the sensor's and counts when it compresses."""
        if self.frame_type & _COMPRESSED:
            return _DELTA_UNIT[self.frame_type ^ _COMPRESSED] * factor
        return 1.0


def unpack_deltas(payload: bytes, channels: int, bits: int) -> NDArray[np.int32]:
    """Decode samples packed as differences; shape ``(n, channels)``.

    A whole sample of ``bits`` comes first, then blocks: width of a difference, count of samples,
    and the differences, least significant bit first, each to the sample before.

    :raises FrameError: blocks that do not come out even, or a sum that ``bits`` can't hold.
    """
    size = (bits + 7) // 8
    at = channels * size
    if len(payload) < at:
        raise FrameError("PMD differences", "no whole first sample", len(payload))
    parts = [_signed(payload[:at], size).reshape(1, channels)]
    while at < len(payload):
        if at + 2 > len(payload):
            raise FrameError("PMD differences", "a block without a count", at)
        width, count = payload[at], payload[at + 1]
        if not 0 < width <= _WIDEST_DELTA or not count:
            raise FrameError("PMD differences", f"{count} differences of {width} bits", at)
        begin, at = at + 2, at + 2 + (width * count * channels + 7) // 8
        if at > len(payload):
            raise FrameError("PMD differences", "the last block is cut short", len(payload))
        parts.append(_from_bits(payload[begin:at], width, count * channels).reshape(-1, channels))
    samples = np.concatenate(parts).cumsum(axis=0, dtype=np.int64)
    limit = 1 << (bits - 1)
    if samples.min() < -limit or samples.max() >= limit:
        raise FrameError("PMD differences", f"a sum that {bits} bits can't hold")
    return samples.astype(np.int32)


def pack_deltas(
    samples: NDArray[np.int32], bits: int, *, width: int | None = None, block: int = 255
) -> bytes:
    """Encode samples, shape ``(n, channels)``, as differences in blocks of at most ``block``.

    Each block takes the least ``width`` that holds its differences, unless one is given.
    """
    differences = np.diff(samples, axis=0)
    pieces = [_octets(samples[0], (bits + 7) // 8)]
    for begin in range(0, len(differences), block):
        part = differences[begin : begin + block]
        fits = width or max(int(np.where(part < 0, ~part, part).max()).bit_length() + 1, 1)
        ones = (part.reshape(-1, 1) >> np.arange(fits) & 1).astype(np.uint8)
        packed = np.packbits(ones.ravel(), bitorder="little").tobytes()
        pieces.append(bytes([fits, len(part)]) + packed)
    return b"".join(pieces)


def _from_bits(octets: bytes, width: int, count: int) -> NDArray[np.int32]:
    """Return ``count`` signed numbers of ``width`` bits, packed least significant bit first."""
    ones = np.unpackbits(np.frombuffer(octets, np.uint8), count=width * count, bitorder="little")
    weights = np.int32(1) << np.arange(width, dtype=np.int32)
    weights[-1] = -weights[-1]
    numbers: NDArray[np.int32] = ones.reshape(count, width) @ weights
    return numbers


def _signed(octets: bytes, size: int) -> NDArray[np.int32]:
    """Unpack little-endian two's-complement numbers of ``size`` octets."""
    if size < 3:
        return np.frombuffer(octets, f"<i{size}").astype(np.int32)
    parts = np.frombuffer(octets, np.uint8).reshape(-1, 3).astype(np.int32)
    unsigned = parts[:, 0] | (parts[:, 1] << 8) | (parts[:, 2] << 16)
    return (unsigned ^ 0x800000) - 0x800000


def _octets(numbers: NDArray[np.int32], size: int) -> bytes:
    """Pack numbers as little-endian two's complement of ``size`` octets."""
    words = np.ascontiguousarray(numbers, "<i4").view(np.uint8).reshape(-1, 4)
    return words[:, :size].tobytes()
