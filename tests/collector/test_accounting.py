from edge_agent.store.seal import NO_RECORD, RecordClass

ROW = {"event": [{"kind": "connected", "sensor": "strap", "at_ns": 1, "detail": "{}"}]}


def gap(first_seq, last_seq, reason="evicted"):
    return {"gap": [{"first_seq": first_seq, "last_seq": last_seq, "reason": reason, "rows": None}]}


async def account_of(collector, door, records):
    for record in records:
        assert (await door.send(record))[0] == 200
    await collector.open_records()
    (account,) = (await collector.stats()).hubs
    return account


async def test_a_whole_chain_in_any_order_of_arrival_has_nothing_missing(collector, hub, door):
    records = [hub.seal(ROW) for _ in range(6)]
    account = await account_of(collector, door, [records[n] for n in (3, 5, 0, 1, 4, 2)])
    assert (account.records, account.lowest_seq, account.highest_seq) == (6, 1, 6)
    assert (account.missing, account.lost, account.chain_breaks, account.forks) == (0, 0, 0, 0)


async def test_records_that_never_came_are_missing_and_no_break(collector, hub, door):
    records = [hub.seal(ROW) for _ in range(6)]
    account = await account_of(collector, door, [records[n] for n in (0, 1, 4, 5)])
    assert (account.missing, account.lost, account.chain_breaks) == (2, 0, 0)


async def test_what_a_gap_record_tells_is_lost_and_not_missing(collector, hub, door):
    records = [hub.seal(ROW) for _ in range(6)]
    told = hub.seal(gap(2, 4), RecordClass.AUDIT)
    account = await account_of(collector, door, [records[0], records[5], told])
    assert (account.missing, account.lost) == (1, 3)


async def test_gaps_that_overlap_or_name_what_came_are_counted_once(collector, hub, door):
    records = [hub.seal(ROW) for _ in range(6)]
    told = [
        hub.seal(gap(2, 4), RecordClass.AUDIT),
        hub.seal(gap(1, 3, "damaged"), RecordClass.AUDIT),
        hub.seal(gap(5, 5, "superseded"), RecordClass.AUDIT),
    ]
    account = await account_of(collector, door, [records[0], records[5], *told])
    assert (account.missing, account.lost) == (0, 3)


async def test_a_leap_after_damage_is_neither_missing_nor_lost_but_breaks_the_chain(
    collector, hub, door
):
    records = [hub.seal(ROW), hub.seal(ROW)]
    records.append(
        hub.seal(gap(3, 1_000_066, "unused"), RecordClass.AUDIT, seq=1_000_067, previous=NO_RECORD)
    )
    records.append(hub.seal(ROW))
    account = await account_of(collector, door, records)
    assert (account.missing, account.lost, account.chain_breaks) == (0, 0, 1)


async def test_a_leap_that_names_the_last_record_still_breaks_the_chain(collector, hub, door):
    records = [hub.seal(ROW), hub.seal(ROW), hub.seal(ROW, seq=1_000_067)]
    account = await account_of(collector, door, records)
    assert account.chain_breaks == 1


async def test_a_record_that_does_not_follow_its_neighbour_is_a_break_and_is_kept(
    collector, hub, door
):
    records = [hub.seal(ROW), hub.seal(ROW, previous=b"x" * 32), hub.seal(ROW)]
    account = await account_of(collector, door, records)
    assert (account.records, account.chain_breaks) == (3, 1)


async def test_two_records_at_one_place_are_a_fork_and_both_kept(collector, hub, door):
    first = hub.seal(ROW)
    second = hub.seal(ROW)
    restored = hub.seal(ROW, seq=2, previous=first.id)
    account = await account_of(collector, door, [first, second, restored])
    assert (account.records, account.forks, account.missing) == (3, 1, 0)


async def test_hubs_have_accounts_of_their_own(collector, hub, door, tmp_path):
    other = type(hub)(tmp_path / "other", hub.recipient)
    collector.enrol(other.card_file)
    records = [hub.seal(ROW), other.seal(ROW), other.seal(ROW), hub.seal(ROW, seq=4)]
    for record in records:
        await door.send(record)
    accounts = {account.hub: account for account in (await collector.stats()).hubs}
    assert accounts[hub.identity.hub_id.hex()].missing == 2
    assert accounts[other.identity.hub_id.hex()].missing == 0
