import asyncio

import pytest

from edge_agent.link.waiting import first, heed_cancellation, limited


async def never(ended):
    try:
        await asyncio.Event().wait()
    finally:
        ended.append("never")


async def test_the_first_to_end_ends_the_others():
    ended = []
    await first(asyncio.sleep(0), never(ended))
    assert ended == ["never"]


async def test_the_failure_of_one_is_raised_and_the_others_are_ended():
    async def fail():
        raise ValueError("here")

    ended = []
    with pytest.raises(ValueError, match="here"):
        await first(never(ended), fail())
    assert ended == ["never"]


async def test_who_is_cancelled_cancels_all():
    ended = []
    waiting = asyncio.create_task(first(never(ended), never(ended)))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    assert ended == ["never", "never"]


async def test_a_call_that_ends_in_time_gives_its_result_or_its_failure():
    async def fail():
        raise ValueError("here")

    assert await limited(asyncio.sleep(0, "done"), 5.0) == "done"
    with pytest.raises(ValueError, match="here"):
        await limited(fail(), 5.0)


async def test_a_call_that_clings_to_life_is_ended_all_the_same(monkeypatch):
    """As bleak does: cancelled while it connects, it waits for the daemon to undo that."""
    monkeypatch.setattr("edge_agent.link.waiting._GRACE_S", 0.01)
    undone = []

    async def cling():
        try:
            await asyncio.Event().wait()
        finally:
            try:
                await asyncio.Event().wait()
            finally:
                undone.append("given up")

    with pytest.raises(TimeoutError):
        await limited(cling(), 0.01)
    assert undone == ["given up"]


async def test_who_is_cancelled_takes_the_call_along():
    ended = []
    waiting = asyncio.create_task(limited(never(ended), 60.0))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    assert ended == ["never"]


async def test_a_cancellation_that_a_library_swallowed_is_heeded_after_all():
    async def swallow():
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            return  # asyncio.wait_for of Python 3.11 does this when the result is there just then

    async def work():
        while True:
            await swallow()
            heed_cancellation()

    heed_cancellation()
    task = asyncio.create_task(work())
    await asyncio.sleep(0)
    task.cancel()
    async with asyncio.timeout(5):
        await asyncio.wait({task})
    assert task.cancelled()
