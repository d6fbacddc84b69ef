"""Nonin data format 13: one packet per spot check, from the Onyx II 9560 and the WristOx2 3150.

Source: mattjlewis/NoninPulseOx (``DataFormat13Serialiser``, GitHub); MediPi of NHS Digital counts
the same 22 octets. The sensor speaks the Bluetooth serial port profile, which the system binds to
a port (``rfcomm bind``). Numbers have their high octet first.

    00 02 | type (2) | length 000E (2) | data (14) | sum of the data & FF | 03
    data: century, year, month, day, hour, minute, second, fraction, status (2), rate (2),
          reserved, SpO2

The sources read the packet type and the fraction of a second and don't say what they mean: both are
kept as read, and the fraction is left out of the time. Packets of another length, which a later
sensor may send, are refused.
"""

from __future__ import annotations

import datetime as dt
import re
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from enum import IntFlag

from edge_agent.codes import PULSE_RATE, SPO2
from edge_agent.driver import Driver, FrameError, Output, Serial
from edge_agent.model import Boottime, State
from edge_drivers.annunciation import Annunciations, names
from edge_drivers.nonin_status import NO_RATE, saturation, saturation_octet
from edge_drivers.oximetry import LOW_PERFUSION_QUALITY, Oximetry
from edge_drivers.serial_frames import FrameDecoder, Framing, recogniser

PACKET_OCTETS = 22

_LAYOUT = struct.Struct(">BBHH 8B HHBB BB")
_NULL, _STX, _ETX, _DATA_OCTETS = 0x00, 0x02, 0x03, 14
_DATA = slice(6, 20)
_NS_PER_S = 1_000_000_000
_TYPE = 13  # what the encoder writes; no source gives the sensor's own


class Status(IntFlag):
    """The status of a spot check (16 bits)."""

    NONE = 0x0000
    BATTERY_LOW = 0x0001
    FROM_MEMORY = 0x0010
    NO_MEASUREMENT = 0x0100
    SMARTPOINT = 0x0200
    """The measurement has passed the sensor's own test of quality."""


_KNOWN_BITS = sum(Status)


@dataclass(frozen=True, slots=True, kw_only=True)
class SpotCheck:
    """One measurement: SpO2 in percent, pulse rate per minute, ``None`` for none.

    ``taken`` is the sensor's own clock, without a zone; ``None`` when it shows no valid time.
    """

    spo2_percent: int | None
    pulse_per_min: int | None
    taken: dt.datetime | None
    status: Status = Status.SMARTPOINT
    packet_type: int = _TYPE
    fraction: int = 0

    @classmethod
    def from_bytes(cls, data: bytes) -> SpotCheck:
        """Decode 22 octets.

        :raises FrameError: a wrong length, head, end or checksum.
        """
        if len(data) != PACKET_OCTETS:
            raise FrameError("Nonin format 13", f"expected {PACKET_OCTETS} octets", len(data))
        null, stx, kind, length, *time, fraction, status, rate, _, spo2, checksum, etx = (
            _LAYOUT.unpack(data)
        )
        if (null, stx, length, etx) != (_NULL, _STX, _DATA_OCTETS, _ETX):
            raise FrameError("Nonin format 13", "wrong head or end")
        if checksum != sum(data[_DATA]) & 0xFF:
            raise FrameError("Nonin format 13", "wrong checksum", _DATA.stop)
        return cls(
            spo2_percent=saturation(spo2),
            pulse_per_min=None if rate == NO_RATE else rate,
            taken=_moment(time),
            status=Status(status & _KNOWN_BITS),
            packet_type=kind,
            fraction=fraction,
        )

    def to_bytes(self) -> bytes:
        """Encode to 22 octets; no valid time becomes zeros."""
        time = (0, 0, 0, 0, 0, 0, 0)
        if self.taken is not None:
            century, year = divmod(self.taken.year, 100)
            time = (century, year, *self.taken.timetuple()[1:6])
        data = _LAYOUT.pack(
            _NULL, _STX, self.packet_type, _DATA_OCTETS, *time, self.fraction, self.status,
            NO_RATE if self.pulse_per_min is None else self.pulse_per_min, 0,
            saturation_octet(self.spo2_percent), 0, _ETX,
        )  # fmt: skip
        return data[: _DATA.stop] + bytes([sum(data[_DATA]) & 0xFF, _ETX])

    @property
    def device_ns(self) -> int | None:
        """Nanoseconds since 1970 by the sensor's clock, taken as it stands."""
        if self.taken is None:
            return None
        return round(self.taken.replace(tzinfo=dt.UTC).timestamp()) * _NS_PER_S


def _moment(time: list[int]) -> dt.datetime | None:
    century, year, month, day, hour, minute, second = time
    try:
        return dt.datetime(  # noqa: DTZ001 - the sensor knows no zone
            century * 100 + year, month, day, hour, minute, second
        )
    except ValueError:
        return None


class Nonin13Decoder(FrameDecoder[SpotCheck]):
    """Finds spot checks in the octet stream.

    One that comes from the sensor's memory is marked as backfilled; the sensor says so itself.
    """

    framing = Framing(
        pattern=re.compile(rb"(?s:\x00\x02..\x00\x0e.{15}\x03)"),
        longest=PACKET_OCTETS,
        parse=SpotCheck.from_bytes,
    )

    def __init__(self, sensor: str) -> None:
        super().__init__(sensor)
        self._annunciations = Annunciations(sensor)

    def _readings(self, frame: SpotCheck, at: Boottime, *, is_cut: bool) -> Iterator[Output]:
        yield from self._annunciations.update(names(frame.status & Status.BATTERY_LOW), at)
        nothing = Status.NO_MEASUREMENT in frame.status
        one = Oximetry(
            spo2_percent=frame.spo2_percent,
            pulse_per_min=frame.pulse_per_min,
            state=State.SEARCHING if nothing else State.MEASURED,
            quality=1.0 if Status.SMARTPOINT in frame.status else LOW_PERFUSION_QUALITY,
            device_ns=frame.device_ns,
            backfilled=Status.FROM_MEMORY in frame.status,
        )
        yield from one.observations(at, self.sensor)


DRIVER = Driver(
    name="nonin-13",
    title="Nonin spot-check oximeter, data format 13",
    # Silent between measurements, so silence for less than a day says nothing.
    link=Serial(baud=9600, silence_s=86_400.0),
    decoder=Nonin13Decoder,
    measures=(SPO2,),
    also=(PULSE_RATE,),
    advice=(
        "Bind the sensor's Bluetooth serial port first (rfcomm bind), and set its clock. It tells "
        "one value per measurement; for watching over somebody choose format 2."
    ),
    recognise=recogniser(Nonin13Decoder.framing),
)
