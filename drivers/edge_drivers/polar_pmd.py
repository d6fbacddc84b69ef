"""Polar H10 and kin: ECG and acceleration over Polar's PMD service, heart rate and battery.

Habits of the strap that shape the decoder: the time of a frame belongs to its *last* sample; the
true rate is near 130 Hz and differs by unit, so it is worked out from the spacing of frames; a
stream that was never stopped survives a lost connection, so it is stopped before it is started;
and the clock begins anew in 2019 when the strap was off the skin for a minute.

The acceleration is asked for once the ECG runs, and only where the strap has it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

import numpy as np
from numpy.typing import NDArray

from edge_agent.codes import (
    ACCELERATION_X,
    ACCELERATION_Y,
    ACCELERATION_Z,
    BATTERY,
    ECG,
    HEART_RATE,
    RR_INTERVAL,
)
from edge_agent.driver import Decoder, Driver, FrameError, Gatt, Output, Read, Request, Write
from edge_agent.model import Boottime, Code, Event, EventKind, Waveform
from edge_drivers import heart_rate
from edge_drivers.gatt import BATTERY_LEVEL, battery_level
from edge_drivers.polar_pmd_codec import AccelerationFrame, EcgFrame, measurement_type
from edge_drivers.polar_pmd_control_codec import (
    ControlReply,
    ControlRequest,
    Features,
    Measurement,
    Opcode,
    Setting,
    Settings,
    Status,
    Stopped,
    control_value,
    ecg_settings,
)
from edge_drivers.sample_clock import SampleClock

SERVICE = "fb005c80-02e7-f387-1cad-8acd2d8df0c8"
CONTROL_POINT = "fb005c81-02e7-f387-1cad-8acd2d8df0c8"
DATA = "fb005c82-02e7-f387-1cad-8acd2d8df0c8"

NOMINAL_RATE_HZ = 130.0
_WANTED_ECG = {Setting.RATE: 130, Setting.RESOLUTION: 14}
# Enough for posture, breathing and steps; the whole range, for a fall.
_WANTED_ACCELERATION = {
    Setting.RATE: 50, Setting.RESOLUTION: 16, Setting.RANGE: 8,
}  # fmt: skip
_AXES = (ACCELERATION_X, ACCELERATION_Y, ACCELERATION_Z)
_MOST_STARTS = 3
_MOST_SETTINGS_OCTETS = 512

_REASONS = {
    Status.BAD_TYPE: "the strap does not know this measurement",
    Status.NOT_SUPPORTED: "the strap can't measure it",
    Status.BAD_PARAMETER: "the strap does not accept the settings",
    Status.BAD_MTU: "the link carries too few octets at once (MTU)",
    Status.BAD_STATE: "the strap is busy with something else",
    Status.IN_CHARGER: "the strap is in its charger",
}
_NEXT_STEPS = {
    Status.IN_CHARGER: "Take the strap out of its charger",
    Status.BAD_MTU: "Remove ExchangeMTU from /etc/bluetooth/main.conf if it is there; take the "
    "strap off and on again, so that the link is made anew",
    Status.NOT_SUPPORTED: "Use the driver heart-rate for a strap without ECG",
}
_NEXT_STEP_ELSE = "Close the phone app that holds the strap, then take it off and on again"


class _Stream:
    """One measurement of the strap: how it is brought to run, and where its samples lie."""

    def __init__(self, kind: Measurement, wanted: Mapping[Setting, int], parameters: bytes) -> None:
        self.kind, self.wanted = kind, wanted
        self.factor, self.is_running = 1.0, False
        self.reset_is_told = False
        self._rate_hz = wanted[Setting.RATE]
        self.clock = SampleClock(kind.name, self._rate_hz)
        self._parameters = parameters
        self._offered = b""
        self._starts, self._was_stopped = 0, False

    def begin(self) -> tuple[Write, ...]:
        """Stop what an earlier link left behind, and ask what the strap has on offer."""
        self._offered, self._starts, self.reset_is_told = b"", 0, False
        self.is_running = self._was_stopped = False
        self.clock.restart()
        return (self._ask(Opcode.STOP), self._ask(Opcode.SETTINGS))

    def offered(self, reply: ControlReply) -> tuple[Write, ...]:
        """Take settings on offer; choose and start when they are complete."""
        if reply.status is Status.OK:
            octets = self._offered + reply.parameters
            if len(octets) > _MOST_SETTINGS_OCTETS:
                raise FrameError("PMD reply", "settings without end", len(reply.parameters))
            if reply.more:
                self._offered = octets
                return ()
            chosen = Settings.from_bytes(octets).choose(self.wanted)
            self._offered, self._parameters = b"", chosen.to_bytes()
            self._follow(chosen.one(Setting.RATE, self._rate_hz))
        return self.start()

    def start(self) -> tuple[Write, ...]:
        """Start with the settings chosen; not without end when no sample ever comes."""
        self._starts += 1
        if self._starts > _MOST_STARTS:
            return ()
        self.clock.restart()
        return (self._ask(Opcode.START, self._parameters),)

    def start_anew(self) -> tuple[Write, ...]:
        """Stop a stream that somebody else has started, and start it with our settings.

        Nothing when that has been tried: it runs, which is what was asked.
        """
        if self._was_stopped:
            self.is_running = True
            return ()
        self._was_stopped = True
        return (self._ask(Opcode.STOP), *self.start())

    def came(self) -> None:
        """Note that samples came: the strap may be asked again as often as at first."""
        self._starts = 0

    def _follow(self, rate_hz: int) -> None:
        """Begin to tell the time anew where the rate is another than thought."""
        if rate_hz not in {0, self._rate_hz}:
            self._rate_hz = rate_hz
            self.clock = SampleClock(self.kind.name, rate_hz)

    def _ask(self, opcode: Opcode, parameters: bytes = b"") -> Write:
        return Write(CONTROL_POINT, ControlRequest(opcode, self.kind, parameters).to_bytes())


class PolarDecoder(Decoder):
    """Decodes ECG, acceleration, control replies, heart rate and battery of one strap."""

    def __init__(self, sensor: str) -> None:
        super().__init__(sensor)
        self._ecg = _Stream(Measurement.ECG, _WANTED_ECG, ecg_settings())
        self._acceleration = _Stream(Measurement.ACCELERATION, _WANTED_ACCELERATION, b"")
        self._may_ask_acceleration = False
        self._beats = heart_rate.BeatTimes()

    def open(self, at: Boottime) -> Iterable[Request]:
        """Read the battery and what the strap can measure; bring the ECG to run."""
        self._may_ask_acceleration = False
        self._acceleration.is_running = False
        return (Read(BATTERY_LEVEL), Read(CONTROL_POINT), *self._ecg.begin())

    def feed(self, data: bytes, at: Boottime, channel: str = DATA) -> Iterable[Output]:
        """Decode one notification or indication of ``channel``."""
        if channel == DATA:
            return tuple(self._samples(data, at))
        if channel == CONTROL_POINT:
            return tuple(self._control(data, at))
        if channel == heart_rate.MEASUREMENT:
            one = heart_rate.HeartRateMeasurement.from_bytes(data)
            return tuple(heart_rate.observations(one, at, self.sensor, self._beats))
        if channel == BATTERY_LEVEL:
            return (battery_level(data, at, self.sensor),)
        raise FrameError(f"channel {channel}", "not one of this driver's")

    def close(self) -> Iterable[Request]:
        """Stop the streams: a strap left streaming stays awake until its battery is empty."""
        kinds = [Measurement.ECG]
        if self._acceleration.is_running:
            kinds.append(Measurement.ACCELERATION)
        return tuple(
            Write(CONTROL_POINT, ControlRequest(Opcode.STOP, kind).to_bytes()) for kind in kinds
        )

    def _samples(self, data: bytes, at: Boottime) -> Iterator[Output]:
        if measurement_type(data) == Measurement.ACCELERATION:
            moved, stream = AccelerationFrame.from_bytes(data), self._acceleration
            unit = moved.milli_g_per_count(stream.factor)
            axes = tuple(zip(_AXES, np.ascontiguousarray(moved.counts.T), strict=True))
            yield from self._blocks(stream, axes, unit, moved.timestamp_ns, at)
        else:
            one = EcgFrame.from_bytes(data)
            yield from self._blocks(self._ecg, ((ECG, one.samples_uv),), 1.0, one.timestamp_ns, at)

    def _blocks(
        self,
        stream: _Stream,
        channels: tuple[tuple[Code, NDArray[np.int32]], ...],
        unit_per_count: float,
        last_ns: int,
        at: Boottime,
    ) -> Iterator[Output]:
        """Give one block of each channel, placed in time; one whose place is taken is left out."""
        stream.came()
        count = len(channels[0][1])
        join = stream.clock.judge(last_ns, count, at)
        for event in stream.clock.events(join, at, self.sensor):
            if event.kind is not EventKind.CLOCK_RESET or self._is_news(stream):
                yield event
        if join.is_repeat:
            return
        length_ns = round((count - 1) * stream.clock.period_ns)
        for code, samples in channels:
            yield Waveform(
                code=code,
                samples=samples,
                unit_per_count=unit_per_count,
                rate_hz=stream.clock.rate_hz,
                start=Boottime(at - length_ns),
                sensor=self.sensor,
                device_ns=last_ns - length_ns,
                follows_gap=join.follows_gap,
            )

    def _is_news(self, stream: _Stream) -> bool:
        """Whether the other stream has not told yet that the strap's one clock began anew."""
        other = self._acceleration if stream is self._ecg else self._ecg
        was_told, stream.reset_is_told = stream.reset_is_told, False
        other.reset_is_told = other.is_running and not was_told
        return not was_told

    def _control(self, data: bytes, at: Boottime) -> Iterator[Output]:
        value = control_value(data)
        match value:
            case Features():
                self._may_ask_acceleration = Measurement.ACCELERATION in value.offered
            case Stopped():
                for stream in (self._ecg, self._acceleration):
                    if stream.kind in value.kinds and stream.is_running:
                        yield self._stopped(stream, at)
                        yield from stream.start()
            case ControlReply():
                for stream in (self._ecg, self._acceleration):
                    if stream.kind == value.kind:
                        yield from self._answered(stream, value, at)

    def _answered(self, stream: _Stream, reply: ControlReply, at: Boottime) -> Iterator[Output]:
        if reply.opcode == Opcode.SETTINGS:
            is_final = reply.status is Status.BAD_MTU or stream is self._acceleration
            if reply.status is not Status.OK and is_final:
                yield self._refused(stream, reply.status, at)
            else:
                # A strap that can't be asked for its settings gives its ECG with an H10's.
                yield from stream.offered(reply)
        elif reply.opcode != Opcode.START:
            return
        elif reply.status is Status.ALREADY_IN_STATE:
            yield from stream.start_anew()
        elif reply.status is not Status.OK:
            yield self._refused(stream, reply.status, at)
        else:
            stream.factor, stream.is_running = reply.factor(), True
        if stream is self._ecg and stream.is_running and self._may_ask_acceleration:
            self._may_ask_acceleration = False
            yield from self._acceleration.begin()

    def _stopped(self, stream: _Stream, at: Boottime) -> Event:
        detail = {"stream": stream.kind.name, "reason": "the strap stopped the stream"}
        return Event(kind=EventKind.GAP, at=at, sensor=self.sensor, detail=detail)

    def _refused(self, stream: _Stream, status: Status, at: Boottime) -> Event:
        detail = {
            "stream": stream.kind.name,
            "reason": _REASONS.get(status, f"the strap answers {status.name.lower()}"),
            "next_step": _NEXT_STEPS.get(status, _NEXT_STEP_ELSE),
        }
        return Event(kind=EventKind.STREAM_REFUSED, at=at, sensor=self.sensor, detail=detail)


DRIVER = Driver(
    name="polar-pmd",
    title="Polar ECG strap (PMD service)",
    link=Gatt(
        service=heart_rate.SERVICE,
        notify=(CONTROL_POINT, DATA),
        optional=(heart_rate.MEASUREMENT, BATTERY_LEVEL),
        writable=(CONTROL_POINT,),
        silence_s=10.0,
    ),
    decoder=PolarDecoder,
    measures=(ECG,),
    also=(HEART_RATE, RR_INTERVAL, ACCELERATION_X, ACCELERATION_Y, ACCELERATION_Z, BATTERY),
    advice=(
        "Moisten the electrodes; the strap wakes up on the skin. It serves one listener unless two "
        "were allowed in the vendor's app, so close the app that holds it."
    ),
)
