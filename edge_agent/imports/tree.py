"""A place in a JSON document: asked for what it should hold, it lists what is wrong with it."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

from edge_agent.errors import Problem
from edge_agent.imports.moments import EXPECTED, Moment, parse_moment

_LONGEST_TEXT = 300


@dataclass(frozen=True, slots=True)
class Node:
    """A value in a JSON document, its key path, and the list its problems go to.

    What is absent is a node too (its ``value`` is ``None``), so a path can be walked in one go.
    A value of the wrong kind is listed as a problem and then counts as absent.
    """

    value: object
    path: str
    problems: list[Problem]

    def __bool__(self) -> bool:
        return self.value is not None

    def __getitem__(self, key: str) -> Node:
        path = f"{self.path}.{key}"
        if self.value is None or isinstance(self.value, dict):
            inside = self.value.get(key) if isinstance(self.value, dict) else None
            return Node(inside, path, self.problems)
        self.refuse("is not a JSON object")
        return Node(None, path, self.problems)

    def __iter__(self) -> Iterator[Node]:
        if self.value is None:
            return
        if not isinstance(self.value, list):
            self.refuse("is not a list")
            return
        for index, one in enumerate(self.value):
            yield Node(one, f"{self.path}[{index}]", self.problems)

    def refuse(self, reason: str, expected: str = "") -> None:
        """List a problem of this place."""
        self.problems.append(Problem(self.path, reason, expected))

    def first(self) -> Node:
        """Return the first item of a list; an absent node when there is none."""
        return next(iter(self), Node(None, f"{self.path}[0]", self.problems))

    def any_of(self, *keys: str) -> Node:
        """Return the first of these that is there, else the absent first of them."""
        found = [self[key] for key in keys]
        return next((one for one in found if one), found[0])

    def is_true(self) -> bool:
        """Tell whether this is JSON ``true``."""
        if self.value is not None and not isinstance(self.value, bool):
            self.refuse("is neither true nor false")
        return self.value is True

    def text(self) -> str:
        """Return a text, with its white space made single; ``""`` when absent."""
        if self.value is None:
            return ""
        if not isinstance(self.value, str):
            self.refuse("is not a text")
            return ""
        try:
            return plain(self.value)
        except ValueError as error:
            self.refuse(str(error))
            return ""

    def number(self) -> float | None:
        """Return a finite number; ``None`` when absent."""
        value = self.value
        if value is None:
            return None
        if isinstance(value, bool) or not isinstance(value, int | float):
            self.refuse(f"{_shown(value)} is not a number")
            return None
        try:
            number = float(value)
        except OverflowError:
            number = math.inf
        if not math.isfinite(number):
            self.refuse("is not a finite number")
            return None
        return number

    def moment(self) -> Moment | None:
        """Return a time; ``None`` when absent."""
        text = self.text()
        if not text:
            return None
        try:
            return parse_moment(text)
        except ValueError as error:
            self.refuse(str(error), EXPECTED)
            return None


def plain(text: str) -> str:
    """Return ``text`` with single spaces.

    :raises ValueError: too long, or with characters that no name has (terminal controls, halves
        of surrogate pairs).
    """
    words = " ".join(text.split())
    if len(words) > _LONGEST_TEXT:
        raise ValueError(f"is longer than {_LONGEST_TEXT} characters")
    if not words.isprintable():
        raise ValueError("holds characters that can't be printed")
    return words


def _shown(value: object) -> str:
    return repr(value)[:40]
