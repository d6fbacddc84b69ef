"""Small named blobs that the hub must read again itself, sealed on its own disk.

What leaves the hub is sealed to the collector (:mod:`edge_agent.store.seal`) and the hub can't open
it. A few things it must open again: what was imported about the person, a checkpoint of the twin.
They are sealed with a device key, which makes them as safe as that key and no safer:

* ``$CREDENTIALS_DIRECTORY/device-key``, when systemd gives the service one (systemd.exec(5),
  ``LoadCredentialEncrypted=``): as safe as the TPM or the host key it is encrypted with;
* else ``device.key`` in the state folder: whoever takes the card takes the key with it.

:attr:`LocalState.protection` says which, so that nobody promises more. A blob sealed with the key
file stays readable after a credential is introduced, and is sealed anew when it is next written.

What the seal can't show: an older blob put back in place of a newer one (a rollback). It opens,
because it was once right. It takes somebody who can write to the state folder.

A file is ``magic, version, key id, nonce, ciphertext and tag``; the header and the blob's name
are associated data, so a blob can't be renamed into another one. ChaCha20-Poly1305 (RFC 8439) with
a random nonce; its key comes from the device key by HKDF-SHA256 (RFC 5869).
"""

from __future__ import annotations

import fcntl
import os
import re
import secrets
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from hashlib import sha256
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from edge_agent.errors import SealError, StoreError
from edge_agent.store.files import (
    private_directory,
    read_key_file,
    read_private_key_file,
    sync_directory,
    write_whole,
)

KEY_FILE = "device.key"
CREDENTIAL = "device-key"
LARGEST_OCTETS = 4 * 1024 * 1024  # opened whole by a small resident process

_LOCK_FILE = ".local-state.lock"
_MAGIC = b"edge-local\x00"
_VERSION = b"\x01"
_KEY_OCTETS = 32
_KEY_ID_OCTETS = 8
_NONCE_OCTETS = 12
_TAG_OCTETS = 16
_HEADER_OCTETS = len(_MAGIC) + len(_VERSION) + _KEY_ID_OCTETS
_LARGEST_FILE = LARGEST_OCTETS + _HEADER_OCTETS + _NONCE_OCTETS + _TAG_OCTETS
_NAME = re.compile(r"[a-z][a-z0-9-]{0,31}")


class Protection(StrEnum):
    """Where the device key is; the values are what a person is told."""

    CREDENTIAL = "systemd credential"
    KEY_FILE = "key file beside the data"


@dataclass(frozen=True, slots=True, kw_only=True)
class _DeviceKey:
    """A key of this hub: the sealing key, and eight octets that name it."""

    protection: Protection
    cipher: ChaCha20Poly1305
    key_id: bytes

    @classmethod
    def derive(cls, octets: bytes, protection: Protection) -> _DeviceKey:
        derived = HKDF(SHA256(), _KEY_OCTETS, salt=None, info=b"edge-agent local state 1")
        sealing = derived.derive(octets)
        key_id = sha256(b"key id" + sealing).digest()[:_KEY_ID_OCTETS]
        return cls(protection=protection, cipher=ChaCha20Poly1305(sealing), key_id=key_id)


class LocalState:
    """The sealed blobs in one state folder. Several processes may use one folder."""

    def __init__(self, directory: Path, credentials: Path | None = None) -> None:
        self._directory = directory
        self._credential = None if credentials is None else credentials / CREDENTIAL

    @classmethod
    def open(cls, directory: Path, environ: Mapping[str, str] = os.environ) -> LocalState:
        """Take the state folder ``directory`` and the credentials that systemd gave, if any."""
        credentials = environ.get("CREDENTIALS_DIRECTORY")
        return cls(directory, Path(credentials) if credentials else None)

    @property
    def protection(self) -> Protection:
        """What guards a blob that is written now."""
        return Protection.KEY_FILE if self._given_credential() is None else Protection.CREDENTIAL

    def path(self, name: str) -> Path:
        """Return where the blob ``name`` is kept."""
        if not _NAME.fullmatch(name):
            raise StoreError(f"blob {name!r}", "not a name", "Use 1 to 32 of a-z, 0-9 and '-'")
        return self._directory / f"{name}.sealed"

    def aside(self, name: str) -> Path:
        """Return where a blob that does not open is put, so that it is in nobody's way."""
        return self.path(name).with_suffix(".sealed.aside")

    def read(self, name: str) -> bytes | None:
        """Return what was last written under ``name``, or ``None`` when there is nothing.

        :raises SealError: the blob is damaged (it is set aside), or sealed with a key that is
            not here (it stays: the key may only be out of reach for this process).
        """
        path = self.path(name)
        try:
            with path.open("rb") as file:
                octets = file.read(_LARGEST_FILE + 1)
        except FileNotFoundError:
            return None
        except OSError as error:
            raise _unusable(path, error) from error
        return self._opened(name, octets)

    def write(self, name: str, octets: bytes) -> None:
        """Seal ``octets`` under ``name``: after a power cut there is the new blob or the old one.

        :raises StoreError: too large, or the folder can't be written.
        :raises SealError: the device key can't be used.
        """
        with self._locked():
            self._write(name, octets)

    def update(self, name: str, change: Callable[[bytes | None], bytes | None]) -> None:
        """Read, change and write ``name`` while no other process writes.

        Nothing is written when ``change`` raises or returns ``None``. Raises what :meth:`read` and
        :meth:`write` do.
        """
        with self._locked():
            octets = change(self.read(name))
            if octets is not None:
                self._write(name, octets)

    def remove(self, name: str) -> bool:
        """Delete ``name`` and what is left of it; return whether there was anything.

        Flash may keep the sealed octets until they are overwritten; they need the device key.

        :raises StoreError: the folder can't be written.
        """
        if not self._directory.is_dir():
            return False
        with self._locked():
            try:
                there = [one for one in (self.path(name), self.aside(name)) if one.exists()]
                for one in (*there, *self._leftovers(name)):
                    one.unlink()
                sync_directory(self._directory)
            except OSError as error:
                raise _unusable(self.path(name), error) from error
        return bool(there)

    def _write(self, name: str, octets: bytes) -> None:
        path = self.path(name)
        if len(octets) > LARGEST_OCTETS:
            reason = f"{len(octets)} octets are more than {LARGEST_OCTETS}"
            raise StoreError(f"sealed file {path}", reason, "Keep less in it")
        try:
            key = self._writing_key()
            header = _MAGIC + _VERSION + key.key_id
            nonce = secrets.token_bytes(_NONCE_OCTETS)
            sealed = key.cipher.encrypt(nonce, octets, _bound(header, name))
            for leftover in self._leftovers(name):  # a writer was killed before its rename
                leftover.unlink()
            if path.exists() and _key_id(path) not in {one.key_id for one in self._keys()}:
                path.replace(self.aside(name))
            write_whole(path, header + nonce + sealed)
        except OSError as error:
            raise _unusable(path, error) from error

    def _opened(self, name: str, octets: bytes) -> bytes:
        header, rest = octets[:_HEADER_OCTETS], octets[_HEADER_OCTETS:]
        nonce, sealed = rest[:_NONCE_OCTETS], rest[_NONCE_OCTETS:]
        if header[: len(_MAGIC)] != _MAGIC or len(octets) > _LARGEST_FILE:
            raise self._set_aside(name, "is no sealed file of this hub")
        if header[len(_MAGIC) :][:1] != _VERSION or len(sealed) < _TAG_OCTETS:
            raise self._set_aside(name, "is cut short, damaged, or of another version")
        key = {one.key_id: one for one in self._keys()}.get(header[-_KEY_ID_OCTETS:])
        if key is None:
            raise self._foreign(name)
        try:
            return key.cipher.decrypt(nonce, sealed, _bound(header, name))
        except InvalidTag:
            raise self._set_aside(name, "does not open: damaged, changed or renamed") from None

    def _set_aside(self, name: str, reason: str) -> SealError:
        path, aside = self.path(name), self.aside(name)
        try:
            path.replace(aside)
            sync_directory(self._directory)
        except OSError as error:
            return SealError(f"sealed file {path}", reason, f"It can't be set aside: {error}")
        step = f"It was set aside as {aside.name}; give the hub its contents again"
        return SealError(f"sealed file {path}", reason, step)

    def _foreign(self, name: str) -> SealError:
        here = " and ".join(one.protection for one in self._keys()) or "no key at all"
        return SealError(
            f"sealed file {self.path(name)}",
            f"sealed with a device key that is not here (here: {here})",
            f"Run this with the credential {CREDENTIAL} that the service has, or restore"
            f" {KEY_FILE}; if the key is lost, remove the file",
        )

    def _keys(self) -> Iterator[_DeviceKey]:
        """Every key that may open a blob, the one that seals first."""
        # systemd lets the service's user in by an access list, which looks like an open mode.
        if (credential := self._given_credential()) is not None:
            octets = _checked(credential, read_key_file(credential))
            yield _DeviceKey.derive(octets, Protection.CREDENTIAL)
        key_file = self._directory / KEY_FILE
        if _is_there(key_file):
            octets = _checked(key_file, read_private_key_file(key_file))
            yield _DeviceKey.derive(octets, Protection.KEY_FILE)

    def _given_credential(self) -> Path | None:
        path = self._credential
        return path if path is not None and _is_there(path) else None

    def _writing_key(self) -> _DeviceKey:
        if key := next(self._keys(), None):
            return key
        write_whole(self._directory / KEY_FILE, secrets.token_bytes(_KEY_OCTETS))
        return next(self._keys())

    def _leftovers(self, name: str) -> list[Path]:
        return list(self._directory.glob(f".{self.path(name).name}.*"))

    @contextmanager
    def _locked(self) -> Iterator[None]:
        """Hold the folder against other writers; the lock ends with the process at the latest."""
        private_directory(self._directory)
        self._check_owner()
        path = self._directory / _LOCK_FILE
        try:
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise _unusable(path, error) from error
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield
        finally:
            os.close(descriptor)

    def _check_owner(self) -> None:
        """Refuse to leave files (root's, say) that the hub's own user could not read."""
        owner = self._directory.stat().st_uid
        if owner != os.geteuid():
            reason = f"belongs to user {owner}, and this runs as user {os.geteuid()}"
            step = f"Run it as the hub's user: sudo -u '#{owner}' edge-agent ..."
            raise StoreError(f"state folder {self._directory}", reason, step)


def _bound(header: bytes, name: str) -> bytes:
    """What a blob is bound to. The header has one length, so this has one reading."""
    return header + name.encode()


def _key_id(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(_HEADER_OCTETS)[-_KEY_ID_OCTETS:]


def _is_there(path: Path) -> bool:
    try:
        return path.exists()
    except OSError:
        return True  # out of reach: reading it will say why


def _checked(path: Path, octets: bytes) -> bytes:
    if len(octets) != _KEY_OCTETS:
        reason = f"{len(octets)} octets long, a device key has {_KEY_OCTETS}"
        raise SealError(f"key file {path}", reason, "Restore it, or draw one: docs/import.md")
    return octets


def _unusable(path: Path, error: OSError) -> StoreError:
    reason = error.strerror or type(error).__name__
    return StoreError(f"sealed file {path}", reason, "Check the folder, its owner and its space")
