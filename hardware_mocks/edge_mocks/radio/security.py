"""How a mock sensor pairs and what it remembers, under bumble's real security manager."""

from __future__ import annotations

import asyncio
from typing import Final

from bumble.keys import MemoryKeyStore, PairingKeys
from bumble.pairing import PairingConfig, PairingDelegate

from edge_mocks.bluez import Pairing, Peripheral

_POLL_S: Final = 0.05

_Capability = PairingDelegate.IoCapability
_CAPABILITIES: Final = {
    Pairing.JUST_WORKS: _Capability.NO_OUTPUT_NO_INPUT,
    Pairing.PASSKEY: _Capability.DISPLAY_OUTPUT_ONLY,
    Pairing.TYPES_PASSKEY: _Capability.KEYBOARD_INPUT_ONLY,
    Pairing.COMPARE: _Capability.DISPLAY_OUTPUT_AND_YES_NO_INPUT,
    Pairing.REFUSED: _Capability.NO_OUTPUT_NO_INPUT,
}
"""What a sensor must be able to do for its way of pairing (Core 5.4, Vol 3, Part H, 2.3.5.1)."""

_UNATTENDED: Final = {Pairing.JUST_WORKS, Pairing.REFUSED}


class Person(PairingDelegate):
    """The sensor's part in pairing, and the person who holds it."""

    def __init__(self, peripheral: Peripheral) -> None:
        super().__init__(
            _CAPABILITIES[peripheral.pairing],
            # A sensor with a fixed address has no identity to give away.
            local_responder_key_distribution=self.KeyDistribution.DISTRIBUTE_ENCRYPTION_KEY,
        )
        self._peripheral = peripheral

    async def accept(self) -> bool:
        """Tell whether the sensor pairs at all."""
        await asyncio.sleep(self._peripheral.pairing_delay_s)
        return self._peripheral.pairing is not Pairing.REFUSED

    async def confirm(self, auto: bool = False) -> bool:
        """Tell whether nobody need be asked: a sensor with digits takes no hub without."""
        return self._peripheral.pairing in _UNATTENDED

    async def compare_numbers(self, number: int, digits: int) -> bool:
        """Tell whether the person finds both numbers equal."""
        return self._peripheral.agrees

    async def generate_passkey(self) -> int:
        """Return what the sensor shows."""
        return self._peripheral.passkey

    async def get_number(self) -> int | None:
        """Return what the person types, once ``typed`` has been set to it."""
        while self._peripheral.typed is None:  # noqa: ASYNC110 - a field that a test sets
            await asyncio.sleep(_POLL_S)
        return self._peripheral.typed


def pairing_config(peripheral: Peripheral) -> PairingConfig:
    """Return how the sensor pairs: with Secure Connections, and for good."""
    mitm = peripheral.pairing not in _UNATTENDED
    return PairingConfig(sc=True, mitm=mitm, bonding=True, delegate=Person(peripheral))


class Memory(MemoryKeyStore):
    """The keys of the hubs the sensor has been paired with; gone while its bond is lost."""

    def __init__(self, peripheral: Peripheral) -> None:
        super().__init__()
        self._peripheral = peripheral

    async def get(self, name: str) -> PairingKeys | None:
        """Return the keys shared with the hub ``name``."""
        return None if self._peripheral.bond_is_lost else await super().get(name)

    async def remember(self, name: str, key: bytes) -> None:
        """Keep the long-term key of an earlier pairing, as it is."""
        await super().update(name, PairingKeys(ltk=PairingKeys.Key(key)))

    async def update(self, name: str, keys: PairingKeys) -> None:
        """Keep the keys of a new pairing: the bond is whole."""
        await super().update(name, keys)
        self._peripheral.bonded, self._peripheral.bond_is_lost = True, False
