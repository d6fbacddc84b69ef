"""What hub and collector say about who the hub is: enrolment, renewal, farewell (docs/sync.md).

    GET  {url}/v1/authority    -> Authority
    POST {url}/v1/enrol        Enrol     -> Enrolled
    POST {url}/v1/renew        Renew     -> Renewed
    POST {url}/v1/decommission Farewell  -> {}

All in JSON, octets in base64. What a hub asks for is signed with its identity key: a certificate
that has expired takes away no right that the identity has.
"""

from __future__ import annotations

from hashlib import sha256
from typing import Annotated, TypeVar

import msgspec

from edge_agent.errors import SyncError
from edge_agent.store.keys import HubIdentity

AUTHORITY_PATH = "/v1/authority"
ENROL_PATH = "/v1/enrol"
RENEW_PATH = "/v1/renew"
DECOMMISSION_PATH = "/v1/decommission"
JSON = "application/json"
MESSAGE_LIMIT_OCTETS = 16 << 10

_Pem = Annotated[str, msgspec.Meta(max_length=8192)]
_Request = Annotated[bytes, msgspec.Meta(max_length=4096)]
_Signature = Annotated[bytes, msgspec.Meta(min_length=64, max_length=64)]
_HubId = Annotated[bytes, msgspec.Meta(min_length=16, max_length=16)]
_PublicKey = Annotated[bytes, msgspec.Meta(min_length=32, max_length=32)]


class _Message(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    def to_json(self) -> bytes:
        """Return the body of the message."""
        return msgspec.json.encode(self)


class Authority(_Message, frozen=True):
    """The certificate that has signed the collector's, as PEM."""

    certificate: _Pem


class Enrol(_Message, frozen=True):
    """A hub wants in: its card, a certificate request (DER), the token's secret."""

    secret: Annotated[bytes, msgspec.Meta(min_length=16, max_length=16)]
    hub_id: _HubId
    public_key: _PublicKey
    request: _Request
    signature: _Signature

    def signed(self) -> bytes:
        """Return what the identity key signs."""
        about = self.secret + self.hub_id + self.public_key + self.request
        return b"edge-agent/enrol/v1" + sha256(about).digest()


class Enrolled(_Message, frozen=True):
    """The hub is in: its certificate (PEM), and the public key that it is to seal to."""

    certificate: _Pem
    suite: str
    recipient: Annotated[bytes, msgspec.Meta(max_length=4096)]


class Renew(_Message, frozen=True):
    """A hub wants another certificate for the request (DER)."""

    hub_id: _HubId
    request: _Request
    signature: _Signature

    def signed(self) -> bytes:
        """Return what the identity key signs."""
        return b"edge-agent/renew/v1" + sha256(self.hub_id + self.request).digest()


class Renewed(_Message, frozen=True):
    """The certificate, as PEM."""

    certificate: _Pem


class Farewell(_Message, frozen=True):
    """A hub is being decommissioned and will not come again."""

    hub_id: _HubId
    signature: _Signature

    def signed(self) -> bytes:
        """Return what the identity key signs."""
        return b"edge-agent/decommission/v1" + self.hub_id


_Kind = TypeVar("_Kind", bound=_Message)
_Asked = TypeVar("_Asked", Enrol, Renew, Farewell)


def signed_by(asked: _Asked, identity: HubIdentity) -> _Asked:
    """Return a message with the signature of ``identity``."""
    return msgspec.structs.replace(asked, signature=identity.sign(asked.signed()))


def read(octets: bytes, kind: type[_Kind], url: str) -> _Kind:
    """Read a message.

    :raises SyncError: it is of another kind, or none.
    """
    try:
        return msgspec.json.decode(octets, type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        name = kind.__name__.lower()
        raise SyncError(url, f"not the message '{name}': {error}", status=400) from error
