"""docs/envelope.md against the code, against HPKE written out by hand, and against pyhpke.

The two functions below follow RFC 9180 (sections 4 and 5) and draft-connolly-cfrg-xwing-kem with
nothing but their primitives, so that a mistake in how the project uses its library would show.
"""

import base64
import hmac
import json
import re
import subprocess
import sys
from hashlib import sha3_256, sha256
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.mlkem import MLKEM768PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305

from edge_agent.store.certificate import DaySigner
from edge_agent.store.keys import HubCard, RecipientKey
from edge_agent.store.payload import decode, encode, pad, unpad
from edge_agent.store.seal import (
    RECORD_LIMIT_OCTETS,
    Header,
    Recipients,
    RecordClass,
    open_,
    parse,
    seal,
    verify,
)
from edge_agent.store.suites import Suite

DOCUMENT = Path(__file__).parents[2] / "docs" / "envelope.md"
VECTORS = json.loads(DOCUMENT.with_name("envelope-vectors.json").read_text(encoding="utf-8"))
ELSEWHERE = Path(__file__).with_name("open_elsewhere.py")


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


def hpke_by_hand(suite, private, sealed, info):
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


def open_by_hand(suite, private, record, place):
    """Steps 2 to 4 of the document."""
    sealed_key_octets = {Suite.X25519: 80, Suite.X_WING: 1168}[suite]
    clear, body = record[:320], record[320:-64]
    sealed_keys = 1 if record[100:108] == bytes(8) else 2
    sealed_key = body[place * sealed_key_octets : (place + 1) * sealed_key_octets]
    content_key = hpke_by_hand(suite, private, sealed_key, b"edge-agent/v2" + clear)
    payload = body[sealed_keys * sealed_key_octets :]
    return ChaCha20Poly1305(content_key).decrypt(bytes(12), payload, clear)


@pytest.fixture(params=VECTORS, ids=lambda one: one["name"])
def vector(request):
    return request.param


@pytest.fixture
def octets(vector):
    return base64.b64decode("".join(vector["record"]))


def private_keys(vector):
    names = [name for name in ("clinic_private", "recovery_private") if name in vector]
    return [bytes.fromhex(vector[name]) for name in names]


def suite_of(private):
    return Suite.X25519 if len(private) == 32 else Suite.X_WING


def ed25519(octets):
    return Ed25519PrivateKey.from_private_bytes(bytes.fromhex(octets))


def test_the_vector_verifies_and_opens_to_its_tables_with_each_key(vector, octets):
    record = parse(octets)
    assert record.id.hex() == vector["id"] == sha256(octets[:-64]).hexdigest()
    verify(record, HubCard(octets[12:28], bytes.fromhex(vector["identity_public"])))
    for private in private_keys(vector):
        key = RecipientKey(suite_of(private), private)
        assert decode(unpad(open_(record, key))) == vector["tables"]


def test_the_vector_opens_by_hand(vector, octets):
    for place, private in enumerate(private_keys(vector)):
        if vector["version"] == 1:
            info = b"edge-agent/v1" + octets[:100]
            padded = hpke_by_hand(suite_of(private), private, octets[100:-64], info)
        else:
            padded = open_by_hand(suite_of(private), private, octets, place)
        assert decode(unpad(padded)) == vector["tables"]


def test_header_certificate_and_signatures_of_the_vector_are_what_its_keys_give(vector, octets):
    header = bytes.fromhex(vector["header"])
    assert octets.startswith(header)
    record, identity = parse(octets), ed25519(vector["identity_private"])
    public = identity.public_key().public_bytes_raw()
    assert public.hex() == vector["identity_public"]
    assert record.header.signer_key_id == sha256(public).digest()[:8]
    clinic = RecipientKey(suite_of(private_keys(vector)[0]), private_keys(vector)[0]).public
    assert record.header.recipient_key_id == clinic.key_id
    message = bytes.fromhex(vector["id"])
    if vector["version"] == 1:
        assert octets[-64:] == identity.sign(b"edge-agent/seal/v1" + message)
        return
    assert record.header.to_bytes() == header
    before, key = ed25519(vector["day_key_before_private"]), ed25519(vector["day_key_private"])
    stated = (
        (3).to_bytes(4, "big") + (40).to_bytes(8, "big") + (40 + 65_535).to_bytes(8, "big")
        + key.public_key().public_bytes_raw() + before.public_key().public_bytes_raw()
    )  # fmt: skip
    about = octets[12:28] + stated
    vouched = identity.sign(b"edge-agent/day-key/v2" + about)
    handover = before.sign(b"edge-agent/handover/v2" + about)
    certificate = stated + vouched + handover
    assert octets[108:320] == certificate == bytes.fromhex(vector["certificate"])
    assert octets[-64:] == key.sign(b"edge-agent/seal/v2" + message)


def sealed(identity, to, record_class=RecordClass.ALARM):
    header = Header(
        suite=to.suite,
        recipient_key_id=to.key_ids[0],
        recovery_key_id=to.key_ids[1],
        hub_id=identity.hub_id,
        subject=b"S" * 16,
        record_class=record_class,
        epoch=1,
        seq=5,
        count=1,
        previous=bytes(32),
        signer_key_id=identity.card.key_id,
    )
    before = DaySigner.begin(identity, epoch=1, first_seq=1)
    signer = DaySigner.begin(identity, epoch=1, first_seq=5, after=before)
    padded = pad(encode({"alarm": [{"title": "Heart rate high"}]}), alarm=True)
    return padded, seal(header, padded, to, signer)


@pytest.mark.parametrize("suite", list(Suite))
def test_what_the_hub_seals_opens_by_hand(identity, suite):
    clinic, recovery = RecipientKey.generate(suite), RecipientKey.generate(suite)
    padded, record = sealed(identity, Recipients(clinic.public, recovery.public))
    for place, key in enumerate((clinic, recovery)):
        assert open_by_hand(suite, key.octets, record.octets, place) == padded


@pytest.mark.parametrize("place", [0, 1], ids=["clinic", "recovery"])
def test_other_software_opens_a_record_by_the_document_alone(identity, place):
    """pyhpke, an independent HPKE library, in a process that never loads edge_agent."""
    keys = [RecipientKey.generate(Suite.X25519), RecipientKey.generate(Suite.X25519)]
    _, record = sealed(identity, Recipients(keys[0].public, keys[1].public))
    given = {
        "record": base64.b64encode(record.octets).decode(),
        "private": keys[place].octets.hex(),
        "identity": identity.card.public_octets.hex(),
        "place": place,
    }
    done = subprocess.run(
        [sys.executable, "-I", str(ELSEWHERE)],
        input=json.dumps(given), capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == {"alarm": [{"title": "Heart rate high"}]}


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
