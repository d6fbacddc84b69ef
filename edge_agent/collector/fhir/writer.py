"""Writes what the collector has opened to a FHIR server, record by record, each thing once."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from edge_agent.clock import NS_PER_S, Clock
from edge_agent.collector.fhir.composing import UNCERTAIN_NS, Composed, compose
from edge_agent.collector.fhir.delivery import Delivery
from edge_agent.collector.fhir.planned import Planned
from edge_agent.collector.fhir.progress import Progress, Refused
from edge_agent.collector.fhir.source import OpenedRecord, Place, RecordSource
from edge_agent.errors import FhirError, StoreError

log = logging.getLogger(__name__)

HOLD_S = 3600.0
"""For so long a record waits for its hub's clock to be verified."""

_ROUND = 32
_RETRY_S = 30.0


@dataclass(slots=True)
class Written:
    """What a run has done: records, Observations sent, resources the server created anew."""

    records: int = 0
    observations: int = 0
    created: int = 0
    put_aside: int = 0
    put_off: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Manner:
    """How it is written: known persons' references, whether all of it is a demonstration."""

    patients: Mapping[str, str]
    is_test: bool = False
    hold_s: float = HOLD_S


class FhirWriter:
    """Takes records from ``source`` to the server behind ``delivery``; ``server`` names it."""

    def __init__(
        self,
        server: str,
        source: RecordSource,
        progress: Progress,
        delivery: Delivery,
        clock: Clock,
        manner: Manner,
    ) -> None:
        self._server, self._source, self._progress = server, source, progress
        self._delivery, self._clock, self._manner = delivery, clock, manner
        self._references: dict[str, str] = {}
        self.written = Written()

    async def write(self) -> Written:
        """Write everything that is ready; return what this run has done so far.

        :raises FhirError: the server does not let us in, or refuses a person or a hub.
        :raises StoreError: the collector's file can't be read.
        """
        reached = await self._progress.reached(self._server)
        if reached.number and not await self._source.is_at(reached):
            log.warning("the collector's file is another than before: everything is sent again")
            await self._progress.begin_anew(self._server)
            reached = await self._progress.reached(self._server)
        waiting = await self._progress.put_off(self._server)
        for start in range(0, len(waiting), _ROUND):
            await self._round(waiting[start : start + _ROUND])
        number = reached.number
        while places := await self._source.after(number, _ROUND):
            await self._round(places)
            number = places[-1].number
        self.written.put_off = len(await self._progress.put_off(self._server))
        return self.written

    async def follow(self, every_s: float) -> None:
        """Write what comes, for ever; a server that keeps us out is told and asked again."""
        while True:
            wait_s = every_s
            try:
                await self.write()
            except (FhirError, StoreError) as error:
                log.warning("%s; trying again in %.0f s", error, _RETRY_S)
                wait_s = _RETRY_S
            await self._clock.sleep(wait_s)

    async def _round(self, places: Sequence[Place]) -> None:
        records = await self._source.read(places)
        ready = [one for one in records if self._is_ready(one)]
        refused = await self._write(ready)
        done = [one.place for one in ready]
        now_ns = self._clock.utc_ns()
        not_ready = [place for place in places if place not in done]
        await self._progress.note(
            self._server, done=done, not_ready=not_ready, refused=refused, utc_ns=now_ns
        )
        self.written.records += len(done)
        self.written.put_aside += len(refused)

    def _is_ready(self, record: OpenedRecord) -> bool:
        """Whether its times are right, or it has waited long enough for them to become so."""
        if not record.has_content:
            return True
        uncertainty_ns = record.uncertainty_ns
        if uncertainty_ns is None:
            return False
        waited_ns = self._clock.utc_ns() - record.received_utc_ns
        return uncertainty_ns <= UNCERTAIN_NS or waited_ns >= self._manner.hold_s * NS_PER_S

    async def _write(self, records: Sequence[OpenedRecord]) -> list[Refused]:
        """Write some records; return what was refused of them."""
        manner = self._manner
        composed = [
            (one.place, compose(one, patients=manner.patients, is_test=manner.is_test))
            for one in records
            if one.has_content
        ]
        composed = [(place, one) for place, one in composed if one.observations]
        places = {planned.urn: place for place, one in composed for planned in one.everything}
        refusals = await self._introduce([one for _, one in composed])
        planned = [each for _, one in composed for each in one.observations]
        writable, unwritable = self._resolved(planned)
        delivered = await self._delivery.send(writable)
        self.written.created += delivered.created
        self.written.observations += len(writable) - len(delivered.refused)
        refusals += delivered.refused
        refusals += [(one, "what it refers to was refused") for one in unwritable]
        return [Refused(places[one.urn], one, reason) for one, reason in refusals]

    async def _introduce(self, composed: Sequence[Composed]) -> list[tuple[Planned, str]]:
        """Have everything created that Observations refer to; return what was refused."""
        refusals: list[tuple[Planned, str]] = []
        for name in ("vital", "sensors", "times"):
            group = [one for record in composed for one in getattr(record, name)]
            unknown = [one for one in group if one.urn not in self._references]
            writable, _ = self._resolved(unknown)
            delivered = await self._delivery.send(writable)
            self._references |= delivered.references
            self.written.created += delivered.created
            refusals += delivered.refused
            if name == "vital" and delivered.refused:
                one, reason = delivered.refused[0]
                step = "Check that the server takes the PHD profiles (docs/fhir.md)"
                raise FhirError(f"{self._server}: {one.kind} {one.value}", reason, step)
        return refusals

    def _resolved(self, planned: Sequence[Planned]) -> tuple[list[Planned], list[Planned]]:
        """Part what can be written, with the server's references, from what can't."""
        known = self._references
        able = [one for one in planned if one.needs() <= known.keys()]
        unable = [one for one in planned if not one.needs() <= known.keys()]
        return [one.resolved(known) for one in able], unable
