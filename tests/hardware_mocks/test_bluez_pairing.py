"""Pairing through Agent1 under the real bleak, which registers no agent of its own."""

import asyncio
import functools
import random
import re

import pytest
from bleak import BleakClient
from bleak.exc import BleakDBusError, BleakGATTProtocolError
from dbus_fast import DBusError, Message, MessageType
from dbus_fast.aio import MessageBus
from dbus_fast.annotations import DBusObjectPath, DBusUInt16, DBusUInt32
from dbus_fast.service import ServiceInterface, dbus_method

from edge_mocks.bluez import Characteristic, Pairing, Peripheral, Service

SERVICE = "0000181f-0000-1000-8000-00805f9b34fb"
VALUE = "00002aa8-0000-1000-8000-00805f9b34fb"
ADDRESS = "C0:00:00:00:00:02"


class Agent(ServiceInterface):
    """The person at the hub: types ``passkey``, or rejects when it is ``None``."""

    def __init__(self, passkey):
        super().__init__("org.bluez.Agent1")
        self.passkey = passkey
        self.asked = []

    @dbus_method()
    def RequestPasskey(self, device: DBusObjectPath) -> DBusUInt32:  # noqa: N802 (D-Bus name)
        self.asked.append("passkey")
        if self.passkey is None:
            raise DBusError("org.bluez.Error.Rejected", "no")
        return self.passkey

    @dbus_method()
    def DisplayPasskey(  # noqa: N802 (D-Bus name)
        self, device: DBusObjectPath, passkey: DBusUInt32, entered: DBusUInt16
    ):
        self.asked.append(f"show {passkey:06} after {entered}")

    @dbus_method()
    def RequestConfirmation(self, device: DBusObjectPath, passkey: DBusUInt32):  # noqa: N802
        self.asked.append(f"compare {passkey:06}")
        if self.passkey is None:
            raise DBusError("org.bluez.Error.Rejected", "no")

    @dbus_method()
    def Cancel(self):  # noqa: N802 (D-Bus name)
        self.asked.append("cancel")

    @dbus_method()
    def Release(self):  # noqa: N802 (D-Bus name)
        self.asked.append("release")

    @dbus_method()
    def RequestAuthorization(self, device: DBusObjectPath):  # noqa: N802 (D-Bus name)
        self.asked.append("authorization")


@pytest.fixture
async def register(bus):
    """Register an agent with a capability, from a connection of its own."""
    connection = await MessageBus(bus_address=bus.address).connect()

    async def do(capability, passkey=None):
        agent = Agent(passkey)
        agent.connection = connection
        connection.export("/agent", agent)
        for member, signature, body in (
            ("RegisterAgent", "os", ["/agent", capability]),
            ("RequestDefaultAgent", "o", ["/agent"]),
        ):
            reply = await connection.call(
                Message(
                    "org.bluez", "/org/bluez", "org.bluez.AgentManager1", member,
                    signature=signature, body=body,
                )
            )  # fmt: skip
            assert reply.message_type is MessageType.METHOD_RETURN
        return agent

    yield do
    connection.disconnect()
    await connection.wait_for_disconnect()


@pytest.fixture
async def sensor(bluez):
    secret = Characteristic(uuid=VALUE, flags=("read", "notify"), value=b"ok", encrypted=True)
    return bluez.add(
        Peripheral(
            address=ADDRESS,
            name="CGM",
            services=[Service(uuid=SERVICE, characteristics=[secret])],
            rng=random.Random(5),
            advertising_interval_s=0.02,
            resolve_delay_s=0.005,
        )
    )


@pytest.fixture
def found(find):
    return functools.partial(find, ADDRESS)


async def test_without_an_agent_even_just_works_pairing_fails(sensor, found):
    with pytest.raises(BleakDBusError, match="AuthenticationFailed"):
        await BleakClient(await found(), pair=True).connect()
    assert not sensor.bonded


async def test_just_works_pairing_needs_an_agent_and_asks_it_nothing(sensor, register, found):
    agent = await register("NoInputNoOutput")
    async with BleakClient(await found(), pair=True) as client:
        assert await client.read_gatt_char(VALUE) == b"ok"
    assert sensor.bonded
    assert agent.asked == []
    async with BleakClient(await found(), pair=True) as client:  # bleak skips Pair now
        assert await client.read_gatt_char(VALUE) == b"ok"


async def test_the_right_passkey_pairs(sensor, register, found):
    sensor.pairing, sensor.passkey = Pairing.PASSKEY, 123456
    agent = await register("KeyboardDisplay", 123456)
    async with BleakClient(await found(), pair=True) as client:
        assert await client.read_gatt_char(VALUE) == b"ok"
    assert agent.asked == ["passkey"]


@pytest.mark.parametrize(
    ("capability", "passkey", "error"),
    [
        ("KeyboardDisplay", 654321, "AuthenticationFailed"),
        ("KeyboardDisplay", None, "AuthenticationRejected"),
        ("NoInputNoOutput", 123456, "AuthenticationFailed"),
    ],
    ids=["wrong-passkey", "rejected-by-the-person", "agent-that-cannot-type"],
)
async def test_a_passkey_that_is_not_given_fails(
    sensor, register, capability, passkey, error, found
):
    sensor.pairing = Pairing.PASSKEY
    await register(capability, passkey)
    with pytest.raises(BleakDBusError, match=error):
        await BleakClient(await found(), pair=True).connect()
    assert not sensor.bonded


@pytest.mark.parametrize(("typed", "pairs"), [(None, True), (1, False)])
async def test_a_passkey_is_shown_to_be_typed_on_the_sensor(sensor, register, found, typed, pairs):
    sensor.pairing, sensor.typed = Pairing.TYPES_PASSKEY, typed
    agent = await register("DisplayOnly")
    client = BleakClient(await found(), pair=True)
    if pairs:
        async with client:
            assert await client.read_gatt_char(VALUE) == b"ok"
    else:
        with pytest.raises(BleakDBusError, match="AuthenticationFailed"):
            await client.connect()
    (asked,) = agent.asked
    assert re.fullmatch(r"show \d{6} after 0", asked)
    assert sensor.bonded is pairs


@pytest.mark.parametrize(
    ("here", "there", "error"),
    [(1, True, None), (None, True, "AuthenticationRejected"), (1, False, "AuthenticationFailed")],
    ids=["both-agree", "refused-here", "refused-there"],
)
async def test_two_numbers_are_compared_on_both_sides(sensor, register, found, here, there, error):
    sensor.pairing, sensor.passkey, sensor.agrees = Pairing.COMPARE, 42, there
    agent = await register("DisplayYesNo", here)
    client = BleakClient(await found(), pair=True)
    if error is None:
        async with client:
            assert await client.read_gatt_char(VALUE) == b"ok"
    else:
        with pytest.raises(BleakDBusError, match=error):
            await client.connect()
    assert agent.asked == ["compare 000042"]
    assert sensor.bonded is (error is None)


async def test_a_pairing_can_be_cancelled_and_the_agent_hears_of_it(
    sensor, register, bluez, found, until
):
    sensor.pairing_delay_s = 60.0
    agent = await register("KeyboardDisplay")
    await found()
    device = bluez.device(sensor).path

    async def call(member):
        return await agent.connection.call(
            Message("org.bluez", device, "org.bluez.Device1", member)
        )

    assert (await call("CancelPairing")).error_name == "org.bluez.Error.DoesNotExist"
    pairing = asyncio.create_task(call("Pair"))
    await until(lambda: bluez.device(sensor).connected)
    assert (await call("Pair")).error_name == "org.bluez.Error.InProgress"
    assert (await call("CancelPairing")).message_type is MessageType.METHOD_RETURN
    assert (await pairing).error_name == "org.bluez.Error.AuthenticationCanceled"
    assert agent.asked == ["cancel"]
    assert not sensor.bonded


async def test_a_daemon_that_stops_releases_its_agents(sensor, register, bluez):
    agent = await register("KeyboardDisplay")
    await bluez.stop()
    assert agent.asked == ["release"]


async def test_a_sensor_that_lost_its_bond_hangs_up_until_it_is_paired_anew(
    sensor, register, bluez, found
):
    await register("NoInputNoOutput")
    async with BleakClient(await found(), pair=True):
        pass
    sensor.bond_is_lost = True
    client = BleakClient(await found(), pair=True)  # the daemon believes in the bond
    await client.connect()
    with pytest.raises(BleakGATTProtocolError):
        await client.read_gatt_char(VALUE)
    assert not client.is_connected
    await client.disconnect()
    bluez.remove(bluez.device(sensor).path)
    async with BleakClient(await found(), pair=True) as again:
        assert await again.read_gatt_char(VALUE) == b"ok"


async def test_a_sensor_that_refuses_is_not_paired(sensor, register, found):
    sensor.pairing = Pairing.REFUSED
    await register("NoInputNoOutput")
    with pytest.raises(BleakDBusError, match="AuthenticationRejected"):
        await BleakClient(await found(), pair=True).connect()


async def test_an_unpaired_read_of_an_encrypted_value_hangs_without_an_agent(sensor, found):
    async with BleakClient(await found()) as client:
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(client.read_gatt_char(VALUE), 0.15)


async def test_an_unpaired_read_pairs_by_itself_when_the_agent_authorizes_it(
    sensor, register, found
):
    agent = await register("NoInputNoOutput")
    async with BleakClient(await found()) as client:
        assert await client.read_gatt_char(VALUE) == b"ok"
    assert agent.asked == ["authorization"]
    assert sensor.bonded


async def test_a_bond_survives_a_restart_and_unpairing_ends_it(sensor, bluez, register, found):
    await register("NoInputNoOutput")
    async with BleakClient(await found(), pair=True):
        pass
    await bluez.restart()
    assert bluez.device(sensor) is not None
    assert sensor.bonded
    client = BleakClient(await found())
    await client.connect()
    await client.unpair()
    assert not sensor.bonded
    await client.disconnect()


async def test_an_agent_is_forgotten_when_its_program_ends(sensor, bus, register, until, bluez):
    await register("NoInputNoOutput")
    other = await MessageBus(bus_address=bus.address).connect()
    reply = await other.call(
        Message(
            "org.bluez", "/org/bluez", "org.bluez.AgentManager1", "RegisterAgent",
            signature="os", body=["/other", "KeyboardOnly"],
        )
    )  # fmt: skip
    assert reply.message_type is MessageType.METHOD_RETURN
    name = other.unique_name
    assert bluez.agents.agent_for(name).owner == name
    other.disconnect()
    await other.wait_for_disconnect()
    await until(lambda: bluez.agents.agent_for(name).owner != name)
