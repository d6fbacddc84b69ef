"""What waits to be sealed: alarms first, then summaries; taken off only once it is stored."""

from __future__ import annotations

import asyncio
from collections import Counter, deque
from dataclasses import dataclass

from edge_agent.store.seal import RecordClass
from edge_agent.summary import Tables

SUMMARIES_AT_MOST = 32
"""Summaries that wait while the store is in trouble: half an hour of them, one a minute."""

ALARMS_AT_MOST = 4096
"""Alarms that wait: days of them. They stand in the hub's status all the while."""


@dataclass(frozen=True, slots=True)
class Draft:
    """The tables of a record about ``subject`` (a pseudonym, 16 octets), not sealed yet."""

    record_class: RecordClass
    tables: Tables
    subject: bytes


class Outgoing:
    """Drafts on their way to the store, bounded; of what piles up the oldest goes, counted."""

    def __init__(self) -> None:
        self.dropped: Counter[RecordClass] = Counter()
        self.longest = 0
        self._alarms: deque[Draft] = deque()
        self._summaries: deque[Draft] = deque()
        self._changed = asyncio.Event()

    def __len__(self) -> int:
        return len(self._alarms) + len(self._summaries)

    def put(self, draft: Draft) -> None:
        """Add a draft."""
        queue, at_most = self._queue(draft)
        if len(queue) >= at_most:
            queue.popleft()
            self.dropped[draft.record_class] += 1
        queue.append(draft)
        self.longest = max(self.longest, len(self))
        self._changed.set()

    async def first(self) -> Draft:
        """Wait for the most urgent draft and return it; it stays until :meth:`stored`."""
        while not self:
            self._changed.clear()
            await self._changed.wait()
        return (self._alarms or self._summaries)[0]

    def stored(self, draft: Draft) -> None:
        """Take off a draft that is in the store now."""
        queue, _ = self._queue(draft)
        if draft in queue:  # it may have been dropped while it was being stored
            queue.remove(draft)

    def _queue(self, draft: Draft) -> tuple[deque[Draft], int]:
        if draft.record_class is RecordClass.ALARM:
            return self._alarms, ALARMS_AT_MOST
        return self._summaries, SUMMARIES_AT_MOST
