"""The envelope: one sealed record, from header to signature (docs/envelope.md).

    record    = clear || body || signature (64 octets)
    clear     = header (108 octets) || certificate of the day key (212 octets)
    body      = content key, sealed to each recipient || payload, sealed with the content key
    id        = SHA-256(clear || body)
    signature = Ed25519(day key, "edge-agent/seal/v2" || id)

Header and certificate are in the clear and bound to the body: a record that is moved to another
person, hub or place in the order does not open. Each header carries the id of the record before it.
Records of version 1, which the hub's identity key signed, are read and not written.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from hashlib import sha256

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305

from edge_agent.errors import SealError
from edge_agent.store.certificate import CERTIFICATE_OCTETS, Certificate, DaySigner
from edge_agent.store.header import (
    HEADER_OCTETS,
    ID_OCTETS,
    KEEP,
    NO_KEY,
    NO_RECORD,
    OLD_VERSION,
    SCHEMA_VERSION,
    SUBJECT_OCTETS,
    VERSION,
    Header,
    RecordClass,
)
from edge_agent.store.keys import HubCard, RecipientKey
from edge_agent.store.payload import BLOCK_OCTETS, PADDED_LIMIT_OCTETS
from edge_agent.store.recipients import Recipients
from edge_agent.store.suites import Suite

__all__ = [
    "CLEAR_OCTETS",
    "HEADER_OCTETS",
    "ID_OCTETS",
    "NO_KEY",
    "NO_RECORD",
    "RECORD_LIMIT_OCTETS",
    "SCHEMA_VERSION",
    "SIGNATURE_OCTETS",
    "SUBJECT_OCTETS",
    "VERSION",
    "DaySigner",
    "Header",
    "Recipients",
    "RecordClass",
    "SealedRecord",
    "open_",
    "parse",
    "parse_any",
    "seal",
    "sealed_octets",
    "verify",
]  # fmt: skip

SIGNATURE_OCTETS = 64
CLEAR_OCTETS = HEADER_OCTETS + CERTIFICATE_OCTETS

_KEY_OCTETS = 32
_TAG_OCTETS = 16
_ONCE = bytes(12)
"""The nonce of a content key. The key is drawn for one record, so it never meets another."""
_INFO = b"edge-agent/v2"
_SIGNED = b"edge-agent/seal/v2"
_OLD_INFO = b"edge-agent/v1"
_OLD_SIGNED = b"edge-agent/seal/v1"


@dataclass(frozen=True, slots=True)
class SealedRecord:
    """A record as it is stored and sent; only :func:`seal` and :func:`parse` make one."""

    header: Header
    octets: bytes

    @property
    def id(self) -> bytes:
        """SHA-256 of everything before the signature: the record's name everywhere."""
        return sha256(self.octets[:-SIGNATURE_OCTETS]).digest()

    @property
    def clear(self) -> bytes:
        """Header and certificate."""
        return self.octets[: _clear_octets(self.header)]

    @property
    def certificate(self) -> Certificate | None:
        """The day key's certificate; version 1 has none.

        :raises SealError: it names no span of places.
        """
        if self.header.version == OLD_VERSION:
            return None
        return Certificate.from_bytes(self.octets[HEADER_OCTETS:CLEAR_OCTETS])

    @property
    def body(self) -> bytes:
        """What is sealed."""
        return self.octets[_clear_octets(self.header) : -SIGNATURE_OCTETS]

    @property
    def signature(self) -> bytes:
        """The day key's signature; in version 1 that of the hub's identity key."""
        return self.octets[-SIGNATURE_OCTETS:]


def seal(header: Header, padded: bytes, to: Recipients, signer: DaySigner) -> SealedRecord:
    """Seal a padded payload to ``to`` and sign it with the day key ``signer``.

    :raises SealError: when the header names other keys, another hub, or a place that the day key
        may not sign, or when a field does not fit.
    """
    if (header.suite, header.recipient_key_id, header.recovery_key_id) != (to.suite, *to.key_ids):
        raise SealError("header", "names another recipient key", "Make it for these recipients")
    if (header.hub_id, header.signer_key_id) != (signer.card.hub_id, signer.card.key_id):
        raise SealError("header", "names another hub", "Make it for this hub")
    if not signer.certificate.covers(header.epoch, header.seq):
        reason = f"place {header.seq} of epoch {header.epoch} is not this day key's"
        raise SealError("header", reason, "Begin another day key")
    clear = header.to_bytes() + signer.certificate.octets
    key = secrets.token_bytes(_KEY_OCTETS)
    wrapped = b"".join(one.encrypt(key, _INFO + clear) for one in to.all)
    sealed = clear + wrapped + ChaCha20Poly1305(key).encrypt(_ONCE, padded, clear)
    return SealedRecord(header, sealed + signer.sign(_SIGNED + sha256(sealed).digest()))


def parse(octets: bytes) -> SealedRecord:
    """Read a sealed record without opening it; says nothing about who made it.

    :raises SealError: unknown version, suite or class, or a length no record has.
    """
    record = parse_any(octets)
    if record.header.unknown:
        raise SealError("record", record.header.unknown, KEEP)
    return record


def parse_any(octets: bytes) -> SealedRecord:
    """Read a sealed record, also one of a format that is not known yet (``header.unknown``).

    Such a record can be verified and kept, and is not opened by guessing.

    :raises SealError: no header, or a length no record has.
    """
    header = Header.from_bytes(octets)
    if header.unknown:
        body = len(octets) - _clear_octets(header) - SIGNATURE_OCTETS
        if body <= 0 or len(octets) > RECORD_LIMIT_OCTETS:
            raise SealError("record", f"{len(octets)} octets are no whole record", KEEP)
        return SealedRecord(header, octets)
    padded = len(octets) - _around(header)
    if not 0 < padded <= PADDED_LIMIT_OCTETS or padded % BLOCK_OCTETS:
        raise SealError("record", f"{len(octets)} octets are no whole record", KEEP)
    return SealedRecord(header, octets)


def verify(record: SealedRecord, hub: HubCard) -> None:
    """Make sure that ``hub`` made the record and that nobody changed it.

    :raises SealError: another hub or key in the header, a day key that the hub does not vouch for
        or that may not sign this place, or a signature that does not fit.
    """
    header, certificate = record.header, record.certificate
    if header.hub_id != hub.hub_id:
        raise SealError("record", "of another hub", KEEP)
    if header.signer_key_id != hub.key_id:
        raise SealError("record", "signed with a key that is not this hub's", KEEP)
    if certificate is None:
        fits = hub.check(record.signature, _OLD_SIGNED + record.id)
    else:
        fits = certificate.verifies(record.signature, _SIGNED + record.id)
    if not fits:
        raise SealError("record", "the signature does not fit: changed on its way", KEEP)
    if certificate is None:
        return
    certificate.check(hub)
    if not certificate.covers(header.epoch, header.seq):
        span = f"{certificate.first_seq} to {certificate.last_seq} of epoch {certificate.epoch}"
        reason = f"place {header.seq} of epoch {header.epoch} signed with the day key of {span}"
        raise SealError("record", reason, KEEP)


def open_(record: SealedRecord, key: RecipientKey) -> bytes:
    """Return the padded payload of a record. Call :func:`verify` first: sealing needs no secret.

    ``key`` is the clinic's private key or the recovery key.

    :raises SealError: sealed to another key, of an unknown format, or header or body were changed.
    """
    header = record.header
    if header.unknown:
        raise SealError("record", header.unknown, KEEP)
    key_ids = [one for one in (header.recipient_key_id, header.recovery_key_id) if one != NO_KEY]
    if header.suite != key.suite or key.public.key_id not in key_ids:
        raise SealError("record", "sealed to another key", "Open it with the key it names")
    if header.version == OLD_VERSION:
        return key.decrypt(record.body, _OLD_INFO + record.clear)
    octets = key.suite.overhead_octets + _KEY_OCTETS
    place = key_ids.index(key.public.key_id) * octets
    content_key = key.decrypt(record.body[place : place + octets], _INFO + record.clear)
    payload = record.body[len(key_ids) * octets :]
    try:
        return ChaCha20Poly1305(content_key).decrypt(_ONCE, payload, record.clear)
    except InvalidTag as error:
        raise SealError("record", "does not open: its body was changed", KEEP) from error


def sealed_octets(to: Recipients, padded_octets: int) -> int:
    """Return how long a record with so long a padded payload is."""
    return _overhead(to.suite, len(to.all)) + padded_octets


def _clear_octets(header: Header) -> int:
    return header.octets + (0 if header.version == OLD_VERSION else CERTIFICATE_OCTETS)


def _around(header: Header) -> int:
    """How long a record of a known format is without its padded payload."""
    suite = Suite(header.suite)
    if header.version == OLD_VERSION:
        return header.octets + suite.overhead_octets + SIGNATURE_OCTETS
    return _overhead(suite, 1 if header.recovery_key_id == NO_KEY else 2)


def _overhead(suite: Suite, recipients: int) -> int:
    wrapped = recipients * (suite.overhead_octets + _KEY_OCTETS)
    return CLEAR_OCTETS + wrapped + _TAG_OCTETS + SIGNATURE_OCTETS


RECORD_LIMIT_OCTETS = max(_overhead(suite, 2) for suite in Suite) + PADDED_LIMIT_OCTETS
