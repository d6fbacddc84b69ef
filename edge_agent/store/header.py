"""The header of a sealed record: what everybody may know of it (docs/envelope.md).

Version 2 has what version 1 has at the same places, and one field more. Later versions keep all of
it, so that a collector can tell whose record it is, where it belongs and whether it is whole, even
when it can't open it yet.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from enum import IntEnum

from edge_agent.errors import SealError
from edge_agent.store.keys import KEY_ID_OCTETS
from edge_agent.store.suites import Suite

VERSION = 2
OLD_VERSION = 1
"""Read for as long as hubs may hold such records; never written."""
SCHEMA_VERSION = 1
ID_OCTETS = 32
SUBJECT_OCTETS = 16
SEQ_LIMIT = 2**63 - 1
NO_RECORD = bytes(ID_OCTETS)
"""What the first record of a hub gives as the one before it."""
NO_KEY = bytes(KEY_ID_OCTETS)
"""What a record gives as recovery key when it is sealed to none."""
KEEP = "Keep it as it is and ask where it came from"

_OLD = struct.Struct(">BBBB8s16s16sIQI32s8s")
_HEADER = struct.Struct(_OLD.format + "8s")
HEADER_OCTETS = _HEADER.size


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
    sealed before, by this hub. ``signer_key_id`` names the hub's identity key, which answers for
    the day key that signs. ``suite`` and ``record_class`` of a record that was read may be numbers
    that are not known yet: see :attr:`unknown`.
    """

    suite: int
    recipient_key_id: bytes
    hub_id: bytes
    subject: bytes
    record_class: int
    epoch: int
    seq: int
    count: int
    previous: bytes
    signer_key_id: bytes
    recovery_key_id: bytes = NO_KEY
    schema_version: int = SCHEMA_VERSION
    version: int = VERSION

    @property
    def unknown(self) -> str:
        """Tell what this program does not know of the record's format; "" when it knows it all."""
        if self.version not in {OLD_VERSION, VERSION}:
            return f"version {self.version} is not known"
        if self.suite not in set(Suite):
            return f"suite {self.suite} is not known"
        if self.record_class not in set(RecordClass):
            return f"class {self.record_class} is not known"
        return ""

    @property
    def octets(self) -> int:
        """How many octets this header has."""
        return _OLD.size if self.version == OLD_VERSION else _HEADER.size

    def to_bytes(self) -> bytes:
        """Return the 108 octets of the header.

        :raises SealError: when a field does not fit its place, or for a version that is only read.
        """
        if self.version != VERSION:
            reason = f"version {self.version} is not written"
            raise SealError("header", reason, f"Make one of version {VERSION}")
        lengths = [len(field) for field in (self.hub_id, self.subject, self.previous)]
        if lengths != [16, SUBJECT_OCTETS, ID_OCTETS]:
            raise SealError("header", f"fields of {lengths} octets", "16, 16 and 32 are expected")
        try:
            return _HEADER.pack(
                VERSION, self.suite, self.record_class, self.schema_version, self.recipient_key_id,
                self.hub_id, self.subject, self.epoch, self.seq, self.count, self.previous,
                self.signer_key_id, self.recovery_key_id,
            )  # fmt: skip
        except struct.error as error:
            raise SealError("header", str(error), "Give each field its documented range") from error

    @classmethod
    def from_bytes(cls, octets: bytes) -> Header:
        """Read a header from the start of ``octets``; see :attr:`unknown` for what came of it.

        :raises SealError: too short, no version at all, or a place that no database could keep.
        """
        version = octets[0] if octets else 0
        layout = _OLD if version == OLD_VERSION else _HEADER
        if len(octets) < layout.size:
            raise SealError("record", f"{len(octets)} octets are no header", KEEP)
        if version < OLD_VERSION:
            raise SealError("record", f"version {version} is not known", KEEP)
        fields = layout.unpack_from(octets)
        (_, suite, record_class, schema_version, recipient_key_id, hub_id, subject, epoch,
         seq, count, previous, signer_key_id) = fields[:12]  # fmt: skip
        if seq > SEQ_LIMIT:
            raise SealError("record", f"place {seq} is out of range", KEEP)
        return cls(
            version=version,
            suite=Suite(suite) if suite in set(Suite) else suite,
            recipient_key_id=recipient_key_id,
            hub_id=hub_id,
            subject=subject,
            record_class=(
                RecordClass(record_class) if record_class in set(RecordClass) else record_class
            ),
            epoch=epoch,
            seq=seq,
            count=count,
            previous=previous,
            signer_key_id=signer_key_id,
            recovery_key_id=fields[12] if len(fields) > 12 else NO_KEY,
            schema_version=schema_version,
        )
