"""The shipped alarm rules, and a hub's own laid over them: rule by rule, key by key."""

from __future__ import annotations

import math
import tomllib
from collections.abc import Iterator, Mapping
from functools import cache
from importlib.resources import files
from typing import Any

from edge_agent.alarms.rule_entries import Entry, FindingEntry, LimitEntry, StaleEntry
from edge_agent.errors import Problem
from edge_agent.typed_toml import meant

Table = dict[str, Any]
KINDS: Mapping[str, type[Entry]] = {
    "limit": LimitEntry,
    "finding": FindingEntry,
    "stale": StaleEntry,
}


def shipped_text() -> str:
    """Return the shipped rules as they stand in their file."""
    return (files("edge_agent.alarms") / "rules.toml").read_text(encoding="utf-8")


@cache
def _shipped() -> Mapping[str, list[Table]]:
    return tomllib.loads(shipped_text())


def laid_over(own: Mapping[str, Any]) -> Iterator[tuple[str, str, Table]]:
    """Give (kind, key path, table) of every rule: a hub's own, then the shipped ones as changed."""
    for kind in KINDS:
        shipped = {table["name"]: table for table in _shipped()[kind]}
        changes: dict[str, tuple[int, Table]] = {}
        for index, table in _tables(own, kind):
            if (name := _name(table)) in shipped:
                changes[name] = (index, table)
            else:
                yield kind, f"{kind}[{index}]", table
        for name, table in shipped.items():
            if name in changes:
                index, change = changes[name]
                yield kind, f"{kind}[{index}]", _changed(table, change)
            else:
                yield kind, f"shipped {name}", table


def problems(own: Mapping[str, Any]) -> Iterator[Problem]:
    """Find what no type shows: names that stand twice, shipped rules made weaker, odd numbers."""
    yield from _shape_problems(own)
    yield from _doubles(own)
    yield from _weakened(own)
    for kind in KINDS:
        for index, table in _tables(own, kind):
            for key, value in table.items():
                if isinstance(value, float) and not math.isfinite(value):
                    yield Problem(f"{kind}[{index}].{key}", f"{value} is not allowed", "a number")


def _changed(table: Table, change: Table) -> Table:
    """Lay ``change`` over ``table``; a limit on the other side takes the place of the first."""
    other = {"below": "above", "above": "below"}
    left_out = {other[key] for key in change if key in other}
    return {key: value for key, value in table.items() if key not in left_out} | change


def _tables(own: Mapping[str, Any], kind: str) -> Iterator[tuple[int, Table]]:
    """Give the rules of one kind with their places, as far as they are tables."""
    given = own.get(kind, [])
    for index, one in enumerate(given if isinstance(given, list) else []):
        if isinstance(one, dict):
            yield index, one


def _name(table: Table) -> str:
    name = table.get("name")
    return name if isinstance(name, str) else ""


def _shape_problems(own: Mapping[str, Any]) -> Iterator[Problem]:
    for key in own.keys() - KINDS.keys():
        yield Problem(key, "unknown key", meant(key, KINDS, "known tables"))
    for kind in own.keys() & KINDS.keys():
        given = own[kind]
        if not (isinstance(given, list) and all(isinstance(one, dict) for one in given)):
            yield Problem(kind, "is not a list of tables", f"write [[{kind}]] for each rule")


def _doubles(own: Mapping[str, Any]) -> Iterator[Problem]:
    """Find names that stand twice, or that a shipped rule of another kind has."""
    shipped = {one["name"]: kind for kind in KINDS for one in _shipped()[kind]}
    seen: dict[str, str] = {}
    for kind in KINDS:
        for index, table in _tables(own, kind):
            path, name = f"{kind}[{index}].name", _name(table)
            if name and name in seen:
                yield Problem(path, f"{name!r} is also {seen[name]}", "give each rule its own name")
            elif shipped.get(name, kind) != kind:
                reason = f"{name!r} is the name of a shipped [[{shipped[name]}]] rule"
                yield Problem(path, reason, f"write it under [[{shipped[name]}]], or rename it")
            seen.setdefault(name, path)


def _weakened(own: Mapping[str, Any]) -> Iterator[Problem]:
    """Find shipped rules of high priority that would be switched off or made less urgent."""
    for kind in KINDS:
        grave = {one["name"] for one in _shipped()[kind] if one["priority"] == "high"}
        for index, table in _tables(own, kind):
            if _name(table) not in grave:
                continue
            if table.get("enabled", True) is not True:
                reason = "a shipped rule of high priority can't be switched off"
                expected = "leave the key out; give the rule other limits"
                yield Problem(f"{kind}[{index}].enabled", reason, expected)
            if table.get("priority", "high") != "high":
                reason = "a shipped rule of high priority can't be made less urgent"
                expected = "leave the key out; give the rule other limits"
                yield Problem(f"{kind}[{index}].priority", reason, expected)
