"""A mock chest strap: Heart Rate service, battery, and Polar's PMD ECG stream.

Like a Polar H10 it streams 73 samples a frame, about 0.56 s apart, stamps each frame with the time
of its last sample by a clock that nobody has set (it begins in 2019), answers control requests by
indication, and goes on streaming until it is told to stop, even when the link is lost.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from typing import Final, Self

import numpy as np

from edge_agent.errors import FrameError
from edge_drivers import gatt, heart_rate, polar_pmd
from edge_drivers.polar_pmd import ControlReply, ControlRequest, EcgFrame, Opcode
from edge_mocks.bluez import Characteristic, Peripheral, Service, att_error
from edge_mocks.ecg import EcgSource, SyntheticEcg
from edge_mocks.shelf import BleMock
from edge_mocks.tasks import Tasks

SAMPLES_PER_FRAME: Final = 73
FIRST_CLOCK_NS: Final = 599_616_000_000_000_000
"""2019-01-01T00:00Z in nanoseconds since 2000: where a clock that was never set begins."""

_FEATURES = bytes([0x0F, 0x01]) + bytes(15)
_STOPPED_BY_DEVICE = bytes([0x01, polar_pmd.ECG_TYPE])
_BEATS_PER_RATE = 8


class PolarStrap:
    """A strap on a chest whose ECG comes from ``source``.

    ``source.rate_hz`` is the strap's true sampling rate; ``crystal_ppm`` is how much its clock
    runs fast. While ``attached`` is false the electrodes are open: no beats, a flat ECG.
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
    ) -> None:
        self.source, self.battery_percent, self.attached = source, battery_percent, True
        self._period_ns = 1e9 / source.rate_hz * (1 + crystal_ppm * 1e-6)
        self._samples = self._beats_told = 0
        self._streaming = False
        self._tasks = Tasks()
        self.rate = Characteristic(uuid=heart_rate.MEASUREMENT, flags=("notify",))
        self.control = Characteristic(
            uuid=polar_pmd.CONTROL_POINT,
            flags=("read", "write", "indicate"),
            value=_FEATURES,
            on_read=lambda: _FEATURES,
            on_write=self._control,
        )
        self.ecg = Characteristic(uuid=polar_pmd.DATA, flags=("notify",))
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
                Service(uuid=polar_pmd.SERVICE, characteristics=(self.control, self.ecg)),
            ),
            rng=rng,
            advertises=(heart_rate.SERVICE,),
            manufacturer={0x006B: b"\x3f\x00\x00"},
            mtu=232,
        )

    @property
    def streaming(self) -> bool:
        """Whether the ECG stream has been started and not stopped."""
        return self._streaming

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
        if len(samples) and self._streaming:
            if not self.attached:
                samples = np.zeros_like(samples)
            stamp_ns = FIRST_CLOCK_NS + round((self._samples - 1) * self._period_ns)
            self.ecg.notify(EcgFrame(stamp_ns, samples).to_bytes())
        if len(samples) < SAMPLES_PER_FRAME:
            if self._streaming:
                self.control.notify(_STOPPED_BY_DEVICE)
            self._streaming = False
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
        asyncio.get_running_loop().call_soon(self.control.notify, self._answer(data).to_bytes())

    def _answer(self, data: bytes) -> ControlReply:
        status = polar_pmd.Status
        try:
            request = ControlRequest.from_bytes(data)
        except FrameError:
            bad = status.BAD_OPCODE if len(data) > 1 else status.BAD_LENGTH
            return ControlReply(int.from_bytes(data[:1]), int.from_bytes(data[1:2]), bad)
        parameters = b""
        if request.kind != polar_pmd.ECG_TYPE:
            result = status.NOT_SUPPORTED
        elif request.opcode is Opcode.SETTINGS:
            result, parameters = status.OK, polar_pmd.ecg_settings()
        elif (request.opcode is Opcode.START) is self._streaming:
            result = status.ALREADY_IN_STATE
        elif request.opcode is Opcode.START and data[2:] != polar_pmd.ecg_settings():
            result = status.BAD_PARAMETER
        else:
            result, self._streaming = status.OK, request.opcode is Opcode.START
        return ControlReply(request.opcode, request.kind, result, parameters)


def _strap(rng: random.Random) -> PolarStrap:
    return PolarStrap(SyntheticEcg(rng, rate_hz=130.1, heart_rate_per_min=66.0), rng)


MOCK = BleMock(title="Polar H10 on a chest", make=_strap)
