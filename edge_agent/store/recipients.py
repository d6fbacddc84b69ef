"""For whom a record is sealed: the clinic, and a recovery key that lies in a safe."""

from __future__ import annotations

from dataclasses import dataclass

from edge_agent.errors import SealError
from edge_agent.store.header import NO_KEY
from edge_agent.store.keys import Recipient
from edge_agent.store.suites import Suite


@dataclass(frozen=True, slots=True)
class Recipients:
    """Public keys; each of their private keys alone opens the record.

    :raises SealError: one key twice, or keys of two suites: the weaker one would decide.
    """

    clinic: Recipient
    recovery: Recipient | None = None

    def __post_init__(self) -> None:
        if self.recovery is None:
            return
        if self.recovery.suite is not self.clinic.suite:
            suites = f"{self.recovery.suite.label}, the collector's {self.clinic.suite.label}"
            raise SealError("recovery key", f"of suite {suites}", "Draw both of one suite")
        if self.recovery.key_id == self.clinic.key_id:
            step = "Draw one: edge-agent collector keys new --recovery FOLDER"
            raise SealError("recovery key", "is the collector's own", step)

    @property
    def suite(self) -> Suite:
        """The suite of both."""
        return self.clinic.suite

    @property
    def all(self) -> tuple[Recipient, ...]:
        """The clinic's key, then the recovery key."""
        return (self.clinic,) if self.recovery is None else (self.clinic, self.recovery)

    @property
    def key_ids(self) -> tuple[bytes, bytes]:
        """The ids that a header gives: the clinic's key, and the recovery key or zeros."""
        recovery = NO_KEY if self.recovery is None else self.recovery.key_id
        return self.clinic.key_id, recovery
