"""Makes room under the quota: what matters least goes first, and each place is told.

Summaries go first, the oldest before the others, but of ten one is left behind, drawn by its hash:
every person's and every minute's has the same chance. So the older half of what is kept reaches
back ten times as far as the newer half, in steps ten times as coarse. When the thinned half
outgrows the other, its oldest go. Events go only when there is no summary left, and not for
a summary. Alarms and what is kept for the audit never go.
"""

from __future__ import annotations

import sqlite3

from edge_agent.errors import StoreFull
from edge_agent.store import gaps
from edge_agent.store.database import PAGE_OCTETS, Transaction
from edge_agent.store.seal import RecordClass

ROUTINE_SHARE = 0.8
"""Of the quota, what summaries and events may fill; the rest is kept for alarms."""

ROUTINE = frozenset({RecordClass.SUMMARY, RecordClass.EVENT})

_STEP = 8
_SLACK_PAGES = 8
_LEFT_BEHIND = b"\x1a"
"""Summaries whose hash is below this are left behind when others go: 26 of 256."""


class Eviction:
    """Keeps one database within ``quota_pages``."""

    def __init__(self, quota_pages: int) -> None:
        self._quota_pages = quota_pages
        self._full_from = 0
        """Summaries before this place have been thinned."""

    async def make_room(
        self, transaction: Transaction, record_class: RecordClass, octets: int
    ) -> None:
        """Evict until a sealed record of ``octets`` fits in the share of routine records.

        :raises StoreFull: a routine record does not fit, and nothing of less weight is left.
        """
        limit = int(self._quota_pages * ROUTINE_SHARE) - octets // PAGE_OCTETS - _SLACK_PAGES
        while await _used_pages(transaction) > limit:
            victims = await self._least(transaction, record_class)
            if not victims:
                if record_class in ROUTINE:
                    step = "Bring the link up, or give the store more room"
                    raise StoreFull("outbox", "full", step)
                return
            await gaps.drop(transaction, [row["seq"] for row in victims], "evicted")
            await transaction.execute(
                "UPDATE chain SET evicted_total = evicted_total + ?", len(victims)
            )

    async def _least(
        self, transaction: Transaction, record_class: RecordClass
    ) -> list[sqlite3.Row]:
        """Return a few records that matter least, and less than the one to come or as much."""
        (halves,) = await transaction.rows(
            "SELECT count(*) FILTER (WHERE seq < ?) AS thinned, "
            "count(*) FILTER (WHERE seq >= ?) AS whole FROM record WHERE class = ?",
            self._full_from,
            self._full_from,
            RecordClass.SUMMARY,
        )
        if halves["thinned"] <= halves["whole"]:
            victims = await transaction.rows(
                "SELECT seq FROM record WHERE class = ? AND seq >= ? AND id >= ? "
                "ORDER BY seq LIMIT ?",
                RecordClass.SUMMARY,
                self._full_from,
                _LEFT_BEHIND,
                _STEP,
            )
            if victims:
                self._full_from = victims[-1]["seq"] + 1
                return victims
        victims = await _oldest(transaction, RecordClass.SUMMARY)
        if not victims and record_class is not RecordClass.SUMMARY:
            victims = await _oldest(transaction, RecordClass.EVENT)
        return victims


async def _oldest(transaction: Transaction, record_class: RecordClass) -> list[sqlite3.Row]:
    return await transaction.rows(
        "SELECT seq FROM record WHERE class = ? ORDER BY seq LIMIT ?", record_class, _STEP
    )


async def _used_pages(transaction: Transaction) -> int:
    """Count the pages of the file that hold something."""
    (pages,) = await transaction.rows("PRAGMA page_count")
    (free,) = await transaction.rows("PRAGMA freelist_count")
    return int(pages[0] - free[0])
