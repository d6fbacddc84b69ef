import json
import stat

import pytest

from edge_agent.store.certificate import NO_PREVIOUS, PLACES
from edge_agent.store.day_keys import BLOB, LIFE_NS, DayKeys
from edge_agent.store.keys import HubIdentity
from edge_agent.store.local_state import LocalState
from edge_agent.store.outbox import RecordClass
from edge_agent.store.seal import parse, verify


@pytest.fixture
def keys(tmp_path, identity):
    return DayKeys(tmp_path / "hub", identity)


def test_a_key_lasts_a_day_and_hands_over_to_the_next(keys, identity):
    first = keys.signer(1, 1, 0)
    assert keys.signer(1, 900, LIFE_NS - 1) is keys.current(1, 900, LIFE_NS - 1) is first
    assert keys.current(1, 901, LIFE_NS) is None
    second = keys.signer(1, 901, LIFE_NS)
    assert second.certificate.first_seq == 901
    assert second.certificate.previous == first.certificate.public_octets
    assert first.certificate.previous == NO_PREVIOUS
    second.certificate.check(identity.card)


@pytest.mark.parametrize(("epoch", "seq", "at"), [(2, 2, 5), (1, PLACES + 1, 5), (1, 2, -1)])
def test_another_boot_the_end_of_its_places_and_a_time_that_can_not_be_begin_another(
    keys, epoch, seq, at
):
    first = keys.signer(1, 1, 0)
    second = keys.signer(epoch, seq, at)
    assert second.certificate.covers(epoch, seq)
    assert second.certificate.previous == first.certificate.public_octets


def test_a_restart_within_the_day_goes_on_with_the_same_key(keys, identity, tmp_path):
    first = keys.signer(1, 1, 7)
    again = DayKeys(tmp_path / "hub", identity).signer(1, 2, 8)
    assert again.certificate == first.certificate
    assert again.private_octets == first.private_octets
    last = DayKeys(tmp_path / "hub", identity).signer(1, 3, 7 + LIFE_NS)
    assert last.certificate.previous == first.certificate.public_octets


def test_the_key_before_is_nowhere_on_the_disk_and_none_is_in_the_clear(keys, tmp_path):
    first, second = keys.signer(1, 1, 0), keys.signer(1, 2, LIFE_NS)
    state = LocalState.open(tmp_path / "hub")
    kept = json.loads(state.read(BLOB))
    assert stat.S_IMODE(state.path(BLOB).stat().st_mode) == 0o600
    files = b"".join(file.read_bytes() for file in (tmp_path / "hub").iterdir() if file.is_file())
    for signer in (first, second):
        assert signer.private_octets not in files
    assert len(kept) == 3
    assert LocalState.open(tmp_path / "hub").read(BLOB) is not None


@pytest.mark.parametrize("damage", [b"not sealed", b""])
def test_a_key_that_was_lost_is_replaced_by_one_without_handover(
    keys, identity, tmp_path, caplog, damage
):
    keys.signer(1, 1, 0)
    LocalState.open(tmp_path / "hub").path(BLOB).write_bytes(damage)
    again = DayKeys(tmp_path / "hub", identity).signer(1, 2, 1)
    assert again.certificate.previous == NO_PREVIOUS
    again.certificate.check(identity.card)
    assert "another one is drawn" in caplog.text


def test_the_key_of_another_identity_is_not_used(keys, tmp_path):
    keys.signer(1, 1, 0)
    (tmp_path / "hub" / "identity.pem").unlink()
    other = HubIdentity.load_or_create(tmp_path / "hub")
    signer = DayKeys(tmp_path / "hub", other).signer(1, 1, 0)
    signer.certificate.check(other.card)


def test_a_key_that_can_not_be_kept_signs_and_is_kept_when_the_disk_is_back(
    keys, identity, tmp_path, monkeypatch, caplog
):
    with monkeypatch.context() as full:
        full.setattr("edge_agent.store.local_state.write_whole", no_room)
        signer = keys.signer(1, 1, 0)
        assert "only in memory" in caplog.text
        assert keys.current(1, 2, 1) is None, "it is tried again"
        assert keys.signer(1, 2, 1) is signer
    assert keys.signer(1, 3, 2) is signer
    assert keys.current(1, 4, 3) is signer
    assert DayKeys(tmp_path / "hub", identity).signer(1, 4, 4).certificate == signer.certificate


def no_room(*_):
    raise OSError(28, "No space left on device")


async def test_the_outbox_signs_each_day_and_each_boot_with_a_key_of_its_own(open_outbox, identity):
    places = [("boot-1", 0), ("boot-1", 1), ("boot-1", LIFE_NS), ("boot-2", 5)]
    for boot_id, at in places:
        async with await open_outbox(boot_id) as outbox:
            await outbox.append(RecordClass.SUMMARY, {"t": [{"a": 1}]}, at=at)
    async with await open_outbox("boot-2") as outbox:
        records = []
        while stored := await outbox.next():
            records.append(parse(stored.octets))
            await outbox.acknowledge(stored.id)
    for record in records:
        verify(record, identity.card)
    spans = [(one.certificate.epoch, one.certificate.first_seq) for one in records]
    assert spans == [(1, 1), (1, 1), (1, 3), (2, 4)]
