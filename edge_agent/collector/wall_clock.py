"""Wall-clock time of what a hub measured, worked out when it is asked for.

The times in a record are boot times. The most certain clock reading of that boot counts, whenever
it came, so a clock that was set late also corrects what was measured before; among equals the
nearest, since a hub's crystal drifts by seconds a day.
"""

from __future__ import annotations

from dataclasses import dataclass

from edge_agent.store.database import Transaction


@dataclass(frozen=True, slots=True)
class WallClock:
    """UTC (ns since 1970) of a boot time, and how far it may be off (ns)."""

    utc_ns: int
    uncertainty_ns: int


async def wall_clock(
    transaction: Transaction, hub: bytes, epoch: int, at_ns: int
) -> WallClock | None:
    """Return the wall-clock time of a boot time; ``None`` while the hub has sent no clock."""
    best = await transaction.row(
        "SELECT uncertainty_ns FROM clock WHERE hub = ? AND epoch = ? "
        "ORDER BY uncertainty_ns LIMIT 1",
        hub, epoch,
    )  # fmt: skip
    if best is None:
        return None
    at_best = (hub, epoch, best["uncertainty_ns"], at_ns)
    found = [
        clock
        for clock in (
            await transaction.row(_LAST_BEFORE, *at_best),
            await transaction.row(_FIRST_AFTER, *at_best),
        )
        if clock is not None
    ]
    nearest = min(found, key=lambda clock: abs(clock["boottime_ns"] - at_ns))
    utc_ns = nearest["utc_ns"] - nearest["boottime_ns"] + at_ns
    return WallClock(utc_ns, best["uncertainty_ns"])


_LAST_BEFORE = (
    "SELECT boottime_ns, utc_ns FROM clock WHERE hub = ? AND epoch = ? AND uncertainty_ns = ? "
    "AND boottime_ns <= ? ORDER BY boottime_ns DESC LIMIT 1"
)
_FIRST_AFTER = (
    "SELECT boottime_ns, utc_ns FROM clock WHERE hub = ? AND epoch = ? AND uncertainty_ns = ? "
    "AND boottime_ns >= ? ORDER BY boottime_ns LIMIT 1"
)
