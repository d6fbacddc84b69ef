"""What hub and collector say to each other: a batch of sealed records, a receipt for each.

    POST {url}/v1/records
    Content-Type: application/vnd.edge-agent.records

The body is one or more records, each after its length (four octets, big-endian); at most
:data:`BATCH_RECORDS` and :data:`BATCH_OCTETS`. ``200`` brings :class:`Receipts`, one for each
record in the order of the batch. Any other status is about the request, the hub, the collector or
the way between them, and says nothing of any record (docs/sync.md).
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Sequence
from typing import Annotated, Literal

import msgspec

from edge_agent.errors import SyncError

RECORDS_PATH = "/v1/records"
MEDIA_TYPE = "application/vnd.edge-agent.records"
BATCH_RECORDS = 64
BATCH_OCTETS = 1 << 20
ANSWER_LIMIT_OCTETS = 64 << 10
NO_HASH = "0" * 64
"""What a receipt names when the collector could not read whose record it was."""

VERDICTS = frozenset({400, 413, 422})
"""Statuses that the same octets would bring again."""

_LENGTH = struct.Struct(">I")
_WORDS_AT_MOST = 200

Status = Literal["stored", "known", "refused"]

_Count = Annotated[int, msgspec.Meta(ge=0, le=2**63 - 1)]


class Receipt(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True
):
    """What became of one record: its place, its hash (64 hexadecimal digits), and the verdict.

    ``stored`` and ``known`` say that the collector has it durably, from this request or an earlier
    one. ``refused`` says that it never will in this form, and why.
    """

    epoch: _Count
    seq: _Count
    hash: Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{64}$")]
    status: Status
    reason: str = ""


class Receipts(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The answer to a batch."""

    receipts: Annotated[tuple[Receipt, ...], msgspec.Meta(min_length=1, max_length=BATCH_RECORDS)]

    def to_json(self) -> bytes:
        """Return the body of the answer."""
        return msgspec.json.encode(self)


class Refusal(msgspec.Struct, frozen=True):
    """Why the collector did not take a request, in words."""

    error: str

    def to_json(self) -> bytes:
        """Return the body of the answer."""
        return msgspec.json.encode(self)


def frame(records: Iterable[bytes]) -> bytes:
    """Return the body of a batch."""
    return b"".join(part for one in records for part in (_LENGTH.pack(len(one)), one))


def framed_octets(record: bytes) -> int:
    """Return how much of a batch ``record`` takes."""
    return _LENGTH.size + len(record)


def split(body: bytes) -> list[bytes]:
    """Return the records of a batch, each as it was framed; nothing is said about their worth.

    :raises SyncError: no record, too many, or lengths that don't add up.
    """
    records: list[bytes] = []
    at = 0
    while at < len(body):
        if len(records) == BATCH_RECORDS:
            raise _bad(f"more than {BATCH_RECORDS} records")
        if len(body) - at < _LENGTH.size:
            raise _bad(f"cut short in the length of record {len(records) + 1}")
        (length,) = _LENGTH.unpack_from(body, at)
        at += _LENGTH.size
        if not 0 < length <= len(body) - at:
            raise _bad(f"record {len(records) + 1} is said to have {length} octets")
        records.append(body[at : at + length])
        at += length
    if not records:
        raise _bad("no record")
    return records


def parse_receipts(octets: bytes, url: str) -> tuple[Receipt, ...]:
    """Read the body of a ``200``.

    :raises SyncError: when it holds no receipts.
    """
    try:
        return msgspec.json.decode(octets, type=Receipts).receipts
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise SyncError(url, f"the answer is no receipts: {error}", status=200) from error


def check(receipts: Sequence[Receipt], sent: Sequence[tuple[int, int, bytes]], url: str) -> None:
    """Make sure that ``receipts`` are those of what was ``sent``: (epoch, seq, hash) each.

    A record that was refused may be one that the collector could not read: it is known by its
    place in the batch.

    :raises SyncError: another number of them, or one that takes a record which was not sent.
    """
    if len(receipts) != len(sent):
        reason = f"{len(receipts)} receipts for {len(sent)} records"
        raise SyncError(url, reason, status=200)
    for receipt, (epoch, seq, record_hash) in zip(receipts, sent, strict=True):
        named = (receipt.epoch, receipt.seq, receipt.hash)
        if receipt.status != "refused" and named != (epoch, seq, record_hash.hex()):
            raise SyncError(url, "a receipt names another record", status=200)


def refusal_words(octets: bytes) -> str:
    """Return the collector's words from the body of a refusal; "" when it holds none."""
    try:
        words = msgspec.json.decode(octets, type=Refusal).error
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return ""
    return printable(words)


def printable(words: str) -> str:
    """Return words from elsewhere in a form that fits a log line."""
    return "".join(char for char in words[:_WORDS_AT_MOST] if char.isprintable())


def _bad(reason: str) -> SyncError:
    return SyncError("batch", reason, status=400)
