"""The envelope: one sealed record, from header to signature (docs/envelope.md).

    record    = header (100 octets) || body || signature (64 octets)
    body      = HPKE(padded payload, info = "edge-agent/v1" || header)
    signature = Ed25519("edge-agent/seal/v1" || SHA-256(header || body))
    id        = SHA-256(header || body)

The header is in the clear and bound to the body: a record that is moved to another person, hub or
place in the order does not open. Each header carries the id of the record before it.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from enum import IntEnum
from hashlib import sha256

from edge_agent.errors import SealError
from edge_agent.store.keys import HubCard, HubIdentity, Recipient, RecipientKey
from edge_agent.store.payload import BLOCK_OCTETS, PADDED_LIMIT_OCTETS
from edge_agent.store.suites import Suite

VERSION = 1
SCHEMA_VERSION = 1
ID_OCTETS = 32
SUBJECT_OCTETS = 16
SIGNATURE_OCTETS = 64
SEQ_LIMIT = 2**63 - 1
NO_RECORD = bytes(ID_OCTETS)
"""What the first record of a hub gives as the one before it."""

_HEADER = struct.Struct(">BBBB8s16s16sIQI32s8s")
HEADER_OCTETS = _HEADER.size
RECORD_LIMIT_OCTETS = (
    HEADER_OCTETS
    + max(suite.overhead_octets for suite in Suite)
    + PADDED_LIMIT_OCTETS
    + SIGNATURE_OCTETS
)

_INFO = b"edge-agent/v1"
_SIGNED = b"edge-agent/seal/v1"
_KEEP = "Keep it as it is and ask where it came from"


class RecordClass(IntEnum):
    """What a record is for; it decides on urgency, padding and eviction."""

    ALARM = 1
    SUMMARY = 2
    EVENT = 3
    AUDIT = 4

    @property
    def label(self) -> str:
        """Its name in words."""
        return self.name.lower()


@dataclass(frozen=True, slots=True, kw_only=True)
class Header:
    """What everybody may know of a record.

    Order is (``epoch``, ``seq``): boots of the hub, then records of the hub; ``seq`` runs on over
    boots. ``count`` is the number of table rows inside. ``previous`` is the id of the record
    sealed before, by this hub.
    """

    suite: Suite
    recipient_key_id: bytes
    hub_id: bytes
    subject: bytes
    record_class: RecordClass
    epoch: int
    seq: int
    count: int
    previous: bytes
    signer_key_id: bytes
    schema_version: int = SCHEMA_VERSION

    def to_bytes(self) -> bytes:
        """Return the 100 octets of the header.

        :raises SealError: when a field does not fit its place.
        """
        lengths = [len(field) for field in (self.hub_id, self.subject, self.previous)]
        if lengths != [16, SUBJECT_OCTETS, ID_OCTETS]:
            raise SealError("header", f"fields of {lengths} octets", "16, 16 and 32 are expected")
        try:
            return _HEADER.pack(
                VERSION, self.suite, self.record_class, self.schema_version, self.recipient_key_id,
                self.hub_id, self.subject, self.epoch, self.seq, self.count, self.previous,
                self.signer_key_id,
            )  # fmt: skip
        except struct.error as error:
            raise SealError("header", str(error), "Give each field its documented range") from error

    @classmethod
    def from_bytes(cls, octets: bytes) -> Header:
        """Read a header from the start of ``octets``.

        :raises SealError: too short, or a version, suite or class that is not known, or a place
            that no database could keep.
        """
        if len(octets) < HEADER_OCTETS:
            raise SealError("record", f"{len(octets)} octets are no header", _KEEP)
        (version, suite, record_class, schema_version, recipient_key_id, hub_id, subject, epoch,
         seq, count, previous, signer_key_id) = _HEADER.unpack_from(octets)  # fmt: skip
        if version != VERSION:
            raise SealError("record", f"version {version} is not known", _KEEP)
        if suite not in set(Suite):
            raise SealError("record", f"suite {suite} is not known", _KEEP)
        if record_class not in set(RecordClass):
            raise SealError("record", f"class {record_class} is not known", _KEEP)
        if seq > SEQ_LIMIT:
            raise SealError("record", f"place {seq} is out of range", _KEEP)
        return cls(
            suite=Suite(suite),
            recipient_key_id=recipient_key_id,
            hub_id=hub_id,
            subject=subject,
            record_class=RecordClass(record_class),
            epoch=epoch,
            seq=seq,
            count=count,
            previous=previous,
            signer_key_id=signer_key_id,
            schema_version=schema_version,
        )


@dataclass(frozen=True, slots=True)
class SealedRecord:
    """A record as it is stored and sent; only :func:`seal` and :func:`parse` make one."""

    header: Header
    octets: bytes

    @property
    def id(self) -> bytes:
        """SHA-256 of header and body: the record's name everywhere."""
        return sha256(self.octets[:-SIGNATURE_OCTETS]).digest()

    @property
    def body(self) -> bytes:
        """The encapsulated key, the ciphertext and its tag."""
        return self.octets[HEADER_OCTETS:-SIGNATURE_OCTETS]

    @property
    def signature(self) -> bytes:
        """The hub's signature."""
        return self.octets[-SIGNATURE_OCTETS:]


def seal(
    header: Header, padded: bytes, recipient: Recipient, identity: HubIdentity
) -> SealedRecord:
    """Seal a padded payload to ``recipient`` and sign it as ``identity``.

    :raises SealError: when the header names another recipient or hub, or a field does not fit.
    """
    if (header.suite, header.recipient_key_id) != (recipient.suite, recipient.key_id):
        raise SealError("header", "names another recipient key", "Make it for this recipient")
    if (header.hub_id, header.signer_key_id) != (identity.hub_id, identity.card.key_id):
        raise SealError("header", "names another hub", "Make it for this hub")
    clear = header.to_bytes()
    sealed = clear + recipient.encrypt(padded, _INFO + clear)
    return SealedRecord(header, sealed + identity.sign(_SIGNED + sha256(sealed).digest()))


def parse(octets: bytes) -> SealedRecord:
    """Read a sealed record without opening it; says nothing about who made it.

    :raises SealError: unknown version, suite or class, or a length no record has.
    """
    header = Header.from_bytes(octets)
    around = HEADER_OCTETS + header.suite.overhead_octets + SIGNATURE_OCTETS
    padded = len(octets) - around
    if not 0 < padded <= PADDED_LIMIT_OCTETS or padded % BLOCK_OCTETS:
        raise SealError("record", f"{len(octets)} octets are no whole record", _KEEP)
    return SealedRecord(header, octets)


def verify(record: SealedRecord, hub: HubCard) -> None:
    """Make sure that ``hub`` made the record and that nobody changed it.

    :raises SealError: another hub or key in the header, or a signature that does not fit.
    """
    if record.header.hub_id != hub.hub_id:
        raise SealError("record", "of another hub", _KEEP)
    if record.header.signer_key_id != hub.key_id:
        raise SealError("record", "signed with a key that is not this hub's", _KEEP)
    if not hub.check(record.signature, _SIGNED + record.id):
        raise SealError("record", "the signature does not fit: changed on its way", _KEEP)


def open_(record: SealedRecord, key: RecipientKey) -> bytes:
    """Return the padded payload of a record. Call :func:`verify` first: sealing needs no secret.

    :raises SealError: sealed to another key, or header or body were changed.
    """
    if (record.header.suite, record.header.recipient_key_id) != (key.suite, key.public.key_id):
        raise SealError("record", "sealed to another key", "Open it with the key it names")
    return key.decrypt(record.body, _INFO + record.octets[:HEADER_OCTETS])
