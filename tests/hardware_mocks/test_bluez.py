"""The mock of BlueZ under the real bleak, once for each personality."""

import asyncio
import functools
import random

import pytest
from bleak import BleakClient, BleakScanner
from bleak.args.bluez import OrPattern
from bleak.assigned_numbers import AdvertisementDataType
from bleak.exc import (
    BleakBluetoothNotAvailableError,
    BleakBluetoothNotAvailableReason,
    BleakDBusError,
    BleakDeviceNotFoundError,
    BleakError,
    BleakGATTProtocolError,
)
from dbus_fast import Message
from dbus_fast.aio import MessageBus

from edge_mocks.bluez import (
    ABORTED,
    BLUEZ_5_66,
    BLUEZ_5_82,
    Bluez,
    BluezError,
    Characteristic,
    Peripheral,
    Service,
    att_error,
)

SERVICE = "0000180d-0000-1000-8000-00805f9b34fb"
VALUE = "00002a37-0000-1000-8000-00805f9b34fb"
CONTROL = "00002a39-0000-1000-8000-00805f9b34fb"
BATTERY = "00002a19-0000-1000-8000-00805f9b34fb"
BATTERY_SERVICE = "0000180f-0000-1000-8000-00805f9b34fb"
ADDRESS = "A0:9E:1A:00:00:01"
PATIENCE_S = 5


@pytest.fixture
def written():
    return []


@pytest.fixture
async def sensor(bluez, written):
    value = Characteristic(uuid=VALUE, flags=("read", "notify"), value=b"first")
    control = Characteristic(uuid=CONTROL, flags=("write",), on_write=written.append)
    battery = Characteristic(uuid=BATTERY, flags=("read",), value=b"\x50", on_read=lambda: b"\x50")
    return bluez.add(
        Peripheral(
            address=ADDRESS,
            name="Strap 1",
            services=[
                Service(uuid=SERVICE, characteristics=[value, control]),
                Service(uuid=BATTERY_SERVICE, characteristics=[battery]),
            ],
            rng=random.Random(5),
            advertises=[SERVICE],
            manufacturer={0x006B: b"\x01\x02"},
            advertising_interval_s=0.02,
            resolve_delay_s=0.005,
        )
    )


@pytest.fixture
def value(sensor):
    return sensor.characteristic(VALUE)


@pytest.fixture
def found(find):
    return functools.partial(find, ADDRESS)


async def test_an_active_scan_finds_name_services_and_maker(sensor):
    seen = await BleakScanner.discover(timeout=0.08, return_adv=True, service_uuids=[SERVICE])
    device, advertisement = seen[ADDRESS]
    assert device.name == "Strap 1"
    assert advertisement.service_uuids == [SERVICE]
    assert advertisement.manufacturer_data == {0x006B: b"\x01\x02"}
    assert -63 <= advertisement.rssi <= -57


async def test_a_scan_for_another_service_finds_nothing(sensor):
    assert await BleakScanner.discover(timeout=0.08, service_uuids=[BATTERY_SERVICE]) == []


@pytest.mark.parametrize(("pattern", "hears"), [(b"\x6b\x00", True), (b"\x4c\x00", False)])
async def test_a_passive_scan_hears_what_matches_its_pattern(sensor, pattern, hears):
    kind = AdvertisementDataType.MANUFACTURER_SPECIFIC_DATA
    seen = await BleakScanner.discover(
        timeout=0.1, scanning_mode="passive", bluez={"or_patterns": [OrPattern(0, kind, pattern)]}
    )
    assert bool(seen) is hears


async def test_services_reads_writes_and_the_mtu(sensor, written, personality, found):
    async with BleakClient(await found()) as client:
        handles = [service.handle for service in client.services]
        assert sorted(handles)[-2:] == [0x10, 0x16]
        assert ("00001800-0000-1000-8000-00805f9b34fb" in [s.uuid for s in client.services]) is (
            personality.lists_generic_access
        )
        assert await client.read_gatt_char(VALUE) == b"first"
        await client.write_gatt_char(CONTROL, b"\x01", response=True)
        assert written == [b"\x01"]
        control = client.services.get_characteristic(CONTROL)
        assert control.max_write_without_response_size == 244
        with pytest.raises(BleakGATTProtocolError):
            await client.write_gatt_char(VALUE, b"\x01", response=True)
        with pytest.raises(BleakGATTProtocolError):
            await client.read_gatt_char(CONTROL)


async def test_notifications_arrive_in_order_and_are_cut_at_the_mtu(sensor, value, until, found):
    got = []
    async with BleakClient(await found()) as client:
        value.notify(b"nobody listens")
        await client.start_notify(VALUE, lambda _, data: got.append(bytes(data)))
        sent = [bytes([n]) * 20 for n in range(100)] + [bytes(300)]
        for frame in sent:
            value.notify(frame)
        await until(lambda: len(got) == 101)
        await client.stop_notify(VALUE)
        assert not value.subscribed
    assert got == [*sent[:-1], bytes(244)]


async def test_a_read_is_also_shown_to_subscribers_as_bluez_does(sensor, until, found):
    got = []
    async with BleakClient(await found()) as client:
        await client.start_notify(VALUE, lambda _, data: got.append(bytes(data)))
        await client.read_gatt_char(VALUE)
        await until(lambda: got)
    assert got == [b"first"]


async def test_signals_of_a_connection_come_in_the_order_of_each_version(
    bus, sensor, bluez, personality, until, found
):
    device, seen = await found(), []
    listener = await MessageBus(bus_address=bus.address).connect()
    listener.add_message_handler(lambda message: seen.extend(_told(message)))
    dbus = "org.freedesktop.DBus"
    for member in ("PropertiesChanged", "InterfacesAdded", "InterfacesRemoved"):
        rule = f"type='signal',sender='org.bluez',member='{member}'"
        await listener.call(
            Message(dbus, "/org/freedesktop/DBus", dbus, "AddMatch", signature="s", body=[rule])
        )
    async with BleakClient(device) as client:
        await client.start_notify(VALUE, lambda *_: None)
    await until(lambda: "Notifying=False" in seen)
    listener.disconnect()
    await listener.wait_for_disconnect()
    if personality is BLUEZ_5_66:
        begin = ["Connected=True", "+Battery1", "+Gatt", "UUIDs", "ServicesResolved=True"]
        end = ["-Battery1", "ServicesResolved=False", "Connected=False", "Notifying=False"]
    else:
        begin = ["Connected=True", "+Gatt", "UUIDs+ServicesResolved=True", "+Battery1"]
        end = ["-Battery1", "Connected=False+ServicesResolved=False", "Notifying=False"]
    assert seen == [*begin, "Notifying=True", *end]  # and the GATT objects stay


def _told(message):
    """Put a signal in a word; repeated ``+Gatt`` count once."""
    if message.member == "PropertiesChanged":
        interface, changed, _ = message.body
        short = {
            key: key if key == "UUIDs" else f"{key}={value.value}" for key, value in changed.items()
        }
        if interface.startswith("org.bluez.Adapter") or "RSSI" in changed or not changed:
            return []
        return ["+".join(short.values())]
    if message.member in {"InterfacesAdded", "InterfacesRemoved"}:
        sign = "+" if message.member == "InterfacesAdded" else "-"
        names = {name.removeprefix("org.bluez.")[:8] for name in message.body[1]}
        if "GattServ" in names and message.body[0].endswith("0010"):
            return [f"{sign}Gatt"]
        return [f"{sign}Battery1"] if "Battery1" in names else []
    return []


async def test_a_lost_link_is_told_and_the_sensor_can_be_connected_again(sensor, value, found):
    gone = asyncio.Event()
    client = BleakClient(await found(), disconnected_callback=lambda _: gone.set())
    await client.connect()
    await client.start_notify(VALUE, lambda *_: None)
    sensor.drop_link()
    async with asyncio.timeout(PATIENCE_S):
        await gone.wait()
    assert not client.is_connected
    assert not value.subscribed
    await client.connect()
    assert await client.read_gatt_char(VALUE) == b"first"
    await client.disconnect()


async def test_a_connected_sensor_outlives_its_client_and_does_not_advertise(
    bus, sensor, bluez, until, found
):
    """As after a SIGKILL of the hub: the link stays, the subscription ends with the client."""
    device = await found()
    stranger = await MessageBus(bus_address=bus.address).connect()
    path = device.details["path"]
    for where, interface, member in (
        (path, "Device1", "Connect"),
        (f"{path}/service0010/char0011", "GattCharacteristic1", "StartNotify"),
    ):
        await until(lambda where=where: where in bluez._tree._objects)
        await stranger.call(Message("org.bluez", where, f"org.bluez.{interface}", member))
    stranger.disconnect()
    await stranger.wait_for_disconnect()
    await until(lambda: not sensor.characteristic(VALUE).subscribed)
    assert bluez.device(sensor).connected
    assert await BleakScanner.find_device_by_address(ADDRESS, timeout=0.1) is None


async def test_a_slow_connection_runs_into_the_clients_timeout(sensor, bluez, found):
    sensor.connect_delay_s = 60
    with pytest.raises(TimeoutError):
        await BleakClient(await found(), timeout=0.1).connect()
    sensor.connect_delay_s = 0
    async with BleakClient(await found()) as client:
        assert client.is_connected


async def test_a_connect_error_is_raised_and_an_aborted_one_is_tried_again(sensor, found):
    device = await found()
    sensor.connect_errors.append(BluezError("Failed", "br-connection-canceled"))
    with pytest.raises(BleakDBusError, match="br-connection-canceled"):
        await BleakClient(device).connect()
    sensor.connect_errors.append(BluezError("Failed", ABORTED))
    async with BleakClient(await found(), timeout=PATIENCE_S) as client:
        assert client.is_connected
    assert not sensor.connect_errors


async def test_a_planted_att_error_fails_one_operation(sensor, value, found):
    async with BleakClient(await found()) as client:
        value.errors.extend([att_error(0x0E), att_error(0x05)])
        with pytest.raises(BleakGATTProtocolError) as unlikely:
            await client.read_gatt_char(VALUE)
        assert unlikely.value.code == 0x0E
        with pytest.raises(BleakDBusError, match="Not paired"):
            await client.start_notify(VALUE, lambda *_: None)
        assert await client.read_gatt_char(VALUE) == b"first"


async def test_a_silent_characteristic_never_answers(sensor, value, found):
    async with BleakClient(await found()) as client:
        value.silent = True
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(client.read_gatt_char(VALUE), 0.1)


async def test_switching_the_adapter_off_ends_links_and_scans(sensor, bluez, found):
    gone = asyncio.Event()
    client = BleakClient(await found(), disconnected_callback=lambda _: gone.set())
    await client.connect()
    bluez.adapter.set_powered(on=False)
    async with asyncio.timeout(PATIENCE_S):
        await gone.wait()
    with pytest.raises(BleakBluetoothNotAvailableError) as refused:
        await BleakScanner.discover(timeout=0.1)
    assert refused.value.reason is BleakBluetoothNotAvailableReason.POWERED_OFF
    bluez.adapter.set_powered(on=True)
    async with BleakClient(await found()) as again:
        assert again.is_connected


async def test_a_graceful_restart_is_told_and_the_sensor_is_found_again(sensor, bluez, found):
    gone = asyncio.Event()
    client = BleakClient(await found(), disconnected_callback=lambda _: gone.set())
    await client.connect()
    await bluez.restart()
    async with asyncio.timeout(PATIENCE_S):
        await gone.wait()
    async with BleakClient(await found()) as again:
        assert await again.read_gatt_char(VALUE) == b"first"


async def test_a_crash_is_invisible_until_the_service_manager_restarts_the_daemon(
    sensor, bluez, personality, found
):
    gone = asyncio.Event()
    client = BleakClient(await found(), disconnected_callback=lambda _: gone.set())
    await client.connect()
    await bluez.crash()
    if personality is BLUEZ_5_82:
        async with asyncio.timeout(PATIENCE_S):
            await gone.wait()
    else:
        await asyncio.sleep(0.1)
        assert client.is_connected  # bleak believes in a link that is not there
        await bluez.start()
        with pytest.raises(BleakDBusError, match="UnknownObject"):
            await client.read_gatt_char(VALUE)
        with pytest.raises(BleakDBusError):
            await client.disconnect()
    async with BleakClient(await found()) as again:
        assert await again.read_gatt_char(VALUE) == b"first"


async def test_a_rejected_stop_of_the_scan_is_survived(sensor, bluez):
    bluez.adapter.stop_errors = 1
    assert await BleakScanner.discover(timeout=0.1)
    assert not bluez.adapter.discovering


async def test_a_removed_device_is_gone_until_it_is_heard_again(sensor, bluez, found):
    device = await found()
    async with BleakClient(device) as client:
        await client.unpair()
    assert bluez.device(sensor) is None
    with pytest.raises((BleakDeviceNotFoundError, BleakError)):
        await BleakClient(device).connect()
    assert await found()


async def test_a_sensor_out_of_range_is_not_found(sensor):
    sensor.in_range = False
    assert await BleakScanner.find_device_by_address(ADDRESS, timeout=0.1) is None


@pytest.mark.parametrize(
    ("faults", "expected"),
    [
        ({"drop": 1.0}, []),
        ({"duplicate": 1.0}, [b"a", b"a", b"b", b"b", b"c", b"c", b"d", b"d"]),
        ({"reorder": 1.0}, [b"b", b"a", b"d", b"c"]),
    ],
)
async def test_notification_faults_do_what_they_say(sensor, value, faults, expected, until, found):
    got = []
    async with BleakClient(await found()) as client:
        await client.start_notify(VALUE, lambda _, data: got.append(bytes(data)))
        for name, probability in faults.items():
            setattr(value.faults, name, probability)
        for letter in (b"a", b"b", b"c", b"d"):
            value.notify(letter)
        value.faults.heal()
        value.notify(b"end")
        await until(lambda: got[-1:] == [b"end"])
    assert got == [*expected, b"end"]


async def test_corruption_flips_one_bit_and_garbage_comes_on_top(sensor, value, until, found):
    got = []
    async with BleakClient(await found()) as client:
        await client.start_notify(VALUE, lambda _, data: got.append(bytes(data)))
        value.faults.corrupt = 1.0
        value.notify(bytes(8))
        value.faults.heal()
        value.faults.garbage = 1.0
        value.notify(b"good")
        await until(lambda: len(got) == 3)
    flipped, good, garbage = got
    assert sum(octet.bit_count() for octet in flipped) == 1
    assert good == b"good"
    assert 1 <= len(garbage) <= 20
    assert garbage != b"good"


async def test_a_second_daemon_on_the_same_bus_is_refused(bus, bluez):
    with pytest.raises(Exception, match=r"org\.bluez is taken"):
        await Bluez(bus.address, rng=random.Random(1)).start()
