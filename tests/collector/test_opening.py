import asyncio
import sqlite3

import pytest

from edge_agent.clock import NS_PER_S, VirtualClock
from edge_agent.collector import Collector
from edge_agent.collector.queries import Queries
from edge_agent.errors import SealError, StoreError
from edge_agent.store.keys import Recipient, RecipientKey
from edge_agent.store.suites import Suite

CLOCK = {
    "boottime_ns": 100 * NS_PER_S,
    "utc_ns": 1_800_000_000 * NS_PER_S,
    "uncertainty_ns": 10**8,
    "source": "network",
}
OBSERVATION = {
    "code": "MDC_ECG_HEART_RATE",
    "unit": "/min",
    "sensor": "strap",
    "first_ns": 10 * NS_PER_S,
    "last_ns": 70 * NS_PER_S,
    "n": 60,
    "min": 61.0,
    "mean": 72.5,
    "max": 90,
    "last": 75.0,
    "quality": 0.9,
    "state": "measured",
}
EVENT = {"kind": "connected", "sensor": "strap", "at_ns": 1, "detail": "{}"}
ALARM = {
    "rule": "heart-rate-high",
    "episode": "7",
    "title": "Heart rate high",
    "priority": "high",
    "technical": False,
    "phase": "raised",
    "at_ns": 95 * NS_PER_S,
    "evidence": "[]",
}
FORECAST = {
    "code": "MDC_CONC_GLU_GEN",
    "at_ns": 1,
    "horizon_min": 30,
    "mean": 100.0,
    "low90": 80.0,
    "high90": 120.0,
}
SENSOR = {
    "sensor": "strap",
    "driver": "heart-rate",
    "title": "Heart rate strap",
    "address": "A0:9E:1A:00:00:01",
    "software": "0.1.0",
}
TABLES = {
    "clock": [CLOCK],
    "observation": [OBSERVATION],
    "event": [EVENT],
    "alarm": [ALARM],
    "forecast": [FORECAST],
    "sensor": [SENSOR],
}


async def opened(collector, door, *records):
    for record in records:
        status, _ = await door.send(record)
        assert status == 200
    await collector.open_records()
    return (await collector.stats()).kept


async def test_every_table_is_written_out(collector, hub, door):
    kept = await opened(collector, door, hub.seal(TABLES))
    assert (kept.opened, kept.unopened, kept.waiting) == (1, 0, 0)
    counts = await collector.queries.row_counts()
    assert counts == dict.fromkeys(TABLES, 1) | {"gap": 0, "other": 0}


async def test_observations_and_alarms_are_shown_with_wall_clock_times(collector, hub, door):
    await opened(collector, door, hub.seal(TABLES))
    (latest,) = await collector.queries.latest()
    assert (latest.hub, latest.code, latest.last, latest.unit, latest.n) == (
        hub.identity.hub_id.hex(), "MDC_ECG_HEART_RATE", 75.0, "/min", 60,
    )  # fmt: skip
    assert latest.utc_ns == (1_800_000_000 - 30) * NS_PER_S
    (alarm,) = await collector.queries.alarms()
    assert (alarm.title, alarm.priority, alarm.technical) == ("Heart rate high", "high", False)
    assert (alarm.utc_ns, alarm.uncertainty_ns) == ((1_800_000_000 - 5) * NS_PER_S, 10**8)


async def test_the_newest_live_value_of_each_sensor_is_shown(collector, hub, door):
    older = OBSERVATION | {"last_ns": 5, "last": 1.0}
    backfilled = OBSERVATION | {"last_ns": 9 * 10**15, "last": 2.0, "backfilled": True}
    other = OBSERVATION | {"sensor": "patch", "last": 3.0}
    await opened(
        collector, door, hub.seal({"observation": [OBSERVATION]}),
        hub.seal({"observation": [older]}), hub.seal({"observation": [backfilled]}),
        hub.seal({"observation": [other]}),
    )  # fmt: skip
    shown = {one.sensor: one.last for one in await collector.queries.latest()}
    assert shown == {"strap": 75.0, "patch": 3.0}


async def test_a_value_fetched_twice_is_kept_once_and_another_of_the_same_minute_is_another(
    collector, hub, door
):
    """Meters count whole minutes: 52 mg/dL and the check a moment later, at one time of theirs."""
    low = OBSERVATION | {"last": 52.0, "device_ns": 10**18, "backfilled": True}
    check = low | {"last": 105.0}
    no_number = low | {"last": None, "state": "below-range"}
    await opened(
        collector, door, hub.seal({"observation": [low, no_number]}),
        hub.seal({"observation": [low, check, no_number]}),
    )  # fmt: skip
    assert (await collector.queries.row_counts())["observation"] == 3


async def test_a_clock_that_is_set_late_corrects_what_was_measured_before(collector, hub, door):
    wrong = CLOCK | {"utc_ns": 0, "uncertainty_ns": 3600 * NS_PER_S, "source": "unverified"}
    await opened(collector, door, hub.seal({"clock": [wrong], "observation": [OBSERVATION]}))
    (latest,) = await collector.queries.latest()
    assert latest.utc_ns == -30 * NS_PER_S
    await opened(collector, door, hub.seal({"clock": [CLOCK]}))
    (latest,) = await collector.queries.latest()
    assert latest.utc_ns == (1_800_000_000 - 30) * NS_PER_S


async def test_of_clocks_as_good_as_each_other_the_nearest_counts(collector, hub, door):
    later = CLOCK | {"boottime_ns": 10**6 * NS_PER_S, "utc_ns": CLOCK["utc_ns"] + 10**15}
    for clocks in ([later, CLOCK], [CLOCK, later]):
        await opened(collector, door, hub.seal({"clock": clocks, "observation": [OBSERVATION]}))
        (latest,) = await collector.queries.latest()
        assert latest.utc_ns == (1_800_000_000 - 30) * NS_PER_S


async def test_a_clock_of_another_boot_says_nothing(collector, hub, door):
    await opened(collector, door, hub.seal({"observation": [OBSERVATION]}))
    await opened(collector, door, hub.seal({"clock": [CLOCK]}, epoch=2))
    (latest,) = await collector.queries.latest()
    assert latest.utc_ns is None


@pytest.mark.parametrize(
    ("tables", "header", "reason"),
    [
        ({"event": [{"kind": "x"}]}, {}, "missing required field"),
        ({"event": [EVENT | {"more": 1}]}, {}, "unknown field"),
        ({"event": [EVENT | {"at_ns": "soon"}]}, {}, "Expected `int`"),
        ({"event": [EVENT | {"at_ns": 2**63}]}, {}, "Expected `int` <="),
        ({"event": [EVENT]}, {"count": 3}, "another number of rows"),
        ({"event": [EVENT]}, {"schema_version": 9}, "schema 9 is not known"),
    ],
    ids=["missing", "unknown", "type", "range", "count", "schema"],
)
async def test_a_record_that_does_not_fit_is_kept_sealed_with_the_reason(
    collector, hub, door, tmp_path, tables, header, reason
):
    record = hub.seal({"clock": [CLOCK]} | tables, **header)
    kept = await opened(collector, door, record)
    assert (kept.stored, kept.opened, kept.unopened) == (1, 0, 1)
    assert (await collector.queries.row_counts())["clock"] == 0, "all tables or none"
    with sqlite3.connect(tmp_path / "collector" / "collector.db") as connection:
        ((failure,),) = connection.execute("SELECT failure FROM record").fetchall()
    connection.close()
    assert reason in failure


async def test_tables_nobody_knows_yet_are_kept_as_they_came(collector, hub, door):
    await opened(collector, door, hub.seal({"weather": [{"wind": 3.5}], "event": [EVENT]}))
    counts = await collector.queries.row_counts()
    assert (counts["other"], counts["event"]) == (1, 1)


async def test_a_record_sealed_to_a_foreign_key_is_kept_and_opens_once_the_key_is_here(
    collector, hub, door, tmp_path
):
    key = RecipientKey.generate(Suite.X25519)
    hub.recipient = key.public
    kept = await opened(collector, door, hub.seal(TABLES))
    assert (kept.opened, kept.unopened) == (0, 1)
    await collector.close()
    key.save(tmp_path / "collector" / "keys" / f"{key.public.key_id.hex()}.json")
    again = await Collector.open(tmp_path / "collector", clock=VirtualClock())
    assert await again.open_records() == 1
    assert (await again.stats()).kept.unopened == 0
    await again.close()


async def test_what_comes_is_opened_without_being_asked(collector, hub, door):
    await door.send(hub.seal(TABLES))
    async with asyncio.timeout(60):
        while not (await collector.stats()).kept.opened:
            await asyncio.sleep(0.005)


async def test_another_process_can_read_along(collector, hub, door, tmp_path):
    await opened(collector, door, hub.seal(TABLES))
    queries = await Queries.open(tmp_path / "collector")
    assert len(await queries.latest()) == 1
    await queries.close()
    with pytest.raises(StoreError, match="unable to open"):
        await Queries.open(tmp_path / "nowhere")


async def test_keys_are_drawn_once_and_never_change_suite_by_themselves(tmp_path):
    folder = tmp_path / "new"
    first = await Collector.open(folder)
    key = Recipient.load(first.recipient_file)
    await first.close()
    assert key.suite is Suite.X_WING
    again = await Collector.open(folder)
    await again.close()
    assert Recipient.load(folder / "recipient.json") == key
    with pytest.raises(SealError, match="is of suite x-wing"):
        await Collector.open(folder, suite=Suite.X25519)


async def test_a_lost_private_key_is_told_before_hubs_seal_to_it(tmp_path):
    await (await Collector.open(tmp_path / "new")).close()
    for file in (tmp_path / "new" / "keys").iterdir():
        file.unlink()
    with pytest.raises(SealError, match="its private key is not here"):
        await Collector.open(tmp_path / "new")
