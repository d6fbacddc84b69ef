"""What hub and collector say to each other: one sealed record a request, one receipt back.

    POST {url}/v1/records
    Content-Type: application/vnd.edge-agent.record
    Idempotency-Key: <id of the record, 64 hexadecimal digits>

The body is the sealed record as it is. ``200`` with a :class:`Receipt` says that the collector
has it durably, whether from this request or an earlier one. ``400``, ``409``, ``413``, ``415``
and ``422`` are verdicts on the record; every other status is about the hub, the collector or the
way between them.
"""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec

from edge_agent.errors import SyncError

RECORDS_PATH = "/v1/records"
MEDIA_TYPE = "application/vnd.edge-agent.record"
IDEMPOTENCY_HEADER = "Idempotency-Key"
ANSWER_LIMIT_OCTETS = 4096
VERDICTS = frozenset({400, 409, 413, 415, 422})


class Receipt(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The collector has the record ``id`` of ``hub`` (hexadecimal) at place ``seq``, durably."""

    hub: Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{32}$")]
    seq: Annotated[int, msgspec.Meta(ge=0)]
    id: Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{64}$")]
    status: Literal["stored", "duplicate"]

    def to_json(self) -> bytes:
        """Return the body of the answer."""
        return msgspec.json.encode(self)


class Refusal(msgspec.Struct, frozen=True):
    """Why the collector did not take a record, in words."""

    error: str

    def to_json(self) -> bytes:
        """Return the body of the answer."""
        return msgspec.json.encode(self)


def parse_receipt(octets: bytes, url: str) -> Receipt:
    """Read the body of a ``200``.

    :raises SyncError: when it is no receipt.
    """
    try:
        return msgspec.json.decode(octets, type=Receipt)
    except (msgspec.DecodeError, RecursionError) as error:
        raise SyncError(url, f"the answer is no receipt: {error}", status=200) from error


def refusal_words(octets: bytes) -> str:
    """Return the collector's words from the body of a refusal; "" when it holds none."""
    try:
        words = msgspec.json.decode(octets, type=Refusal).error
    except (msgspec.DecodeError, RecursionError):
        return ""
    return "".join(char for char in words[:200] if char.isprintable())
