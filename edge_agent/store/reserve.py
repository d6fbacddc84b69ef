"""Room on the disk that is kept for the hour in which there is none: a file of empty blocks.

SQLite needs room in its write-ahead log for any change, a deletion too. When the disk is full of
other things, the file is given up so that alarms, and what makes room, can still be written;
routine records wait until it has been taken up again.
"""

from __future__ import annotations

import os
from pathlib import Path

from edge_agent.store.files import sync_directory

RESERVE_OCTETS = 8 << 20
"""Twice what the write-ahead log grows to before it is checkpointed (1,000 pages of 4 KiB)."""


class Reserve:
    """The reserve file at ``path``. All of it blocks for the disk."""

    def __init__(self, path: Path, octets: int = RESERVE_OCTETS) -> None:
        self.path, self._octets = path, octets
        self.is_held = False

    def take_up(self) -> bool:
        """Allocate the blocks where they are missing; false when the disk has no room for them."""
        if self.is_held:
            return True
        descriptor = -1
        try:
            descriptor = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            if os.fstat(descriptor).st_blocks * 512 < self._octets:
                os.posix_fallocate(descriptor, 0, self._octets)
                os.fsync(descriptor)
        except OSError:
            # Full, read-only, failing: whatever it is, the next write to the database tells it.
            self.path.unlink(missing_ok=True) if descriptor >= 0 else None
            return False
        finally:
            if descriptor >= 0:
                os.close(descriptor)
        self.is_held = True
        return True

    def give_up(self) -> bool:
        """Free the blocks; false when there were none to free."""
        self.is_held = False
        try:
            self.path.unlink()
            sync_directory(self.path.parent)
        except OSError:
            return False
        return True
