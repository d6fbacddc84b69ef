"""What the device shelf costs: decoding, the way over Bluetooth, coming back, placing samples."""

from __future__ import annotations

import asyncio
import contextlib
import os
import random
import time
from collections.abc import AsyncIterator

import numpy as np

from edge_agent.clock import NS_PER_S, SystemClock
from edge_agent.device_clock import DeviceClock
from edge_agent.driver import Decoder, Driver, FrameError, Gatt
from edge_agent.link.feed import Feed
from edge_agent.link.gatt import Adapter, GattLink
from edge_agent.model import Boottime, Event, Observation
from edge_drivers import heart_rate, polar_pmd
from edge_mocks.bluez import Bluez, Characteristic, Peripheral, Service
from edge_mocks.bus import PrivateBus
from edge_mocks.polar import MOCK
from tests.every_driver import SUBJECTS, UnderTest, steps

Row = tuple[str, str, str]

_DECODE_S = 0.2
_NOTIFICATIONS, _OCTETS = 20_000, 229
_RECONNECTS = 40
_ON_THE_WAY, _HANG_S = 50, 60.0
_JITTER_S, _CRYSTAL_PPM, _FRAME_S = 0.2, 50.0, 0.5615


def decoding_rows() -> list[Row]:
    """How many frames of its captures each driver decodes in a second of one core."""
    by_driver = {subject.driver.name: subject for subject in SUBJECTS}
    return [
        (f"decode {name}", f"{_frames_per_s(subject):,.0f} frames/s", "")
        for name, subject in sorted(by_driver.items())
    ]


def _frames_per_s(subject: UnderTest) -> float:
    fed = [step for case in subject.cases for step in steps(case) if step.octets]
    frames, began = 0, time.process_time()
    while time.process_time() - began < _DECODE_S:
        decoder = subject.decoder()
        decoder.open(fed[0].at)
        for step in fed:
            with contextlib.suppress(FrameError):
                for _ in decoder.feed(step.octets, step.at, step.channel):
                    frames += 0
            frames += 1
    return frames / (time.process_time() - began)


def link_rows() -> list[Row]:
    """Notifications through the whole Bluetooth path, and how soon a lost sensor streams again."""
    return [*asyncio.run(_throughput()), *asyncio.run(_reconnects())]


@contextlib.asynccontextmanager
async def _bluez() -> AsyncIterator[Bluez]:
    with PrivateBus() as bus:
        os.environ["DBUS_SYSTEM_BUS_ADDRESS"] = bus.address
        async with Bluez(bus.address, rng=random.Random(1)) as bluez:
            yield bluez


class _Counting(Decoder):
    """A decoder that costs nothing: what is measured is the way to it."""

    def feed(self, data: bytes, at: Boottime, channel: str = "") -> tuple[Observation, ...]:
        return (Observation(code=heart_rate.DRIVER.measures[0], value=60, at=at, sensor="s"),)


async def _throughput() -> list[Row]:
    stream = Characteristic(uuid=polar_pmd.DATA, flags=("notify",))
    services = (Service(uuid=polar_pmd.SERVICE, characteristics=(stream,)),)
    sensor = Peripheral(
        address="C0:00:00:00:00:01", name="fast", services=services, rng=random.Random(1)
    )
    gatt = Gatt(service=polar_pmd.SERVICE, notify=(polar_pmd.DATA,))
    measures = heart_rate.DRIVER.measures
    driver = Driver(name="fast", title="fast", link=gatt, decoder=_Counting, measures=measures)
    async with _bluez() as bluez:
        bluez.add(sensor)
        feed, task = _linked(sensor, driver, [])
        while not stream.subscribed:
            await asyncio.sleep(0.01)
        frame, began = bytes(_OCTETS), time.monotonic()
        for number in range(1, _NOTIFICATIONS + 1):
            stream.notify(frame)
            # The bus hangs up on a sender whose messages pile up.
            while number - feed.status.frames > _ON_THE_WAY and time.monotonic() - began < _HANG_S:
                await asyncio.sleep(0)
        while feed.status.frames < _NOTIFICATIONS and time.monotonic() - began < _HANG_S:
            await asyncio.sleep(0)
        took_s = time.monotonic() - began
        await _ended(task)
    lost = _NOTIFICATIONS - feed.status.frames
    rate = f"{feed.status.frames / took_s:,.0f}/s, {lost} lost"
    return [(f"notifications of {_OCTETS} octets, mock and hub in one process", rate, "ECG: 2/s")]


async def _reconnects() -> list[Row]:
    emitted: list[object] = []
    waits: list[float] = []
    async with _bluez() as bluez:
        strap = MOCK.make(random.Random(1))
        bluez.add(strap.peripheral)
        async with strap:
            _, task = _linked(strap.peripheral, polar_pmd.DRIVER, emitted)
            await _value(emitted)
            for _ in range(_RECONNECTS):
                device = bluez.device(strap.peripheral)
                if device is None:
                    raise SystemExit("the mock lost its device")
                emitted.clear()
                began = time.monotonic()
                device.link_lost()
                await _value(emitted)
                waits.append(time.monotonic() - began)
            await _ended(task)
    p50, p95 = np.percentile(waits, [50, 95])
    return [
        ("link lost to first value again, p50 / p95", f"{p50:.2f} / {p95:.2f} s", "aim <= 3 s p95")
    ]


def _linked(
    sensor: Peripheral, driver: Driver, emitted: list[object]
) -> tuple[Feed, asyncio.Task[None]]:
    if not isinstance(driver.link, Gatt):
        raise TypeError(driver.name)
    clock = SystemClock()
    feed = Feed("bench", driver, clock, emitted.append)
    link = GattLink(feed, sensor.address, driver.link, Adapter(), clock, random.Random(1))
    return feed, asyncio.create_task(link.run())


async def _value(emitted: list[object]) -> None:
    while all(isinstance(one, Event) for one in emitted):
        await asyncio.sleep(0.005)


async def _ended(task: asyncio.Task[None]) -> None:
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


def time_rows() -> list[Row]:
    """How far from the truth samples are placed: an hour, 50 ppm, 0 to 200 ms of jitter."""
    rng, fit = random.Random(1), DeviceClock()
    errors, arrivals = [], []
    for index in range(round(3600 / _FRAME_S)):
        true_ns = round(index * _FRAME_S * NS_PER_S)
        late_ns = round(rng.uniform(0, _JITTER_S) * NS_PER_S)
        device_ns = round(true_ns * (1 + _CRYSTAL_PPM * 1e-6))
        errors.append(abs(fit.align(device_ns, Boottime(true_ns + late_ns)) - true_ns) / 1e6)
        arrivals.append(late_ns / 1e6)
    settled = errors[round(120 / _FRAME_S) :]
    placed = f"{np.percentile(settled, 95):.1f} / {max(settled):.1f} ms"
    arrival = f"{np.percentile(arrivals, 95):.0f} / {max(arrivals):.0f} ms by arrival"
    return [("time error of samples after 2 min, p95 / worst", placed, f"{arrival}; aim <= 10")]
