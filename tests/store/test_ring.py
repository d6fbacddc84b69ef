import random
import stat

import pytest

from edge_agent.errors import StoreError
from edge_agent.model import Boottime
from edge_agent.store import recovery, ring
from edge_agent.store.keys import HubIdentity
from edge_agent.store.outbox import RecordClass
from edge_agent.store.recovery import SEQ_LEAP
from edge_agent.store.ring import RING_OCTETS, SLOT_OCTETS, SLOTS, AlarmRing
from edge_agent.store.seal import parse, verify

AT = Boottime(7_000_000_000)
ALARM = {"alarm": [{"rule": "hr-high", "value": 171}]}


@pytest.fixture
def ring_path(path):
    return path.with_name("outbox.db.alarms")


async def alarms(outbox, count, record_class=RecordClass.ALARM):
    return [await outbox.append(record_class, ALARM, at=AT) for _ in range(count)]


async def held(outbox, record_class=RecordClass.ALARM):
    return [one.id for one in await outbox.batch(9999, 1 << 30, {record_class})]


def in_ring(ring_path, identity):
    opened = AlarmRing.open(ring_path)
    kept = opened.alarms(identity.card)
    opened.close()
    return kept


async def test_the_newest_alarms_are_there_a_second_time_and_nothing_else(
    open_outbox, ring_path, identity
):
    async with await open_outbox() as outbox:
        before = await alarms(outbox, SLOTS + 9)
        await alarms(outbox, 3, RecordClass.SUMMARY)
    kept = in_ring(ring_path, identity)
    assert [one.record.id for one in kept] == [one.id for one in before[9:]]
    assert {one.sealed_at_ns for one in kept} == {AT}
    assert ring_path.stat().st_size == RING_OCTETS
    assert ring_path.stat().st_blocks * 512 >= RING_OCTETS, "its room is taken from the first day"
    assert stat.S_IMODE(ring_path.stat().st_mode) == 0o600


async def test_a_restart_goes_on_after_the_last_slot(open_outbox, ring_path, identity):
    before = []
    for _ in range(5):
        async with await open_outbox() as outbox:
            before += await alarms(outbox, 20)
    assert [one.record.id for one in in_ring(ring_path, identity)] == [
        one.id for one in before[-SLOTS:]
    ]


@pytest.mark.parametrize("seed", range(6))
async def test_a_torn_slot_is_passed_over_and_its_neighbours_are_whole(
    open_outbox, ring_path, identity, seed
):
    rng = random.Random(seed)
    async with await open_outbox() as outbox:
        before = await alarms(outbox, 12)
    octets = bytearray(ring_path.read_bytes())
    slot = rng.randrange(12)
    for _ in range(rng.randrange(1, 40)):
        start = slot * SLOT_OCTETS + rng.randrange(0, 3000)
        octets[start : start + 9] = rng.randbytes(9)
    ring_path.write_bytes(octets)
    kept = [one.record.id for one in in_ring(ring_path, identity)]
    assert kept == [one.id for n, one in enumerate(before) if n != slot], f"seed {seed}"


@pytest.mark.parametrize("octets", [b"", b"short", bytes(RING_OCTETS + 5), b"\xff" * RING_OCTETS])
def test_a_ring_that_is_no_ring_becomes_one(ring_path, identity, octets):
    ring_path.write_bytes(octets)
    opened = AlarmRing.open(ring_path)
    assert opened.alarms(identity.card) == []
    assert opened.keep(b"x" * 900, 1)
    opened.close()
    assert ring_path.stat().st_size == RING_OCTETS


async def test_alarms_of_another_hub_are_not_taken_over(open_outbox, ring_path, tmp_path):
    async with await open_outbox() as outbox:
        await alarms(outbox, 2)
    other = HubIdentity.load_or_create(tmp_path / "other")
    assert in_ring(ring_path, other) == []


def test_an_alarm_that_is_too_large_for_a_slot_is_refused_and_harms_nothing(ring_path, identity):
    opened = AlarmRing.open(ring_path)
    assert not opened.keep(bytes(ring.ALARM_LIMIT_OCTETS + 1), 1)
    assert opened.keep(bytes(ring.ALARM_LIMIT_OCTETS), 1)
    opened.close()


@pytest.mark.parametrize("is_found_late", [False, True])
async def test_a_damaged_outbox_is_refilled_from_the_ring_once_and_without_duplicates(
    open_outbox, path, identity, monkeypatch, is_found_late
):
    async with await open_outbox() as outbox:
        summaries = await alarms(outbox, 5, RecordClass.SUMMARY)
        before = await alarms(outbox, 10)
        delivered = before[0]
        await outbox.acknowledge(delivered.id)
    if is_found_late:
        monkeypatch.setattr(recovery, "CHECKED_AT_ONCE_OCTETS", 0)
    octets = bytearray(path.read_bytes())
    octets[4096 * 3 :] = b"\xff" * (len(octets) - 4096 * 3)  # the pages of most records
    path.write_bytes(octets)
    async with await open_outbox() as outbox:
        await outbox.settled()
        assert await held(outbox) == [one.id for one in before]
        for one in await outbox.batch(99, 1 << 30):
            verify(parse(one.octets), identity.card)
            await outbox.acknowledge(one.id)
        fresh = await alarms(outbox, 1)
        assert fresh[0].seq > summaries[-1].seq + SEQ_LEAP
    async with await open_outbox() as outbox:
        assert await held(outbox) == [fresh[0].id], "what was delivered does not come back"


async def test_a_database_that_forgot_its_last_commits_gets_the_alarms_back_and_goes_on_behind(
    open_outbox, path, identity
):
    async with await open_outbox() as outbox:
        await alarms(outbox, 3)
    forgetful = path.read_bytes()
    async with await open_outbox() as outbox:
        await alarms(outbox, 2, RecordClass.SUMMARY)
        lost = await alarms(outbox, 4)
    for file in path.parent.glob("outbox.db-*"):
        file.unlink()
    path.write_bytes(forgetful)
    async with await open_outbox("boot-2") as outbox:
        assert outbox.recovery is None
        assert (await held(outbox))[3:] == [one.id for one in lost]
        (after,) = await alarms(outbox, 1)
        assert after.seq > lost[-1].seq
        audits = await outbox.batch(9, 1 << 30, {RecordClass.AUDIT})
        assert parse(audits[0].octets).header.previous == lost[-1].id
        assert (await outbox.counts()).epoch == 2
    async with await open_outbox("boot-2") as outbox:
        assert len(await held(outbox)) == 3 + 4 + 1


async def test_an_alarm_is_stored_although_the_ring_fails(open_outbox, monkeypatch, caplog):
    def fail(descriptor, slot, offset):
        raise OSError(5, "Input/output error")

    async with await open_outbox() as outbox:
        monkeypatch.setattr(ring, "write_slot", fail)
        one = await outbox.append(RecordClass.ALARM, ALARM, at=AT)
        assert (await outbox.next()).id == one.id
    assert "alarm ring" in caplog.text


def test_a_ring_that_can_not_be_made_is_told(tmp_path):
    with pytest.raises(StoreError, match="alarm ring"):
        AlarmRing.open(tmp_path / "nowhere" / "ring")
