"""docs/envelope.md against the code, and against HPKE written out by hand.

The two functions below follow RFC 9180 (sections 4 and 5) and draft-connolly-cfrg-xwing-kem with
nothing but their primitives, so that a mistake in how the project uses its library would show.
"""

import base64
import hmac
import json
import re
from hashlib import sha3_256, sha256
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.mlkem import MLKEM768PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305

from edge_agent.store.keys import HubCard, HubIdentity, RecipientKey
from edge_agent.store.payload import decode, encode, pad, unpad
from edge_agent.store.seal import (
    RECORD_LIMIT_OCTETS,
    Header,
    RecordClass,
    open_,
    parse,
    seal,
    verify,
)
from edge_agent.store.suites import Suite

DOCUMENT = Path(__file__).parents[2] / "docs" / "envelope.md"


def extract(suite_id, salt, label, key):
    return hmac.digest(salt or bytes(32), b"HPKE-v1" + suite_id + label + key, "sha256")


def expand(suite_id, key, label, context, length):
    info = length.to_bytes(2, "big") + b"HPKE-v1" + suite_id + label + context
    return hmac.digest(key, info + b"\1", "sha256")[:length]


def x25519_shared_secret(private, sealed):
    own = X25519PrivateKey.from_private_bytes(private)
    enc = sealed[:32]
    dh = own.exchange(X25519PublicKey.from_public_bytes(enc))
    kem = b"KEM\x00\x20"
    prk = extract(kem, b"", b"eae_prk", dh)
    context = enc + own.public_key().public_bytes_raw()
    return expand(kem, prk, b"shared_secret", context, 32), 32


def x_wing_shared_secret(private, sealed):
    own = X25519PrivateKey.from_private_bytes(private[64:])
    lattice = MLKEM768PrivateKey.from_seed_bytes(private[:64]).decapsulate(sealed[:1088])
    curve = own.exchange(X25519PublicKey.from_public_bytes(sealed[1088:1120]))
    public = own.public_key().public_bytes_raw()
    label = bytes.fromhex("5c2e2f2f5e5c")
    return sha3_256(lattice + curve + sealed[1088:1120] + public + label).digest(), 1120


def open_by_hand(suite, private, sealed, info):
    kem_id, derive = {
        Suite.X25519: (b"\x00\x20", x25519_shared_secret),
        Suite.X_WING: (b"\x64\x7a", x_wing_shared_secret),
    }[suite]
    shared, length = derive(private, sealed)
    suite_id = b"HPKE" + kem_id + b"\x00\x01" + b"\x00\x03"
    context = (
        b"\0"
        + extract(suite_id, b"", b"psk_id_hash", b"")
        + extract(suite_id, b"", b"info_hash", info)
    )
    secret = extract(suite_id, shared, b"secret", b"")
    key = expand(suite_id, secret, b"key", context, 32)
    nonce = expand(suite_id, secret, b"base_nonce", context, 12)
    return ChaCha20Poly1305(key).decrypt(nonce, sealed[length:], b"")


@pytest.fixture(scope="module")
def vector():
    text = DOCUMENT.read_text(encoding="utf-8")
    return json.loads(re.search(r"```json\n(.*?)```", text, re.DOTALL)[1])


@pytest.fixture
def octets(vector):
    return base64.b64decode("".join(vector["record"]))


def test_the_vector_verifies_and_opens_to_its_tables(vector, octets):
    record = parse(octets)
    assert record.octets[:100].hex() == vector["header"]
    assert record.id.hex() == vector["id"] == sha256(octets[:-64]).hexdigest()
    verify(record, HubCard(bytes(range(0xA0, 0xB0)), bytes.fromhex(vector["signer_public"])))
    key = RecipientKey(Suite.X25519, bytes.fromhex(vector["recipient_private"]))
    assert key.public.octets.hex() == vector["recipient_public"]
    assert decode(unpad(open_(record, key))) == vector["tables"]


def test_the_vector_opens_by_hand(vector, octets):
    private = bytes.fromhex(vector["recipient_private"])
    info = b"edge-agent/v1" + bytes.fromhex(vector["header"])
    padded = open_by_hand(Suite.X25519, private, octets[100:-64], info)
    assert decode(unpad(padded)) == vector["tables"]


def test_the_header_of_the_vector_is_what_its_fields_give(vector):
    key = RecipientKey(Suite.X25519, bytes.fromhex(vector["recipient_private"]))
    signer = Ed25519PrivateKey.from_private_bytes(bytes.fromhex(vector["signer_private"]))
    card = HubIdentity(bytes(range(0xA0, 0xB0)), signer).card
    header = Header(
        suite=Suite.X25519,
        recipient_key_id=key.public.key_id,
        hub_id=card.hub_id,
        subject=bytes(range(0xB0, 0xC0)),
        record_class=RecordClass.SUMMARY,
        epoch=3,
        seq=41,
        count=2,
        previous=b"\xcc" * 32,
        signer_key_id=card.key_id,
    )
    assert header.to_bytes().hex() == vector["header"]
    assert Header.from_bytes(header.to_bytes()) == header


@pytest.mark.parametrize("suite", list(Suite))
def test_what_the_hub_seals_opens_by_hand(identity, suite):
    key = RecipientKey.generate(suite)
    header = Header(
        suite=suite,
        recipient_key_id=key.public.key_id,
        hub_id=identity.hub_id,
        subject=b"S" * 16,
        record_class=RecordClass.ALARM,
        epoch=1,
        seq=1,
        count=1,
        previous=bytes(32),
        signer_key_id=identity.card.key_id,
    )
    padded = pad(encode({"alarm": [{"title": "Heart rate high"}]}), alarm=True)
    record = seal(header, padded, key.public, identity)
    info = b"edge-agent/v1" + record.octets[:100]
    assert open_by_hand(suite, key.octets, record.body, info) == padded


def test_the_lengths_in_the_document_are_the_codes():
    text = DOCUMENT.read_text(encoding="utf-8")
    assert f"at most {RECORD_LIMIT_OCTETS:,} octets" in text
    for suite in Suite:
        key = RecipientKey.generate(suite)
        lengths = (len(key.public.octets), len(key.octets), suite.overhead_octets)
        (row,) = re.findall(rf"^\| {suite:d} \| .*0x.*$", text, re.MULTILINE)
        assert [f"{length:,}" for length in lengths] == [
            cell.strip() for cell in row.split("|")[3:6]
        ]
