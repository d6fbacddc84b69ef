"""What hubs sent, on a real FHIR R4 server that holds everything against the PHD profiles."""

import asyncio
import json
import random
import sqlite3
import sys
from contextlib import asynccontextmanager

import pytest
from aiohttp import ClientSession

from edge_agent import codes
from edge_agent.clock import NS_PER_S, SystemClock, VirtualClock
from edge_agent.collector.fhir.client import FhirClient
from edge_agent.collector.fhir.composing import compose
from edge_agent.collector.fhir.delivery import Delivery
from edge_agent.collector.fhir.planned import Planned
from edge_agent.collector.fhir.progress import Progress
from edge_agent.collector.fhir.source import RecordSource
from edge_agent.collector.fhir.terms import LEFT_OUT
from edge_agent.collector.fhir.writer import FhirWriter, Manner
from edge_agent.collector.store import DATABASE_FILE
from edge_agent.demo.stage import set_stage
from edge_agent.model import State
from edge_agent.store.database import Database
from tests.fhir_server.running import fhir_server

NOW_S = 1_800_000_000
CLOCK = {
    "boottime_ns": 100 * NS_PER_S, "utc_ns": NOW_S * NS_PER_S, "uncertainty_ns": 10**8,
    "source": "network",
}  # fmt: skip
SENSOR = {
    "sensor": "strap", "driver": "heart-rate", "title": "Heart rate strap",
    "address": "A0:9E:1A:00:00:01", "software": "0.1.0",
}  # fmt: skip


def row(code=codes.HEART_RATE, **changed):
    return {
        "code": code.refid, "unit": code.unit.value, "sensor": "strap", "first_ns": 10 * NS_PER_S,
        "last_ns": 70 * NS_PER_S, "n": 60, "min": 61.0, "mean": 72.5, "max": 90.0, "last": 75.0,
        "quality": 0.9, "state": "measured", "backfilled": False, "device_ns": None,
    } | changed  # fmt: skip


def alarm(**changed):
    evidence = {
        "quantity": "MDC_ECG_HEART_RATE", "value": 180.0, "unit": "/min", "sensor": "strap",
        "at": 94 * NS_PER_S, "limit": 150.0, "note": "",
    }  # fmt: skip
    return {
        "rule": "heart-rate-high", "episode": "7", "title": "Heart rate high", "priority": "high",
        "technical": False, "phase": "raised", "at_ns": 95 * NS_PER_S,
        "evidence": json.dumps([evidence]),
    } | changed  # fmt: skip


def strip(finding="asystole"):
    detail = {
        "finding": finding, "standing": "begun", "strip_uV": "5 -12 310 4", "strip_hz": 130.0,
        "strip_start_ns": 90 * NS_PER_S,
    }  # fmt: skip
    return {
        "kind": "finding",
        "sensor": "strap",
        "at_ns": 96 * NS_PER_S,
        "detail": json.dumps(detail),
    }


EVERYTHING = {
    "clock": [CLOCK],
    "sensor": [SENSOR],
    "observation": [
        *(row(code) for code in codes.ALL),
        *(
            row(codes.SPO2, last_ns=place, n=0, min=None, mean=None, max=None, last=None,
                state=state.value)
            for place, state in enumerate(State)
        ),
        row(codes.GLUCOSE, n=1, last=98.0, device_ns=(NOW_S - 30) * NS_PER_S),
        row(codes.GLUCOSE, n=1, last=52.0, device_ns=(NOW_S - 30) * NS_PER_S, state="questionable"),
        row(codes.PULSE_RATE, n=1, device_ns=77 * NS_PER_S, sensor="ring"),
        *(
            row(code, n=1, last=value, sensor="cuff", device_ns=(NOW_S - 30) * NS_PER_S)
            for code, value in ((codes.DIASTOLIC, 80.0), (codes.SYSTOLIC, 120.0),
                                (codes.MEAN_PRESSURE, None))
        ),
    ],
    "event": [strip(), {"kind": "connected", "sensor": "strap", "at_ns": 1, "detail": "{}"}],
    "alarm": [alarm(), alarm(phase="cleared", at_ns=99 * NS_PER_S), alarm(evidence="[]", rule="x")],
}  # fmt: skip


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    with fhir_server(tmp_path_factory.mktemp("profiles")) as running:
        yield running


class Desk:
    """Writers for one collector, one after another, and what the server holds."""

    def __init__(self, folder, server, session, clock):
        self.folder, self.server, self.session, self.clock = folder, server, session, clock

    @asynccontextmanager
    async def writer(self, kind="transaction", entries=8, **manner):
        database = await Database.open_read_only(self.folder / DATABASE_FILE)
        progress = await Progress.open(self.folder)
        client = FhirClient(self.session, self.server.base, self.clock, random.Random(1))
        delivery = Delivery(client, kind, entries)
        manner = Manner(**{"patients": {}} | manner)
        try:
            yield FhirWriter(
                self.server.base, RecordSource(database), progress, delivery, self.clock, manner
            )
        finally:
            await progress.close()
            await database.close()

    async def write(self, kind="transaction", entries=8, **manner):
        async with self.writer(kind, entries, **manner) as writer:
            return await writer.write()

    async def aside(self):
        progress = await Progress.open(self.folder)
        aside = await progress.aside()
        await progress.close()
        return aside

    async def fault(self, mode, n=1):
        async with self.session.post(
            f"{self.server.root}/_fault", json={"mode": mode, "n": n}
        ) as response:
            assert response.status == 204

    async def count(self):
        async with self.session.get(f"{self.server.root}/_count") as response:
            return await response.json(content_type=None)

    async def find(self, kind, query):
        async with self.session.get(f"{self.server.base}/{kind}?{query}") as response:
            return await response.json(content_type=None)


class PatientClock(VirtualClock):
    """Waits pass at once, and are remembered."""

    def __init__(self):
        super().__init__((NOW_S + 60) * NS_PER_S)
        self.waits = []

    async def sleep(self, seconds):
        self.waits.append(seconds)
        await asyncio.sleep(0)


@pytest.fixture
async def desk(collector, server, tmp_path):
    async with ClientSession() as session:
        yield Desk(tmp_path / "collector", server, session, PatientClock())


@pytest.fixture
def collect(collector, hub, desk):
    async def collect(*tables, **header):
        """Have records come in and opened."""
        header.setdefault("subject", hub.identity.hub_id)
        records = [hub.seal(one, **header) for one in tables]
        await collector._store.keep(records, desk.clock.utc_ns())
        await collector.open_records()
        return records

    return collect


async def edge_agent(*arguments):
    """Run a command of the collector; return its status and what it said."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "edge_agent", "collector", *map(str, arguments),
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
    )  # fmt: skip
    said, _ = await process.communicate()
    return process.returncode, said.decode()


def written_codes():
    return [code for code in codes.ALL if code.refid not in LEFT_OUT]


@pytest.mark.parametrize(("kind", "entries"), [("transaction", 8), ("batch", 50)])
async def test_everything_a_hub_can_send_is_accepted_against_the_profiles(
    collect, desk, kind, entries
):
    strap = SENSOR | {"address": f"A0:9E:1A:00:01:{entries:02X}"}  # another one each time
    await collect(EVERYTHING | {"sensor": [strap]})
    before = await desk.count()
    written = await desk.write(kind, entries)
    assert [(one.identifier, one.reason) for one in await desk.aside()] == []
    after = await desk.count()
    # Live pressures are means; those of the cuff are one. Three sensors have clocks.
    observations = len(written_codes()) + len(State) + 3 + 1 + 1 + 3
    assert written.observations == observations
    assert after["Observation"] - before.get("Observation", 0) == observations + 3
    assert after["Device"] - before.get("Device", 0) == 5, (
        "hub, strap, ring, cuff, its own findings"
    )
    assert after["Patient"] - before.get("Patient", 0) == 1


async def test_a_second_run_has_nothing_to_do_and_a_lost_memory_creates_nothing_new(collect, desk):
    await collect(EVERYTHING)
    assert (await desk.write()).created > 0
    before = await desk.count()
    again = await desk.write()
    assert (again.records, again.created) == (0, 0)
    (desk.folder / "fhir.db").unlink()
    anew = await desk.write()
    assert (anew.records, anew.created) == (1, 0)
    assert await desk.count() == before


async def test_replies_lost_before_and_after_the_commit_create_nothing_twice(collect, desk):
    await collect(EVERYTHING, {"clock": [CLOCK], "alarm": [alarm(episode="8")]})
    before = await desk.count()
    for mode in ("cut-after", "cut-before"):
        await desk.fault(mode, 3)
        written = await desk.write()
        (desk.folder / "fhir.db").unlink()
    after = await desk.count()
    assert written.created == 0
    assert len(desk.clock.waits) == 6
    assert written.observations + 3 == after["Observation"] - before.get("Observation", 0)


async def test_a_busy_server_is_given_the_time_it_asks_for(collect, desk):
    await collect({"clock": [CLOCK], "observation": [row()]})
    await desk.fault("503", 2)
    assert (await desk.write()).observations == 1
    assert len(desk.clock.waits) == 2
    assert min(desk.clock.waits) >= 1.0, "Retry-After: 1"


@pytest.mark.parametrize("kind", ["transaction", "batch"])
async def test_one_bad_resource_is_put_aside_with_its_reason_and_the_rest_goes_on(
    collect, desk, kind
):
    bad = row(codes.PULSE_RATE, unit=" ")
    good = [row(code) for code in (codes.HEART_RATE, codes.SPO2, codes.RMSSD, codes.SDNN)]
    await collect({"clock": [CLOCK], "observation": [*good[:2], bad, *good[2:]]})
    written = await desk.write(kind)
    assert (written.observations, written.put_aside) == (4, 1)
    status, shown = await edge_agent("refused", "--dir", desk.folder)
    assert status == 0
    assert "1 refused" in shown
    assert "400" in shown
    assert str(codes.PULSE_RATE.mdc) in shown
    _, shown = await edge_agent("refused", "--dir", desk.folder, "--retry")
    assert "1 to be tried again" in shown
    again = await desk.write(kind)
    assert (again.created, again.put_aside) == (0, 1)


async def test_a_record_waits_for_its_hubs_clock_and_holds_up_no_other(collector, desk, hub):
    wrong = CLOCK | {"utc_ns": 0, "uncertainty_ns": 3600 * NS_PER_S, "source": "unverified"}
    early = hub.seal({"clock": [wrong], "observation": [row()]}, epoch=5)
    clock = hub.seal({"clock": [CLOCK]}, epoch=5)
    late = hub.seal({"clock": [CLOCK], "observation": [row()]}, epoch=6)

    async def write(*records):
        await collector._store.keep(records, desk.clock.utc_ns())
        await collector.open_records()
        written = await desk.write()
        return written.observations, written.put_off

    assert await write(early, late) == (1, 1)
    assert await write(clock) == (1, 0), "the clock was set; it holds for what was before"


async def test_a_clock_that_is_never_verified_is_written_in_the_end_and_says_so(collect, desk):
    wrong = CLOCK | {"uncertainty_ns": 3600 * NS_PER_S, "source": "unverified"}
    await collect({"clock": [wrong], "observation": [row(codes.RMSSD)]})
    assert (await desk.write()).put_off == 1
    await desk.clock.advance(3601)
    assert (await desk.write()).observations == 1
    async with desk.writer() as writer:
        (record,) = await writer._source.read(await writer._source.after(0, 1))
    (observation,) = compose(record).observations
    found = (await desk.find("Observation", observation.query))["entry"][0]["resource"]
    assert found["note"] == [
        {"text": "The hub's clock was not verified: times may be off by 3600 s"}
    ]
    assert found["effectivePeriod"]["end"] == "2027-01-15T07:59:30.000Z"


async def test_what_opens_late_is_written_late(collect, desk, tmp_path):
    (record,) = await collect({"clock": [CLOCK], "observation": [row()]})
    with sqlite3.connect(desk.folder / DATABASE_FILE) as connection:
        connection.execute("UPDATE record SET state = 'unopened' WHERE id = ?", (record.id,))
    connection.close()
    await collect({"clock": [CLOCK], "observation": [row(codes.SPO2)]})
    written = await desk.write()
    assert (written.observations, written.put_off) == (1, 1)
    with sqlite3.connect(desk.folder / DATABASE_FILE) as connection:
        connection.execute("UPDATE record SET state = 'opened' WHERE id = ?", (record.id,))
    connection.close()
    assert (await desk.write()).observations == 1


async def test_a_known_persons_observations_refer_to_the_clinics_own_patient(collect, desk, hub):
    await collect({"clock": [CLOCK], "observation": [row()]})
    before = await desk.count()
    async with desk.session.post(
        f"{desk.server.base}/Patient", json={"resourceType": "Patient"}
    ) as response:
        reference = f"Patient/{(await response.json(content_type=None))['id']}"
    written = await desk.write(patients={hub.identity.hub_id.hex(): reference})
    assert written.observations == 1
    assert (await desk.count())["Patient"] == before.get("Patient", 0) + 1


async def test_an_address_without_a_fhir_server_is_named_and_nothing_is_lost(collect, desk):
    await collect({"clock": [CLOCK], "observation": [row()]})
    nowhere = f"{desk.server.base}/nowhere"
    status, shown = await edge_agent("fhir", nowhere, "--dir", desk.folder)
    assert status != 0
    assert f"{nowhere}: Device" in shown
    assert (await desk.write()).observations == 1


async def test_the_command_writes_once_and_says_how_much(collect, desk):
    now_ns = SystemClock().utc_ns()
    clock = CLOCK | {"utc_ns": now_ns}
    await collect({"clock": [clock], "observation": [row()]})
    _, shown = await edge_agent("fhir", desk.server.base, "--dir", desk.folder, "--test-data")
    assert shown == "1 records, 1 Observations (4 resources new), 0 put aside, 0 waiting\n"


@pytest.mark.parametrize(
    ("kind", "spoil"),
    [
        ("PhdNumericObservation", lambda one: one["extension"].clear()),
        ("PhdNumericObservation", lambda one: one["extension"].append(one["extension"][0])),
        ("PhdNumericObservation", lambda one: one.pop("device")),
        ("PhdNumericObservation", lambda one: one.pop("subject")),
        ("PhdNumericObservation", lambda one: one["category"].pop(0)),
        ("PhdNumericObservation", lambda one: one["valueQuantity"].update(system=codes.ECG.refid)),
        ("PhdNumericObservation", lambda one: one["valueQuantity"].pop("code")),
        ("PhdNumericObservation", lambda one: one.update(status="done")),
        ("PhdRtsaObservation", lambda one: one["valueSampledData"].pop("factor")),
        ("PhdRtsaObservation", lambda one: one["valueSampledData"].pop("dimensions")),
        ("PhdDevice", lambda one: one.pop("manufacturer")),
        ("PhdDevice", lambda one: one["type"]["coding"][0].update(code="1")),
        ("PhgDevice", lambda one: one.pop("specialization")),
        ("PhdCoincidentTimeStampObservation", lambda one: one.pop("device")),
    ],
)  # fmt: skip
async def test_the_server_does_refuse_what_breaks_the_profiles(collect, desk, kind, spoil):
    await collect(EVERYTHING)
    async with desk.writer() as writer:
        (record,) = await writer._source.read(await writer._source.after(0, 1))
        one = next(
            one for one in compose(record).everything
            if one.resource["meta"]["profile"][0].endswith(f"/{kind}")
            and ("valueQuantity" in one.resource or kind != "PhdNumericObservation")
        )  # fmt: skip
        spoilt = json.loads(json.dumps(one.resource))
        spoil(spoilt)
        references = dict.fromkeys(one.needs(), "Device/1")
        delivered = await writer._delivery.send(
            [Planned(spoilt, one.system, one.value + " spoilt").resolved(references)]
        )
    assert len(delivered.refused) == 1


async def test_every_record_of_a_demo_hub_is_accepted(server, tmp_path):
    async with set_stage(seed=1, recording=None) as stage, ClientSession() as session:
        await stage.hub.start()
        await asyncio.sleep(6)
        await stage.hub.stop()
        await stage.collector.open_records()
        desk = Desk(stage.collector.recipient_file.parent, server, session, PatientClock())
        written = await desk.write(hold_s=-1e9)
        aside = await desk.aside()
        again = await desk.write()
    assert [(one.identifier, one.reason) for one in aside] == []
    assert written.records >= 3
    assert written.observations >= 10
    assert again.created == 0
