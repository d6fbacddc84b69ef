"""Wellue and Viatom oximeters of the older generation: O2Ring, KidsO2, Oxylink, CheckO2.

Asked every second or two, the ring tells SpO2, pulse rate, perfusion index, battery and whether it
is worn. Layout as in ecostech/viatom-ble, which works with a real ring, and in the vendor's SDK
(viatomEcho/LepuBle, ``OxyBleResponse.kt``), which agrees with it.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass

from edge_agent.codes import BATTERY, PERFUSION_INDEX, PULSE_RATE, SPO2
from edge_agent.driver import Driver, FrameError, Gatt, Output
from edge_agent.model import Boottime, State
from edge_drivers.oximetry import Oximetry
from edge_drivers.viatom_frames import (
    NOTIFY,
    REPLY_OLD,
    REQUEST_OLD,
    SERVICE,
    WRITE,
    Frame,
    FrameDecoder,
)

QUESTION = Frame(start=REQUEST_OLD, code=0x17)

_LAYOUT = struct.Struct("<BHIBBBBB")
_WORN = 0x01
_GOOD = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class RingReading:
    """One reply: SpO2 and battery in percent, pulse per minute, perfusion index in 0.1 %.

    Zero stands for no number. ``charging`` is 0 on battery, 1 while it charges, 2 when full;
    ``motion`` has no unit that is known. A ring that is taken off counts down ``countdown_s``
    before it believes it.
    """

    spo2_percent: int
    pulse_per_min: int
    battery_percent: int
    perfusion_tenths: int
    worn: bool
    countdown_s: int = 0
    steps: int = 0
    charging: int = 0
    motion: int = 0

    @classmethod
    def from_bytes(cls, data: bytes) -> RingReading:
        """Decode the payload of a reply; newer rings add octets about their own alarms.

        :raises FrameError: cut short.
        """
        if len(data) < _LAYOUT.size:
            raise FrameError("O2Ring reading", "cut short", len(data))
        spo2, pulse, steps, battery, charging, motion, perfusion, state = _LAYOUT.unpack_from(data)
        return cls(
            spo2_percent=spo2,
            pulse_per_min=pulse,
            battery_percent=battery,
            perfusion_tenths=perfusion,
            worn=bool(state & _WORN),
            countdown_s=state >> 4,
            steps=steps,
            charging=charging,
            motion=motion,
        )

    def to_bytes(self) -> bytes:
        """Encode."""
        return _LAYOUT.pack(
            self.spo2_percent,
            self.pulse_per_min,
            self.steps,
            self.battery_percent,
            self.charging,
            self.motion,
            self.perfusion_tenths,
            self.worn | self.countdown_s << 4,
        )

    def oximetry(self) -> Oximetry:
        """Return the numbers with their state."""
        return Oximetry(
            spo2_percent=self.spo2_percent or None,
            pulse_per_min=self.pulse_per_min or None,
            perfusion_percent=self.perfusion_tenths / 10 if self.perfusion_tenths else None,
            state=State.MEASURED if self.worn else State.NOT_ATTACHED,
        )


class O2RingDecoder(FrameDecoder):
    """The conversation with one ring."""

    def __init__(self, sensor: str) -> None:
        super().__init__(sensor, QUESTION, REPLY_OLD)

    def _told(self, frame: Frame, at: Boottime) -> Iterator[Output]:
        if frame.code != _GOOD:
            raise FrameError("Viatom frame", f"the ring answers with status {frame.code}", 1)
        one = RingReading.from_bytes(frame.payload)
        yield from one.oximetry().observations(at, self.sensor)
        yield from self._battery(one.battery_percent, at)


DRIVER = Driver(
    name="viatom-o2ring",
    title="Wellue or Viatom oximeter ring (O2Ring, KidsO2, Oxylink, CheckO2)",
    link=Gatt(service=SERVICE, notify=(NOTIFY,), writable=(WRITE,), silence_s=10.0, poll_s=1.0),
    decoder=O2RingDecoder,
    measures=(SPO2, PULSE_RATE),
    also=(PERFUSION_INDEX, BATTERY),
    advice=(
        "Close the vendor's app: the ring serves one listener. Taken off, it counts down ten "
        "seconds and sleeps some minutes later; it wakes up on the finger."
    ),
)
