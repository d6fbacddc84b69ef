"""Wellue and Viatom ECG recorders: ER1, ER2, DuoEK, VBeat.

Asked twice a second, a recorder tells its heart rate, its state, its battery and the ECG since it
was last asked, 125 samples a second. It stamps nothing: the samples follow each other, and a reply
that holds a quarter of a second less than has passed says that one before it was lost.

Layout as in the vendor's SDK (viatomEcho/LepuBle, ``Er1BleResponse.kt``). No capture of a real
recorder has been published, so the vectors are computed from it.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from enum import IntEnum, IntFlag

import numpy as np
from numpy.typing import NDArray

from edge_agent.codes import BATTERY, ECG, HEART_RATE
from edge_agent.driver import Driver, FrameError, Gatt, Output
from edge_agent.model import Boottime, Event, EventKind, Observation, State, Waveform
from edge_drivers.viatom_frames import NOTIFY, REQUEST, SERVICE, WRITE, Frame, FrameDecoder

RATE_HZ = 125.0
MICROVOLT_PER_COUNT = 1e3 * 1.0035 * 1800 / (4096 * 178.74)
"""About 2.467 uV: reference, resolution and gain of the recorder, as the vendor's SDK has them."""
NO_SAMPLE = 0x7FFF
REAL_TIME = 0x03
REPLY = 0x01
QUESTION = Frame(start=REQUEST, code=REAL_TIME, payload=b"\x7d")

_STATUS = struct.Struct("<HBBIB11x")
_NS_PER_SAMPLE = 8_000_000
_LOST_NS = 250_000_000


class Flag(IntFlag):
    """What the recorder says of its signal; bits 6 and 7 are the state of the battery."""

    R_PEAK = 0x01
    BAD_SIGNAL = 0x02
    POOR_SIGNAL = 0x04


class Run(IntEnum):
    """What the recorder is doing."""

    IDLE = 0
    PREPARING = 1
    RECORDING = 2
    ANALYSING = 3
    STORED = 4
    TOO_SHORT = 5
    STANDBY = 6
    LEAD_OFF = 7


_STATES = {
    Run.IDLE: State.NOT_ATTACHED,
    Run.STANDBY: State.NOT_ATTACHED,
    Run.LEAD_OFF: State.NOT_ATTACHED,
    Run.PREPARING: State.SEARCHING,
}


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class RealTime:
    """One reply: what the recorder is, and the ECG since the reply before.

    ``heart_rate_per_min`` is 0 while there is none, ``recorded_s`` counts since the recording
    began. ``run`` is what it does, ``before`` what it did. ``counts`` are the samples, shape
    ``(n,)``, int32; :data:`NO_SAMPLE` where the recorder has none.
    """

    heart_rate_per_min: int
    flags: int
    battery_percent: int
    recorded_s: int
    run: Run
    before: int
    counts: NDArray[np.int32]

    @classmethod
    def from_bytes(cls, data: bytes) -> RealTime:
        """Decode the payload of a reply.

        The count of samples is not checked: the vendor's own software goes by the length.

        :raises FrameError: too short, half a sample, or a state that is not known.
        """
        begin = _STATUS.size + 2
        if len(data) < begin or (len(data) - begin) % 2:
            raise FrameError("Viatom ECG", "cut short", len(data))
        heart_rate, flags, battery, recorded_s, run = _STATUS.unpack_from(data)
        if run & 0x0F not in set(Run):
            raise FrameError("Viatom ECG", f"state {run & 0x0F} is not known", 8)
        return cls(
            heart_rate_per_min=heart_rate,
            flags=flags,
            battery_percent=battery,
            recorded_s=recorded_s,
            run=Run(run & 0x0F),
            before=run >> 4,
            counts=np.frombuffer(data, "<i2", offset=begin).astype(np.int32),
        )

    def to_bytes(self) -> bytes:
        """Encode."""
        run = self.run | self.before << 4
        status = _STATUS.pack(
            self.heart_rate_per_min, self.flags, self.battery_percent, self.recorded_s, run
        )
        return status + struct.pack("<H", len(self.counts)) + self.counts.astype("<i2").tobytes()

    @property
    def state(self) -> State:
        """The state of what was measured."""
        if self.run in _STATES:
            return _STATES[self.run]
        if self.flags & (Flag.BAD_SIGNAL | Flag.POOR_SIGNAL):
            return State.QUESTIONABLE
        return State.MEASURED


class ErDecoder(FrameDecoder):
    """The conversation with one recorder."""

    def __init__(self, sensor: str) -> None:
        super().__init__(sensor, QUESTION, REQUEST)
        self._last_at: Boottime | None = None
        self._counted_ns = 0
        self._is_cut = False

    def _told(self, frame: Frame, at: Boottime) -> Iterator[Output]:
        if frame.code != REAL_TIME or frame.number & 0xFF != REPLY:
            raise FrameError("Viatom frame", "not a reply to what was asked", 1)
        one = RealTime.from_bytes(frame.payload)
        yield self._heart_rate(one, at)
        yield from self._battery(one.battery_percent, at)
        if len(one.counts):
            yield from self._ecg(one, at)

    def _heart_rate(self, one: RealTime, at: Boottime) -> Observation:
        state, value = one.state, one.heart_rate_per_min
        if state is State.MEASURED and value == 0:
            state = State.SEARCHING
        elif state is State.MEASURED and not HEART_RATE.is_plausible(value):
            state = State.QUESTIONABLE
        has_number = value > 0 and state in {State.MEASURED, State.QUESTIONABLE}
        return Observation(
            code=HEART_RATE,
            value=float(value) if has_number else None,
            at=at,
            sensor=self.sensor,
            state=state,
            quality=1.0 if state is State.MEASURED else 0.0,
        )

    def _ecg(self, one: RealTime, at: Boottime) -> Iterator[Waveform | Event]:
        """Give the samples by the count of all so far; what was lost counts too."""
        count, last_at = len(one.counts), self._last_at
        lost_ns = 0 if last_at is None else at - last_at - count * _NS_PER_SAMPLE
        if lost_ns > _LOST_NS:
            self._counted_ns += lost_ns
            self._is_cut = True
            yield self._gap(lost_ns // _NS_PER_SAMPLE, "a reply was lost", at)
        begun_ns, self._counted_ns = self._counted_ns, self._counted_ns + count * _NS_PER_SAMPLE
        self._last_at = at
        is_there = one.counts != NO_SAMPLE
        if not is_there.any():
            state = State.NOT_ATTACHED if one.state.is_measurement else one.state
            yield self._block(np.zeros_like(one.counts), state, begun_ns, at)
            return
        if not is_there.all():
            yield self._gap(count - int(is_there.sum()), "the recorder has no value for them", at)
        for begin, end in _stretches(is_there):
            self._is_cut |= begin > 0
            from_ns, until = begun_ns + begin * _NS_PER_SAMPLE, at - (count - end) * _NS_PER_SAMPLE
            yield self._block(one.counts[begin:end], one.state, from_ns, Boottime(until))
        self._is_cut = not is_there[-1]

    def _block(
        self, samples: NDArray[np.int32], state: State, device_ns: int, end: Boottime
    ) -> Waveform:
        follows_gap, self._is_cut = self._is_cut, False
        return Waveform(
            code=ECG,
            samples=samples,
            unit_per_count=MICROVOLT_PER_COUNT,
            rate_hz=RATE_HZ,
            start=Boottime(end - len(samples) * _NS_PER_SAMPLE),
            sensor=self.sensor,
            state=state,
            device_ns=device_ns,
            follows_gap=follows_gap,
        )

    def _gap(self, samples: int, reason: str, at: Boottime) -> Event:
        detail: dict[str, str | float] = {
            "stream": "ECG", "missing_samples": samples, "reason": reason,
        }  # fmt: skip
        return Event(kind=EventKind.GAP, at=at, sensor=self.sensor, detail=detail)


def _stretches(is_there: NDArray[np.bool_]) -> Iterator[tuple[int, int]]:
    """Give where each stretch of true values begins and ends."""
    edges = np.flatnonzero(np.diff(is_there.astype(np.int8), prepend=0, append=0)).tolist()
    yield from zip(edges[::2], edges[1::2], strict=True)


DRIVER = Driver(
    name="viatom-er",
    title="Wellue or Viatom ECG recorder (ER1, ER2, DuoEK, VBeat)",
    link=Gatt(service=SERVICE, notify=(NOTIFY,), writable=(WRITE,), silence_s=10.0, poll_s=0.5),
    decoder=ErDecoder,
    measures=(HEART_RATE,),  # every reply tells of it, also of a recorder that is idle
    also=(ECG, BATTERY),
    advice=(
        "Close the vendor's app: the recorder serves one listener. Without skin contact it shows "
        "no ECG and switches itself off after some minutes."
    ),
)
