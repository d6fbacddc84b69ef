"""A mock of BlueZ (``org.bluez``) and the Bluetooth LE sensors around it.

The client's own code, bleak's BlueZ backend included, runs against it unmodified. Not modelled:
radio effects, classic Bluetooth, cryptography, ``AcquireNotify`` and ``AcquireWrite`` (bleak
falls back to ``StartNotify``), long reads, and more than one adapter.
"""

from edge_mocks.bluez.daemon import Bluez
from edge_mocks.bluez.device import ABORTED
from edge_mocks.bluez.objects import BluezError
from edge_mocks.bluez.peripheral import Characteristic, Pairing, Peripheral, Service, att_error
from edge_mocks.bluez.personality import BLUEZ_5_66, BLUEZ_5_82, Personality

__all__ = [
    "ABORTED",
    "BLUEZ_5_66",
    "BLUEZ_5_82",
    "Bluez",
    "BluezError",
    "Characteristic",
    "Pairing",
    "Peripheral",
    "Personality",
    "Service",
    "att_error",
]
