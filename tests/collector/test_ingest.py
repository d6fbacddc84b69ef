import io

import pytest

from edge_agent.collector import Collector
from edge_agent.errors import EdgeError, SealError
from edge_agent.store.keys import HubIdentity
from edge_agent.store.seal import CLEAR_OCTETS, RecordClass
from edge_agent.sync.protocol import BATCH_OCTETS, NO_HASH, frame

TABLES = {"event": [{"kind": "connected", "sensor": "strap", "at_ns": 1, "detail": "{}"}]}


async def test_records_are_stored_and_their_receipts_name_them(collector, hub, door):
    one, two = hub.seal(TABLES), hub.seal(TABLES, RecordClass.ALARM)
    status, answer = await door.send(one.octets, two.octets)
    assert status == 200
    assert answer == {
        "receipts": [
            {"epoch": 1, "seq": 1, "hash": one.id.hex(), "status": "stored"},
            {"epoch": 1, "seq": 2, "hash": two.id.hex(), "status": "stored"},
        ]
    }
    assert (await collector.stats()).kept.stored == 2


async def test_a_record_sent_twice_is_kept_once_also_in_one_batch(collector, hub, door):
    record = hub.seal(TABLES)
    assert await door.bring(record, record) == ["stored", "known"]
    assert await door.bring(record) == ["known"]
    stats = await collector.stats()
    assert (stats.received, stats.duplicates, stats.kept.stored) == (3, 2, 1)


async def test_what_was_answered_for_is_there_after_a_restart(collector, hub, door, tmp_path):
    record = hub.seal(TABLES)
    await door.bring(record)
    await collector.close()
    again = await Collector.open(tmp_path / "collector")
    assert (await again.stats()).kept.stored == 1
    await again.close()


async def test_a_hub_that_is_not_enrolled_is_refused(collector, hub, door, tmp_path):
    stranger = type(hub)(tmp_path / "stranger", hub.recipient)
    status, answer = await door.send(stranger.seal(TABLES))
    assert (status, answer) == (403, {"error": "this hub is not enrolled"})
    collector.enrol(stranger.card_file)
    assert await door.bring(stranger.seal(TABLES)) == ["stored"]


async def test_a_hub_enrolled_by_another_process_is_known_at_once(hub, door, tmp_path):
    stranger = type(hub)(tmp_path / "stranger", hub.recipient)
    folder = tmp_path / "collector" / "hubs"
    stranger.identity.card.save(folder / f"{stranger.identity.hub_id.hex()}.json")
    assert await door.bring(stranger.seal(TABLES)) == ["stored"]


async def test_a_record_of_another_hub_costs_its_batch_nothing(collector, hub, door, tmp_path):
    stranger = type(hub)(tmp_path / "stranger", hub.recipient)
    collector.enrol(stranger.card_file)
    batch = hub.seal(TABLES), stranger.seal(TABLES), hub.seal(TABLES)
    assert await door.bring(*batch) == ["stored", "refused", "stored"]


async def test_a_second_key_for_a_hub_is_refused_and_the_first_stays(collector, hub, tmp_path):
    hub_id = hub.identity.hub_id
    thief = HubIdentity.load_or_create(tmp_path / "thief")
    card = type(thief.card)(hub_id, thief.card.public_octets)
    card.save(tmp_path / "forged.json")
    with pytest.raises(SealError, match="another key"):
        collector.enrol(tmp_path / "forged.json")
    assert collector.enrol(hub.card_file) == hub.identity.card


async def test_a_record_signed_with_another_key_is_refused(collector, hub, door, tmp_path):
    thief = type(hub)(tmp_path / "thief", hub.recipient)
    thief.identity = type(thief.identity)(hub.identity.hub_id, thief.identity._key)
    status, answer = await door.send(thief.seal(TABLES))
    assert (status, answer["error"]) == (403, "this hub is enrolled with another key")
    assert (await collector.stats()).refused == 1


@pytest.mark.parametrize("place", [50, CLEAR_OCTETS + 5, -1], ids=["header", "body", "signature"])
async def test_a_changed_record_is_refused_and_the_others_are_kept(collector, hub, door, place):
    record, other = hub.seal(TABLES), hub.seal(TABLES)
    octets = bytearray(record.octets)
    octets[place] ^= 1
    status, answer = await door.send(bytes(octets), other)
    assert status == 200
    refused, stored = answer["receipts"]
    assert refused["status"] == "refused"
    assert "signature" in refused["reason"]
    assert (stored["hash"], stored["status"]) == (other.id.hex(), "stored")
    stats = await collector.stats()
    assert (stats.kept.stored, stats.received, stats.refused) == (1, 1, 1)


@pytest.mark.parametrize("octets", [b"{}", b"\1" * 99, b"\2" * 300], ids=len)
async def test_octets_that_are_no_record_are_refused_by_their_place(collector, hub, door, octets):
    status, answer = await door.send(hub.seal(TABLES), octets)
    assert status == 200
    stored, refused = answer["receipts"]
    assert stored["status"] == "stored"
    assert (refused["status"], refused["hash"]) == ("refused", NO_HASH)
    assert refused["reason"].startswith("record: ")


@pytest.mark.parametrize("body", [b"", b"{}", b"\0\0\0\0", b"\0\0\1\0x"], ids=len)
async def test_a_body_that_is_no_batch_is_refused(collector, hub, door, body):
    status, answer = await door.post(body)
    assert status == 400
    assert "record" in answer["error"]
    assert (await collector.stats()).refused == 1


async def test_a_body_above_the_limit_and_another_media_type_are_refused(hub, door):
    status, _ = await door.post(io.BytesIO(b"x" * (BATCH_OCTETS + 1)))
    assert status == 413
    status, _ = await door.post(frame([hub.seal(TABLES).octets]), "text/plain")
    assert status == 415


async def test_a_store_in_trouble_asks_for_patience_and_gives_no_receipt(collector, hub, door):
    await collector._store.close()
    status, answer = await door.send(hub.seal(TABLES))
    assert status == 503
    assert "can't store" in answer["error"]


async def test_an_address_in_use_is_named(collector, door, tmp_path):
    other = await Collector.open(tmp_path / "other")
    port = int(door._url.split(":")[2].split("/")[0])
    with pytest.raises(EdgeError, match=rf"127\.0\.0\.1:{port}"):
        await other.start("127.0.0.1", port)
    await other.close()
