"""A bed in fast motion: an engine fed by the second and restarted, every step of it kept."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass, field

from edge_agent.alarms.engine import AlarmEngine
from edge_agent.alarms.rules import Rule
from edge_agent.model import Alarm, Boottime, Reading

NS_PER_S = 1_000_000_000
_BOOT_S = 100_000
"""Boot time begins anew with every boot; here at this many seconds more each time."""


def boottime(seconds: float) -> Boottime:
    """Return boot time at a number of seconds."""
    return Boottime(round(seconds * NS_PER_S))


@dataclass(slots=True, kw_only=True)
class Ward:
    """One engine under ``rules``. ``told`` holds every step, with the ward's own second of it."""

    rules: tuple[Rule, ...]
    second: float = 0.0
    boots: int = 0
    told: list[tuple[float, Alarm]] = field(default_factory=list)
    engine: AlarmEngine = field(init=False)
    _booted_at: float = 0.0

    def __post_init__(self) -> None:
        self.engine = AlarmEngine(self.rules, self.now)

    @property
    def now(self) -> Boottime:
        """Boot time of this boot."""
        return boottime(_BOOT_S * self.boots + self.second - self._booted_at)

    def pass_time(self, seconds: float = 1.0) -> None:
        """Let time pass, and the engine look around."""
        self.second += seconds
        self.keep(self.engine.tick(self.now))

    def judge(self, reading: Reading) -> list[Alarm]:
        """Judge a reading that is there now; return the steps that came of it."""
        return self.keep(self.engine.judge(reading, self.now))

    def acknowledge(self) -> None:
        """Have somebody see every alarm that stands."""
        for alarm in self.engine.active:
            self.keep(self.engine.acknowledge(alarm.episode, self.now))

    def restart(self) -> None:
        """Stop and start the hub: what it keeps goes through JSON, as on a disk."""
        kept = json.loads(json.dumps(self.engine.state(self.now)))
        self.boots += 1
        self._booted_at = self.second
        self.engine = AlarmEngine(self.rules, self.now)
        self.engine.restore(kept, self.now)

    def keep(self, steps: Iterable[Alarm]) -> list[Alarm]:
        """Note steps that were told."""
        steps = list(steps)
        self.told += [(self.second, step) for step in steps]
        return steps
