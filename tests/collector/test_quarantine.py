import asyncio
import json
import sqlite3

import pytest
from click.testing import CliRunner

from edge_agent.cli.collector import command
from edge_agent.collector.quarantine import quarantined
from edge_agent.errors import SealError
from edge_agent.store import header as header_module
from edge_agent.store.certificate import DaySigner
from edge_agent.store.seal import (
    CLEAR_OCTETS,
    HEADER_OCTETS,
    SIGNATURE_OCTETS,
    parse_any,
)
from tests.old_envelope import old_record

TABLES = {"event": [{"kind": "connected", "sensor": "strap", "at_ns": 1, "detail": "{}"}]}


def changed(record, signer, place, octet):
    """A record that a newer hub might make: one octet of its header is another; it is signed."""
    octets = bytearray(record.octets[:-SIGNATURE_OCTETS])
    octets[place] = octet
    unsigned = parse_any(bytes(octets) + bytes(SIGNATURE_OCTETS))
    return parse_any(bytes(octets) + signer.sign(b"edge-agent/seal/v2" + unsigned.id))


def resigned(record, signer):
    octets = record.octets
    body = octets[:HEADER_OCTETS] + signer.certificate.octets + octets[CLEAR_OCTETS:-64]
    return parse_any(body + signer.sign(b"edge-agent/seal/v2" + parse_any(body + bytes(64)).id))


async def reasons(collector):
    return [one.reason for one in await quarantined(collector._store.database)]


async def kept(collector, *records):
    await collector._store.keep(records, 5)
    await collector.open_records()
    return (await collector.stats()).kept


@pytest.mark.parametrize(
    ("place", "octet", "reason"),
    [(0, 3, "version 3 is not known"), (1, 77, "suite 77 is not known"),
     (2, 9, "class 9 is not known")],
)  # fmt: skip
async def test_a_format_that_is_not_known_is_kept_and_answered_for_and_not_opened(
    collector, hub, door, place, octet, reason
):
    record = changed(hub.seal(TABLES), hub.signer, place, octet)
    assert await door.bring(record) == ["stored"]
    await collector.open_records()
    tally = (await collector.stats()).kept
    assert (tally.quarantined, tally.opened, tally.unopened, tally.waiting) == (1, 0, 0, 0)
    (one,) = await quarantined(collector._store.database)
    assert (one.reason, one.seq, one.id) == (reason, 1, record.id.hex())
    assert await collector.release(None, trust=True) == (0, 1), "nobody's word makes it known"


async def test_a_format_that_is_not_known_and_was_changed_on_its_way_is_refused(
    collector, hub, door
):
    record = changed(hub.seal(TABLES), hub.signer, 2, 9)
    octets = bytearray(record.octets)
    octets[CLEAR_OCTETS + 9] ^= 1
    assert await door.bring(parse_any(bytes(octets))) == ["refused"]
    assert (await collector.stats()).kept.stored == 0


async def test_after_an_update_that_knows_the_format_it_is_released_and_opens(
    collector, hub, monkeypatch
):
    """The update is played backwards: today's collector is made one that knows no summaries."""
    record = hub.seal(TABLES)
    with monkeypatch.context() as older:
        older.setattr(header_module.Header, "unknown", property(lambda _: "class 2 is not known"))
        assert (await kept(collector, record)).quarantined == 1
        assert await collector.release(None) == (0, 1)
    assert await collector.release([record.id]) == (1, 0)
    assert await collector.open_records() == 1
    tally = (await collector.stats()).kept
    assert (tally.opened, tally.quarantined) == (1, 0)
    with pytest.raises(SealError, match="not in quarantine"):
        await collector.release([record.id])


async def test_records_in_any_order_under_many_day_keys_are_all_opened(collector, hub):
    records = []
    for day in range(5):
        records += [hub.seal(TABLES, epoch=1 + day // 2) for _ in range(3)]
        last = records[-1].header
        hub.signer = DaySigner.begin(
            hub.identity, epoch=1 + (day + 1) // 2, first_seq=last.seq + 1, after=hub.signer
        )
    for one in (records[::-1], records[1::2] + records[::2]):
        for record in one:
            await kept(collector, record)
    tally = (await collector.stats()).kept
    assert (tally.opened, tally.quarantined) == (15, 0)
    (account,) = (await collector.stats()).hubs
    assert (account.interruptions, account.missing, account.chain_breaks) == (0, 0, 0)


@pytest.fixture
async def yesterday(collector, hub):
    """Three records of yesterday and two of today have arrived; return what was and what signs."""
    records = [hub.seal(TABLES) for _ in range(3)]
    before = hub.signer
    hub.signer = DaySigner.begin(hub.identity, epoch=1, first_seq=4, after=before)
    records += [hub.seal(TABLES) for _ in range(2)]
    await kept(collector, *records)
    return records, before


async def test_a_thief_with_the_identity_can_not_rewrite_what_has_arrived(
    collector, hub, door, yesterday
):
    records, _ = yesterday
    for first_seq in (1, 2, 3):
        own = DaySigner.begin(hub.identity, epoch=1, first_seq=first_seq, after=hub.signer)
        assert await door.bring(resigned(records[2], own)) == ["stored"]
    await collector.open_records()
    tally = (await collector.stats()).kept
    assert (tally.opened, tally.quarantined) == (5, 3)
    found = await reasons(collector)
    assert found[0] == "two day keys begin at place 1"
    assert all("older key's" in one for one in found[1:])


async def test_an_older_day_key_does_not_sign_places_of_a_newer_one(collector, hub, yesterday):
    records, before = yesterday
    tally = await kept(collector, resigned(records[3], before))
    assert tally.quarantined == 1
    assert await reasons(collector) == ["place 4 belongs to a newer day key, from place 4 on"]


async def test_a_day_key_of_an_epoch_out_of_order_is_not_trusted(collector, hub, yesterday):
    own = DaySigner.begin(hub.identity, epoch=0, first_seq=9, after=hub.signer)
    hub.signer = own
    await kept(collector, hub.seal(TABLES, seq=9, epoch=0))
    assert "of epoch 0, those around it of 1" in (await reasons(collector))[0]


async def test_one_key_with_two_certificates_is_not_trusted(collector, hub, yesterday):
    records, _ = yesterday
    key = hub.signer
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("edge_agent.store.certificate.Ed25519PrivateKey.generate", lambda: key._key)
        again = DaySigner.begin(hub.identity, epoch=1, first_seq=5)
    await kept(collector, resigned(records[4], again))
    assert await reasons(collector) == ["one day key came with two certificates"]


async def test_version_1_is_taken_from_places_before_the_first_day_key_only(collector, hub):
    old = [old_record(hub.identity, hub.recipient, TABLES, seq=seq) for seq in (1, 2, 3)]
    hub.seq = 3
    assert (await kept(collector, old[0], hub.seal(TABLES), old[1])).opened == 3
    assert (await kept(collector, old[2])).quarantined == 1


async def test_a_key_without_handover_is_taken_and_counted(collector, hub, yesterday):
    hub.signer = DaySigner.begin(hub.identity, epoch=1, first_seq=6)
    assert (await kept(collector, hub.seal(TABLES))).opened == 6
    (account,) = (await collector.stats()).hubs
    assert (account.interruptions, account.quarantined) == (1, 0)


async def test_records_of_a_hub_restored_from_an_older_card_open_when_a_person_says_so(
    collector, hub, yesterday
):
    restored = DaySigner.begin(hub.identity, epoch=2, first_seq=3)
    tables = {"event": [TABLES["event"][0] | {"kind": "restored"}]}
    hub.signer = restored
    records = [hub.seal(tables, seq=seq, epoch=2) for seq in (3, 4)]
    assert (await kept(collector, *records)).quarantined == 2
    assert await collector.release(None) == (0, 2)
    assert await collector.release(None, trust=True) == (2, 0)
    assert await collector.open_records() == 2
    (account,) = (await collector.stats()).hubs
    assert (account.forks, account.quarantined) == (2, 0)


async def run(*words):
    done = await asyncio.to_thread(CliRunner().invoke, command, ["quarantine", *words])
    return done.exit_code, done.output


async def test_the_commands_list_and_release(collector, hub, tmp_path):
    await kept(collector, changed(hub.seal(TABLES), hub.signer, 2, 9))
    await collector.close()
    folder = str(tmp_path / "collector")
    _, shown = await run("list", "--dir", folder)
    assert "class 9 is not known" in shown
    assert "1 record(s) in quarantine" in shown
    _, listed = await run("list", "--dir", folder, "--json")
    (one,) = json.loads(listed)
    assert await run("release", "--dir", folder, one["id"]) == (
        0, "0 released, 1 stay in quarantine, 0 record(s) opened\n",
    )  # fmt: skip
    # What the record would be to a collector of a later version: one whose class is known.
    whole = hub.seal(TABLES, seq=1)
    with sqlite3.connect(tmp_path / "collector" / "collector.db") as database:
        database.execute("UPDATE record SET octets = ?, id = ?", (whole.octets, whole.id))
    database.close()
    assert await run("release", "--dir", folder) == (
        0, "1 released, 0 stay in quarantine, 1 record(s) opened\n",
    )  # fmt: skip
    assert await run("list", "--dir", folder) == (0, "0 record(s) in quarantine\n")
    assert (await run("release", "--dir", folder, "xyz"))[0] == 2
