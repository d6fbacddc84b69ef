"""Mock sensors on a simulated radio, read by a bumble client: two real stacks, one medium."""

import asyncio
import contextlib
import random

import pytest
from bumble import att, core, hci
from bumble.core import UUID, ProtocolError
from bumble.device import Device, DeviceConfiguration, Peer
from bumble.keys import MemoryKeyStore, PairingKeys
from bumble.pairing import PairingConfig, PairingDelegate

from edge_mocks import shelf
from edge_mocks.bluez import Characteristic, Pairing, Peripheral, Service, att_error
from edge_mocks.radio import Air, RadioSensor
from edge_mocks.radio.air import advertisements
from edge_mocks.shelf import BleMock

SEED = 11
HANG_S = 10
ADDRESS, HUB = "C0:00:00:00:00:07", "02:00:00:00:00:01"
SERVICE = "0000180d-0000-1000-8000-00805f9b34fb"
VALUE = "00002a37-0000-1000-8000-00805f9b34fb"
POINT = "00002a39-0000-1000-8000-00805f9b34fb"
BLE = [name for name in shelf.names() if isinstance(shelf.find(name), BleMock)]


def sensor_of(*characteristics, **settings):
    settings = {"name": "Mock", "advertises": (SERVICE,), "advertising_interval_s": 0.02} | settings
    services = (Service(uuid=SERVICE, characteristics=characteristics),)
    return Peripheral(address=ADDRESS, services=services, rng=random.Random(SEED), **settings)


class Person(PairingDelegate):
    """The person at the hub types ``number``, reads numbers out, and finds all numbers equal."""

    def __init__(self, number, read_out):
        super().__init__(self.DISPLAY_OUTPUT_AND_KEYBOARD_INPUT)
        self.number, self.read_out = number, read_out

    async def get_number(self):
        return self.number

    async def display_number(self, number, digits):
        self.read_out(number)


class Hub:
    """A client with a stack of its own, on the same medium."""

    def __init__(self, air):
        controller = air.controller("hub", HUB)
        self.device = Device.from_config_with_hci(
            DeviceConfiguration(name="hub"), controller, controller
        )
        self.device.keystore = MemoryKeyStore()
        self.attended_by(None)

    def attended_by(self, person):
        config = PairingConfig(sc=True, mitm=person is not None, delegate=person)
        self.device.pairing_config_factory = lambda _: config

    async def connect(self, address, mtu=247):
        async with asyncio.timeout(HANG_S):
            peer = Peer(
                await self.device.connect(address, own_address_type=hci.OwnAddressType.PUBLIC)
            )
            await peer.request_mtu(mtu)
            await peer.discover_all()
            return peer

    @contextlib.asynccontextmanager
    async def connected(self, address, mtu=247):
        peer = await self.connect(address, mtu)
        yield peer
        if self.device.lookup_connection(peer.connection.handle):
            await peer.connection.disconnect()


def one(peer, uuid):
    return peer.get_characteristics_by_uuid(UUID(uuid))[0]


async def until(happened):
    async with asyncio.timeout(HANG_S):
        while not happened():
            await asyncio.sleep(0.005)


@pytest.fixture
async def air():
    return Air()


@pytest.fixture
async def hub(air):
    hub = Hub(air)
    await hub.device.power_on()
    yield hub
    await hub.device.power_off()


async def test_a_value_is_read_and_written_as_the_mock_says(air, hub):
    written = []
    value = Characteristic(uuid=VALUE, flags=("read",), on_read=lambda: b"now")
    point = Characteristic(uuid=POINT, flags=("write",), on_write=written.append)
    async with RadioSensor(sensor_of(value, point), air), hub.connected(ADDRESS) as peer:
        assert await one(peer, VALUE).read_value() == b"now"
        await one(peer, POINT).write_value(b"\x01", with_response=True)
    assert written == [b"\x01"]


@pytest.mark.parametrize("code", [0x02, 0x03, 0x05, 0x0D, 0x80, 0xFD, 0xFE])
async def test_an_att_error_of_the_mock_goes_over_the_air(air, hub, code):
    def refuse(_):
        raise att_error(code)

    point = Characteristic(uuid=POINT, flags=("write",), on_write=refuse)
    async with RadioSensor(sensor_of(point), air), hub.connected(ADDRESS) as peer:
        with pytest.raises(att.ATT_Error) as refused:
            await one(peer, POINT).write_value(b"\x01", with_response=True)
    assert refused.value.error_code == code


async def test_planted_errors_and_missing_flags_refuse(air, hub):
    value = Characteristic(uuid=VALUE, flags=("read",), value=b"v")
    point = Characteristic(uuid=POINT, flags=("write",))
    value.errors.append(att_error(0x80))
    async with RadioSensor(sensor_of(value, point), air), hub.connected(ADDRESS) as peer:
        for uuid, code in ((VALUE, 0x80), (POINT, 0x02)):
            with pytest.raises(att.ATT_Error) as refused:
                await one(peer, uuid).read_value()
            assert refused.value.error_code == code
        assert await one(peer, VALUE).read_value() == b"v"


async def test_a_bug_of_the_mock_is_answered_at_once_and_raised_at_the_end(air, hub):
    value = Characteristic(uuid=VALUE, flags=("read",), on_read=lambda: 1 // 0)
    async with contextlib.AsyncExitStack() as stack:
        await stack.enter_async_context(RadioSensor(sensor_of(value), air))
        peer = await hub.connect(ADDRESS)
        with pytest.raises(att.ATT_Error):
            await one(peer, VALUE).read_value()
        leaving = stack.pop_all()
    with pytest.raises(ExceptionGroup) as raised:
        await leaving.aclose()
    assert raised.group_contains(ZeroDivisionError)


@pytest.mark.parametrize("flag", ["notify", "indicate"])
async def test_what_is_sent_arrives_whole_and_in_order(air, hub, flag):
    heard, wanted = [], []
    value = Characteristic(uuid=VALUE, flags=(flag,), on_subscribe=wanted.append)
    async with RadioSensor(sensor_of(value), air), hub.connected(ADDRESS) as peer:
        value.notify(b"unheard")
        await one(peer, VALUE).subscribe(heard.append, prefer_notify=flag == "notify")
        sent = [bytes([number]) * (number % 240) for number in range(100)]
        for frame in sent:
            value.notify(frame)
        await until(lambda: len(heard) == len(sent))
    assert heard == sent
    assert wanted == [True, False]


@pytest.mark.parametrize(("offered", "asked", "agreed"), [(247, 517, 247), (517, 23, 23)])
async def test_notifications_are_cut_to_the_mtu_agreed(air, hub, offered, asked, agreed):
    heard = []
    value = Characteristic(uuid=VALUE, flags=("notify",))
    async with (
        RadioSensor(sensor_of(value, mtu=offered), air),
        hub.connected(ADDRESS, asked) as peer,
    ):
        await one(peer, VALUE).subscribe(heard.append)
        await until(lambda: value.subscribed)
        value.notify(bytes(600))
        await until(lambda: heard)
        assert value.mtu == agreed
    assert len(heard[0]) == agreed - 3


@pytest.mark.parametrize(
    "break_off",
    [lambda sensor: sensor.link_lost(), lambda sensor: sensor.peripheral.drop_link()],
    ids=["lost", "hung-up"],
)
async def test_a_link_that_ends_ends_subscriptions_and_is_made_again(air, hub, break_off):
    told = []
    value = Characteristic(uuid=VALUE, flags=("notify",), on_subscribe=told.append)
    peripheral = sensor_of(value, on_disconnect=lambda: told.append("gone"))
    async with RadioSensor(peripheral, air) as sensor:
        for _ in range(2):
            async with hub.connected(ADDRESS) as peer:
                await one(peer, VALUE).subscribe(lambda _: None)
                await until(lambda: value.subscribed)
                break_off(sensor)
                await until(lambda: not sensor.connected)
    assert told == [True, False, "gone"] * 2


async def test_a_sensor_out_of_range_is_not_reached_and_comes_back(air, hub):
    peripheral = sensor_of(Characteristic(uuid=VALUE, flags=("read",), value=b"v"))
    peripheral.in_range = False
    async with RadioSensor(peripheral, air):
        connecting = asyncio.create_task(hub.connect(ADDRESS))
        await asyncio.sleep(5 * peripheral.advertising_interval_s)
        assert not connecting.done()
        peripheral.in_range = True
        async with asyncio.timeout(HANG_S):
            assert await one(await connecting, VALUE).read_value() == b"v"


async def test_a_hub_that_gives_up_connecting_can_try_again(air, hub):
    peripheral = sensor_of(Characteristic(uuid=VALUE, flags=("read",), value=b"v"))
    peripheral.in_range = False
    public = hci.OwnAddressType.PUBLIC
    async with RadioSensor(peripheral, air) as sensor:
        with pytest.raises(core.TimeoutError):
            await hub.device.connect(ADDRESS, own_address_type=public, timeout=0.1)
        peripheral.in_range = True
        await asyncio.sleep(5 * peripheral.advertising_interval_s)
        assert not sensor.connected
        async with hub.connected(ADDRESS) as peer:
            assert await one(peer, VALUE).read_value() == b"v"


async def test_an_encrypted_value_is_given_after_pairing_only(air, hub):
    value = Characteristic(uuid=VALUE, flags=("read", "notify"), value=b"v", encrypted=True)
    peripheral = sensor_of(value)
    async with RadioSensor(peripheral, air) as sensor, hub.connected(ADDRESS) as peer:
        for call in (one(peer, VALUE).read_value(), one(peer, VALUE).subscribe(lambda _: None)):
            with pytest.raises(att.ATT_Error) as refused:
                await call
            assert refused.value.error_code == att.ErrorCode.INSUFFICIENT_ENCRYPTION
        await peer.connection.pair()
        await until(lambda: sensor.encrypted and peripheral.bonded)
        assert await one(peer, VALUE).read_value() == b"v"


@pytest.mark.parametrize(
    ("pairing", "typed", "agrees", "pairs"),
    [
        (Pairing.JUST_WORKS, None, True, True),
        (Pairing.PASSKEY, 123456, True, True),
        (Pairing.PASSKEY, 123457, True, False),
        (Pairing.PASSKEY, None, True, False),
        (Pairing.TYPES_PASSKEY, 0, True, True),
        (Pairing.TYPES_PASSKEY, 1, True, False),
        (Pairing.COMPARE, 0, True, True),
        (Pairing.COMPARE, 0, False, False),
        (Pairing.REFUSED, None, True, False),
    ],
)
async def test_a_sensor_pairs_in_its_own_way_only(air, hub, pairing, typed, agrees, pairs):
    """``typed``: what is typed at the hub, or is added to the number read out to the sensor."""
    peripheral = sensor_of(
        Characteristic(uuid=VALUE, flags=("read",)), pairing=pairing, agrees=agrees
    )

    def read_out(number):
        peripheral.typed = (number + typed) % 1_000_000

    hub.attended_by(None if typed is None else Person(typed, read_out))
    async with RadioSensor(peripheral, air), hub.connected(ADDRESS) as peer:
        if pairs:
            await peer.connection.pair()
            await until(lambda: peripheral.bonded)
        else:
            with pytest.raises(ProtocolError):
                await peer.connection.pair()
    assert peripheral.bonded is pairs


async def test_a_sensor_whose_bond_is_lost_refuses_the_old_key(air, hub):
    peripheral = sensor_of(Characteristic(uuid=VALUE, flags=("read",), encrypted=True))
    async with RadioSensor(peripheral, air) as sensor:
        async with hub.connected(ADDRESS) as peer:
            await peer.connection.pair()
            await until(lambda: peripheral.bonded)
        peripheral.bond_is_lost = True
        async with hub.connected(ADDRESS) as peer:
            with pytest.raises(hci.HCI_Error):
                await peer.connection.encrypt()
            assert not sensor.encrypted
            await peer.connection.pair()
            await until(lambda: sensor.encrypted)
    assert not peripheral.bond_is_lost


async def test_an_old_bond_encrypts_the_link_without_pairing(air, hub):
    value = Characteristic(uuid=VALUE, flags=("read",), value=b"v", encrypted=True)
    key = random.Random(SEED).randbytes(16)
    await hub.device.keystore.update(
        str(hci.Address(ADDRESS)), PairingKeys(ltk=PairingKeys.Key(key))
    )
    async with RadioSensor(sensor_of(value), air) as sensor:
        await sensor.bond(hci.Address(HUB, hci.Address.PUBLIC_DEVICE_ADDRESS), key)
        async with hub.connected(ADDRESS) as peer:
            await peer.connection.encrypt()
            assert await one(peer, VALUE).read_value() == b"v"


@pytest.mark.parametrize("name", BLE)
async def test_every_bluetooth_mock_is_served_as_it_describes_itself(air, hub, name):
    peripheral = shelf.find(name).make(random.Random(SEED)).peripheral
    async with RadioSensor(peripheral, air), hub.connected(peripheral.address) as peer:
        for service in peripheral.services:
            (served,) = peer.get_services_by_uuid(UUID(service.uuid))
            found = [(one.uuid, flags(one)) for one in served.characteristics]
            assert found == [(UUID(one.uuid), set(one.flags)) for one in service.characteristics]
            assert [one.uuid.to_bytes() for one in served.characteristics] == [
                on_air(one.uuid) for one in service.characteristics
            ]


def on_air(uuid):
    """Return a UUID as sensors send it: an assigned number in two octets, any other in sixteen."""
    whole = bytes.fromhex(uuid.replace("-", ""))[::-1]
    return whole[12:14] if uuid.endswith("-0000-1000-8000-00805f9b34fb") else whole


def flags(characteristic):
    return {flag.name.lower().replace("_", "-") for flag in characteristic.properties}


@pytest.mark.parametrize("name", BLE)
def test_every_bluetooth_mock_says_what_it_is_in_31_octets_a_payload(name):
    peripheral = shelf.find(name).make(random.Random(SEED)).peripheral
    payloads = advertisements(peripheral)
    said = b"".join(payloads)
    assert all(len(payload) <= 31 for payload in payloads)
    assert peripheral.name.encode()[:29] in said
    for uuid in peripheral.advertises:
        assert on_air(uuid) in said
    for company, octets in peripheral.manufacturer.items():
        assert company.to_bytes(2, "little") + octets in said
