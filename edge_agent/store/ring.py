"""The alarm ring: the newest alarms a second time, on storage that tears whole flash pages.

A card that loses power while it programs a flash page may lose the whole page, and with it the end
of a transaction that was already acknowledged: nothing inside SQLite can prevent that. So each
alarm is also written into a slot of its own, as large as such a page and aligned to it, in a file
that has its full length from the first day and needs no room on a full disk. A slot that was torn
has no sum that fits; those beside it are whole.

Layout of a slot: magic (8), number (u64), boot time of sealing (i64 ns), length of the record
(u32), the record, SHA-256 of all that; zeros. The number grows by one from alarm to alarm and says
which slot is overwritten next.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Self

from edge_agent.errors import SealError, StoreError
from edge_agent.store.files import write_whole
from edge_agent.store.keys import HubCard
from edge_agent.store.seal import SealedRecord, parse, verify

SLOT_OCTETS = 16 << 10
SLOTS = 64
RING_OCTETS = SLOTS * SLOT_OCTETS

_MAGIC = b"EAalarm1"
_HEAD = struct.Struct(">8sQqI")
_SUM_OCTETS = 32
ALARM_LIMIT_OCTETS = SLOT_OCTETS - _HEAD.size - _SUM_OCTETS
"""A larger record has no place in the ring: an alarm with 8 KiB of text still fits."""


@dataclass(frozen=True, slots=True)
class Kept:
    """An alarm found in the ring, and the boot time (ns) at which it was sealed."""

    record: SealedRecord
    sealed_at_ns: int


class AlarmRing:
    """An open ring file. All of it blocks for the disk; one thread at a time."""

    def __init__(self, descriptor: int, path: Path, number: int) -> None:
        self.path = path
        self._descriptor, self._number = descriptor, number

    @classmethod
    def open(cls, path: Path) -> Self:
        """Open the ring at ``path`` (mode 0600), creating it at its full length where it is new.

        One that can't be read is made anew: it holds copies.

        :raises StoreError: it can't be created.
        """
        try:
            found = path.read_bytes()
        except OSError:
            found = b""
        try:
            if len(found) != RING_OCTETS:  # a ring cut short keeps the slots it has
                write_whole(path, found[:RING_OCTETS].ljust(RING_OCTETS, b"\0"))
            path.chmod(0o600)
            descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC)
        except OSError as error:
            raise _failed(path, error) from error
        numbers = [number for number, _, _ in _slots(found)]
        return cls(descriptor, path, max(numbers, default=-1) + 1)

    def keep(self, octets: bytes, sealed_at_ns: int) -> bool:
        """Write a sealed alarm over the oldest slot; false when it is too large for one.

        :raises StoreError: the storage failed. The ring can be used further.
        """
        if len(octets) > ALARM_LIMIT_OCTETS:
            return False
        told = _HEAD.pack(_MAGIC, self._number, sealed_at_ns, len(octets)) + octets
        slot = (told + sha256(told).digest()).ljust(SLOT_OCTETS, b"\0")
        try:
            write_slot(self._descriptor, slot, self._number % SLOTS * SLOT_OCTETS)
        except OSError as error:
            raise _failed(self.path, error) from error
        self._number += 1
        return True

    def alarms(self, hub: HubCard) -> list[Kept]:
        """Return what is whole and was signed by ``hub``, in the order of its places.

        :raises StoreError: the file can't be read.
        """
        try:
            octets = os.pread(self._descriptor, RING_OCTETS, 0)
        except OSError as error:
            raise _failed(self.path, error) from error
        kept = {}
        for _, sealed_at_ns, sealed in _slots(octets):
            try:
                record = parse(sealed)
                verify(record, hub)
            except SealError:
                continue  # a record of another hub, or one that the storage has made up
            kept[record.id] = Kept(record, sealed_at_ns)
        return sorted(kept.values(), key=lambda one: one.record.header.seq)

    def close(self) -> None:
        """Close the file."""
        os.close(self._descriptor)


def write_slot(descriptor: int, slot: bytes, offset: int) -> None:
    """Write a whole slot and wait until the storage says that it has it."""
    if os.pwrite(descriptor, slot, offset) != len(slot):
        raise OSError(0, "wrote only a part of a slot")
    os.fdatasync(descriptor)


def _slots(ring: bytes) -> Iterator[tuple[int, int, bytes]]:
    """Give number, time and record of every slot whose sum fits."""
    for offset in range(0, len(ring) - SLOT_OCTETS + 1, SLOT_OCTETS):
        slot = ring[offset : offset + SLOT_OCTETS]
        magic, number, sealed_at_ns, length = _HEAD.unpack_from(slot)
        end = _HEAD.size + length
        if magic != _MAGIC or length > ALARM_LIMIT_OCTETS:
            continue
        if sha256(slot[:end]).digest() == slot[end : end + _SUM_OCTETS]:
            yield number, sealed_at_ns, slot[_HEAD.size : end]


def _failed(path: Path, error: OSError) -> StoreError:
    reason = error.strerror or type(error).__name__
    return StoreError(f"alarm ring {path}", reason, "Check the disk and the folder's owner")
