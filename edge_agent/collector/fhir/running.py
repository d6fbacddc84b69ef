"""What ``edge-agent collector fhir`` runs: a writer on the folder of a collector."""

from __future__ import annotations

import contextlib
import csv
import random
import ssl
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import aiohttp

from edge_agent.clock import SystemClock
from edge_agent.collector.fhir.client import FhirClient
from edge_agent.collector.fhir.delivery import BundleKind, Delivery
from edge_agent.collector.fhir.progress import Progress
from edge_agent.collector.fhir.source import RecordSource
from edge_agent.collector.fhir.writer import HOLD_S, FhirWriter, Manner
from edge_agent.collector.store import DATABASE_FILE
from edge_agent.errors import FhirError
from edge_agent.store.database import Database


@dataclass(frozen=True, slots=True, kw_only=True)
class Wishes:
    """What the command was told: the server and how to write to it."""

    server: str
    token_file: Path | None = None
    ca_file: Path | None = None
    kind: BundleKind = "transaction"
    entries: int = 8
    patients_file: Path | None = None
    is_test: bool = False
    hold_s: float = HOLD_S


@contextlib.asynccontextmanager
async def open_writer(directory: Path, wishes: Wishes) -> AsyncIterator[FhirWriter]:
    """Open a writer on the collector in ``directory``.

    :raises StoreError: there is no collector, or its files can't be used.
    :raises FhirError: a file that was given can't be used.
    """
    patients = _patients(wishes.patients_file)
    trust = _trust(wishes.ca_file)
    async with contextlib.AsyncExitStack() as closing:
        database = await Database.open_read_only(directory / DATABASE_FILE)
        closing.push_async_callback(database.close)
        progress = await Progress.open(directory)
        closing.push_async_callback(progress.close)
        connector = aiohttp.TCPConnector(ssl=trust)
        session = await closing.enter_async_context(aiohttp.ClientSession(connector=connector))
        clock, rng = SystemClock(), random.Random()  # noqa: S311 - spreads retries
        client = FhirClient(session, wishes.server, clock, rng, wishes.token_file)
        delivery = Delivery(client, wishes.kind, wishes.entries)
        manner = Manner(patients=patients, is_test=wishes.is_test, hold_s=wishes.hold_s)
        yield FhirWriter(client.base, RecordSource(database), progress, delivery, clock, manner)


def _patients(file: Path | None) -> dict[str, str]:
    """Read which Patient is behind a pseudonym: a CSV file with columns ``subject,patient``."""
    if file is None:
        return {}
    step = "Give a CSV file with the columns subject (32 hexadecimal digits), patient (Patient/ID)"
    try:
        with file.open(encoding="utf-8", newline="") as lines:
            rows = list(csv.DictReader(lines))
        found = {bytes.fromhex(row["subject"]).hex(): row["patient"].strip() for row in rows}
    except (OSError, KeyError, ValueError, AttributeError, TypeError) as error:
        raise FhirError(f"patients file {file}", str(error), step) from error
    wrong = next((one for one in found.values() if not one.startswith("Patient/")), None)
    if wrong is not None:
        raise FhirError(f"patients file {file}", f"{wrong!r} is no reference", step)
    return found


def _trust(ca_file: Path | None) -> ssl.SSLContext | bool:
    try:
        return True if ca_file is None else ssl.create_default_context(cafile=ca_file)
    except (OSError, ssl.SSLError) as error:
        step = "Give a file of PEM certificates"
        raise FhirError(f"authority {ca_file}", str(error), step) from error
