"""How a link comes back: tries without end, waits longer after each failure, never in step.

The waiting time is drawn between half and all of a ceiling that doubles with each failure
("equal jitter"), so that several sensors behind one adapter do not try at the same moment.
"""

from __future__ import annotations

import logging
import random
from collections.abc import Awaitable, Callable, Iterable

from edge_agent.clock import Clock
from edge_agent.errors import LinkError
from edge_agent.link.feed import Feed
from edge_agent.link.waiting import heed_cancellation

log = logging.getLogger(__name__)

FIRST_WAIT_S = 0.25
LONGEST_WAIT_S = 15.0
FIRST_TURN_S = 30.0
"""A session says something of its own within this, or has failed."""


async def keep_trying(
    session: Callable[[], Awaitable[None]],
    feeds: Iterable[Feed],
    clock: Clock,
    rng: random.Random,
) -> None:
    """Run ``session`` again and again; each :class:`LinkError` is reported to ``feeds``.

    A session that brought a reading resets the waiting time: a sensor that takes the connection and
    hangs up at once must not be called again and again, nor keep others from the radio.
    """
    feeds, ceiling_s = tuple(feeds), FIRST_WAIT_S
    while True:
        heed_cancellation()
        readings = _readings(feeds)
        for feed in feeds:
            feed.turning.within(FIRST_TURN_S)
        try:
            await session()
        except LinkError as error:
            reason = str(error)
        except Exception as error:  # a fault in one driver must not end the other sensors' links
            sensors = ", ".join(feed.sensor for feed in feeds)
            extra = {"EDGE_SENSOR": sensors}
            log.exception("link of %s failed unexpectedly", sensors, extra=extra)
            reason = f"unexpected {type(error).__name__}: the log says where"
        else:
            reason = "the link ended"
        for feed in feeds:
            feed.failed(reason)
            feed.turning.within(ceiling_s)
        if _readings(feeds) > readings:
            ceiling_s = FIRST_WAIT_S
        await clock.sleep(rng.uniform(ceiling_s / 2, ceiling_s))
        ceiling_s = min(2 * ceiling_s, LONGEST_WAIT_S)


def _readings(feeds: tuple[Feed, ...]) -> int:
    return sum(feed.status.readings for feed in feeds)
