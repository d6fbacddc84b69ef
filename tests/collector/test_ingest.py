import pytest

from edge_agent.collector import Collector
from edge_agent.errors import EdgeError, SealError
from edge_agent.store.keys import HubIdentity
from edge_agent.store.seal import CLEAR_OCTETS, RECORD_LIMIT_OCTETS

TABLES = {"event": [{"kind": "connected", "sensor": "strap", "at_ns": 1, "detail": "{}"}]}


async def test_a_record_is_stored_and_its_receipt_names_it(collector, hub, door):
    record = hub.seal(TABLES)
    status, receipt = await door.send(record)
    assert status == 200
    assert receipt == {
        "hub": hub.identity.hub_id.hex(),
        "seq": 1,
        "id": record.id.hex(),
        "status": "stored",
    }
    assert (await collector.stats()).kept.stored == 1


async def test_a_record_sent_twice_is_kept_once(collector, hub, door):
    record = hub.seal(TABLES)
    _, first = await door.send(record)
    status, again = await door.send(record)
    assert (status, again) == (200, first | {"status": "duplicate"})
    stats = await collector.stats()
    assert (stats.received, stats.duplicates, stats.kept.stored) == (2, 1, 1)


async def test_what_was_answered_for_is_there_after_a_restart(collector, hub, door, tmp_path):
    record = hub.seal(TABLES)
    await door.send(record)
    await collector.close()
    again = await Collector.open(tmp_path / "collector")
    assert (await again.stats()).kept.stored == 1
    await again.close()


async def test_a_hub_that_is_not_enrolled_is_refused(collector, hub, door, tmp_path):
    stranger = type(hub)(tmp_path / "stranger", hub.recipient)
    status, answer = await door.send(stranger.seal(TABLES))
    assert (status, answer) == (403, {"error": "this hub is not enrolled"})
    collector.enrol(stranger.card_file)
    status, _ = await door.send(stranger.seal(TABLES))
    assert status == 200


async def test_a_hub_enrolled_by_another_process_is_known_at_once(hub, door, tmp_path):
    stranger = type(hub)(tmp_path / "stranger", hub.recipient)
    folder = tmp_path / "collector" / "hubs"
    stranger.identity.card.save(folder / f"{stranger.identity.hub_id.hex()}.json")
    status, _ = await door.send(stranger.seal(TABLES))
    assert status == 200


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
async def test_a_changed_record_is_refused(collector, hub, door, place):
    record = hub.seal(TABLES)
    octets = bytearray(record.octets)
    octets[place] ^= 1
    changed = type(record)(record.header, bytes(octets))
    status, answer = await door.post(changed.octets, changed.id.hex())
    assert status == 400
    assert "signature" in answer["error"]
    assert (await collector.stats()).kept.stored == 0


async def test_the_idempotency_key_must_be_the_records_hash(hub, door):
    record = hub.seal(TABLES)
    for key in ("", "0" * 64, record.id.hex().upper()):
        status, answer = await door.post(record.octets, key)
        assert status == 400
        assert "Idempotency-Key" in answer["error"]


@pytest.mark.parametrize("octets", [b"", b"{}", b"\1" * 99, b"\2" * 900], ids=len)
async def test_octets_that_are_no_record_are_refused(collector, hub, door, octets):
    status, answer = await door.post(octets, "0" * 64)
    assert status == 400
    assert answer["error"].startswith("record: ")
    assert (await collector.stats()).refused == 1


async def test_a_body_above_the_limit_and_another_media_type_are_refused(hub, door):
    status, _ = await door.post(b"x" * (RECORD_LIMIT_OCTETS + 1), "0" * 64)
    assert status == 413
    status, _ = await door.post(hub.seal(TABLES).octets, "0" * 64, "text/plain")
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
