"""Which hubs the collector trusts, and which it trusts no more.

hubs/HUB_ID.json      the card of a hub
hubs/HUB_ID.revoked   why it may bring nothing any more; its card stays, to know its records by
"""

from __future__ import annotations

from pathlib import Path

from edge_agent.errors import SealError
from edge_agent.store.files import private_directory, write_whole
from edge_agent.store.keys import HUB_ID_OCTETS, HubCard

_NEW_HUB = "Wipe it (edge-agent decommission) and enrol it as a new hub"


class Enrolment:
    """The trusted hubs. A hub's key is pinned: a second key for its id is refused."""

    def __init__(self, directory: Path) -> None:
        self._directory = private_directory(directory)
        self._cards: dict[bytes, HubCard] = {}

    def add(self, card_file: Path) -> HubCard:
        """Trust the hub whose ``hub.json`` is given.

        :raises SealError: no such card, another key is pinned for this hub, or it is revoked.
        """
        return self.trust(HubCard.load(card_file))

    def trust(self, card: HubCard) -> HubCard:
        """Trust the hub of ``card``.

        :raises SealError: another key is pinned for this hub, or it is revoked.
        """
        hub = f"hub {card.hub_id.hex()}"
        if self.why_revoked(card.hub_id) is not None:
            raise SealError(hub, "revoked", _NEW_HUB)
        pinned = self.find(card.hub_id)
        if pinned is None:
            card.save(self._path(card.hub_id))
            self._cards[card.hub_id] = card
        elif pinned != card:
            step = f"If its key was replaced on purpose, remove {self._path(card.hub_id)} first"
            raise SealError(hub, "enrolled with another key", step)
        return card

    def find(self, hub_id: bytes) -> HubCard | None:
        """Return the card of a trusted hub, also of one that was enrolled meanwhile.

        :raises SealError: its card is damaged.
        """
        if hub_id not in self._cards:
            path = self._path(hub_id)
            if not path.exists():
                return None
            card = HubCard.load(path)
            if card.hub_id != hub_id:
                raise SealError(f"key file {path}", "of another hub", "Enrol the hub again")
            self._cards[hub_id] = card
        return self._cards[hub_id]

    def revoke(self, hub_id: bytes, reason: str) -> None:
        """Take nothing from a hub any more, from now on and in every process of this folder."""
        write_whole(self._path(hub_id, "revoked"), reason.encode())

    def why_revoked(self, hub_id: bytes) -> str | None:
        """Return why a hub is revoked; ``None`` when it is not."""
        path = self._path(hub_id, "revoked")
        return path.read_text(encoding="utf-8") if path.exists() else None

    def named(self, text: str) -> bytes:
        """Return the id of the enrolled hub that ``text`` begins, in hexadecimal.

        :raises SealError: none, or several.
        """
        wanted = text.strip().lower()
        found = [one.stem for one in self._directory.glob("*.json") if one.stem.startswith(wanted)]
        if len(found) != 1 or len(found[0]) != 2 * HUB_ID_OCTETS:
            reason = f"{len(found)} enrolled hubs have an id that begins so"
            step = "edge-agent collector show lists the hubs"
            raise SealError(f"hub {text}", reason, step)
        return bytes.fromhex(found[0])

    def _path(self, hub_id: bytes, kind: str = "json") -> Path:
        return self._directory / f"{hub_id.hex()}.{kind}"
