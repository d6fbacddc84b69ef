"""Reads a parsed TOML table key by key; every complaint names the key."""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence


class Table:
    """A table at ``path`` of a profile; keys that nobody asks for are refused by :meth:`end`."""

    def __init__(self, table: Mapping[str, object], path: str) -> None:
        self._table, self.path = table, path
        self._asked: set[str] = set()

    def text(self, key: str) -> str:
        """Return a required text."""
        value = self._get(key, None)
        if not isinstance(value, str) or not value:
            raise self._error(key, value, "expected a text")
        return value

    def flag(self, key: str) -> bool:
        """Return true or false; false when the key is absent."""
        value = self._get(key, default=False)
        if not isinstance(value, bool):
            raise self._error(key, value, "expected true or false")
        return value

    def number(
        self,
        key: str,
        default: float | None = None,
        *,
        low: float = float("-inf"),
        high: float = float("inf"),
    ) -> float:
        """Return a number from ``low`` to ``high``."""
        value = self._get(key, default)
        if (
            isinstance(value, bool)
            or not isinstance(value, int | float)
            or not low <= value <= high
        ):
            raise self._error(key, value, _span("a number", low, high))
        return float(value)

    def integer(self, key: str, default: int | None = None, *, low: int, high: int) -> int:
        """Return a whole number from ``low`` to ``high``."""
        value = self._get(key, default)
        if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
            raise self._error(key, value, _span("a whole number", low, high))
        return value

    def integers(self, key: str, *, high: int) -> Sequence[int]:
        """Return a list of whole numbers from 0 to ``high``; empty when the key is absent."""
        value = self._get(key, [])
        if not isinstance(value, list) or not all(
            isinstance(one, int) and not isinstance(one, bool) and 0 <= one <= high for one in value
        ):
            raise self._error(key, value, f"expected a list of whole numbers from 0 to {high:#x}")
        return value

    def choice(self, key: str, default: str | None, choices: tuple[str, ...]) -> str:
        """Return one of ``choices``."""
        value = self._get(key, default)
        if not isinstance(value, str) or value not in choices:
            near = difflib.get_close_matches(str(value), choices, n=1)
            hint = f"did you mean {near[0]!r}?" if near else f"expected one of {', '.join(choices)}"
            raise self._error(key, value, hint)
        return value

    def tables(self, key: str) -> tuple[Table, ...]:
        """Return a required, non-empty list of tables."""
        value = self._get(key, None)
        if not isinstance(value, list) or not value or not all(isinstance(t, dict) for t in value):
            raise self._error(key, value, f"expected at least one [[{self.name(key)}]] table")
        return tuple(Table(t, f"{self.name(key)}[{index}]") for index, t in enumerate(value))

    def has(self, key: str) -> bool:
        """Tell whether the table has ``key``."""
        return key in self._table

    def name(self, key: str) -> str:
        """Return the path of ``key`` from the top of the profile."""
        return f"{self.path}.{key}" if self.path else key

    def end(self) -> None:
        """Refuse keys that were not asked for."""
        for key in sorted(self._table.keys() - self._asked):
            near = difflib.get_close_matches(key, self._asked, n=1)
            hint = (
                f"did you mean {near[0]!r}?" if near else f"known: {', '.join(sorted(self._asked))}"
            )
            raise ValueError(f"{self.name(key)}: unknown key; {hint}")

    def _get(self, key: str, default: object) -> object:
        self._asked.add(key)
        return self._table.get(key, default)

    def _error(self, key: str, value: object, expected: str) -> ValueError:
        found = "missing" if value is None else f"{value!r} is not allowed"
        return ValueError(f"{self.name(key)}: {found}; {expected}")


def _span(kind: str, low: float, high: float) -> str:
    if low == float("-inf") and high == float("inf"):
        return f"expected {kind}"
    return f"expected {kind} from {low:g} to {high:g}"
