"""Day keys: what signs records, for so long and at such places as the hub's identity says.

A hub signs with a key that it throws away after a day. The certificate of that key travels in each
record. It names one boot of the hub (epoch) and a span of places in its order, the first of which
is the next free place when the key is drawn: a key of today can't sign a place of yesterday. The
span is one of places and not of dates, because a hub's clock may be wrong by decades and its order
never is.

Two keys sign a certificate: the hub's identity key, and the day key before it (the handover), just
before that one is erased. Whoever takes a running hub finds the identity key and today's key. He
can't put another key in the place of today's or of an earlier one: that takes a key that is gone.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, field
from functools import lru_cache

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from edge_agent.errors import SealError
from edge_agent.store.header import KEEP, SEQ_LIMIT
from edge_agent.store.keys import HubCard, HubIdentity

PLACES = 65_536
"""Places that one key may sign at most: some weeks' worth of an ordinary hub's, in one day."""
NO_PREVIOUS = bytes(32)
"""What a key names as the one before it when a hub begins, or when it has lost its day key."""

_STATED = struct.Struct(">IQQ32s32s")
_SIGNATURE_OCTETS = 64
CERTIFICATE_OCTETS = _STATED.size + 2 * _SIGNATURE_OCTETS

_CERTIFIED = b"edge-agent/day-key/v2"
_HANDED_OVER = b"edge-agent/handover/v2"
_NO_HANDOVER = bytes(_SIGNATURE_OCTETS)


@dataclass(frozen=True, slots=True)
class Certificate:
    """The certificate of a day key, as it travels: 212 octets."""

    octets: bytes
    epoch: int
    first_seq: int
    last_seq: int
    public_octets: bytes
    previous: bytes

    @classmethod
    def from_bytes(cls, octets: bytes) -> Certificate:
        """Read a certificate; :meth:`check` tells whether it holds.

        :raises SealError: of another length, or no span of places.
        """
        if len(octets) != CERTIFICATE_OCTETS:
            raise SealError("record", f"{len(octets)} octets are no certificate", KEEP)
        certificate = cls(octets, *_STATED.unpack_from(octets))
        if not 0 < certificate.first_seq <= certificate.last_seq <= SEQ_LIMIT:
            raise SealError("record", "its certificate has no span of places", KEEP)
        return certificate

    def covers(self, epoch: int, seq: int) -> bool:
        """Tell whether the key may sign this place."""
        return epoch == self.epoch and self.first_seq <= seq <= self.last_seq

    def check(self, hub: HubCard) -> None:
        """Make sure that ``hub`` and the day key before this one vouch for the key.

        :raises SealError: one of the two signatures does not fit.
        """
        _check(self, hub)

    def verifies(self, signature: bytes, message: bytes) -> bool:
        """Tell whether ``signature`` is the day key's over ``message``."""
        return _verifies(self.public_octets, signature, message)

    def stated(self, hub_id: bytes) -> bytes:
        """Return what both signatures are about."""
        return hub_id + self.octets[: _STATED.size]


@dataclass(frozen=True, slots=True)
class DaySigner:
    """A private day key and its certificate."""

    card: HubCard
    certificate: Certificate
    _key: Ed25519PrivateKey = field(repr=False)

    @classmethod
    def begin(
        cls, identity: HubIdentity, *, epoch: int, first_seq: int, after: DaySigner | None = None
    ) -> DaySigner:
        """Draw a key for the places from ``first_seq`` on; ``after`` hands over, where it is left.

        :raises SealError: a place or an epoch out of range.
        """
        key = Ed25519PrivateKey.generate()
        previous = NO_PREVIOUS if after is None else after.certificate.public_octets
        last_seq = min(first_seq + PLACES - 1, SEQ_LIMIT)
        try:
            stated = _STATED.pack(
                epoch, first_seq, last_seq, key.public_key().public_bytes_raw(), previous
            )
        except struct.error as error:
            raise SealError("day key", str(error), "Give a place and an epoch in range") from error
        about = identity.hub_id + stated
        certificate = Certificate.from_bytes(
            stated
            + identity.sign(_CERTIFIED + about)
            + (_NO_HANDOVER if after is None else after.sign(_HANDED_OVER + about))
        )
        return cls(identity.card, certificate, key)

    @classmethod
    def restored(cls, card: HubCard, certificate: Certificate, private: bytes) -> DaySigner:
        """Return a signer that was kept.

        :raises SealError: the certificate is not this hub's, or not this key's.
        """
        certificate.check(card)
        try:
            key = Ed25519PrivateKey.from_private_bytes(private)
        except ValueError as error:
            raise SealError("day key", f"damaged: {error}", "Another one is drawn") from error
        if key.public_key().public_bytes_raw() != certificate.public_octets:
            raise SealError("day key", "not the one its certificate is for", "Another one is drawn")
        return cls(card, certificate, key)

    @property
    def private_octets(self) -> bytes:
        """The private key, to be kept sealed and thrown away within a day."""
        return self._key.private_bytes_raw()

    def sign(self, message: bytes) -> bytes:
        """Return the Ed25519 signature (64 octets) over ``message``."""
        return self._key.sign(message)


@lru_cache(maxsize=4096)
def _check(certificate: Certificate, hub: HubCard) -> None:
    """Check both signatures: once for a key, not for each record. A failure is not remembered."""
    about = certificate.stated(hub.hub_id)
    signature = certificate.octets[_STATED.size :]
    vouched, handover = signature[:_SIGNATURE_OCTETS], signature[_SIGNATURE_OCTETS:]
    if not hub.check(vouched, _CERTIFIED + about):
        raise SealError("record", "its day key is not certified by this hub", KEEP)
    if certificate.previous == NO_PREVIOUS:
        if handover != _NO_HANDOVER:
            raise SealError("record", "its day key has a handover by no key", KEEP)
    elif not _verifies(certificate.previous, handover, _HANDED_OVER + about):
        raise SealError("record", "its day key was not handed over by the one before", KEEP)


def _verifies(public_octets: bytes, signature: bytes, message: bytes) -> bool:
    try:
        Ed25519PublicKey.from_public_bytes(public_octets).verify(signature, message)
    except (InvalidSignature, ValueError):
        return False
    return True
