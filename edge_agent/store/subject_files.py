"""Where what is kept about one person lies: nobody else at the bed inherits it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

_DIGITS = 12
"""Of the pseudonym's 32 hexadecimal digits: enough to tell the persons of one hub apart."""


@dataclass(frozen=True, slots=True)
class SubjectFiles:
    """The blobs about the person ``pseudonym`` in a hub's state folder."""

    state_dir: Path
    pseudonym: str

    def name(self, what: str) -> str:
        """Return the name of the person's blob ``what``."""
        return f"{what}-{self.pseudonym[:_DIGITS]}"

    def unnamed(self, words: str) -> str:
        """Return ``words``, of a file for instance, without what tells the person: for the log."""
        return words.replace(self.pseudonym, "…").replace(self.pseudonym[:_DIGITS], "…")
