"""Whether a sensor may be tried: what the hub remembers of a pairing, and whether the sensor does.

The hub never pairs by itself: a person does, with ``edge-agent pair``. A sensor that no longer
knows this hub has been reset, exchanged, or is somebody else's; trying again and again would only
drain it, and somebody must look. Both are told once, and nothing is tried until it makes sense.
"""

from __future__ import annotations

from typing import Final

from edge_agent.clock import Clock
from edge_agent.errors import LinkError
from edge_agent.link.bluez_watch import BluezWatch
from edge_agent.link.feed import Feed
from edge_agent.link.waiting import first
from edge_agent.model import EventKind

REFUSED_S: Final = 3600.0
"""When a sensor is tried again that has refused the bond."""
DOUBTED_S: Final = 300.0
"""The same for one that only hung up whenever the link should have been encrypted."""
DOUBTS: Final = 5
"""So many such hang-ups in a row count as a refusal."""
AFTER_PAIRING_S: Final = 2.0
"""What the pairing program gets to finish and hang up."""
_SETTLE_S: Final = 1.0


class Bond:
    """The bond of one sensor. ``needed`` says that it gives nothing without one."""

    def __init__(
        self, feed: Feed, address: str, watch: BluezWatch, clock: Clock, *, needed: bool
    ) -> None:
        self._feed, self._address = feed, address
        self._watch, self._clock = watch, clock
        self._needed = needed
        self._doubts = 0
        self._wait_s = 0.0
        self._refused_bond: int | None = None
        self._is_missed = False

    @property
    def exists(self) -> bool:
        """Whether the hub has been paired with the sensor."""
        device = self._watch.device(self._address)
        return device is not None and device.paired

    async def settled(self) -> None:
        """Wait until the sensor may be tried, as far as its bond goes."""
        while True:
            if self._wait_s:
                await self._until_changed_or_over()
            elif self._needed and not await self._soon():
                await self._until_paired()
            else:
                return

    def refused(self, reason: str) -> None:
        """Note that the sensor did not agree to encrypt the link."""
        if not self.exists:
            self._needed = True
            return
        self._wait_s = REFUSED_S
        self._tell_refusal(reason)

    def doubted(self, reason: str) -> None:
        """Note that a bonded link ended before the sensor had said a word."""
        self._doubts += 1
        if self._doubts >= DOUBTS:
            self._wait_s = DOUBTED_S
            self._tell_refusal(f"{reason}, {DOUBTS} times in a row")

    def agreed(self) -> None:
        """Note that the sensor talks to us."""
        self._doubts, self._refused_bond = 0, None

    def _tell_refusal(self, reason: str) -> None:
        """Write the audit event, once for each bond."""
        bond = self._watch.pairings[self._address]
        if self._refused_bond != bond:
            self._refused_bond = bond
            self._feed.event(EventKind.BOND_REFUSED, reason=reason)

    async def _until_changed_or_over(self) -> None:
        pairings = self._watch.pairings[self._address]

        def is_changed() -> bool:
            is_known = self._watch.trouble() is None
            return self._watch.pairings[self._address] != pairings or (is_known and not self.exists)

        await first(self._watch.until(is_changed), self._clock.sleep(self._wait_s))
        self._wait_s, self._doubts = 0.0, 0

    async def _soon(self) -> bool:
        """Tell whether there is a bond; a daemon that has just started brings it in a moment."""
        return await self._watch.until(lambda: self.exists, _SETTLE_S)

    async def _until_paired(self) -> None:
        if not self._is_missed:
            self._is_missed = True
            self._feed.event(EventKind.NOT_BONDED, reason="never paired, or forgotten")
        thing = f"sensor {self._feed.sensor} ({self._address})"
        step = f"Run: edge-agent pair {self._address}"
        self._feed.failed(str(LinkError(thing, "not paired", step)))
        await self._watch.until(lambda: self.exists)
        self._is_missed = False
        await self._clock.sleep(AFTER_PAIRING_S)
