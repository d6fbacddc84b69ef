"""A mock on an adapter: what the daemon is told, and what it is answered over the bus.

The daemon here is a stand-in that registers what it is given; the radio is not tested.
"""

import asyncio
import random

import pytest
from dbus_fast import MessageType

from edge_agent.errors import EdgeError
from edge_drivers import heart_rate
from edge_mocks.bluez import Characteristic, Peripheral, Service
from edge_mocks.bluez.objects import BluezError, Interface, ObjectTree
from edge_mocks.on_air import OnAir

MANAGER = "org.freedesktop.DBus.ObjectManager"
SECRET = "0000fff1-0000-1000-8000-00805f9b34fb"


class Registering(Interface):
    """Keeps what is registered; ``refuses`` makes it answer as a daemon that can't."""

    def __init__(self, tree, path):
        super().__init__(tree, path)
        self.given, self.refuses = [], False

    def methods(self):
        return dict.fromkeys(("RegisterApplication", "RegisterAdvertisement"), self._register)

    async def _register(self, message):
        if self.refuses:
            raise BluezError("NotReady", "Resource Not Ready")
        self.given.append((message.sender, message.body[0]))


class GattManager1(Registering):
    name = "org.bluez.GattManager1"


class LEAdvertisingManager1(Registering):
    name = "org.bluez.LEAdvertisingManager1"


@pytest.fixture
async def daemon(bus):
    tree = ObjectTree(bus.address, "org.bluez", lambda _: None)
    await tree.open()
    tree.gatt = GattManager1(tree, "/org/bluez/hci0")
    tree.advertising = LEAdvertisingManager1(tree, "/org/bluez/hci0")
    tree.add(tree.gatt, tree.advertising)
    yield tree
    await tree.close()


@pytest.fixture
def sensor():
    rate = Characteristic(uuid=heart_rate.MEASUREMENT, flags=("notify",))
    secret = Characteristic(uuid=SECRET, flags=("read", "write"), value=b"\x07", encrypted=True)
    return Peripheral(
        address="C0:00:00:00:00:01", name="Mock", rng=random.Random(1),
        services=(Service(uuid=heart_rate.SERVICE, characteristics=(rate, secret)),),
        advertises=(heart_rate.SERVICE,), manufacturer={0x6B: b"\x01"},
    )  # fmt: skip


async def objects(daemon):
    ((owner, root),) = daemon.gatt.given
    (found,) = await daemon.call(owner, root, MANAGER, "GetManagedObjects")
    return owner, found


def characteristic(found, uuid):
    for path, interfaces in found.items():
        view = interfaces.get("org.bluez.GattCharacteristic1")
        if view and view["UUID"].value == uuid:
            return path, view
    raise KeyError(uuid)


async def test_the_daemon_is_given_every_characteristic_and_the_advertisement(bus, daemon, sensor):
    async with OnAir(sensor, "hci0", bus.address):
        _, found = await objects(daemon)
        _, path = daemon.advertising.given[0]
        advert = found[path]["org.bluez.LEAdvertisement1"]
        assert advert["ServiceUUIDs"].value == [heart_rate.SERVICE]
        assert advert["LocalName"].value == "Mock"
        assert characteristic(found, heart_rate.MEASUREMENT)[1]["Flags"].value == ["notify"]
        flags = characteristic(found, SECRET)[1]["Flags"].value
        assert flags == ["encrypt-read", "encrypt-write"]


async def test_reads_and_notifications_go_over_the_bus(bus, daemon, sensor, until):
    heard = []
    async with OnAir(sensor, "hci0", bus.address):
        owner, found = await objects(daemon)
        secret, _ = characteristic(found, SECRET)
        one = "org.bluez.GattCharacteristic1"
        assert await daemon.call(owner, secret, one, "ReadValue", "a{sv}", [{}]) == [b"\x07"]
        rate, _ = characteristic(found, heart_rate.MEASUREMENT)
        daemon._bus.add_message_handler(
            lambda message: (
                heard.append(message.body)
                if message.message_type is MessageType.SIGNAL and message.path == rate
                else None
            )
        )
        rule = [f"type='signal',path='{rate}'"]
        await daemon.call(
            "org.freedesktop.DBus", "/org/freedesktop/DBus", "org.freedesktop.DBus",
            "AddMatch", "s", rule,
        )  # fmt: skip
        await daemon.call(owner, rate, one, "StartNotify")
        sensor.characteristic(heart_rate.MEASUREMENT).notify(b"\x00\x48")
        await until(lambda: any(body[1].get("Value") for body in heard))
    values = [body[1]["Value"].value for body in heard if "Value" in body[1]]
    assert values == [b"\x00\x48"]


async def test_a_daemon_that_refuses_is_named_with_what_to_check(bus, daemon, sensor):
    daemon.gatt.refuses = True
    with pytest.raises(EdgeError, match=r"NotReady.*bluetoothctl show"):
        async with OnAir(sensor, "hci0", bus.address):
            await asyncio.sleep(0)


async def test_a_machine_without_the_adapter_is_named(bus, daemon, sensor):
    with pytest.raises(EdgeError, match="hci7"):
        async with OnAir(sensor, "hci7", bus.address):
            await asyncio.sleep(0)


async def test_a_machine_without_a_system_bus_says_what_to_start(sensor, tmp_path):
    with pytest.raises(EdgeError, match="systemctl start dbus bluetooth"):
        async with OnAir(sensor, "hci0", f"unix:path={tmp_path / 'none'}"):
            await asyncio.sleep(0)
