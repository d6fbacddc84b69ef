import asyncio

import numpy as np

from edge_agent import codes
from edge_agent.model import Boottime, Event, EventKind, Observation, Waveform
from edge_agent.reading_queue import ReadingQueue


def wave(at):
    return Waveform(
        code=codes.ECG, samples=np.zeros(3, np.int32), unit_per_count=1.0, rate_hz=130.0,
        start=Boottime(at), sensor="ecg",
    )  # fmt: skip


def value(at):
    return Observation(code=codes.SPO2, value=97.0, at=Boottime(at), sensor="ox")


def event(at):
    return Event(kind=EventKind.CONNECTED, at=Boottime(at), sensor="ox")


async def drain(queue):
    return [await queue.get() for _ in range(len(queue))]


async def test_a_full_queue_drops_the_oldest_waveform_and_counts_it():
    queue = ReadingQueue(capacity=4)
    for reading in (value(1), wave(2), wave(3), event(4), value(5)):
        queue.put(reading)
    kept = await drain(queue)
    assert [getattr(one, "at", None) or one.start for one in kept] == [1, 3, 4, 5]
    assert queue.dropped == {"waveforms": 1}


async def test_without_waveforms_the_oldest_observation_goes_and_events_stay():
    queue = ReadingQueue(capacity=2)
    for reading in (event(1), value(2), value(3), event(4)):
        queue.put(reading)
    assert [one.at for one in await drain(queue)] == [1, 4]
    assert queue.dropped == {"observations": 2}


async def test_a_queue_of_events_alone_grows_rather_than_lose_one():
    queue = ReadingQueue(capacity=2)
    for at in range(4):
        queue.put(event(at))
    assert len(await drain(queue)) == 4


async def test_a_waiting_reader_gets_what_is_put_later():
    queue = ReadingQueue()
    waiting = asyncio.create_task(queue.get())
    await asyncio.sleep(0)
    queue.put(value(7))
    assert (await waiting).at == 7
