"""Records of version 1, as hubs made them before day keys: written here only, from the document."""

import struct
from hashlib import sha256

from edge_agent.store.keys import HubIdentity, Recipient
from edge_agent.store.payload import Tables, encode, pad
from edge_agent.store.seal import NO_RECORD, RecordClass, SealedRecord, parse


def old_record(
    identity: HubIdentity,
    recipient: Recipient,
    tables: Tables,
    *,
    seq: int = 1,
    epoch: int = 1,
    previous: bytes = NO_RECORD,
    record_class: int = RecordClass.SUMMARY,
) -> SealedRecord:
    """Seal ``tables`` as a record of version 1, signed with the hub's identity key."""
    header = struct.pack(
        ">BBBB8s16s16sIQI32s8s", 1, recipient.suite, record_class, 1, recipient.key_id,
        identity.hub_id, b"S" * 16, epoch, seq, sum(len(rows) for rows in tables.values()),
        previous, identity.card.key_id,
    )  # fmt: skip
    sealed = header + recipient.encrypt(pad(encode(tables)), b"edge-agent/v1" + header)
    return parse(sealed + identity.sign(b"edge-agent/seal/v1" + sha256(sealed).digest()))
