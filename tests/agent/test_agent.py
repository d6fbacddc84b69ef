import asyncio
import datetime as dt
import json
import random
import sqlite3

import numpy as np
import pytest

from edge_agent import codes
from edge_agent.clock import NS_PER_S, ClockRecord
from edge_agent.errors import SealError
from edge_agent.imports.moments import Moment
from edge_agent.imports.person import person_file, update_person
from edge_agent.imports.record import LabResult, PersonRecord
from edge_agent.model import Boottime, Observation, Waveform
from edge_agent.outgoing import Draft
from edge_agent.person_watch import LOOK_EVERY_S
from edge_agent.status import PersonStatus
from edge_agent.store.local_state import LocalState
from edge_agent.store.seal import RecordClass
from edge_agent.store.subject_files import SubjectFiles
from edge_mocks.ecg import SyntheticEcg

HOUR_S = 3600
SUBJECT = "00112233445566778899aabbccddeeff"


def spo2(clock, value):
    return Observation(code=codes.SPO2, value=value, at=clock.boottime(), sensor="ox")


async def test_an_alarm_is_sealed_and_committed_at_once(bedside):
    async with bedside.hub() as agent:
        for _ in range(8):
            agent.receive(spo2(bedside.clock, 80))
            await bedside.clock.advance(1)
        await bedside.stored(agent)
        assert (await agent.records.outbox.counts()).sealed_total == 1
        await bedside.until(lambda: agent.records.uploader.state.sent == 1)
        await bedside.collector.open_records()
        alarms = await bedside.collector.queries.alarms()
        assert [(alarm.rule, alarm.priority) for alarm in alarms] == [("spo2-low", "high")]


async def test_what_is_in_memory_at_the_end_is_sealed_and_the_next_life_delivers_it(bedside):
    await bedside.collector.stop()
    async with bedside.hub() as agent:
        agent.receive(spo2(bedside.clock, 97))
        await bedside.stored(agent)
    port = bedside.port
    bedside.port = await bedside.collector.start("127.0.0.1", port)
    async with bedside.hub() as agent:
        await bedside.until(lambda: agent.records.uploader.state.sent == 1)
    await bedside.collector.open_records()
    (observation,) = await bedside.collector.queries.latest()
    assert (observation.code, observation.last) == ("MDC_PULS_OXIM_SAT_O2", 97.0)


async def test_a_summary_that_can_not_be_sealed_does_not_hold_up_the_next(bedside):
    async with bedside.hub() as agent:
        agent.records.outgoing.put(
            Draft(RecordClass.SUMMARY, {"broken": [{"a": 1}, {"b": 2}]}, bytes(16))
        )
        agent.receive(spo2(bedside.clock, 97))
        await bedside.clock.advance(61)
        await bedside.stored(agent)
        assert agent.records.unsealable == 1
        assert (await agent.records.outbox.counts()).sealed_total == 1
        status = await agent.status()
        assert status.queues[1].dropped["unsealable"] == 1


async def test_a_fault_in_the_pipeline_costs_one_reading_and_not_the_hub(bedside):
    async with bedside.hub() as agent:
        real, broken = agent.beds[0].pipeline.take, []

        def take(reading, now):
            if not broken:
                broken.append(reading)
                raise ZeroDivisionError("a bug")
            return real(reading, now)

        agent.beds[0].pipeline.take = take
        agent.receive(spo2(bedside.clock, 97))
        await bedside.until(lambda: broken)
        await bedside.clock.advance(2)
        agent.receive(spo2(bedside.clock, 96))
        await bedside.stored(agent)
        assert (
            agent.beds[0].pipeline.twin.variable(codes.SPO2, bedside.clock.boottime()).value == 96
        )


async def test_a_damaged_outbox_is_set_aside_and_the_hub_starts(bedside):
    async with bedside.hub() as agent:
        agent.receive(spo2(bedside.clock, 97))
    database = bedside.folder / "state" / "outbox.db"
    database.write_bytes(b"not a database" * 1000)
    async with bedside.hub() as agent:
        status = await agent.status()
        assert "kept as" in status.store.recovered
        agent.receive(spo2(bedside.clock, 95))
        await bedside.clock.advance(61)
        await bedside.stored(agent)
        await bedside.until(lambda: agent.records.uploader.state.sent >= 1)
    assert list(database.parent.glob("outbox.db.damaged-*"))


async def test_a_hub_without_a_collector_watches_and_keeps_nothing(bedside, tmp_path):
    config = bedside.write_config()
    config.write_text(config.read_text().partition("[collector]")[0] + bedside.subjects)
    from edge_agent.agent import Agent
    from edge_agent.plan import plan

    agent, stop = Agent(plan(config), bedside.clock, random.Random(1)), asyncio.Event()
    running = asyncio.create_task(agent.run(stop))
    for _ in range(8):
        agent.receive(spo2(bedside.clock, 80))
        await bedside.clock.advance(1)
    await bedside.until(lambda: len(agent.readings) == 0)
    status = await agent.status()
    assert [alarm.rule for alarm in status.alarms] == ["spo2-low"]
    assert (status.store, status.uplink) == (None, None)
    assert len(agent.records.outgoing) == 0
    stop.set()
    await bedside.settle(running)


@pytest.mark.timeout(400)  # a minute of work on a free core
async def test_six_hours_of_hub_life_with_the_link_down_for_four_lose_nothing(bedside):
    """ECG at 130 Hz, an oximeter, a glucose sensor; the wall clock steps by 30 years and back."""
    source = SyntheticEcg(random.Random(1), rate_hz=130.0, heart_rate_per_min=70.0)
    minute_of_ecg = [source.read(650) for _ in range(12)]
    async with bedside.hub() as agent:
        for minute in range(6 * 60):
            if minute == 60:
                await bedside.collector.stop()
            if minute == 100:
                bedside.clock.step_utc(30 * 365 * 86400)
            if minute == 200:
                bedside.clock.step_utc(-30 * 365 * 86400)
            if minute == 5 * 60:
                await bedside.collector.start("127.0.0.1", bedside.port)
            for samples in minute_of_ecg:
                start = bedside.clock.boottime()
                agent.receive(
                    Waveform(
                        code=codes.ECG, samples=samples, unit_per_count=1.0, rate_hz=130.0,
                        start=start, sensor="patch",
                    )
                )  # fmt: skip
                agent.receive(spo2(bedside.clock, 96 + minute % 3))
                await bedside.clock.advance(5)
            glucose = 120 + 40 * np.sin(minute / 40)
            agent.receive(
                Observation(
                    code=codes.GLUCOSE, value=float(glucose),
                    at=Boottime(bedside.clock.boottime()), sensor="cgm",
                )
            )  # fmt: skip
            await bedside.stored(agent)
        assert agent.readings.dropped == {}
        assert not agent.records.outgoing.dropped
        while (await agent.records.outbox.counts()).buffered:
            await bedside.clock.advance(5)
            await asyncio.sleep(0.005)
        counts = await agent.records.outbox.counts()
        beats = agent.beds[0].pipeline.beats
    await bedside.collector.open_records()
    stats = await bedside.collector.stats()
    (account,) = stats.hubs
    assert counts.sealed_total >= 6 * 60 - 1
    assert stats.kept.stored == stats.kept.opened >= counts.sealed_total
    assert (account.missing, account.lost, account.chain_breaks, account.forks) == (0, 0, 0, 0)
    # The same minute is played again and again: the beat at each seam may be one of two.
    assert abs(beats - 6 * HOUR_S * 70 / 60) < 0.06 * 6 * HOUR_S * 70 / 60
    assert bedside.clock.boottime() >= 6 * HOUR_S * NS_PER_S


async def test_a_store_that_can_not_be_opened_stops_neither_alarms_nor_later_records(bedside):
    state = bedside.folder / "state"
    other = sqlite3.connect(state / "outbox.db", isolation_level=None)
    other.execute("BEGIN EXCLUSIVE")  # another program has it
    async with bedside.hub(started=False) as agent:
        for _ in range(8):
            agent.receive(spo2(bedside.clock, 80))
            await bedside.clock.advance(1)
        await bedside.until(lambda: agent.records.error)
        status = await agent.status()
        assert [alarm.rule for alarm in status.alarms] == ["spo2-low"]
        assert not status.store.is_open
        assert "outbox.db" in status.store.last_error
        other.close()
        while agent.records.outbox is None:
            await bedside.clock.advance(1)
            await asyncio.sleep(0.005)
        await bedside.stored(agent)
        assert (await agent.records.outbox.counts()).sealed_total >= 1


async def test_a_record_committed_at_the_very_end_is_not_sealed_twice(bedside):
    for _ in range(5):
        async with bedside.hub("[warning]\nnews2 = false\n") as agent:
            agent.receive(spo2(bedside.clock, 97))
            await bedside.clock.advance(60)  # the summary is being committed while the hub stops
        assert agent.records.outgoing.longest == 1
    await bedside.collector.open_records()
    counts = await bedside.collector.queries.row_counts()
    stats = await bedside.collector.stats()
    outbox_kept = counts["observation"]
    assert outbox_kept <= 5
    assert stats.hubs[0].forks == 0


async def test_an_uplink_that_could_not_be_made_at_first_is_made_later(bedside, monkeypatch):
    from edge_agent import records

    real, failures = records.tls, []

    def tls(collector, credentials):
        if not failures:
            failures.append(collector)
            raise SealError("collector.ca", "gone")
        return real(collector, credentials)

    monkeypatch.setattr(records, "tls", tls)
    async with bedside.hub(started=False) as agent:
        agent.receive(spo2(bedside.clock, 97))
        while agent.records.uploader is None:
            await bedside.clock.advance(1)
            await asyncio.sleep(0.005)
        await bedside.clock.advance(61)
        await bedside.until(lambda: agent.records.uploader.state.sent == 1)
    assert failures


async def test_status_is_told_when_the_store_can_not_be_read(bedside):
    async with bedside.hub() as agent:
        await agent.records.outbox.close()
        status = await agent.status()
        assert not status.store.is_open
        assert "closed" in status.store.last_error


async def test_a_service_manager_that_is_gone_does_not_cost_the_last_summary(bedside, monkeypatch):
    async with bedside.hub() as agent:
        agent.receive(spo2(bedside.clock, 97))
        await bedside.stored(agent)
        monkeypatch.setenv("NOTIFY_SOCKET", str(bedside.folder / "gone"))
    await bedside.collector.open_records()
    assert (await bedside.collector.stats()).kept.stored == 1


async def test_glucose_fetched_again_after_a_restart_is_kept_once(bedside):
    def record(minute):
        return Observation(
            code=codes.GLUCOSE, value=100.0 + minute, at=bedside.clock.boottime(), sensor="cgm",
            device_ns=minute * 60 * NS_PER_S, backfilled=True,
        )  # fmt: skip

    for life in range(2):
        async with bedside.hub() as agent:
            for minute in range(10 + life):
                agent.receive(record(minute))
            await bedside.clock.advance(61)
            await bedside.stored(agent)
            await bedside.until(lambda agent=agent: agent.records.uploader.state.sent >= 1)
    await bedside.collector.open_records()
    assert (await bedside.collector.queries.row_counts())["observation"] == 11
    assert await bedside.collector.queries.repeated_values() == 0


async def test_what_is_imported_while_the_hub_runs_is_read_and_shown(bedside):
    async with bedside.hub() as agent:
        assert (await agent.status()).beds[0].person is None
        result = LabResult(
            loinc="2160-0", title="creatinine", value=1.1, unit="mg/dL",
            at=Moment(dt.datetime(2026, 1, 2, tzinfo=dt.UTC)),
        )  # fmt: skip
        state = SubjectFiles(bedside.folder / "state", SUBJECT)
        update_person(state, lambda _: PersonRecord(results=(result,)))
        await bedside.clock.advance(LOOK_EVERY_S + 1)
        await bedside.until(lambda: agent.beds[0].person.record is not None)
        assert (await agent.status()).beds[0].person == PersonStatus(
            results=1, medications=0, genotypes=0, error=""
        )
        person_file(state).write_bytes(b"damaged")
        await bedside.clock.advance(LOOK_EVERY_S + 1)
        await bedside.until(lambda: agent.beds[0].person.error)
        assert agent.beds[0].person.record is None


async def test_what_is_told_and_what_it_scores_outlive_a_restart_of_the_hub(bedside):
    async with bedside.hub() as agent:
        assert agent.observe({"consciousness": "A", "oxygen": "no"}, 4.0, "nurse")
        with pytest.raises(ValueError, match="at most a day"):
            agent.observe({"oxygen": "yes"}, 48.0, "nurse")
        agent.receive(spo2(bedside.clock, 90))
        await bedside.clock.advance(10)
        warning = (await agent.status()).beds[0].warning
        assert (warning.total, warning.at_least) == (None, 3)
        assert {one.name for one in warning.parts if one.points is None} == {
            "respiration rate", "systolic pressure", "pulse", "temperature",
        }  # fmt: skip
    async with bedside.hub() as agent:
        assert agent.beds[0].warning.observed.consciousness(bedside.clock.boottime()) == "A"
        (bedside.folder / "state" / f"early-warning-{SUBJECT[:12]}.sealed").write_bytes(b"damaged")
        await agent.beds[0].warning_state.take_up(agent.beds[0].pipeline.alarms)


async def test_the_clinic_sees_what_to_do_and_who_has_seen_an_alarm(bedside):
    async with bedside.hub() as agent:
        for _ in range(8):
            agent.receive(spo2(bedside.clock, 80))
            await bedside.clock.advance(1)
        await bedside.stored(agent)
        assert agent.acknowledge("", "nurse") == ["SpO2 low"]
        await bedside.stored(agent)
        await bedside.until(lambda: agent.records.uploader.state.sent == 2)
    await bedside.collector.open_records()
    steps = {one.phase: one for one in await bedside.collector.queries.alarms()}
    assert steps["raised"].advice.startswith("There is too little oxygen")
    assert (steps["raised"].by, steps["acknowledged"].by) == ("", "nurse")


@pytest.mark.parametrize("step_s", [3600, -3600, 30 * 365 * 86_400, -30 * 365 * 86_400])
async def test_a_step_of_the_wall_clock_neither_raises_nor_clears_nor_loses_an_alarm(
    bedside, step_s
):
    async with bedside.hub() as agent:

        async def for_seconds(seconds, value):
            for _ in range(seconds):
                agent.receive(spo2(bedside.clock, value))
                await bedside.clock.advance(1)
            await bedside.until(lambda: len(agent.readings) == 0)
            return [(one.rule, one.phase) for one in agent.beds[0].pipeline.alarms.active]

        assert await for_seconds(10, 97) == []
        bedside.clock.step_utc(step_s)
        assert await for_seconds(30, 97) == []
        (raised,) = await for_seconds(20, 85)
        bedside.clock.step_utc(-step_s)
        assert await for_seconds(20, 85) == [raised]
        assert await for_seconds(30, 97) == []
        assert agent.beds[0].pipeline.alarms_raised == 1


async def test_a_delay_that_runs_when_the_hub_is_restarted_runs_on(bedside):
    async with bedside.hub() as agent:
        for _ in range(15):
            agent.receive(spo2(bedside.clock, 88))
            await bedside.clock.advance(1)
        await bedside.until(lambda: len(agent.readings) == 0)
        assert agent.beds[0].pipeline.alarms.active == ()
    async with bedside.hub() as agent:
        for _ in range(6):
            agent.receive(spo2(bedside.clock, 88))
            await bedside.clock.advance(1)
        await bedside.until(lambda: len(agent.readings) == 0)
        assert [one.rule for one in agent.beds[0].pipeline.alarms.active] == ["spo2-low"]


async def test_who_has_acknowledged_an_alarm_is_an_event_of_the_record(bedside):
    async with bedside.hub() as agent:
        for _ in range(8):
            agent.receive(spo2(bedside.clock, 80))
            await bedside.clock.advance(1)
        (alarm,) = (await agent.status()).alarms
        assert agent.acknowledge(alarm.episode, "nurse-on-duty") == ["SpO2 low"]
        assert agent.acknowledge(alarm.episode, "another") == []
        (shown,) = (await agent.status()).alarms
        assert (shown.by, shown.age_s) == ("nurse-on-duty", alarm.age_s)
        rows = agent.beds[0].pipeline.summary.take(ClockRecord.take(bedside.clock))["event"]
    (detail,) = [json.loads(one["detail"]) for one in rows if one["kind"] == "alarm-acknowledged"]
    assert (detail["by"], detail["episode"]) == ("nurse-on-duty", alarm.episode)


async def test_a_hub_that_is_killed_loses_a_minute_of_a_wait_and_no_more(bedside):
    """What is on the disk two minutes after an alarm that nobody has seen."""
    async with bedside.hub() as agent:
        for _ in range(8):
            agent.receive(spo2(bedside.clock, 80))
            await bedside.clock.advance(1)
        for _ in range(120):
            await bedside.clock.advance(1)
            await asyncio.sleep(0.005)
        state = LocalState.open(bedside.folder / "state")
        files = SubjectFiles(bedside.folder / "state", SUBJECT)
        kept = json.loads(state.read(files.name("alarms")))["alarms"]
    assert {one["rule"]: one["raised_s"] >= 60 for one in kept}["spo2-low"]
