"""Reads alarm rules from TOML, and fills in the subject's numbers.

:func:`load` gives every rule with its numbers filled in, or one
:class:`~edge_agent.errors.ConfigError` that lists everything wrong with the file. A hub's own file
can add rules, and change or switch off shipped ones; one of high priority it can give other limits
within the safe bounds, and can neither switch off nor make less urgent.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from edge_agent import codes
from edge_agent.alarms import bounds
from edge_agent.alarms import rule_overlay as overlay
from edge_agent.alarms.rule_entries import Entry, FindingEntry, LimitEntry, RuleFile, StaleEntry
from edge_agent.alarms.rules import FindingRule, LimitRule, Rule, StaleRule
from edge_agent.errors import ConfigError, Problem
from edge_agent.model import Code, Priority
from edge_agent.typed_toml import meant, misfits, read_toml

Settings = Mapping[str, float | bool]
"""The subject's settings by their key path, such as ``alarms.spo2_low_percent``."""

_PRIORITIES = {one.name.lower(): one for one in Priority}
_LONGEST_DELAY_S = 3600.0
_Kind = TypeVar("_Kind", float, bool)


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleBook:
    """Rules about the person, and what to say of sensors that fall silent."""

    rules: tuple[Rule, ...]
    stale: tuple[StaleEntry, ...]

    def stale_rules(
        self, sensors: Iterable[tuple[str, tuple[Code, ...], float]]
    ) -> tuple[StaleRule, ...]:
        """Return a rule for each sensor, given as (name, quantities it is there for, seconds)."""
        return tuple(
            _stale_rule(entry, sensor, measures, after_s)
            for sensor, measures, after_s in sensors
            if (entry := self._stale_entry(measures)) is not None
        )

    def _stale_entry(self, measures: tuple[Code, ...]) -> StaleEntry | None:
        names = {code.refid for code in measures}
        fitting = (one for one in self.stale if not one.quantities or names & set(one.quantities))
        return next(fitting, None)


def load(file: Path | None, settings: Settings) -> RuleBook:
    """Return the shipped rules, with those of ``file`` laid over them.

    :raises ConfigError: the file can't be read, or anything in it can't be used.
    """
    own = {} if file is None else read_toml(file)
    problems = list(overlay.problems(own))
    reading = _Reading(settings, problems)
    rules: list[Rule] = []
    stale: list[StaleEntry] = []
    for kind, path, written in overlay.laid_over(own):
        table = written
        if found := list(misfits(table, overlay.KINDS[kind], path)):
            problems += found
            table = _without(table, path, found)
            if any(misfits(table, overlay.KINDS[kind], path)):
                continue  # what is required is missing or wrong: the rest can't be judged
        match reading.one(path, msgspec.convert(table, overlay.KINDS[kind])):
            case StaleEntry() as entry:
                stale.append(entry)
            case None:
                pass
            case rule:
                rules.append(rule)
    if problems:
        raise ConfigError(file or "shipped alarm rules", tuple(problems))
    # An entry for every sensor comes after those for some, wherever a hub's own stand.
    stale.sort(key=lambda one: not one.quantities)
    return RuleBook(rules=tuple(rules), stale=tuple(stale))


def _without(table: overlay.Table, path: str, found: list[Problem]) -> overlay.Table:
    """Leave out the keys that ``found`` speaks of: the others may have problems of their own."""
    wrong = {one.path.removeprefix(f"{path}.") for one in found}
    return {key: value for key, value in table.items() if key not in wrong}


class _Reading:
    """Fills in the numbers of entries, and notes what can't be used."""

    def __init__(self, settings: Settings, problems: list[Problem]) -> None:
        self._settings, self._problems = settings, problems

    def one(self, path: str, one: Entry) -> Rule | StaleEntry | None:
        """Return what an entry describes; none for one that is switched off or can't be used."""
        latching = bool(self._filled(f"{path}.latching", one.latching, bool))
        is_wanted = self._filled(f"{path}.enabled", one.enabled, bool)
        made: Rule | StaleEntry | None = None
        if isinstance(one, LimitEntry):
            made = self._limit_rule(path, one, latching=latching)
        elif isinstance(one, FindingEntry):
            made = self._finding_rule(path, one, latching=latching)
        elif isinstance(one, StaleEntry):
            for index, name in enumerate(one.quantities):
                self._code(f"{path}.quantities[{index}]", name)
            made = msgspec.structs.replace(one, latching=latching)
        return made if is_wanted else None

    def _finding_rule(self, path: str, one: FindingEntry, *, latching: bool) -> FindingRule:
        return FindingRule(
            name=one.name, title=one.title, finding=one.finding, advice=one.advice,
            priority=_PRIORITIES[one.priority], technical=one.technical,
            limit=self._filled(f"{path}.limit", one.limit, float),
            covers_silence=one.covers_silence,
            policy=one.policy(latching=latching),
        )  # fmt: skip

    def _limit_rule(self, path: str, one: LimitEntry, *, latching: bool) -> LimitRule | None:
        code = self._code(f"{path}.quantity", one.quantity)
        low = self._filled(f"{path}.below", one.below, float)
        high = self._filled(f"{path}.above", one.above, float)
        delay_s = self._filled(f"{path}.delay_s", one.delay_s, float) or 0.0
        priority = _PRIORITIES[one.priority]
        self._check_delay(path, delay_s, priority)
        if (one.below is None) == (one.above is None):
            given = "neither 'below' nor 'above'" if one.below is None else "'below' and 'above'"
            self._note(path, f"has {given}", "give one of the two; a rule watches one limit")
            return None
        limit = low if low is not None else high
        if code is None or limit is None:
            return None
        key = "below" if one.below is not None else "above"
        self._check_limit(f"{path}.{key}", limit, code)
        inside = limit + one.hysteresis if low is not None else limit - one.hysteresis
        if not code.is_plausible(inside):
            reason = f"the alarm would end only at {inside:g} {code.unit}, which never comes"
            self._note(f"{path}.hysteresis", reason, "make it smaller")
        deep = one.at_once_beyond
        at_once = None if deep is None else limit - deep if low is not None else limit + deep
        return LimitRule(
            name=one.name, title=one.title, code=code, priority=priority, low=low, high=high,
            delay_s=delay_s, hysteresis=one.hysteresis, at_once=at_once, advice=one.advice,
            policy=one.policy(latching=latching),
        )  # fmt: skip

    def _check_delay(self, path: str, delay_s: float, priority: Priority) -> None:
        longest_s = bounds.LONGEST_DELAY_S if priority is Priority.HIGH else _LONGEST_DELAY_S
        if not 0.0 <= delay_s <= longest_s:
            expected = f"expected 0 to {longest_s:g} s at {priority.name.lower()} priority"
            self._note(f"{path}.delay_s", f"{delay_s:g} s is not allowed", expected)

    def _check_limit(self, path: str, limit: float, code: Code) -> None:
        span = bounds.safe_limits(code)
        if not span.low <= limit <= span.high:
            expected = f"expected {span.low:g} to {span.high:g} {code.unit}"
            reason = f"{limit:g} is beyond the safe bounds of {code.title}"
            self._note(path, reason, expected)

    def _code(self, path: str, refid: str) -> Code | None:
        if refid not in codes.BY_REFID:
            expected = meant(refid, codes.BY_REFID, "known quantities")
            self._note(path, f"{refid!r} is no quantity the hub knows", expected)
        return codes.BY_REFID.get(refid)

    def _filled(self, path: str, value: float | str | None, kind: type[_Kind]) -> _Kind | None:
        """Return a number or switch as given, or from the setting that is named."""
        if not isinstance(value, str):
            return None if value is None else kind(value)
        known = {
            name: one
            for name, one in self._settings.items()
            if isinstance(one, bool) == (kind is bool)
        }
        if value not in known:
            expected = meant(value, known, "known settings of this kind")
            self._note(path, f"{value!r} is no such setting of the subject", expected)
            return None
        return kind(known[value])

    def _note(self, path: str, reason: str, expected: str) -> None:
        self._problems.append(Problem(path, reason, expected))


def schema() -> dict[str, Any]:
    """Return the JSON schema of a file of alarm rules."""
    return msgspec.json.schema(RuleFile)


def _stale_rule(
    entry: StaleEntry, sensor: str, measures: tuple[Code, ...], after_s: float
) -> StaleRule:
    return StaleRule(
        name=f"stale-{sensor}",
        title=entry.title.replace("{sensor}", sensor),
        sensor=sensor,
        codes=measures,
        after_s=after_s,
        priority=_PRIORITIES[entry.priority],
        advice=entry.advice,
        policy=entry.policy(latching=entry.latching is True),
    )
