"""One root for every error the hub raises on purpose.

A message names the thing, the reason and the next step. Each leaf carries its particulars as
fields, so that code branches on fields and never on text.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


class EdgeError(Exception):
    """Root of all errors of the hub.

    ``thing`` is what is affected, ``reason`` what is wrong with it, ``next_step`` what the reader
    can do about it.
    """

    def __init__(self, thing: str, reason: str, next_step: str = "") -> None:
        self.thing, self.reason, self.next_step = thing, reason, next_step
        super().__init__(f"{thing}: {reason}" + (f". {next_step}" if next_step else ""))


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing wrong in a configuration file: where (key path), what, what was expected."""

    path: str
    reason: str
    expected: str = ""

    def __str__(self) -> str:
        return f"{self.path}: {self.reason}" + (f"; {self.expected}" if self.expected else "")


class ConfigError(EdgeError):
    """A configuration file that can't be used; ``problems`` lists everything wrong with it."""

    def __init__(self, file: str | Path, problems: tuple[Problem, ...]) -> None:
        self.file, self.problems = str(file), problems
        lines = "".join(f"\n  {problem}" for problem in problems)
        super().__init__(self.file, f"{len(problems)} problem(s){lines}")


class FrameError(EdgeError):
    """Bytes that are not a valid frame of the protocol. Only decoders raise it.

    ``offset`` is the index of the first octet that can't be right.
    """

    def __init__(self, frame: str, reason: str, offset: int = 0) -> None:
        self.offset = offset
        super().__init__(frame, f"{reason} (octet {offset})", "The frame is dropped and counted")


class LinkError(EdgeError):
    """A sensor, or the bus it is on, that can't be reached now; the link tries again by itself."""


class ControlError(EdgeError):
    """The control socket can't be used."""


class StoreError(EdgeError):
    """The store can't do what was asked."""


class StoreFull(StoreError):
    """The outbox has reached its quota; nothing that was acknowledged has been touched."""


class StoreDamaged(StoreError):
    """A database that is not what was written to it."""


class SealError(EdgeError):
    """A record that can't be sealed, verified or opened."""


class SyncError(EdgeError):
    """The collector did not take what the hub has sent, or said something that is no answer.

    ``status`` is the HTTP status, or 0 when there was no answer. ``retry_after_s`` is the
    collector's own wish, or ``None``. ``refused`` tells a verdict on what was sent (another try of
    the same bytes can't succeed soon) from a passing fault; ``unreachable``, that there was not
    even a connection.
    """

    def __init__(
        self,
        url: str,
        reason: str,
        *,
        status: int = 0,
        retry_after_s: float | None = None,
        refused: bool = False,
        unreachable: bool = False,
        next_step: str = "What was to be sent is kept",
    ) -> None:
        self.status, self.retry_after_s, self.refused = status, retry_after_s, refused
        self.unreachable = unreachable
        super().__init__(f"collector {url}", reason, next_step)


class FhirError(EdgeError):
    """A FHIR server that can't be written to; ``status`` is its HTTP status, or 0."""

    def __init__(self, thing: str, reason: str, next_step: str = "", *, status: int = 0) -> None:
        self.status = status
        super().__init__(thing, reason, next_step)
