"""Contec's older protocol (early CMS50D+): 19200 baud, 8O1, 60 frames a second.

Source: atbrask/CMS50Dplus (GitHub). The frame is that of the BCI protocol with other flags. Some
models are read as well with ``parity = "N"``.
"""

from __future__ import annotations

from enum import IntFlag

from edge_agent.codes import PLETH, PULSE_RATE, SPO2
from edge_agent.driver import Driver, Serial
from edge_agent.model import State
from edge_drivers.bci import FRAMING, BciDecoder, Frame
from edge_drivers.serial_frames import recogniser


class Flag(IntFlag):
    """The flags of the older Contec protocol."""

    FINGER_OUT = 0x0010
    SPO2_DROPPING = 0x0020
    BEAT = 0x0040
    PROBE_ERROR = 0x1000
    SEARCHING = 0x2000


_FINGER_OUT, _PROBE_ERROR = int(Flag.FINGER_OUT), int(Flag.PROBE_ERROR)
_SEARCHING = int(Flag.SEARCHING)


class ContecOldDecoder(BciDecoder):
    """Finds frames in the octet stream; about two times a second they give readings."""

    rate_hz = 60.0

    def state(self, frame: Frame) -> State:
        """Return how the numbers of ``frame`` were taken."""
        if frame.flags & _PROBE_ERROR:
            return State.SENSOR_FAULT
        if frame.flags & _FINGER_OUT:
            return State.NOT_ATTACHED
        return State.SEARCHING if frame.flags & _SEARCHING else State.MEASURED


DRIVER = Driver(
    name="contec-old",
    title="Contec oximeter, older protocol (early CMS50D+)",
    link=Serial(baud=19_200, parity="O", silence_s=5.0),
    decoder=ContecOldDecoder,
    measures=(SPO2,),
    also=(PULSE_RATE, PLETH),
    advice=(
        "Use the cable that came with it: the socket on the device carries 3.3 V TTL, not USB. "
        'If nothing comes, try parity = "N"; a newer model needs the driver contec.'
    ),
    recognise=recogniser(FRAMING),
)
