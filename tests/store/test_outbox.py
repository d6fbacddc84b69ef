import asyncio
import itertools
import random
import stat

import pytest

from edge_agent.errors import SealError, StoreError, StoreFull
from edge_agent.model import Boottime
from edge_agent.store.keys import HubIdentity
from edge_agent.store.outbox import Outbox, RecordClass
from edge_agent.store.payload import decode, unpad
from edge_agent.store.seal import NO_RECORD, open_, parse, verify

AT = Boottime(5_000_000_000)
TABLES = {"observation": [{"code": "MDC_ECG_HEART_RATE", "mean": 72.5}]}
BIG = {"noise": [{"text": random.Random(n).randbytes(60).hex()} for n in range(40)]}


async def drain(outbox):
    """Everything in the outbox in the order of its sending, as parsed records."""
    records = []
    while stored := await outbox.next():
        records.append(parse(stored.octets))
        assert await outbox.acknowledge(stored.id)
    return records


async def fill(outbox, record_class):
    """Append until the outbox is full; return what it took."""
    taken = []
    for _ in range(2000):
        try:
            one = await outbox.append(record_class, TABLES, at=AT)
        except StoreFull:
            return taken
        taken.append(one)
    pytest.fail("the outbox never became full")


def opened(record, key):
    return decode(unpad(open_(record, key)))


async def test_what_is_appended_comes_back_sealed_signed_and_opens(
    open_outbox, identity, recipient_key
):
    async with await open_outbox() as outbox:
        appended = await outbox.append(RecordClass.SUMMARY, TABLES, at=AT)
        stored = await outbox.next()
        assert (stored.seq, stored.id) == (appended.seq, appended.id) == (1, stored.id)
        record = parse(stored.octets)
        verify(record, identity.card)
        assert opened(record, recipient_key) == TABLES
        assert (record.header.count, record.header.subject) == (1, b"S" * 16)


async def test_each_record_names_the_one_before_it_also_over_restarts(open_outbox):
    for _ in range(3):
        async with await open_outbox() as outbox:
            for _ in range(3):
                await outbox.append(RecordClass.SUMMARY, TABLES, at=AT)
    async with await open_outbox() as outbox:
        records = await drain(outbox)
    assert [record.header.seq for record in records] == list(range(1, 10))
    assert [record.header.previous for record in records] == [
        NO_RECORD,
        *(record.id for record in records[:-1]),
    ]


async def test_alarms_go_first_then_the_oldest(open_outbox):
    async with await open_outbox() as outbox:
        for record_class in ("SUMMARY", "EVENT", "ALARM", "AUDIT", "SUMMARY", "ALARM"):
            await outbox.append(RecordClass[record_class], TABLES, at=AT)
        assert [record.header.seq for record in await drain(outbox)] == [3, 6, 1, 2, 4, 5]


async def test_next_passes_over_what_is_excluded(open_outbox):
    async with await open_outbox() as outbox:
        ids = [
            (await outbox.append(RecordClass[name], TABLES, at=AT)).id
            for name in ("ALARM", "SUMMARY", "ALARM")
        ]
        assert (await outbox.next(frozenset(ids[:1]))).id == ids[2]
        assert (await outbox.next(frozenset({ids[0], ids[2]}))).id == ids[1]
        assert await outbox.next(frozenset(ids)) is None


async def several(outbox, *names):
    return [await outbox.append(RecordClass[name], TABLES, at=AT) for name in names]


async def test_a_batch_is_bounded_in_records_and_octets_but_never_empty_for_a_large_one(
    open_outbox,
):
    async with await open_outbox() as outbox:
        await several(outbox, "SUMMARY", "SUMMARY", "ALARM", "EVENT", "SUMMARY")
        size = len((await outbox.batch(2, 1 << 20))[1].octets)
        for records, octets, places in (
            (64, 1 << 20, [3, 1, 2, 4, 5]),
            (2, 1 << 20, [3, 1]),
            (64, 1, [3]),
            (64, 3 * size + 2048, [3, 1, 2]),
        ):
            batch = await outbox.batch(records, octets)
            assert [one.seq for one in batch] == places, (records, octets)
        assert (await outbox.counts()).buffered == 5


async def test_a_batch_holds_only_the_classes_asked_for(open_outbox):
    async with await open_outbox() as outbox:
        await several(outbox, "SUMMARY", "ALARM", "EVENT", "AUDIT", "ALARM")
        for classes, places in (
            ({RecordClass.ALARM}, [2, 5]),
            ({RecordClass.AUDIT, RecordClass.EVENT}, [3, 4]),
            ({RecordClass.ALARM, RecordClass.AUDIT}, [2, 5, 4]),
            (set(), []),
        ):
            batch = await outbox.batch(64, 1 << 20, classes)
            assert [one.seq for one in batch] == places, classes


async def test_what_is_live_goes_before_the_backlog(open_outbox):
    async with await open_outbox() as outbox:
        ones = await several(outbox, *("SUMMARY",) * 6, "ALARM", "SUMMARY")
        batch = await outbox.batch(64, 1 << 20, live_from=5, exclude=frozenset({ones[4].id}))
        assert [one.seq for one in batch] == [7, 6, 8, 1, 2, 3, 4]
        assert [one.seq for one in await outbox.batch(3, 1 << 20, live_from=6)] == [7, 6, 8]


async def test_receipts_delete_together_what_they_name_by_epoch_place_and_hash(open_outbox):
    async with await open_outbox() as outbox:
        ones = await several(outbox, *("SUMMARY",) * 5)
        wrong = [(2, 1, ones[0].id), (1, 2, ones[0].id), (1, 3, b"?" * 32), (1, 99, ones[1].id)]
        assert await outbox.acknowledge_all(wrong) == 0
        right = [(1, one.seq, one.id) for one in ones[:3]]
        assert await outbox.acknowledge_all(right + right[:1]) == 3
        assert await outbox.acknowledge_all(right) == 0
        counts = await outbox.counts()
        assert (counts.buffered, counts.delivered_total) == (2, 3)


async def test_only_the_hash_takes_a_record_out_and_only_once(open_outbox):
    async with await open_outbox() as outbox:
        appended = await outbox.append(RecordClass.SUMMARY, TABLES, at=AT)
        assert not await outbox.acknowledge(b"another hash".ljust(32))
        assert (await outbox.counts()).buffered == 1
        assert await outbox.acknowledge(appended.id)
        assert not await outbox.acknowledge(appended.id)
        counts = await outbox.counts()
        assert (counts.buffered, counts.delivered_total, counts.sealed_total) == (0, 1, 1)


async def test_a_place_is_never_used_again_after_delivery(open_outbox):
    async with await open_outbox() as outbox:
        first = await outbox.append(RecordClass.SUMMARY, TABLES, at=AT)
        await outbox.acknowledge(first.id)
    async with await open_outbox() as outbox:
        second = await outbox.append(RecordClass.SUMMARY, TABLES, at=AT)
        assert second.seq == 2
        assert parse((await outbox.next()).octets).header.previous == first.id


async def test_the_epoch_counts_boots_and_not_starts(open_outbox):
    epochs = []
    for boot_id in ("boot-1", "boot-1", "boot-2", "boot-2", "boot-1"):
        async with await open_outbox(boot_id) as outbox:
            epochs.append((await outbox.counts()).epoch)
    assert epochs == [1, 1, 2, 2, 3]


async def test_counts_tell_what_is_held(open_outbox):
    async with await open_outbox() as outbox:
        empty = await outbox.counts()
        assert (empty.buffered, empty.oldest_at, empty.buffered_octets) == (0, None, 0)
        await outbox.append(RecordClass.SUMMARY, TABLES, at=Boottime(7))
        await outbox.append(RecordClass.ALARM, TABLES, at=Boottime(9))
        counts = await outbox.counts()
        assert (counts.buffered, counts.buffered_alarms, counts.oldest_at) == (2, 1, 7)
        assert counts.buffered_octets == 2 * (108 + 212 + 80 + 16 + 64) + 512 + 2048


async def test_appends_from_many_tasks_make_one_chain(open_outbox):
    async with await open_outbox() as outbox:
        await asyncio.gather(
            *(outbox.append(RecordClass.SUMMARY, TABLES, at=AT) for _ in range(30))
        )
        records = await drain(outbox)
    assert [record.header.seq for record in records] == list(range(1, 31))
    assert [record.header.previous for record in records[1:]] == [
        record.id for record in records[:-1]
    ]


async def test_an_append_that_is_cancelled_is_whole_or_absent(open_outbox):
    async with await open_outbox() as outbox:
        for turns in range(40):
            task = asyncio.create_task(outbox.append(RecordClass.SUMMARY, TABLES, at=AT))
            for _ in range(turns):
                await asyncio.sleep(0)
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
        last = await outbox.append(RecordClass.SUMMARY, TABLES, at=AT)
        records = await drain(outbox)
    assert records[-1].header.seq == last.seq == len(records)
    assert [record.header.previous for record in records[1:]] == [
        record.id for record in records[:-1]
    ]


async def test_files_are_the_owners_only_and_hold_no_plaintext(open_outbox, path):
    marker = "Plaintext-Marker-7f3a"
    async with await open_outbox() as outbox:
        for n in range(20):
            await outbox.append(RecordClass.SUMMARY, {"t": [{marker: marker, "n": n}]}, at=AT)
        files = list(path.parent.glob("outbox.db*"))
        assert {file.name for file in files} >= {"outbox.db", "outbox.db-wal"}
        for file in files:
            assert stat.S_IMODE(file.stat().st_mode) == 0o600
            assert marker.encode() not in file.read_bytes()


async def test_tables_that_do_not_fit_change_nothing(open_outbox):
    async with await open_outbox() as outbox:
        with pytest.raises(SealError):
            await outbox.append(RecordClass.ALARM, {"t": [{"value": float("nan")}]}, at=AT)
        assert (await outbox.counts()).sealed_total == 0


async def test_a_second_process_is_kept_out(open_outbox):
    async with await open_outbox() as outbox:
        await outbox.append(RecordClass.SUMMARY, TABLES, at=AT)
        with pytest.raises(StoreError, match="Stop what else uses it"):
            await open_outbox()
        assert (await outbox.counts()).buffered == 1


async def test_the_outbox_of_another_hub_is_refused(open_outbox, path, tmp_path, recipient_key):
    async with await open_outbox():
        pass
    other = HubIdentity.load_or_create(tmp_path / "other")
    with pytest.raises(StoreError, match="another hub"):
        await Outbox.open(
            path,
            identity=other,
            recipient=recipient_key.public,
            subject=b"S" * 16,
            boot_id="b",
            quota_bytes=1 << 20,
        )


async def test_a_closed_outbox_says_so(open_outbox):
    outbox = await open_outbox()
    await outbox.close()
    await outbox.close()
    with pytest.raises(StoreError, match="closed"):
        await outbox.counts()


async def test_a_full_outbox_evicts_the_oldest_summaries_and_says_which(open_outbox, recipient_key):
    async with await open_outbox(quota_bytes=1 << 20) as outbox:
        alarm = await outbox.append(RecordClass.ALARM, TABLES, at=AT)
        appended = [await outbox.append(RecordClass.SUMMARY, BIG, at=AT) for _ in range(400)]
        counts = await outbox.counts()
        assert counts.evicted_total > 100
        records = {record.header.seq: record for record in await drain(outbox)}
    gone = {one.seq for one in appended} - records.keys()
    assert len(gone) == counts.evicted_total
    whole_from = max(gone) + 1
    left_behind = [seq for seq in records if seq < whole_from and seq != alarm.seq]
    newest = [one.seq for one in appended if one.seq >= whole_from]
    assert set(newest) <= records.keys()
    assert len(newest) >= len(left_behind) > 0, "a tenth is left behind, and it is the smaller part"
    assert len(left_behind) < 0.25 * len(gone)
    assert alarm.seq in records
    (gaps,) = [
        opened(record, recipient_key)["gap"]
        for record in records.values()
        if record.header.record_class is RecordClass.AUDIT
    ]
    told = {
        reason: {
            seq
            for row in gaps
            if row["reason"] == reason
            for seq in range(row["first_seq"], row["last_seq"] + 1)
        }
        for reason in ("evicted", "superseded")
    }
    assert told["evicted"] == gone
    assert set(range(1, max(records) + 1)) == records.keys() | told["evicted"] | told["superseded"]
    assert sum(row["rows"] for row in gaps if row["reason"] == "evicted") == 40 * len(gone)


async def test_the_thinned_half_never_outgrows_what_is_kept_whole(open_outbox):
    async with await open_outbox(quota_bytes=1 << 19) as outbox:
        last = [await outbox.append(RecordClass.SUMMARY, BIG, at=AT) for _ in range(900)][-1].seq
        held = await outbox.batch(2000, 1 << 30, {RecordClass.SUMMARY})
    gaps_before = [a.seq for a, b in itertools.pairwise(held) if b.seq - a.seq > 3]
    whole = [one for one in held if one.seq > gaps_before[-1]]
    assert held[-1].seq == last
    assert len(whole) >= len(held) // 2 - 8, "the newest are there without a gap"
    assert last - held[0].seq > 3 * len(held), "and yet the store reaches far back"


async def test_summaries_go_before_events_and_events_go_for_alarms(open_outbox):
    async with await open_outbox(quota_bytes=1 << 20) as outbox:
        events = await several(outbox, *("EVENT",) * 30)
        for _ in range(150):
            await outbox.append(RecordClass.SUMMARY, BIG, at=AT)
        held = {record.seq for record in await outbox.batch(2000, 1 << 30, {RecordClass.EVENT})}
        assert held == {one.seq for one in events}
        await fill(outbox, RecordClass.ALARM)
        assert not await outbox.batch(9, 1 << 30, {RecordClass.EVENT, RecordClass.SUMMARY})
        with pytest.raises(StoreFull):
            await outbox.append(RecordClass.EVENT, TABLES, at=AT)


async def test_events_make_room_for_newer_events_and_not_for_summaries(open_outbox):
    async with await open_outbox(quota_bytes=1 << 20) as outbox:
        events = [await outbox.append(RecordClass.EVENT, BIG, at=AT) for _ in range(400)]
        evicted = (await outbox.counts()).evicted_total
        assert evicted > 100
        for _ in range(30):
            await outbox.append(RecordClass.SUMMARY, BIG, at=AT)
        held = await outbox.batch(2000, 1 << 30, {RecordClass.EVENT})
        assert [one.seq for one in held] == [one.seq for one in events[-len(held) :]]
        assert len(held) == 400 - evicted
        assert (await outbox.counts()).evicted_total > evicted, "summaries made room for summaries"


async def test_when_nothing_can_be_evicted_summaries_are_refused_and_alarms_taken(open_outbox):
    async with await open_outbox(quota_bytes=1 << 20) as outbox:
        for _ in range(400):
            await outbox.append(RecordClass.AUDIT, BIG, at=AT)
            if (await outbox.counts()).buffered_octets > 860_000:
                break
        with pytest.raises(StoreFull):
            await outbox.append(RecordClass.SUMMARY, TABLES, at=AT)
        before = await outbox.counts()
        alarm = await outbox.append(RecordClass.ALARM, TABLES, at=AT)
        after = await outbox.counts()
        assert (await outbox.next()).id == alarm.id
        assert after.buffered == before.buffered + 1
        assert after.evicted_total == 0


async def test_a_quota_full_of_alarms_refuses_with_nothing_lost_and_recovers(open_outbox, path):
    async with await open_outbox(quota_bytes=1 << 20) as outbox:
        taken = await fill(outbox, RecordClass.ALARM)
        assert path.stat().st_size <= 1 << 20
        assert (await outbox.counts()).buffered == len(taken) > 100
        for one in taken[:20]:
            assert await outbox.acknowledge(one.id)
        await outbox.append(RecordClass.ALARM, TABLES, at=AT)


async def test_the_quota_holds_after_reopening(open_outbox, path):
    for _ in range(3):
        async with await open_outbox(quota_bytes=1 << 20) as outbox:
            for _ in range(120):
                await outbox.append(RecordClass.SUMMARY, BIG, at=AT)
    assert path.stat().st_size <= 1 << 20


async def test_an_eviction_after_the_gap_record_was_delivered_makes_a_new_one(
    open_outbox, recipient_key
):
    audits = []
    async with await open_outbox(quota_bytes=1 << 20) as outbox:
        for _ in range(500):
            await outbox.append(RecordClass.SUMMARY, BIG, at=AT)
            if (await outbox.counts()).evicted_total and not audits:
                audits = [
                    record
                    for record in await drain(outbox)
                    if record.header.record_class is RecordClass.AUDIT
                ]
        audits += [
            record
            for record in await drain(outbox)
            if record.header.record_class is RecordClass.AUDIT
        ]
    first, second = (opened(record, recipient_key)["gap"] for record in audits)
    assert max(row["last_seq"] for row in first) < min(row["first_seq"] for row in second)
