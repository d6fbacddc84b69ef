"""Runs the rules: raises and clears alarms, each with its evidence.

What keeps people safe here:

* Only a reliable value can clear an alarm. Unreliable or missing data neither raises nor clears;
  it lets the sensor's stale alarm come.
* Backfilled values fill the record and are never judged as if they were live.
* One episode gives one raised and one cleared alarm, however often the value crosses the limit
  within the hysteresis; what happens in between (:mod:`~edge_agent.alarms.life`) belongs to it.
* What stands survives a restart: as the same episodes, acknowledged or not.
* A pause of the audio hides nothing: its steps are marked, and told and counted like any other.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping
from typing import Any

from edge_agent.alarms.episodes import Episode, LimitEpisode, StaleEpisode, judge_limit
from edge_agent.alarms.fatigue import FatigueLog, Figures
from edge_agent.alarms.kept import kept, revived
from edge_agent.alarms.life import Happening, Life, Stand
from edge_agent.alarms.pause import Pause
from edge_agent.alarms.rules import FindingRule, LimitRule, Rule, StaleRule
from edge_agent.alarms.telling import back_again, finding_alarm, finding_evidence
from edge_agent.model import (
    RELIABLE_QUALITY,
    Alarm,
    Boottime,
    Event,
    EventKind,
    Observation,
    Phase,
    Reading,
    Waveform,
)

NO_FINDING = "none"
"""In place of a finding: the signal was watched for long, and none of the ``kinds`` stands."""

_REASONS = frozenset(
    {EventKind.DISCONNECTED, EventKind.LINK_FAILED, EventKind.STREAM_REFUSED, EventKind.GAP}
)


class AlarmEngine:
    """Judges readings against rules; holds the alarms that stand."""

    def __init__(
        self, rules: Iterable[Rule], started_at: Boottime, *, pause_at_most_s: float = 600.0
    ) -> None:
        self.pause_at_most_s = pause_at_most_s
        self._pause: Pause | None = None
        self._fatigue = FatigueLog(started_at)
        self._go_by(rules, started_at)

    def _go_by(self, rules: Iterable[Rule], now: Boottime) -> None:
        self._limits: list[LimitRule] = []
        self._episodes: dict[tuple[LimitRule, str], LimitEpisode] = {}
        self._stale: dict[StaleRule, StaleEpisode] = {}
        self._finding_rules: list[FindingRule] = []
        self._findings: dict[tuple[FindingRule, str], Episode] = {}
        for rule in rules:
            if isinstance(rule, LimitRule):
                self._limits.append(rule)
            elif isinstance(rule, FindingRule):
                self._finding_rules.append(rule)
            else:
                self._stale[rule] = StaleEpisode(usable_at=dict.fromkeys(rule.codes, now))

    @property
    def active(self) -> tuple[Alarm, ...]:
        """The alarms that stand, the most urgent first, each as of its latest step."""
        return tuple(alarm for alarm, _ in self.standing)

    @property
    def standing(self) -> tuple[tuple[Alarm, Boottime], ...]:
        """The same alarms, each with the time at which it was raised."""
        lives = [(self._as_heard(life.alarm), life.raised_at) for life in self._lives()]
        return tuple(sorted(lives, key=lambda one: (-one[0].priority, one[0].at)))

    @property
    def is_waiting(self) -> bool:
        """Whether an alarm stands that nobody has seen: it may escalate, or be said again."""
        return any(life.stand is not Stand.ACKNOWLEDGED for life in self._lives())

    @property
    def paused(self) -> Pause | None:
        """The pause of the audio, while there is one."""
        return self._pause

    @property
    def figures(self) -> Figures:
        """How many alarms there have been, and what became of them."""
        return self._fatigue.figures()

    def acknowledge(self, episode: str, now: Boottime, by: str = "") -> list[Alarm]:
        """Note that ``by`` has seen the alarm ``episode``; empty if that changes nothing."""
        steps: list[Alarm] = []
        for one in self._watched():
            if one.life is not None and one.life.alarm.episode == episode:
                steps += one.happen(Happening.ACKNOWLEDGED, now, by=by)
        return self._told(steps, now, by_person=True)

    def pause(self, for_s: float, by: str, now: Boottime) -> Pause:
        """Pause the audio from now for ``for_s`` seconds, in place of any pause there is.

        :raises ValueError: not a time, or longer than the bound.
        """
        if not 0.0 < for_s <= self.pause_at_most_s:
            raise ValueError(f"{for_s:g} s is no pause between 0 and {self.pause_at_most_s:g} s")
        self._pause = Pause.begin([life.alarm for life in self._lives()], now, for_s, by)
        return self._pause

    def resume(self, now: Boottime) -> list[Alarm]:
        """End a pause: say again what it covered and nobody has acknowledged."""
        pause, self._pause = self._pause, None
        if pause is None:
            return []
        steps = [
            step
            for life in self._lives()
            if pause.covers(life.alarm) and life.stand is not Stand.ACKNOWLEDGED
            if (step := life.happen(Happening.REPEAT_DUE, now)) is not None
        ]
        return self._told(steps, now)

    def state(self, now: Boottime) -> dict[str, Any]:
        """Return what a restart has to know, as plain values for :meth:`restore`.

        Times are kept as seconds ago.
        """
        limits = [(rule.name, sensor, one) for (rule, sensor), one in self._episodes.items()]
        stale = [(rule.name, rule.sensor, one) for rule, one in self._stale.items()]
        findings = [(rule.name, sensor, one) for (rule, sensor), one in self._findings.items()]
        every: list[tuple[str, str, Episode]] = [*limits, *findings, *stale]
        return {
            "alarms": [
                {"rule": rule, "sensor": sensor, **kept(one.life, now)}
                for rule, sensor, one in every
                if one.life is not None
            ],
            "delays": [
                {"rule": rule, "sensor": sensor, **running}
                for rule, sensor, one in limits
                if (running := one.running(now)) is not None
            ],
            "silent": {rule.name: one.silent_s(now) for rule, one in self._stale.items()},
            "pause": None if self._pause is None else self._pause.kept(now),
            "fatigue": self._fatigue.state(now),
        }

    def restore(self, state: Mapping[str, Any] | list[Any], now: Boottime) -> None:
        """Take up what :meth:`state` returned before a restart; unknown rules are left out.

        Versions before the pause kept a list: what stood, and no more.

        :raises (KeyError, TypeError, ValueError): the state is of another kind.
        """
        if isinstance(state, list):
            self._take_up(state, now)
            return
        self._take_up(state["alarms"], now)
        limits = {rule.name: rule for rule in self._limits}
        for entry in state.get("delays", ()):
            if (delayed := limits.get(str(entry["rule"]))) is not None:
                key = (delayed, str(entry["sensor"]))
                self._episodes.setdefault(key, LimitEpisode()).run_on(entry, now)
        for rule, episode in self._stale.items():
            episode.go_on(state["silent"].get(rule.name, {}), now)
        if state["pause"] is not None:
            self._pause = Pause.revived(state["pause"], now, self.pause_at_most_s)
        standing = {life.alarm.episode for life in self._lives()}
        self._fatigue.restore(state["fatigue"], now, standing)

    def change(self, rules: Iterable[Rule], now: Boottime) -> list[Alarm]:
        """Go by other rules from now on; return the steps of alarms whose rule there is no more.

        What stands goes on under the rule of the same name, as it does over a restart; a rule that
        is as it was also goes on with what it has seen of a limit.
        """
        known, lives, seen = self.state(now), self._lives(), self._episodes
        reasons = {rule.name: episode.reason for rule, episode in self._stale.items()}
        self._go_by(rules, now)
        self._episodes = {key: one for key, one in seen.items() if key[0] in self._limits}
        self._take_up(known["alarms"], now)
        for rule, episode in self._stale.items():
            episode.go_on(known["silent"].get(rule.name, {}), now)
            episode.reason = reasons.get(rule.name, episode.reason)
        standing = {life.alarm.episode for life in self._lives()}
        ends = [
            step
            for life in lives
            if life.alarm.episode not in standing
            for what in (Happening.GONE, Happening.ACKNOWLEDGED)
            if (step := life.happen(what, now)) is not None
        ]
        return self._told(ends, now)

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
                    episode = self._episodes.setdefault(key, LimitEpisode())
                    alarms += judge_limit(rule, episode, reading)
        for alarm in alarms:
            if alarm.phase is Phase.REPEATED and self._pause is not None:
                # A latched alarm whose condition is back: whoever paused has not heard this.
                self._pause = self._pause.without(alarm.episode)
        return self._told(alarms, now)

    def tick(self, now: Boottime) -> list[Alarm]:
        """Find sensors that have gone stale, and alarms that wait; to be called once a second."""
        self._fatigue.pass_time(now)
        over = self._pause is not None and now >= self._pause.until
        alarms = self.resume(now) if over else []
        fresh: list[Alarm] = []
        for rule, episode in self._stale.items():
            stale = episode.stale(rule, now)
            if stale and not episode.is_raised and not self._is_covered(rule, episode, now):
                fresh += episode.begin(rule, episode.alarm(rule, stale, now))
        for life in self._lives():
            is_covered = self._pause is not None and self._pause.covers(life.alarm)
            step = life.due(now, may_repeat=not is_covered)
            if step is not None:
                fresh.append(step)
        return alarms + self._told(fresh, now)

    def _is_covered(self, rule: StaleRule, episode: StaleEpisode, now: Boottime) -> bool:
        """Whether another alarm says already that a sensor gives nothing usable: one cause, one."""
        return episode.is_sending(rule, now) and any(
            found.is_raised and finding.covers_silence
            for (finding, sensor), found in self._findings.items()
            if sensor == rule.sensor
        )

    def _told(self, steps: list[Alarm], now: Boottime, *, by_person: bool = False) -> list[Alarm]:
        """Count steps, and mark those that a pause covers."""
        for step in steps:
            self._fatigue.note(step, now, by_person=by_person)
        return [self._as_heard(step) for step in steps]

    def _as_heard(self, alarm: Alarm) -> Alarm:
        is_silent = self._pause is not None and self._pause.covers(alarm)
        return dataclasses.replace(alarm, silent=True) if is_silent else alarm

    def _take_up(self, entries: Iterable[Mapping[str, Any]], now: Boottime) -> None:
        limits = {rule.name: rule for rule in self._limits}
        stale = {(rule.name, rule.sensor): rule for rule in self._stale}
        findings = {rule.name: rule for rule in self._finding_rules}
        for entry in entries:
            name, sensor = str(entry["rule"]), str(entry["sensor"])
            if name in limits:
                rule = limits[name]
                episode = self._episodes.setdefault((rule, sensor), LimitEpisode())
                episode.life = revived(entry, rule, now)
            elif name in findings:
                found = self._findings.setdefault((findings[name], sensor), Episode())
                found.life = revived(entry, findings[name], now)
            elif (name, sensor) in stale:
                watched = stale[name, sensor]
                self._stale[watched].life = revived(entry, watched, now)

    def _watched(self) -> list[Episode]:
        return [*self._episodes.values(), *self._findings.values(), *self._stale.values()]

    def _lives(self) -> list[Life]:
        return [one.life for one in self._watched() if one.life is not None]

    def _judge_finding(self, event: Event) -> list[Alarm]:
        """Raise with a finding that begins, clear with its end, or when none is there at all."""
        alarms: list[Alarm] = []
        about, standing = _findings_named(event), event.detail.get("standing")
        for rule in self._finding_rules:
            if rule.finding not in about:
                continue
            episode = self._findings.setdefault((rule, event.sensor), Episode())
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
                episode.sent_at = now
                if not _is_usable(reading):
                    episode.reason = _why_not(reading)
                    continue
                episode.usable_at[reading.code] = now
                if episode.is_raised and not episode.stale(rule, now):
                    alarms += episode.happen(Happening.GONE, now, back_again(reading, now))
        return alarms


def _findings_named(event: Event) -> frozenset[str]:
    """Return the findings that ``event`` speaks of: one, or all those of which none stands."""
    found = str(event.detail.get("finding", ""))
    if found == NO_FINDING:
        return frozenset(str(event.detail.get("kinds", "")).split())
    return frozenset({found})


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
