"""The medium between controllers, and what a sensor shouts into it."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Final

from bumble import core, hci
from bumble.controller import Controller
from bumble.core import UUID, AdvertisingData
from bumble.link import LocalLink

from edge_mocks.bluez import Peripheral

_LEGACY_OCTETS: Final = 31
_HEADER_OCTETS: Final = 2
_DISCOVERABLE_LE_ONLY: Final = b"\x06"
_DATA_OCTETS: Final = 251  # the longest data packet of Core 4.2 and later

_BASE_UUID: Final = "-0000-1000-8000-00805f9b34fb"

# Linux waits for events of these that bumble's controller never sends; and with extended
# advertising bumble's device can miss that a hub has connected.
_UNFINISHED = hci.LeFeatureMask.LL_PRIVACY | hci.LeFeatureMask.LE_EXTENDED_ADVERTISING

_Type = AdvertisingData.Type
_UUID_LISTS: Final = {
    2: _Type.COMPLETE_LIST_OF_16_BIT_SERVICE_CLASS_UUIDS,
    16: _Type.COMPLETE_LIST_OF_128_BIT_SERVICE_CLASS_UUIDS,
}


class Air(LocalLink):
    """The medium that every controller of one room shares.

    bumble's own takes each sender's random address for the one it connected with, so that data
    from a controller with a public address (a hub's, a Polar strap's) reaches nobody.
    """

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]

    def controller(self, name: str, public_address: str | None = None) -> Controller:
        """Return a new controller on this medium, with the features that bumble has finished."""
        controller = _Controller(name, link=self, public_address=public_address)
        controller.le_features &= ~_UNFINISHED
        controller.le_acl_data_packet_length = _DATA_OCTETS
        return controller

    def send_acl_data(
        self,
        sender_controller: Controller,
        destination_address: hci.Address,
        transport: core.PhysicalTransport,
        data: bytes,
    ) -> None:
        """Carry ``data`` under the address by which the far end knows the sender."""
        connection = sender_controller.le_connections.get(destination_address)
        receiver = self.find_le_controller(destination_address)
        if connection is not None and receiver is not None:
            asyncio.get_running_loop().call_soon(
                receiver.on_link_acl_data, connection.self_address, transport, data
            )


class _Controller(Controller):
    """A controller that gives up connecting when told to; bumble's own says so and goes on."""

    def on_hci_le_create_connection_cancel_command(
        self, _: hci.HCI_LE_Create_Connection_Cancel_Command
    ) -> hci.HCI_StatusReturnParameters:
        """Serve the command as Core 5.4, Vol 4, Part E, 7.8.13 has it."""
        pending, self.pending_le_connection = self.pending_le_connection, None
        if pending is None:
            return hci.HCI_StatusReturnParameters(hci.HCI_ErrorCode.COMMAND_DISALLOWED_ERROR)
        cancelled = hci.HCI_LE_Connection_Complete_Event(
            status=hci.HCI_ErrorCode.UNKNOWN_CONNECTION_IDENTIFIER_ERROR,
            connection_handle=0,
            role=hci.Role.CENTRAL,
            peer_address_type=pending.peer_address_type,
            peer_address=pending.peer_address,
            connection_interval=0,
            peripheral_latency=0,
            supervision_timeout=0,
            central_clock_accuracy=0,
        )
        asyncio.get_running_loop().call_soon(self.send_hci_packet, cancelled)
        return hci.HCI_StatusReturnParameters(hci.HCI_ErrorCode.SUCCESS)


def short_uuid(text: str) -> UUID:
    """Return a UUID as sensors send it: an assigned number in two octets, any other in sixteen."""
    assigned = text.lower().endswith(_BASE_UUID) and text.startswith("0000")
    return UUID.from_16_bits(int(text[4:8], 16)) if assigned else UUID(text)


def advertisements(peripheral: Peripheral) -> list[bytes]:
    """Return the payloads of a sensor's advertisement and, where needed, of its scan response.

    Each is a legacy one of at most 31 octets; a field that is longer by itself is cut off (a
    name), or left out. Types are those of the Core Specification Supplement, Part A.
    """
    payloads = [_field(_Type.FLAGS, _DISCOVERABLE_LE_ONLY)]
    for field in _fields(peripheral):
        if len(payloads[-1]) + len(field) <= _LEGACY_OCTETS:
            payloads[-1] += field
        elif len(field) <= _LEGACY_OCTETS:
            payloads.append(field)
    return payloads


def _fields(peripheral: Peripheral) -> Iterator[bytes]:
    by_size: dict[int, bytes] = {}
    for uuid in peripheral.advertises:
        octets = short_uuid(uuid).to_bytes()
        by_size[len(octets)] = by_size.get(len(octets), b"") + octets
    for size, octets in by_size.items():
        yield _field(_UUID_LISTS[size], octets)
    for company, octets in peripheral.manufacturer.items():
        yield _field(_Type.MANUFACTURER_SPECIFIC_DATA, company.to_bytes(2, "little") + octets)
    name, room = peripheral.name.encode(), _LEGACY_OCTETS - _HEADER_OCTETS
    whole = len(name) <= room
    kind = _Type.COMPLETE_LOCAL_NAME if whole else _Type.SHORTENED_LOCAL_NAME
    if name:
        yield _field(kind, name[:room])


def _field(kind: int, octets: bytes) -> bytes:
    return bytes([len(octets) + 1, kind]) + octets
