"""Small files that must be whole or absent, and secret files that only their owner may read."""

from __future__ import annotations

import os
import stat
import tempfile
from pathlib import Path

from edge_agent.errors import SealError, StoreError

_OTHERS = stat.S_IRWXG | stat.S_IRWXO


def private_directory(path: Path) -> Path:
    """Create the directory ``path`` with mode 0700 where it is missing, and return it.

    :raises StoreError: when it can't be created.
    """
    try:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise StoreError(f"folder {path}", reason, "Create it, or check its owner") from error
    return path


def write_whole(path: Path, octets: bytes, mode: int = 0o600) -> None:
    """Write a file so that after a power cut it holds either all of ``octets`` or what it held.

    The octets are synced before the file takes its name, and the name is synced with its folder.
    """
    descriptor, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(octets)
            os.fchmod(file.fileno(), mode)
            file.flush()
            os.fsync(file.fileno())
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
    sync_directory(path.parent)


def sync_directory(path: Path) -> None:
    """Make the names in the directory ``path`` durable."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def read_key_file(path: Path) -> bytes:
    """Read a key file.

    :raises SealError: when it can't be read.
    """
    try:
        return path.read_bytes()
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise SealError(f"key file {path}", reason, "Check the path and its permissions") from error


def read_private_key_file(path: Path) -> bytes:
    """Read a key file that nobody but its owner may read.

    :raises SealError: when it can't be read, or when its group or others could read it too.
    """
    try:
        mode = path.stat().st_mode
    except OSError:
        return read_key_file(path)
    if mode & _OTHERS:
        raise SealError(
            f"key file {path}",
            f"open to others (mode {stat.S_IMODE(mode):04o})",
            f"Treat the key as known to them: replace it, or run `chmod 600 {path}`",
        )
    return read_key_file(path)
