"""Waiting that comes to an end: for the first of several things, and for a call that may hang."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, Final, TypeVar

_T = TypeVar("_T")

_GRACE_S: Final = 1.0


async def first(*works: Coroutine[Any, Any, object]) -> None:
    """Run ``works`` side by side until one ends, and cancel the others; its failure is ours."""
    tasks = [asyncio.ensure_future(work) for work in works]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            task.result()
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def heed_cancellation() -> None:
    """Raise if this task has been asked to end and the call it was in has swallowed that.

    ``asyncio.wait_for`` of Python 3.11 does so when the result comes at the same moment: a loop
    around such a call would never end.

    :raises asyncio.CancelledError: it has been asked to end.
    """
    task = asyncio.current_task()
    if task is not None and task.cancelling():
        raise asyncio.CancelledError


async def limited(call: Coroutine[Any, Any, _T], limit_s: float) -> _T:
    """Await ``call`` for ``limit_s`` seconds at most, and be rid of it then.

    A library may answer its cancellation by undoing what was begun, and wait for that as long as
    it takes (bleak does, for a daemon that hangs). It is cancelled again until it gives up.

    :raises TimeoutError: it has not come to an end.
    """
    task = asyncio.ensure_future(call)
    try:
        await asyncio.wait({task}, timeout=limit_s)
        if task.done():
            return task.result()
        raise TimeoutError
    finally:
        while not task.done():
            task.cancel()
            await asyncio.wait({task}, timeout=_GRACE_S)
        if not task.cancelled():
            task.exception()  # what a call says that was given up is of no interest
