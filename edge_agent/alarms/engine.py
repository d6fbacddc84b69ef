"""Runs the rules: raises and clears alarms, each with its evidence.

What keeps people safe here:

* Only a reliable value can clear an alarm. Unreliable or missing data neither raises nor clears;
  it lets the sensor's stale alarm come.
* Backfilled values fill the record and are never judged as if they were live.
* One episode gives one raised and one cleared alarm, however often the value crosses the limit
  within the hysteresis; what happens in between (:mod:`~edge_agent.alarms.life`) belongs to it.
* What stands survives a restart: as the same episodes, acknowledged or not.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from edge_agent.alarms.kept import kept, revived
from edge_agent.alarms.life import Happening, Life, Stand
from edge_agent.alarms.rules import FindingRule, LimitRule, Rule, StaleRule
from edge_agent.alarms.telling import (
    back_again,
    finding_alarm,
    finding_evidence,
    limit_alarm,
    limit_evidence,
    stale_alarm,
)
from edge_agent.model import (
    RELIABLE_QUALITY,
    Alarm,
    Boottime,
    Code,
    Event,
    EventKind,
    Evidence,
    Observation,
    Reading,
    Waveform,
)

_NS_PER_S = 1_000_000_000
_HOLE_S = 15.0
NO_FINDING = "none"
"""In place of a finding: the signal was watched for long, and none stands."""

_REASONS = frozenset(
    {EventKind.DISCONNECTED, EventKind.LINK_FAILED, EventKind.STREAM_REFUSED, EventKind.GAP}
)


@dataclass(slots=True, kw_only=True)
class _Episode:
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
        self, what: Happening, at: Boottime, evidence: tuple[Evidence, ...] | None = None
    ) -> list[Alarm]:
        """Let something happen to the alarm; one whose life has ended is forgotten."""
        if self.life is None:
            return []
        step = self.life.happen(what, at, evidence)
        if self.life.stand is None:
            self.life = None
        return [] if step is None else [step]


@dataclass(slots=True, kw_only=True)
class _LimitEpisode(_Episode):
    """Where one limit rule stands for one sensor."""

    beyond_since: Boottime | None = None
    inside_since: Boottime | None = None
    judged_at: Boottime | None = None


@dataclass(slots=True, kw_only=True)
class _StaleEpisode(_Episode):
    """Where one stale rule stands: when each quantity was last usable, and why not since."""

    usable_at: dict[Code, Boottime]
    reason: str = "nothing has arrived since the start"

    def stale(self, rule: StaleRule, now: Boottime) -> list[Code]:
        """Return the quantities whose last usable value is too long ago."""
        oldest = now - rule.after_s * _NS_PER_S
        return [code for code, at in self.usable_at.items() if at < oldest]

    def alarm(self, rule: StaleRule, stale: list[Code], now: Boottime) -> Alarm:
        """Return the alarm about the quantities that are missing."""
        silent_s = {code: (now - self.usable_at[code]) / _NS_PER_S for code in stale}
        return stale_alarm(rule, silent_s, self.reason, now)


class AlarmEngine:
    """Judges readings against rules; holds the alarms that stand."""

    def __init__(self, rules: Iterable[Rule], started_at: Boottime) -> None:
        self._limits: list[LimitRule] = []
        self._episodes: dict[tuple[LimitRule, str], _LimitEpisode] = {}
        self._stale: dict[StaleRule, _StaleEpisode] = {}
        self._finding_rules: list[FindingRule] = []
        self._findings: dict[tuple[FindingRule, str], _Episode] = {}
        for rule in rules:
            if isinstance(rule, LimitRule):
                self._limits.append(rule)
            elif isinstance(rule, FindingRule):
                self._finding_rules.append(rule)
            else:
                self._stale[rule] = _StaleEpisode(usable_at=dict.fromkeys(rule.codes, started_at))

    @property
    def active(self) -> tuple[Alarm, ...]:
        """The alarms that stand, the most urgent first, each as of its latest step."""
        standing = [life.alarm for life in self._lives()]
        return tuple(sorted(standing, key=lambda alarm: (-alarm.priority, alarm.at)))

    def acknowledge(self, episode: str, now: Boottime) -> list[Alarm]:
        """Note that somebody has seen the alarm ``episode``; empty if that changes nothing."""
        steps: list[Alarm] = []
        for one in self._watched():
            if one.life is not None and one.life.alarm.episode == episode:
                steps += one.happen(Happening.ACKNOWLEDGED, now)
        return steps

    def state(self, now: Boottime) -> list[dict[str, Any]]:
        """Return what stands, as plain values for :meth:`restore`; times are seconds ago."""
        limits = [(rule.name, sensor, one) for (rule, sensor), one in self._episodes.items()]
        stale = [(rule.name, rule.sensor, one) for rule, one in self._stale.items()]
        findings = [(rule.name, sensor, one) for (rule, sensor), one in self._findings.items()]
        every: list[tuple[str, str, _Episode]] = [*limits, *findings, *stale]
        return [
            {"rule": rule, "sensor": sensor, **kept(one.life, now)}
            for rule, sensor, one in every
            if one.life is not None
        ]

    def restore(self, state: Iterable[Mapping[str, Any]], now: Boottime) -> None:
        """Take up what :meth:`state` returned before a restart; unknown rules are left out."""
        limits = {rule.name: rule for rule in self._limits}
        stale = {(rule.name, rule.sensor): rule for rule in self._stale}
        findings = {rule.name: rule for rule in self._finding_rules}
        for entry in state:
            name, sensor = str(entry["rule"]), str(entry["sensor"])
            if name in limits:
                rule = limits[name]
                episode = self._episodes.setdefault((rule, sensor), _LimitEpisode())
                episode.life = revived(entry, rule, now)
            elif name in findings:
                found = self._findings.setdefault((findings[name], sensor), _Episode())
                found.life = revived(entry, findings[name], now)
            elif (name, sensor) in stale:
                watched = stale[name, sensor]
                self._stale[watched].life = revived(entry, watched, now)

    def judge(self, reading: Reading, now: Boottime) -> list[Alarm]:
        """Judge a reading that is in the hub at ``now``; give the alarms it raises or clears."""
        alarms = self._note_presence(reading, now)
        if isinstance(reading, Event) and reading.kind is EventKind.FINDING:
            alarms += self._judge_finding(reading)
        if isinstance(reading, Observation) and not reading.backfilled:
            for rule in self._limits:
                if rule.code == reading.code:
                    # An episode for each sensor: a normal value of one must never clear another.
                    key = (rule, reading.sensor)
                    episode = self._episodes.setdefault(key, _LimitEpisode())
                    alarms += _judge_limit(rule, episode, reading)
        return alarms

    def tick(self, now: Boottime) -> list[Alarm]:
        """Find sensors that have gone stale, and alarms that wait; to be called once a second."""
        alarms: list[Alarm] = []
        for rule, episode in self._stale.items():
            stale = episode.stale(rule, now)
            if stale and not episode.is_raised:
                alarms += episode.begin(rule, episode.alarm(rule, stale, now))
        for life in self._lives():
            step = life.due(now)
            if step is not None:
                alarms.append(step)
        return alarms

    def _watched(self) -> list[_Episode]:
        return [*self._episodes.values(), *self._findings.values(), *self._stale.values()]

    def _lives(self) -> list[Life]:
        return [one.life for one in self._watched() if one.life is not None]

    def _judge_finding(self, event: Event) -> list[Alarm]:
        """Raise with a finding that begins, clear with its end, or when none is there at all."""
        alarms: list[Alarm] = []
        found, standing = event.detail.get("finding"), event.detail.get("standing")
        for rule in self._finding_rules:
            if found not in {rule.finding, NO_FINDING}:
                continue
            episode = self._findings.setdefault((rule, event.sensor), _Episode())
            if standing == "begun":
                if not episode.is_raised:
                    alarms += episode.begin(rule, finding_alarm(rule, event))
            elif episode.is_raised:
                note = str(event.detail.get("note", ""))
                evidence = finding_evidence(rule, event, note)
                alarms += episode.happen(Happening.GONE, event.at, evidence)
        return alarms

    def _note_presence(self, reading: Reading, now: Boottime) -> list[Alarm]:
        alarms: list[Alarm] = []
        for rule, episode in self._stale.items():
            if rule.sensor != reading.sensor:
                continue
            if isinstance(reading, Event):
                if reading.kind in _REASONS:
                    episode.reason = str(reading.detail.get("reason", reading.kind.value))
            elif reading.code in rule.codes:
                if not _is_usable(reading):
                    episode.reason = _why_not(reading)
                    continue
                episode.usable_at[reading.code] = now
                if episode.is_raised and not episode.stale(rule, now):
                    alarms += episode.happen(Happening.GONE, now, back_again(reading, now))
        return alarms


def _is_usable(reading: Observation | Waveform) -> bool:
    """Whether a reading tells that its sensor is doing its work now.

    "LO" and "HI" are usable: the sensor works and says more than the number could. A number too
    doubtful to raise or clear an alarm is not: it must not hide that nobody is watched.
    """
    if isinstance(reading, Waveform):
        return reading.state.is_measurement
    trusted = reading.quality >= RELIABLE_QUALITY
    return reading.state.is_measurement and trusted and not reading.backfilled


def _why_not(reading: Observation | Waveform) -> str:
    if reading.state.is_measurement and isinstance(reading, Observation):
        if reading.backfilled:
            return "only values from the sensor's memory arrive"
        return f"the signal quality is {reading.quality:.2f}"
    return f"the sensor reports: {reading.state.value}"


def _judge_limit(rule: LimitRule, episode: _LimitEpisode, one: Observation) -> list[Alarm]:
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


def _forget_across_holes(rule: LimitRule, episode: _LimitEpisode, at: Boottime) -> None:
    """Two values with nothing between them do not make a stay beyond or inside the limit."""
    hole_ns = max(rule.delay_s, _HOLE_S) * _NS_PER_S
    if episode.judged_at is not None and at - episode.judged_at > hole_ns:
        episode.beyond_since = episode.inside_since = None
    episode.judged_at = at


def _earlier(since: Boottime | None, at: Boottime) -> Boottime:
    return at if since is None else since


def _lasts(since: Boottime, now: Boottime, seconds: float) -> bool:
    return now - since >= seconds * _NS_PER_S
