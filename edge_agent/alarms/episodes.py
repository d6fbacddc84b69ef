"""Where a rule stands for one sensor: beyond its limit or silent since when, alarm or not."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from edge_agent.alarms.life import Happening, Life, Stand
from edge_agent.alarms.rules import LimitRule, Rule, StaleRule
from edge_agent.alarms.telling import limit_alarm, limit_evidence, stale_alarm
from edge_agent.model import Alarm, Boottime, Code, Evidence, Observation

_NS_PER_S = 1_000_000_000
_HOLE_S = 15.0


@dataclass(slots=True, kw_only=True)
class Episode:
    """Whether an alarm of one rule stands, and the life it leads."""

    life: Life | None = None

    @property
    def is_raised(self) -> bool:
        """Whether the condition is taken to be there; a latched alarm's has gone."""
        return self.life is not None and self.life.stand is not Stand.LATCHED

    def begin(self, rule: Rule, alarm: Alarm) -> list[Alarm]:
        """Raise ``alarm``; where one is latched that nobody has seen yet, that one is back."""
        if self.life is not None:
            return self.happen(Happening.BACK, alarm.at, alarm.evidence)
        self.life = Life.begin(rule.policy, alarm)
        return [alarm]

    def happen(
        self,
        what: Happening,
        at: Boottime,
        evidence: tuple[Evidence, ...] | None = None,
        by: str = "",
    ) -> list[Alarm]:
        """Let something happen to the alarm; one whose life has ended is forgotten."""
        if self.life is None:
            return []
        step = self.life.happen(what, at, evidence, by)
        if self.life.stand is None:
            self.life = None
        return [] if step is None else [step]


@dataclass(slots=True, kw_only=True)
class LimitEpisode(Episode):
    """Where one limit rule stands for one sensor."""

    beyond_since: Boottime | None = None
    inside_since: Boottime | None = None
    judged_at: Boottime | None = None

    def running(self, now: Boottime) -> dict[str, float] | None:
        """Return how long a delay has been running that has raised nothing yet."""
        if self.is_raised or self.beyond_since is None or self.judged_at is None:
            return None
        return {
            "beyond_s": (now - self.beyond_since) / _NS_PER_S,
            "judged_s": (now - self.judged_at) / _NS_PER_S,
        }

    def run_on(self, running: Mapping[str, Any], now: Boottime) -> None:
        """Let a delay run on from what :meth:`running` returned before a restart."""
        self.beyond_since = _ago(running["beyond_s"], now)
        self.judged_at = _ago(running["judged_s"], now)


@dataclass(slots=True, kw_only=True)
class StaleEpisode(Episode):
    """Where one stale rule stands: when each quantity was last usable, and why not since."""

    usable_at: dict[Code, Boottime]
    sent_at: Boottime | None = None
    """When the sensor last sent anything, usable or not."""
    reason: str = "nothing has arrived since the start"

    def stale(self, rule: StaleRule, now: Boottime) -> list[Code]:
        """Return the quantities whose last usable value is too long ago."""
        oldest = now - rule.after_s * _NS_PER_S
        return [code for code, at in self.usable_at.items() if at < oldest]

    def is_sending(self, rule: StaleRule, now: Boottime) -> bool:
        """Whether values still arrive, usable or not."""
        return self.sent_at is not None and now - self.sent_at < rule.after_s * _NS_PER_S

    def silent_s(self, now: Boottime) -> dict[str, float]:
        """Return for how long each quantity has had no usable value, by its reference id."""
        return {code.refid: (now - at) / _NS_PER_S for code, at in self.usable_at.items()}

    def go_on(self, silent_s: Mapping[str, float], now: Boottime) -> None:
        """Go on counting from what :meth:`silent_s` returned before a restart."""
        for code in self.usable_at:
            before_s = max(float(silent_s.get(code.refid, 0.0)), 0.0)
            self.usable_at[code] = Boottime(now - round(before_s * _NS_PER_S))

    def alarm(self, rule: StaleRule, stale: list[Code], now: Boottime) -> Alarm:
        """Return the alarm about the quantities that are missing."""
        silent_s = {code: (now - self.usable_at[code]) / _NS_PER_S for code in stale}
        return stale_alarm(rule, silent_s, self.reason, now)


def judge_limit(rule: LimitRule, episode: LimitEpisode, one: Observation) -> list[Alarm]:
    """Judge a live value against a limit; return the alarm that it raises or ends."""
    _forget_across_holes(rule, episode, one.at)
    if rule.is_met_by(one):
        episode.inside_since = None
        episode.beyond_since = _earlier(episode.beyond_since, one.at)
        if not episode.is_raised and _lasts(episode.beyond_since, one.at, rule.delay_for(one)):
            return episode.begin(rule, limit_alarm(rule, one))
    elif rule.is_cleared_by(one):
        episode.beyond_since = None
        episode.inside_since = _earlier(episode.inside_since, one.at)
        if episode.is_raised and _lasts(episode.inside_since, one.at, rule.delay_s):
            return episode.happen(Happening.GONE, one.at, limit_evidence(rule, one))
    else:  # unreliable, or between limit and hysteresis: not safely inside
        episode.inside_since = None
        if one.is_reliable and not episode.is_raised:
            episode.beyond_since = None
    return []


def _forget_across_holes(rule: LimitRule, episode: LimitEpisode, at: Boottime) -> None:
    """Two values with nothing between them do not make a stay beyond or inside the limit."""
    hole_ns = max(rule.delay_s, _HOLE_S) * _NS_PER_S
    if episode.judged_at is not None and at - episode.judged_at > hole_ns:
        episode.beyond_since = episode.inside_since = None
    episode.judged_at = at


def _ago(seconds: float, now: Boottime) -> Boottime:
    return Boottime(now - round(max(float(seconds), 0.0) * _NS_PER_S))


def _earlier(since: Boottime | None, at: Boottime) -> Boottime:
    return at if since is None else since


def _lasts(since: Boottime, now: Boottime, seconds: float) -> bool:
    return now - since >= seconds * _NS_PER_S
