"""Applies a configuration to a hub that runs (SIGHUP): in place, or it is named why not.

Nothing is applied of a file with a problem: the last good configuration stays in force, and log and
status say why. Of a good one

* limits, rules, rhythm and warning of each bed, and the summaries' interval, change in place;
* sensors whose keys have changed are read anew, by tasks of their own; the others never notice;
* the collector's keys have the outbox closed and opened again;
* what is bound at the start (:data:`_BOUND`, the beds themselves, whether there is a collector)
  stays as it was and is named: it needs a restart. So does any table this module has not heard of.
"""

from __future__ import annotations

import asyncio
import dataclasses
import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import msgspec

from edge_agent.bed import Bed
from edge_agent.clock import Clock
from edge_agent.config import Settings
from edge_agent.errors import ConfigError
from edge_agent.model import Alarm
from edge_agent.plan import Plan
from edge_agent.records import Records
from edge_agent.supervision import Job, end, spawn
from edge_agent.wiring import Links

log = logging.getLogger(__name__)

_BOUND = ("state_dir", "control_socket", "store_quota_mib")
_APPLIED = frozenset({"subject", "sensor", "hub", "collector", "alarms", "rhythm", "warning"})
"""Tables with a place in this module."""
_PERSONS = "subject (who lies in which bed)"


@dataclass(slots=True)
class Outcome:
    """How the last reload went: why it was refused (empty: it was not), what needs a restart."""

    reloads: int = 0
    refused: str = ""
    needs_restart: list[str] = field(default_factory=list)


class Reloading:
    """Puts plans into force; ``send`` takes the alarms that end with a change."""

    def __init__(
        self,
        links: Links,
        records: Records,
        clock: Clock,
        tasks: dict[str, asyncio.Task[None]],
        send: Callable[[Bed, list[Alarm]], None],
    ) -> None:
        self.outcome = Outcome()
        self._links, self._records, self._clock = links, records, clock
        self._tasks, self._send = tasks, send

    async def reload(self, beds: tuple[Bed, ...], old: Plan, read: Callable[[], Plan]) -> Plan:
        """Read a plan and apply it; return the one that is in force now."""
        try:
            new = await asyncio.to_thread(read)
        except ConfigError as error:
            self.outcome.refused = str(error)
            log.error("the last good configuration stays in force: %s", error)  # noqa: TRY400
            return old
        self.outcome.refused = ""
        self.outcome.reloads += 1
        self.outcome.needs_restart = list(_needs_restart(old, new))
        for what in self.outcome.needs_restart:
            log.warning("configuration: a change of %s needs a restart", what)
        if _PERSONS in self.outcome.needs_restart:
            return old  # half of it applied could show one person's values at another's bed
        in_force = _without_bound(old, new)
        await self._apply(beds, in_force)
        log.info("configuration read anew")
        return in_force

    async def _apply(self, beds: tuple[Bed, ...], plan: Plan) -> None:
        await self._apply_sensors(plan)
        for bed, planned in zip(beds, plan.beds, strict=True):
            self._send(bed, bed.change(planned))
        await self._records.change(plan)

    async def _apply_sensors(self, plan: Plan) -> None:
        """Let the tasks go whose sensors have changed, then begin those that take their place."""
        gone = [self._tasks.pop(link_name(one)) for one in self._links.outdated(plan.sensors)]
        await end(gone)
        for name in self._links.change(plan.sensors):
            job: Job = self._links.tasks[name]
            self._tasks[link_name(name)] = spawn(link_name(name), job, self._clock)


def link_name(task: str) -> str:
    """Return how the task of a link is called among the hub's."""
    return f"link {task}"


def _persons(settings: Settings) -> list[tuple[str, str]]:
    return [(one.pseudonym, one.bed) for one in settings.subject]


def _needs_restart(old: Plan, new: Plan) -> Iterator[str]:
    if _persons(old.settings) != _persons(new.settings):
        yield _PERSONS
    for key in _BOUND:
        if getattr(old.settings.hub, key) != getattr(new.settings.hub, key):
            yield f"hub.{key}"
    if (old.settings.collector is None) != (new.settings.collector is None):
        yield "collector (whether there is one)"
    for table in _unheard_of(old.settings):
        if getattr(old.settings, table) != getattr(new.settings, table):
            yield table


def _unheard_of(settings: Settings) -> list[str]:
    return [one for one in settings.__struct_fields__ if one not in _APPLIED]


def _without_bound(old: Plan, new: Plan) -> Plan:
    """Return ``new`` with what can't be changed while the hub runs as it is in ``old``."""
    here, wanted = old.settings, new.settings
    bound = {key: getattr(here.hub, key) for key in _BOUND}
    kept = {table: getattr(here, table) for table in _unheard_of(here)}
    is_other = (here.collector is None) != (wanted.collector is None)
    settings = msgspec.structs.replace(
        wanted,
        hub=msgspec.structs.replace(wanted.hub, **bound),
        collector=here.collector if is_other else wanted.collector,
        **kept,
    )
    recipients = old.recipients if is_other else new.recipients
    return dataclasses.replace(new, settings=settings, recipients=recipients)
