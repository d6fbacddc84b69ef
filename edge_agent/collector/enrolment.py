"""Which hubs the collector trusts: a folder with one ``hub.json`` each, named by the hub's id."""

from __future__ import annotations

from pathlib import Path

from edge_agent.errors import SealError
from edge_agent.store.files import private_directory
from edge_agent.store.keys import HubCard


class Enrolment:
    """The trusted hubs. A hub's key is pinned: a second key for its id is refused."""

    def __init__(self, directory: Path) -> None:
        self._directory = private_directory(directory)
        self._cards: dict[bytes, HubCard] = {}

    def add(self, card_file: Path) -> HubCard:
        """Trust the hub whose ``hub.json`` is given.

        :raises SealError: no such card, or another key is pinned for this hub.
        """
        card = HubCard.load(card_file)
        pinned = self.find(card.hub_id)
        if pinned is None:
            card.save(self._path(card.hub_id))
            self._cards[card.hub_id] = card
        elif pinned != card:
            raise SealError(
                f"hub {card.hub_id.hex()}",
                "enrolled with another key",
                f"If its key was replaced on purpose, remove {self._path(card.hub_id)} first",
            )
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

    def _path(self, hub_id: bytes) -> Path:
        return self._directory / f"{hub_id.hex()}.json"
