"""The far end of the radio: what a sensor is, whether or not a Bluetooth daemon is looking.

Handles, flags and errors are those of the Attribute Protocol (Bluetooth Core 5.4, Vol 3, Parts F
and G).
"""

from __future__ import annotations

import asyncio
import random
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from edge_mocks.bluez.objects import BluezError
from edge_mocks.faults import FrameFaults

_ATT_HEADER = 3
_NAMED_ATT_ERRORS = {
    0x02: ("NotPermitted", "Read not permitted"),
    0x03: ("NotPermitted", "Write not permitted"),
    0x05: ("NotPermitted", "Not paired"),
    0x06: ("NotSupported", "Operation is not supported"),
    0x07: ("InvalidArguments", "Invalid offset"),
    0x08: ("NotAuthorized", "Operation Not Authorized"),
    0x0C: ("NotPermitted", "Not paired"),
    0x0D: ("InvalidArguments", "Invalid Length"),
    0x0F: ("NotPermitted", "Not paired"),
    0xFD: ("ImproperlyConfigured", "Improperly configured"),
}


def att_error(code: int) -> BluezError:
    """Return the D-Bus error that BlueZ makes of an ATT error code."""
    text = f"Operation failed with ATT error: 0x{code:02x}"
    return BluezError(*_NAMED_ATT_ERRORS.get(code, ("Failed", text)))


class Pairing(StrEnum):
    """How a sensor pairs (Core 5.4, Vol 3, Part H, 2.3.5). All need an agent on the hub's side."""

    JUST_WORKS = "just-works"
    PASSKEY = "passkey"
    """The sensor shows six digits and the hub's agent must type them."""
    TYPES_PASSKEY = "types-passkey"
    """The hub's agent shows six digits and the person types them on the sensor."""
    COMPARE = "compare"
    """Both show six digits and the person says on both whether they are the same."""
    REFUSED = "refused"


@dataclass(slots=True, kw_only=True, eq=False)
class Characteristic:
    """One characteristic of a sensor.

    ``on_read`` gives the value to read; ``on_write`` takes a written value and may raise
    :func:`att_error`; ``on_subscribe`` is told when notifications are wanted, and no longer.

    Faults: each entry of ``errors`` fails one coming operation; ``silent`` never answers one;
    ``faults`` damages notifications. ``encrypted`` asks for a paired link.
    """

    uuid: str
    flags: tuple[str, ...]
    value: bytes = b""
    on_read: Callable[[], bytes] | None = None
    on_write: Callable[[bytes], None] | None = None
    on_subscribe: Callable[[bool], None] | None = None
    encrypted: bool = False
    errors: deque[BluezError] = field(default_factory=deque)
    silent: bool = False
    faults: FrameFaults = field(default_factory=lambda: FrameFaults(rng=random.Random(0)))
    deliver: Callable[[bytes], None] | None = field(default=None, init=False)
    mtu: int = field(default=23, init=False)
    _on_the_way: int = field(default=0, init=False)
    _arrives_at: float = field(default=0.0, init=False)

    @property
    def subscribed(self) -> bool:
        """Whether somebody has asked for notifications or indications."""
        return self.deliver is not None

    @property
    def notifies(self) -> bool:
        """Whether the characteristic can send by itself."""
        return bool({"notify", "indicate"} & set(self.flags))

    def notify(self, data: bytes) -> None:
        """Send a notification or indication; unheard when nobody is subscribed.

        What does not fit the ATT MTU is cut off, as a GATT server does.
        """
        if self.deliver is not None:
            for frame in self.faults.through(data):
                self._send(frame[: self.mtu - _ATT_HEADER])

    def _send(self, frame: bytes) -> None:
        """Deliver a frame, late when the radio is; what is on its way keeps its order."""
        late_s = self.faults.late_s()
        if late_s <= 0 and not self._on_the_way:
            self._arrive(frame)
            return
        loop = asyncio.get_running_loop()
        self._arrives_at = max(self._arrives_at, loop.time() + late_s)
        self._on_the_way += 1
        loop.call_at(self._arrives_at, self._arrive_late, frame)

    def _arrive_late(self, frame: bytes) -> None:
        self._on_the_way -= 1
        self._arrive(frame)

    def _arrive(self, frame: bytes) -> None:
        if self.deliver is not None:
            self.deliver(frame)


@dataclass(slots=True, kw_only=True, eq=False)
class Service:
    """A primary service."""

    uuid: str
    characteristics: Sequence[Characteristic]


@dataclass(slots=True, kw_only=True, eq=False)
class Peripheral:
    """A Bluetooth LE sensor.

    ``advertises`` lists the service UUIDs in its advertisement. While ``in_range`` is false it is
    neither heard nor reached. ``bonded`` is what both sides remember of an earlier pairing.

    The person at the sensor types ``typed`` where it asks for the hub's passkey (``None``: what
    the hub shows), and says ``agrees`` when both sides show one.

    Faults: ``connect_delay_s`` makes it slow to connect, each entry of ``connect_errors`` fails
    one attempt, ``pairing_delay_s`` makes it slow to pair. A sensor whose ``bond_is_lost`` hangs
    up when the hub encrypts the link with the old key, until the two are paired anew.
    ``drop_link`` cuts the connection.
    """

    address: str
    name: str
    services: Sequence[Service]
    rng: random.Random
    advertises: Sequence[str] = ()
    manufacturer: Mapping[int, bytes] = field(default_factory=dict)
    address_type: str = "random"
    advertising_interval_s: float = 0.1
    rssi_dbm: int = -60
    mtu: int = 247
    pairing: Pairing = Pairing.JUST_WORKS
    passkey: int = 123456
    typed: int | None = None
    agrees: bool = True
    pairing_delay_s: float = 0.02
    bonded: bool = False
    bond_is_lost: bool = False
    in_range: bool = True
    connect_delay_s: float = 0.0
    resolve_delay_s: float = 0.02
    connect_errors: deque[BluezError] = field(default_factory=deque)
    on_disconnect: Callable[[], None] | None = None
    drop_link: Callable[[], None] = field(default=lambda: None, init=False)

    def __post_init__(self) -> None:
        for service in self.services:
            for characteristic in service.characteristics:
                characteristic.faults.rng = self.rng

    def characteristic(self, uuid: str) -> Characteristic:
        """Return the first characteristic with this UUID.

        :raises KeyError: there is none.
        """
        for service in self.services:
            for characteristic in service.characteristics:
                if characteristic.uuid == uuid:
                    return characteristic
        raise KeyError(uuid)
