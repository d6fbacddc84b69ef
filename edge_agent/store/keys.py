"""Keys and their files: who seals (the hub) and for whom (the collector).

The hub signs with an Ed25519 key of its own and holds nothing that opens a record. Its identity
is one file, ``identity.pem``, so that it is there whole or not at all; ``hub.json`` is the public
card that the collector is given, and is written again from the identity when it is missing.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import TypeVar

import msgspec
from cryptography.exceptions import InvalidSignature, InvalidTag
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)

from edge_agent.errors import SealError
from edge_agent.store.files import (
    private_directory,
    read_key_file,
    read_private_key_file,
    write_whole,
)
from edge_agent.store.suites import Suite

HUB_ID_OCTETS = 16
KEY_ID_OCTETS = 8
IDENTITY_FILE = "identity.pem"
CARD_FILE = "hub.json"

_HUB_ID_LINE = b"Hub-Id: "


class _RecipientFile(
    msgspec.Struct, forbid_unknown_fields=True, tag_field="kind", tag="edge-agent recipient, public"
):
    """The JSON of a recipient's public key file; octets are in base64."""

    suite: str
    key_id: str
    public_key: bytes


class _RecipientKeyFile(
    msgspec.Struct,
    forbid_unknown_fields=True,
    tag_field="kind",
    tag="edge-agent recipient, PRIVATE",
):
    """The JSON of a recipient's private key file; octets are in base64."""

    suite: str
    key_id: str
    private_key: bytes


class _HubFile(msgspec.Struct, forbid_unknown_fields=True, tag_field="kind", tag="edge-agent hub"):
    """The JSON of a hub's card; octets are in hexadecimal."""

    hub_id: str
    public_key: str


@dataclass(frozen=True, slots=True)
class Recipient:
    """The public key a hub seals to."""

    suite: Suite
    octets: bytes

    @property
    def key_id(self) -> bytes:
        """Eight octets that name the key: the start of SHA-256 over suite and key."""
        return sha256(bytes([self.suite]) + self.octets).digest()[:KEY_ID_OCTETS]

    @classmethod
    def load(cls, path: Path) -> Recipient:
        """Read the collector's public key file.

        :raises SealError: unreadable, damaged, or another kind of file.
        """
        file = _parsed(path, read_key_file(path), _RecipientFile)
        recipient = cls(Suite.of_label(file.suite), file.public_key)
        _check_key_id(path, file.key_id, recipient.key_id)
        recipient.suite.public_key(recipient.octets)
        return recipient

    def save(self, path: Path) -> None:
        """Write the public key file that hubs are given."""
        file = _RecipientFile(self.suite.label, self.key_id.hex(), self.octets)
        write_whole(path, _json(file), 0o644)

    def encrypt(self, plaintext: bytes, info: bytes) -> bytes:
        """Return the encapsulated key, ciphertext and tag; only the private key undoes this.

        :raises SealError: when the octets are a key that no exchange can be made with.
        """
        try:
            return self.suite.cipher.encrypt(
                plaintext, self.suite.public_key(self.octets), info=info
            )
        except ValueError as error:
            step = "Ask the collector for its public key file again"
            raise SealError(f"{self.suite.label} key", str(error), step) from error


@dataclass(frozen=True, slots=True)
class RecipientKey:
    """The private key the collector opens with."""

    suite: Suite
    octets: bytes = field(repr=False)

    @classmethod
    def generate(cls, suite: Suite = Suite.X_WING) -> RecipientKey:
        """Draw a new key."""
        return cls(suite, suite.generate())

    @property
    def public(self) -> Recipient:
        """The half that hubs are given."""
        return Recipient(self.suite, self.suite.public_octets(self.octets))

    @classmethod
    def load(cls, path: Path) -> RecipientKey:
        """Read a private key file.

        :raises SealError: unreadable, readable by others, damaged, or another kind of file.
        """
        file = _parsed(path, read_private_key_file(path), _RecipientKeyFile)
        key = cls(Suite.of_label(file.suite), file.private_key)
        _check_key_id(path, file.key_id, key.public.key_id)
        return key

    def save(self, path: Path) -> None:
        """Write the private key file, mode 0600."""
        file = _RecipientKeyFile(self.suite.label, self.public.key_id.hex(), self.octets)
        write_whole(path, _json(file))

    def decrypt(self, sealed: bytes, info: bytes) -> bytes:
        """Undo :meth:`Recipient.encrypt`.

        :raises SealError: wrong key, changed octets or another ``info``; HPKE can't tell which.
        """
        try:
            return self.suite.cipher.decrypt(sealed, self.suite.private_key(self.octets), info=info)
        except (InvalidTag, ValueError) as error:
            reason = "does not open: sealed to another key, or header or body were changed"
            raise SealError(
                "record", reason, "Keep it sealed and ask where it came from"
            ) from error


@dataclass(frozen=True, slots=True)
class HubCard:
    """Who a hub is, for the collector: its random id and the key that checks its signatures."""

    hub_id: bytes
    public_octets: bytes

    @property
    def key_id(self) -> bytes:
        """Eight octets that name the signing key: the start of SHA-256 over it."""
        return sha256(self.public_octets).digest()[:KEY_ID_OCTETS]

    @classmethod
    def load(cls, path: Path) -> HubCard:
        """Read a hub's ``hub.json``.

        :raises SealError: unreadable, damaged, or another kind of file.
        """
        file = _parsed(path, read_key_file(path), _HubFile)
        try:
            hub_id, octets = bytes.fromhex(file.hub_id), bytes.fromhex(file.public_key)
            Ed25519PublicKey.from_public_bytes(octets)
        except ValueError as error:
            raise SealError(f"key file {path}", str(error), _DAMAGED) from error
        if len(hub_id) != HUB_ID_OCTETS:
            raise SealError(f"key file {path}", "hub_id is not 32 hexadecimal digits", _DAMAGED)
        return cls(hub_id, octets)

    def to_json(self) -> bytes:
        """Return the text of ``hub.json``."""
        return _json(_HubFile(self.hub_id.hex(), self.public_octets.hex()))

    def save(self, path: Path) -> None:
        """Write the card."""
        write_whole(path, self.to_json(), 0o644)

    def check(self, signature: bytes, message: bytes) -> bool:
        """Tell whether ``signature`` is this hub's over ``message``."""
        try:
            Ed25519PublicKey.from_public_bytes(self.public_octets).verify(signature, message)
        except InvalidSignature:
            return False
        return True


@dataclass(frozen=True, slots=True)
class HubIdentity:
    """The hub's random id and its private signing key."""

    hub_id: bytes
    _key: Ed25519PrivateKey = field(repr=False)

    @property
    def card(self) -> HubCard:
        """What the collector is given to enrol this hub."""
        return HubCard(self.hub_id, self._key.public_key().public_bytes_raw())

    @classmethod
    def load_or_create(cls, directory: Path) -> HubIdentity:
        """Read the identity kept in ``directory`` (mode 0700), or draw one on first use.

        :raises SealError: unreadable, readable by others, or damaged. A damaged identity is never
            replaced unasked: the collector would take the hub for a stranger.
        """
        path = private_directory(directory) / IDENTITY_FILE
        if path.exists():
            identity = cls._parse(path, read_private_key_file(path))
        else:
            identity = cls(secrets.token_bytes(HUB_ID_OCTETS), Ed25519PrivateKey.generate())
            write_whole(path, identity._pem())
        card = directory / CARD_FILE
        if not card.exists() or card.read_bytes() != identity.card.to_json():
            identity.card.save(card)
        return identity

    def sign(self, message: bytes) -> bytes:
        """Return the Ed25519 signature (64 octets) over ``message``."""
        return self._key.sign(message)

    def _pem(self) -> bytes:
        """The key in PKCS #8, after one line of explanatory text (RFC 7468, section 2)."""
        key = self._key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        return _HUB_ID_LINE + self.hub_id.hex().encode() + b"\n" + key

    @classmethod
    def _parse(cls, path: Path, octets: bytes) -> HubIdentity:
        first, _, pem = octets.partition(b"\n")
        step = "Restore it from a backup, or remove it and enrol the hub anew"
        try:
            hub_id = bytes.fromhex(first.removeprefix(_HUB_ID_LINE).decode("ascii"))
            key = load_pem_private_key(pem, password=None)
        except (ValueError, TypeError) as error:
            raise SealError(f"key file {path}", f"damaged: {error}", step) from error
        is_identity = first.startswith(_HUB_ID_LINE) and len(hub_id) == HUB_ID_OCTETS
        if not is_identity or not isinstance(key, Ed25519PrivateKey):
            raise SealError(f"key file {path}", "not a hub identity", step)
        return cls(hub_id, key)


_DAMAGED = "Get the file from its owner again"
_File = TypeVar("_File", bound=msgspec.Struct)


def _parsed(path: Path, octets: bytes, kind: type[_File]) -> _File:
    try:
        return msgspec.json.decode(octets, type=kind)
    except msgspec.DecodeError as error:
        reason = f"damaged or of another kind: {error}"
        raise SealError(f"key file {path}", reason, _DAMAGED) from error


def _check_key_id(path: Path, written: str, computed: bytes) -> None:
    if written != computed.hex():
        raise SealError(f"key file {path}", "damaged: the key does not match its key_id", _DAMAGED)


def _json(file: msgspec.Struct) -> bytes:
    return msgspec.json.format(msgspec.json.encode(file), indent=2) + b"\n"
