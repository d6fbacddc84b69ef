"""Movesense chest sensors (MD, HR2): ECG and heart rate over GATT SensorData (GSP).

Sensors differ by firmware in the forms of ECG that they have, so the driver asks for one after the
other until the sensor agrees. Blocks of ECG bear the sensor's time of their first sample, which
begins anew whenever the sensor wakes.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np

from edge_agent.codes import ECG, HEART_RATE, RR_INTERVAL
from edge_agent.driver import Decoder, Driver, FrameError, Gatt, Output, Request, Write
from edge_agent.model import Boottime, Code, Event, EventKind, Observation, State, Waveform
from edge_drivers.movesense_codec import (
    BLOCK_SAMPLES,
    ECG_OCTETS,
    WRAP_MS,
    Command,
    EcgBlock,
    HeartRate,
    Kind,
    Operation,
    Reference,
    Result,
)
from edge_drivers.sample_clock import SampleClock

SERVICE = "34802252-7185-4d5d-b431-630e7050e8f0"
COMMAND = "34800001-7185-4d5d-b431-630e7050e8f0"
DATA = "34800002-7185-4d5d-b431-630e7050e8f0"

ECG_PATHS = (
    (Reference.ECG, "/Meas/ECG/125", 125.0),
    (Reference.ECG, "/Meas/ECG/128", 128.0),
    (Reference.ECG_MICROVOLT, "/Meas/ECG/125/mV", 125.0),
)
"""What is asked for, in this order, until the sensor agrees: reference, path, rate in hertz."""
HEART_RATE_PATH = "/Meas/HR"

_NS_PER_MS = 1_000_000
_NO_BEAT_NS = 5_000_000_000
"""The sensor tells a heart rate with every beat; after so long without one it is searching."""
_OK = 200
_REASONS = {
    400: "it does not understand the request",
    404: "it has no such measurement",
    409: "another measurement stands in the way",
    413: "its blocks do not fit the link",
    500: "it reports a fault of its own",
    501: "its firmware can't do that",
    507: "it has no room for another subscription",
}
_NEXT_STEP = "Close whatever else listens to the sensor, and check that its firmware has GSP"


class MovesenseDecoder(Decoder):
    """The conversation with one sensor: ask for ECG and heart rate, and read what comes."""

    def __init__(self, sensor: str) -> None:
        super().__init__(sensor)
        self._asked = 0
        self._unanswered: set[int] = set()
        self._clock = SampleClock("ECG", ECG_PATHS[0][2])
        self._last_ms, self._wrapped_ms = 0, 0
        self._half = b""
        self._rate_at: Boottime | None = None

    def open(self, at: Boottime) -> Iterable[Request]:
        """Subscribe; the sensor has forgotten what was subscribed on an earlier link."""
        self._asked, self._half = 0, b""
        self._unanswered = {Reference.HEART_RATE}
        self._clock.restart()
        return (
            _write(Command(Operation.HELLO, Reference.HELLO)),
            self._ask_for_ecg(),
            _write(Command(Operation.SUBSCRIBE, Reference.HEART_RATE, HEART_RATE_PATH)),
        )

    def close(self) -> Iterable[Request]:
        """Let the sensor stop measuring and sleep; whether it could, nobody needs to know."""
        self._unanswered = set()
        reference, _, _ = ECG_PATHS[self._asked]
        return tuple(
            _write(Command(Operation.UNSUBSCRIBE, one)) for one in (reference, Reference.HEART_RATE)
        )

    def feed(self, data: bytes, at: Boottime, channel: str = DATA) -> Iterable[Output]:
        """Decode one notification of ``channel``."""
        if channel != DATA:
            raise FrameError(f"channel {channel}", "not one of this driver's")
        if len(data) < 2:
            raise FrameError("Movesense notification", "shorter than two octets", len(data))
        match data[0], data[1]:
            case Kind.RESULT, _:
                return tuple(self._answered(Result.from_bytes(data), at))
            case Kind.VALUES, Reference.HELLO:
                return ()  # its names and versions, which nobody needs to know
            case Kind.VALUES, Reference.ECG | Reference.ECG_MICROVOLT:
                return tuple(self._ecg_or_half(data, at))
            case Kind.MORE_VALUES, Reference.ECG | Reference.ECG_MICROVOLT:
                return tuple(self._other_half(data, at))
            case Kind.VALUES, Reference.HEART_RATE:
                return tuple(self._heart_rate(HeartRate.from_bytes(data), at))
        raise FrameError("Movesense notification", "of a kind nobody asked for")

    def _ask_for_ecg(self) -> Write:
        reference, path, _ = ECG_PATHS[self._asked]
        self._unanswered.add(reference)
        return _write(Command(Operation.SUBSCRIBE, reference, path))

    def _answered(self, result: Result, at: Boottime) -> Iterator[Output]:
        """Take an answer; where ECG is refused, ask for the next form of it."""
        if result.reference not in self._unanswered:
            return
        self._unanswered.discard(result.reference)
        if result.status == _OK:
            return
        reference, path, _ = ECG_PATHS[self._asked]
        is_ecg = result.reference == reference
        if is_ecg and self._asked + 1 < len(ECG_PATHS):
            self._asked += 1
            yield self._ask_for_ecg()
            return
        reason = _REASONS.get(result.status, f"it answers {result.status}")
        detail = {"stream": path if is_ecg else HEART_RATE_PATH, "reason": reason}
        yield self._event(EventKind.STREAM_REFUSED, at, **detail, next_step=_NEXT_STEP)

    def _ecg_or_half(self, data: bytes, at: Boottime) -> Iterator[Output]:
        """Decode a block, or keep the half that fits the link until the other half comes."""
        if 2 < len(data) < ECG_OCTETS[data[1]]:
            self._half = data
            return
        block = EcgBlock.from_bytes(data)
        self._half = b""
        yield from self._ecg(block, at)

    def _other_half(self, data: bytes, at: Boottime) -> Iterator[Output]:
        if self._half[1:2] != data[1:2]:
            raise FrameError("Movesense ECG", "half a block whose first half is missing")
        block = EcgBlock.from_bytes(self._half + data[2:])
        self._half = b""
        yield from self._ecg(block, at)

    def _ecg(self, block: EcgBlock, at: Boottime) -> Iterator[Output]:
        _, _, rate_hz = ECG_PATHS[self._asked]
        length_ns = round(BLOCK_SAMPLES * 1e9 / rate_hz)
        device_ns = self._unwrapped(block.time_ms) * _NS_PER_MS
        join = self._clock.judge(device_ns + length_ns, BLOCK_SAMPLES, at)
        yield from self._clock.events(join, at, self.sensor)
        if join.is_repeat:
            return
        yield Waveform(
            code=ECG,
            samples=block.samples,
            unit_per_count=block.unit_per_count,
            rate_hz=rate_hz,
            start=Boottime(at - length_ns),
            sensor=self.sensor,
            device_ns=device_ns,
            follows_gap=join.follows_gap,
        )
        if self._rate_at is None:
            self._rate_at = at
        elif at - self._rate_at > _NO_BEAT_NS:
            self._rate_at = at
            yield self._observation(HEART_RATE, 0.0, at)

    def _unwrapped(self, time_ms: int) -> int:
        """Follow the 32-bit counter over its end; one that merely falls has begun anew."""
        if self._last_ms - time_ms > WRAP_MS // 2:
            self._wrapped_ms += WRAP_MS
        self._last_ms = time_ms
        return time_ms + self._wrapped_ms

    def _heart_rate(self, one: HeartRate, at: Boottime) -> Iterator[Observation]:
        self._rate_at = at
        yield self._observation(HEART_RATE, one.average_per_min, at)
        yield self._observation(RR_INTERVAL, float(one.rr_ms), at)

    def _observation(self, code: Code, value: float, at: Boottime) -> Observation:
        """Give a number; zero is what the sensor says while it looks for beats."""
        number: float | None = value
        state = State.MEASURED if code.is_plausible(value) else State.QUESTIONABLE
        if value == 0 or not np.isfinite(value):
            number, state = None, State.SEARCHING
        return Observation(
            code=code,
            value=number,
            at=at,
            sensor=self.sensor,
            state=state,
            quality=1.0 if state is State.MEASURED else 0.0,
        )

    def _event(self, kind: EventKind, at: Boottime, **detail: str) -> Event:
        return Event(kind=kind, at=at, sensor=self.sensor, detail=dict(detail))


def _write(command: Command) -> Write:
    return Write(COMMAND, command.to_bytes())


def _without_names(data: bytes, channel: str) -> bytes:
    """Blank the answer to a hello, which bears the sensor's serial number and address."""
    if channel == DATA and data[:2] == bytes([Kind.VALUES, Reference.HELLO]):
        return data[:2] + bytes(len(data) - 2)
    return data


DRIVER = Driver(
    name="movesense",
    title="Movesense chest sensor (GATT SensorData)",
    link=Gatt(service=SERVICE, notify=(DATA,), writable=(COMMAND,), silence_s=10.0),
    decoder=MovesenseDecoder,
    measures=(ECG, HEART_RATE),
    also=(RR_INTERVAL,),
    advice=(
        "Needs the GATT SensorData firmware of Movesense. The sensor serves one listener at a time "
        "and switches itself off half a minute after it was left alone."
    ),
    scrub=_without_names,
)
