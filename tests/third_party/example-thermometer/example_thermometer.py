"""A thermometer that prints a line such as ``T=36.61`` every second, or ``T=--`` off the skin."""

from __future__ import annotations

import re
from collections.abc import Iterator

from edge_agent.codes import BODY_TEMPERATURE
from edge_agent.driver import Decoder, Driver, FrameError, Output, Serial
from edge_agent.model import Boottime, Observation, State

_LINE = re.compile(rb"T=(--|[0-9]{1,3}\.[0-9]{2})")
_LONGEST = 16  # octets; a line has eight at the most


def encode(temperature_c: float | None) -> bytes:
    """Return the line that the thermometer prints; the mock and the tests use it."""
    return b"T=--\n" if temperature_c is None else b"T=%.2f\n" % temperature_c


class ThermometerDecoder(Decoder):
    """Finds the lines in the stream and reads them."""

    def __init__(self, sensor: str) -> None:
        super().__init__(sensor)
        self._rest = b""

    def feed(self, data: bytes, at: Boottime, channel: str = "") -> Iterator[Output]:
        """Take any piece of the stream; give a temperature for every whole line in it."""
        if channel:
            raise FrameError(f"channel {channel}", "not one of this driver's")
        *lines, rest = (self._rest + data).split(b"\n")
        # Longer than any line is noise: a stream without line ends must not fill the memory.
        self._rest = rest[-_LONGEST:]
        readings = [self._reading(found, at) for line in lines if (found := _LINE.fullmatch(line))]
        return iter(readings)

    def _reading(self, found: re.Match[bytes], at: Boottime) -> Observation:
        value, state = None, State.NOT_ATTACHED
        if found[1] != b"--":
            value = float(found[1])
            plausible = BODY_TEMPERATURE.is_plausible(value)
            state = State.MEASURED if plausible else State.QUESTIONABLE
        return Observation(
            code=BODY_TEMPERATURE,
            value=value,
            at=at,
            sensor=self.sensor,
            state=state,
            quality=1.0 if state is State.MEASURED else 0.0,
        )


def recognise(stretch: bytes) -> float:
    """Return the share of ``stretch`` that lies in this thermometer's lines."""
    found = sum(len(line) + 1 for line in stretch.split(b"\n") if _LINE.fullmatch(line))
    return min(1.0, found / max(1, len(stretch)))


DRIVER = Driver(
    name="example-thermometer",
    title="Thermometer that prints its value",
    link=Serial(baud=9600, silence_s=10.0),
    decoder=ThermometerDecoder,
    measures=(BODY_TEMPERATURE,),
    advice="Switch the thermometer to printing: hold its button for five seconds.",
    recognise=recognise,
)
