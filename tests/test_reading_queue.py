import asyncio

import numpy as np

from edge_agent import codes
from edge_agent.model import Boottime, Event, EventKind, Observation, Waveform
from edge_agent.reading_queue import ReadingQueue


def wave(at, code=codes.ECG):
    return Waveform(
        code=code, samples=np.zeros(3, np.int32), unit_per_count=1.0, rate_hz=130.0,
        start=Boottime(at), sensor="ecg",
    )  # fmt: skip


def value(at):
    return Observation(code=codes.SPO2, value=97.0, at=Boottime(at), sensor="ox")


def event(at):
    return Event(kind=EventKind.CONNECTED, at=Boottime(at), sensor="ox")


async def drain(queue):
    """Take everything that waits, without what the queue itself has to tell."""
    told = []
    while len(queue):
        told.append(await queue.get())
    return [one for one in told if getattr(one, "kind", None) is not EventKind.DROPPED]


def times(readings):
    return [one.start if isinstance(one, Waveform) else one.at for one in readings]


async def test_a_full_queue_drops_the_oldest_waveform_and_marks_the_gap():
    queue = ReadingQueue(capacity=4)
    for reading in (value(1), wave(2), wave(3), event(4), value(5)):
        queue.put(reading)
    kept = await drain(queue)
    assert times(kept) == [1, 3, 4, 5]
    assert queue.dropped == {"waveforms": 1}
    assert kept[1].follows_gap


async def test_a_gap_is_marked_on_the_next_waveform_when_none_is_waiting():
    queue = ReadingQueue(capacity=2)
    for reading in (wave(1), value(2), value(3)):
        queue.put(reading)
    await drain(queue)
    queue.put(wave(4))
    queue.put(wave(5))
    assert [one.follows_gap for one in await drain(queue)] == [True, False]


async def test_a_gap_in_one_wave_of_a_sensor_is_not_marked_on_another():
    queue = ReadingQueue(capacity=3)
    for reading in (wave(1), wave(2, codes.ACCELERATION_X), wave(3), wave(4)):
        queue.put(reading)
    kept = await drain(queue)
    assert [(one.code.title, one.follows_gap) for one in kept] == [
        ("acceleration x", False), ("ECG", True), ("ECG", False),
    ]  # fmt: skip


async def test_what_was_dropped_is_told_once_when_the_rush_is_over():
    queue = ReadingQueue(capacity=4)
    for at in range(9):
        queue.put(wave(at))
    told = [await queue.get() for _ in range(5)]
    events = [one for one in told if isinstance(one, Event)]
    assert [(one.kind, dict(one.detail)) for one in events] == [
        (EventKind.DROPPED, {"waveforms": 5})
    ]
    assert len(queue) == 0


async def test_without_waveforms_the_oldest_observation_goes_before_any_event():
    queue = ReadingQueue(capacity=2)
    for reading in (event(1), value(2), value(3), event(4)):
        queue.put(reading)
    assert times(await drain(queue)) == [1, 4]
    assert queue.dropped == {"observations": 2}


async def test_a_queue_of_events_alone_is_bounded_too():
    queue = ReadingQueue(capacity=3)
    for at in range(10):
        queue.put(event(at))
    assert len(queue) == 3
    assert queue.dropped == {"events": 7}


async def test_a_waiting_reader_gets_what_is_put_later():
    queue = ReadingQueue()
    waiting = asyncio.create_task(queue.get())
    await asyncio.sleep(0)
    queue.put(value(7))
    assert (await waiting).at == 7
