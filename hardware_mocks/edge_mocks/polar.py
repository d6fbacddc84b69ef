"""A mock chest strap: Heart Rate service, battery, and Polar's PMD streams.

Like a Polar H10 it streams 73 samples of ECG a frame, about 0.56 s apart, and acceleration in
frames of its own; it stamps each frame with the time of its last sample by a clock that nobody has
set (it begins in 2019), answers control requests by indication, and goes on streaming until it is
told to stop, even when the link is lost.
"""

from __future__ import annotations

import asyncio
import random
import struct
from collections.abc import Callable
from typing import Final, Self

import numpy as np
from numpy.typing import NDArray

from edge_agent.errors import FrameError
from edge_drivers import gatt, heart_rate, polar_pmd
from edge_drivers.polar_pmd_codec import AccelerationFrame, EcgFrame
from edge_drivers.polar_pmd_control_codec import (
    ECG_SETTINGS,
    ControlReply,
    ControlRequest,
    Features,
    Measurement,
    Opcode,
    Setting,
    Settings,
    Status,
    Stopped,
)
from edge_mocks.bluez import Characteristic, Peripheral, Service, att_error
from edge_mocks.ecg import EcgSource, SyntheticEcg
from edge_mocks.shelf import BleMock
from edge_mocks.tasks import Tasks

SAMPLES_PER_FRAME: Final = 73
FIRST_CLOCK_NS: Final = 599_616_000_000_000_000
"""2019-01-01T00:00Z in nanoseconds since 2000: where a clock that was never set begins."""

ACCELERATION_SETTINGS: Final = Settings({
    Setting.RATE: (25, 50, 100, 200), Setting.RESOLUTION: (16,), Setting.RANGE: (2, 4, 8),
})  # fmt: skip
_OFFERED: Final = {
    Measurement.ECG: ECG_SETTINGS, Measurement.ACCELERATION: ACCELERATION_SETTINGS,
}  # fmt: skip
_ACCELERATION_PER_FRAME: Final = 36
_RAW, _COMPRESSED = 0x01, 0x81
_COMPRESSED_FACTOR: Final = 0.244
_LEAST_MTU: Final = 70
_BEATS_PER_RATE = 8


class PolarStrap:
    """A strap on a chest whose ECG comes from ``source``.

    ``source.rate_hz`` is the strap's true sampling rate; ``crystal_ppm`` is how much its clock
    runs fast. While ``attached`` is false the electrodes are open: no beats, a flat ECG. One that
    ``compresses`` packs its acceleration as differences, as newer sensors do.

    Faults: while ``is_stuck`` the link stands and no samples come; ``answer_delay_s`` makes it slow
    to answer; ``settings_piece`` is how many octets of its settings it puts into one answer. With
    an ATT MTU below 70 it refuses to stream.
    """

    def __init__(
        self,
        source: EcgSource,
        rng: random.Random,
        *,
        address: str = "A0:9E:1A:00:00:01",
        name: str = "Polar H10 A0000001",
        crystal_ppm: float = 20.0,
        battery_percent: int = 87,
        has_acceleration: bool = True,
        compresses: bool = False,
    ) -> None:
        self.source, self.battery_percent, self.attached = source, battery_percent, True
        self.is_stuck, self.answer_delay_s, self.settings_piece = False, 0.0, 255
        self.compresses = compresses
        self._kinds = {Measurement.ECG, *([Measurement.ACCELERATION] * has_acceleration)}
        self._running: dict[int, Settings] = {}
        self._moving: asyncio.Task[None] | None = None
        self._noise = np.random.default_rng(rng.getrandbits(64))
        self._period_ns = 1e9 / source.rate_hz * (1 + crystal_ppm * 1e-6)
        self._clock_ns = FIRST_CLOCK_NS
        self._samples = self._beats_told = 0
        self._tasks = Tasks()
        self.rate = Characteristic(uuid=heart_rate.MEASUREMENT, flags=("notify",))
        self.control = Characteristic(
            uuid=polar_pmd.CONTROL_POINT,
            flags=("read", "write", "indicate"),
            on_read=Features(frozenset(self._kinds)).to_bytes,
            on_write=self._control,
        )
        self.samples = Characteristic(uuid=polar_pmd.DATA, flags=("notify",))
        self.battery = Characteristic(
            uuid=gatt.BATTERY_LEVEL,
            flags=("read", "notify"),
            on_read=lambda: bytes([self.battery_percent]),
        )
        self.peripheral = Peripheral(
            address=address,
            name=name,
            services=(
                Service(uuid=heart_rate.SERVICE, characteristics=(self.rate,)),
                Service(uuid=gatt.BATTERY_SERVICE, characteristics=(self.battery,)),
                Service(uuid=polar_pmd.SERVICE, characteristics=(self.control, self.samples)),
            ),
            rng=rng,
            advertises=(heart_rate.SERVICE,),
            manufacturer={0x006B: b"\x3f\x00\x00"},
            mtu=232,
        )

    @property
    def streaming(self) -> bool:
        """Whether the ECG stream has been started and not stopped."""
        return Measurement.ECG in self._running

    @property
    def moves(self) -> bool:
        """Whether the acceleration has been started and not stopped."""
        return Measurement.ACCELERATION in self._running

    @property
    def clock_ns(self) -> int:
        """What the strap's clock shows at the last sample, in nanoseconds since 2000."""
        return self._clock_ns + round((self._samples - 1) * self._period_ns)

    def jump_clock(self, seconds: float) -> None:
        """Let the clock leap, as when an app sets it."""
        self._clock_ns += round(seconds * 1e9)

    def reset_clock(self) -> None:
        """Let the clock begin anew in 2019, as after a minute off the skin."""
        self._clock_ns = FIRST_CLOCK_NS - round(self._samples * self._period_ns)

    def stop_by_itself(self) -> None:
        """Stop every stream and say so."""
        kinds = tuple(self._running)
        for kind in kinds:
            self._stop(kind)
        self.control.notify(Stopped(kinds).to_bytes())

    def heart_rate_per_min(self) -> float | None:
        """Return the true mean rate over the last beats, or ``None`` before the third beat."""
        beats = self.source.beat_times[-_BEATS_PER_RATE - 1 :]
        return 60 * (len(beats) - 1) / float(beats[-1] - beats[0]) if len(beats) > 2 else None

    async def __aenter__(self) -> Self:
        self._tasks.spawn(self._every(SAMPLES_PER_FRAME / self.source.rate_hz, self._sample))
        self._tasks.spawn(self._every(1.0, self._tell_rate))
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._tasks.close()

    async def _every(self, period_s: float, act: Callable[[], bool]) -> None:
        """Act at multiples of ``period_s`` without drift, until ``act`` says that it is over."""
        loop = asyncio.get_running_loop()
        due = loop.time()
        while True:
            due += period_s
            await asyncio.sleep(max(0.0, due - loop.time()))
            if not act():
                return

    def _sample(self) -> bool:
        samples = self.source.read(SAMPLES_PER_FRAME)
        self._samples += len(samples)
        if len(samples) and self.streaming and not self.is_stuck:
            if not self.attached:
                samples = np.zeros_like(samples)
            self.samples.notify(EcgFrame(self.clock_ns, samples).to_bytes())
        if len(samples) < SAMPLES_PER_FRAME:
            if self.streaming:
                self.stop_by_itself()
            return False
        return True

    def _tell_rate(self) -> bool:
        """Send the heart rate and the RR intervals that ended since the last time."""
        beats = self.source.beat_times
        ended = np.diff(beats[max(0, self._beats_told - 1) :])
        self._beats_told = len(beats)
        rate = self.heart_rate_per_min()
        if rate is None or not self.attached:
            measurement = heart_rate.HeartRateMeasurement(rate_per_min=0)
        else:
            measurement = heart_rate.HeartRateMeasurement(
                rate_per_min=round(rate),
                rr_1024=tuple(round(interval_s * 1024) for interval_s in ended.tolist()),
            )
        self.rate.notify(measurement.to_bytes())
        return True

    def _control(self, data: bytes) -> None:
        if not self.control.subscribed:
            raise att_error(0xFD)
        # The indication follows the answer to the write, as it does on the air.
        loop = asyncio.get_running_loop()
        for reply in self._answers(data):
            loop.call_later(self.answer_delay_s, self.control.notify, reply.to_bytes())

    def _answers(self, data: bytes) -> list[ControlReply]:
        try:
            request = ControlRequest.from_bytes(data)
        except FrameError:
            bad = Status.BAD_OPCODE if len(data) > 1 else Status.BAD_LENGTH
            return [ControlReply(int.from_bytes(data[:1]), int.from_bytes(data[1:2]), bad)]
        kind = request.kind
        if kind not in self._kinds:
            return [ControlReply(request.opcode, kind, Status.NOT_SUPPORTED)]
        if request.opcode is Opcode.STOP:
            status = Status.OK if kind in self._running else Status.ALREADY_IN_STATE
            self._stop(kind)
            return [ControlReply(request.opcode, kind, status)]
        if self.peripheral.mtu < _LEAST_MTU:
            return [ControlReply(request.opcode, kind, Status.BAD_MTU)]
        if request.opcode is Opcode.SETTINGS:
            return self._settings(Measurement(kind))
        status, parameters = self._start(Measurement(kind), request.parameters)
        return [ControlReply(request.opcode, kind, status, parameters)]

    def _settings(self, kind: Measurement) -> list[ControlReply]:
        octets, piece = _OFFERED[kind].to_bytes(), self.settings_piece
        return [
            ControlReply(
                Opcode.SETTINGS, kind, Status.OK, octets[at : at + piece], at + piece < len(octets)
            )
            for at in range(0, len(octets), piece)
        ]

    def _start(self, kind: Measurement, parameters: bytes) -> tuple[Status, bytes]:
        if kind in self._running:
            return Status.ALREADY_IN_STATE, b""
        try:
            chosen = Settings.from_bytes(parameters)
        except FrameError:
            return Status.BAD_PARAMETER, b""
        offered = _OFFERED[kind].values
        if set(chosen.values) != set(offered) or any(
            len(values) != 1 or values[0] not in offered[setting]
            for setting, values in chosen.values.items()
        ):
            return Status.BAD_PARAMETER, b""
        self._running[kind] = chosen
        if kind is Measurement.ECG:
            return Status.OK, b"\0"
        self._moving = self._tasks.spawn(self._move(chosen.one(Setting.RATE, 0)))
        if not self.compresses:
            return Status.OK, bytes([_RAW])
        (factor,) = struct.unpack("<I", struct.pack("<f", _COMPRESSED_FACTOR))
        return Status.OK, Settings({Setting.FACTOR: (factor,)}).to_bytes()

    def _stop(self, kind: int) -> None:
        self._running.pop(kind, None)
        if kind == Measurement.ACCELERATION and self._moving is not None:
            self._moving.cancel()
            self._moving = None

    async def _move(self, rate_hz: int) -> None:
        """Send acceleration for as long as it is asked for, by the strap's one clock."""
        begun_ns, done = self.clock_ns - self._clock_ns, 0

        def tell() -> bool:
            nonlocal done
            counts = self._acceleration(done + np.arange(_ACCELERATION_PER_FRAME), rate_hz)
            done += len(counts)
            stamp_ns = self._clock_ns + begun_ns + round((done - 1) / rate_hz * 1e9)
            frame_type = _COMPRESSED if self.compresses else _RAW
            if not self.is_stuck:
                frame = AccelerationFrame(stamp_ns, counts, frame_type)
                self.samples.notify(frame.to_bytes())
            return True

        await self._every(_ACCELERATION_PER_FRAME / rate_hz, tell)

    def _acceleration(self, index: NDArray[np.int64], rate_hz: int) -> NDArray[np.int32]:
        """Return counts of a person who lies on the back and breathes 15 times a minute."""
        milli_g = self._noise.normal(0.0, 3.0, (len(index), 3))
        milli_g[:, 2] += 980.0 + 8.0 * np.sin(2 * np.pi * 0.25 * index / rate_hz)
        per_count = _COMPRESSED_FACTOR if self.compresses else 1.0
        return np.rint(milli_g / per_count).astype(np.int32)


def _strap(rng: random.Random) -> PolarStrap:
    return PolarStrap(SyntheticEcg(rng, rate_hz=130.1, heart_rate_per_min=66.0), rng)


MOCK = BleMock(title="Polar H10 on a chest", make=_strap)
