"""The hub's day key: drawn, certified, handed over, kept sealed for a restart, thrown away.

Another key is begun after a day of boot time, in another boot of the machine, and where the places
of its certificate end. Its file replaces that of the key before, so that there is one private day
key on the disk, sealed with the device key. Flash may keep the older octets until it needs their
block; they are of use to whoever holds the device key too (docs/threat-model.md).
"""

from __future__ import annotations

import logging
from pathlib import Path

import msgspec

from edge_agent.errors import EdgeError, SealError
from edge_agent.model import Boottime
from edge_agent.store.certificate import Certificate, DaySigner
from edge_agent.store.keys import HubIdentity
from edge_agent.store.local_state import LocalState

BLOB = "day-key"
LIFE_NS = 24 * 3600 * 10**9

log = logging.getLogger(__name__)


class _Kept(msgspec.Struct, forbid_unknown_fields=True):
    """The JSON of the sealed file; octets are in base64."""

    certificate: bytes
    private_key: bytes
    began_ns: int


class DayKeys:
    """The day keys of one hub, one after another. Not to be used by two threads at once."""

    def __init__(self, directory: Path, identity: HubIdentity) -> None:
        self._state = LocalState.open(directory)
        self._identity = identity
        self._signer: DaySigner | None = None
        self._began = Boottime(0)
        self._is_kept = self._is_read = False

    def current(self, epoch: int, seq: int, at: Boottime) -> DaySigner | None:
        """Return the key for a place, or ``None`` when that takes the disk: see :meth:`signer`."""
        return self._signer if self._is_kept and self._fits(epoch, seq, at) else None

    def signer(self, epoch: int, seq: int, at: Boottime) -> DaySigner:
        """Return the key for the place ``seq``, beginning another one where it is time.

        ``at`` is the present boot time. Blocks for a write to the disk. A key that can't be kept
        signs all the same, and is kept as soon as that works: what it signs must not wait.
        """
        if not self._is_read:
            self._take_up()
        if not self._fits(epoch, seq, at):
            self._signer = DaySigner.begin(
                self._identity, epoch=epoch, first_seq=seq, after=self._signer
            )
            self._began, self._is_kept = at, False
        if self._signer is None:
            raise SealError("day key", "none was drawn", "Restart the hub")
        if not self._is_kept:
            self._keep(self._signer)
        return self._signer

    def _fits(self, epoch: int, seq: int, at: Boottime) -> bool:
        signer = self._signer
        if signer is None or not signer.certificate.covers(epoch, seq):
            return False
        return 0 <= at - self._began < LIFE_NS

    def _take_up(self) -> None:
        """Read the key from before a restart; without it the next begins with no handover."""
        self._is_read = True
        try:
            octets = self._state.read(BLOB)
            if octets is None:
                return
            kept = msgspec.json.decode(octets, type=_Kept)
            certificate = Certificate.from_bytes(kept.certificate)
            self._signer = DaySigner.restored(self._identity.card, certificate, kept.private_key)
        except (EdgeError, msgspec.DecodeError) as error:
            log.warning("the day key can't be read, another one is drawn: %s", error)
        else:
            self._began, self._is_kept = Boottime(kept.began_ns), True

    def _keep(self, signer: DaySigner) -> None:
        kept = _Kept(signer.certificate.octets, signer.private_octets, self._began)
        try:
            self._state.write(BLOB, msgspec.json.encode(kept))
        except EdgeError as error:
            log.warning("the day key is only in memory: %s", error)
        else:
            self._is_kept = True
