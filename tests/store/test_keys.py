import json
import stat

import pytest

from edge_agent.errors import SealError
from edge_agent.store.keys import HubCard, HubIdentity, Recipient, RecipientKey
from edge_agent.store.suites import Suite


def mode(path):
    return stat.S_IMODE(path.stat().st_mode)


def test_the_identity_is_made_once_in_a_private_folder(tmp_path):
    first = HubIdentity.load_or_create(tmp_path / "state")
    again = HubIdentity.load_or_create(tmp_path / "state")
    assert first.card == again.card
    assert mode(tmp_path / "state") == 0o700
    assert mode(tmp_path / "state" / "identity.pem") == 0o600


def test_two_hubs_share_neither_id_nor_key(tmp_path):
    one, two = (HubIdentity.load_or_create(tmp_path / name).card for name in "ab")
    assert one.hub_id != two.hub_id
    assert one.public_octets != two.public_octets


def test_hub_json_is_public_and_says_who_the_hub_is(tmp_path):
    identity = HubIdentity.load_or_create(tmp_path)
    assert HubCard.load(tmp_path / "hub.json") == identity.card
    private = (tmp_path / "identity.pem").read_text().splitlines()[2]
    assert private not in (tmp_path / "hub.json").read_text()


@pytest.mark.parametrize("damage", ["", "{}", None])
def test_hub_json_is_written_again_when_it_is_missing_or_damaged(tmp_path, damage):
    identity = HubIdentity.load_or_create(tmp_path)
    card = tmp_path / "hub.json"
    card.unlink() if damage is None else card.write_text(damage)
    HubIdentity.load_or_create(tmp_path)
    assert HubCard.load(card) == identity.card


@pytest.mark.parametrize("damage", ["empty", "cut", "no hub id", "other key"])
def test_a_damaged_identity_is_refused_and_never_replaced(tmp_path, damage):
    HubIdentity.load_or_create(tmp_path)
    path = tmp_path / "identity.pem"
    whole = path.read_bytes()
    path.write_bytes(
        {
            "empty": b"",
            "cut": whole[:90],
            "no hub id": whole.split(b"\n", 1)[1],
            "other key": whole.split(b"\n", 1)[0] + b"\n" + EC_KEY,
        }[damage]
    )
    with pytest.raises(SealError, match="Restore it from a backup"):
        HubIdentity.load_or_create(tmp_path)


@pytest.mark.parametrize("bits", [0o640, 0o604, 0o660])
def test_private_keys_that_others_can_read_are_refused(tmp_path, bits):
    HubIdentity.load_or_create(tmp_path)
    key_file = tmp_path / "key.json"
    RecipientKey.generate(Suite.X25519).save(key_file)
    for path in (tmp_path / "identity.pem", key_file):
        path.chmod(bits)
    with pytest.raises(SealError, match="open to others"):
        HubIdentity.load_or_create(tmp_path)
    with pytest.raises(SealError, match="open to others"):
        RecipientKey.load(key_file)


@pytest.mark.parametrize("suite", list(Suite))
def test_recipient_keys_survive_their_files(tmp_path, suite):
    key = RecipientKey.generate(suite)
    key.save(tmp_path / "private.json")
    key.public.save(tmp_path / "public.json")
    assert mode(tmp_path / "private.json") == 0o600
    assert RecipientKey.load(tmp_path / "private.json") == key
    public = Recipient.load(tmp_path / "public.json")
    assert public == key.public
    sealed = public.encrypt(b"plain", b"info")
    assert RecipientKey.load(tmp_path / "private.json").decrypt(sealed, b"info") == b"plain"


def test_a_key_of_one_suite_has_another_id_in_the_other():
    assert Recipient(Suite.X25519, b"k" * 32).key_id != Recipient(Suite.X_WING, b"k" * 32).key_id


def test_the_private_octets_do_not_show_in_the_representation():
    key = RecipientKey.generate(Suite.X25519)
    assert key.octets.hex() not in repr(key)
    assert repr(key.octets) not in repr(key)


def test_the_private_file_is_not_taken_for_the_public_one(tmp_path):
    RecipientKey.generate(Suite.X25519).save(tmp_path / "key.json")
    with pytest.raises(SealError, match="another kind"):
        Recipient.load(tmp_path / "key.json")


@pytest.mark.parametrize("suite", list(Suite))
@pytest.mark.parametrize(
    "change",
    [
        {"key_id": "0011223344556677"},
        {"suite": "rot13"},
        {"public_key": "AAAA"},
        {"public_key": 7},
        {"extra": 1},
    ],
    ids=str,
)
def test_a_damaged_public_file_is_refused_with_its_name(tmp_path, suite, change):
    path = tmp_path / "public.json"
    RecipientKey.generate(suite).public.save(path)
    path.write_text(json.dumps(json.loads(path.read_text()) | change))
    with pytest.raises(SealError):
        Recipient.load(path)


def test_a_key_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(SealError, match=r"nowhere\.json: No such file"):
        Recipient.load(tmp_path / "nowhere.json")


def test_sealing_to_a_key_of_low_order_is_refused():
    with pytest.raises(SealError):
        Recipient(Suite.X25519, bytes(32)).encrypt(b"x", b"")


EC_KEY = b"""-----BEGIN PRIVATE KEY-----
MC4CAQAwBQYDK2VuBCIEIHcHbQpzGKV9PBbBclGyZkXfTC+H68CZKrF3+6UduSwq
-----END PRIVATE KEY-----
"""
