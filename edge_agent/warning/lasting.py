"""How long something has been so, while somebody watched."""

from __future__ import annotations

from dataclasses import dataclass, field

from edge_agent.model import Boottime

_NS_PER_S = 1_000_000_000
_HOLE_S = 60.0
"""Two looks with so long between them don't make a stay."""


@dataclass(slots=True, kw_only=True)
class Lasting:
    """Counts for how many seconds something has been so, without a hole in the watching."""

    since: Boottime | None = None
    looked_at: Boottime | None = None

    def look(self, now: Boottime, *, is_so: bool) -> float | None:
        """Return for how many seconds it has been so, ``None`` while it is not."""
        if self.looked_at is not None and now - self.looked_at > _HOLE_S * _NS_PER_S:
            self.since = None
        self.looked_at = now
        if not is_so:
            self.since = None
            return None
        self.since = now if self.since is None else self.since
        return (now - self.since) / _NS_PER_S


@dataclass(slots=True, kw_only=True)
class Standing:
    """Whether a finding stands.

    It begins when it was met for ``begin_s``, and ends when it was known to be gone for ``end_s``.
    What is neither met nor known to be gone changes nothing.
    """

    begin_s: float
    end_s: float
    stands: bool = False
    _met: Lasting = field(default_factory=Lasting)
    _gone: Lasting = field(default_factory=Lasting)

    def look(self, now: Boottime, *, is_met: bool, is_gone: bool) -> bool:
        """Look once more; return whether it has just begun or ended."""
        met_s = self._met.look(now, is_so=is_met)
        gone_s = self._gone.look(now, is_so=is_gone and not is_met)
        before = self.stands
        if not self.stands and met_s is not None and met_s >= self.begin_s:
            self.stands = True
        elif self.stands and gone_s is not None and gone_s >= self.end_s:
            self.stands = False
        return self.stands is not before
