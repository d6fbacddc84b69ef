"""Jobs that run for ever: started again after a fault, and ended even if they cling."""

import asyncio

from edge_agent import supervision
from edge_agent.clock import SystemClock


async def test_a_job_that_fails_is_started_again(monkeypatch):
    monkeypatch.setattr(supervision, "_RESTART_S", 0.0)
    starts = []

    async def job():
        starts.append(len(starts))
        if len(starts) < 3:
            raise ValueError("a fault")
        await asyncio.Event().wait()

    task = supervision.spawn("job", job, SystemClock())
    while len(starts) < 3:
        await asyncio.sleep(0)
    await supervision.end([task])
    assert task.cancelled()


async def test_a_job_in_which_a_library_swallows_the_cancellation_is_asked_again(monkeypatch):
    monkeypatch.setattr(supervision, "_FAREWELL_S", 0.01)
    swallowed = []

    async def job():
        while not swallowed:
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                swallowed.append("once")
        await asyncio.Event().wait()

    task = supervision.spawn("job", job, SystemClock())
    await asyncio.sleep(0)
    await supervision.end([task])
    assert (swallowed, task.cancelled()) == (["once"], True)


async def test_ending_nothing_is_no_work():
    await supervision.end([])
