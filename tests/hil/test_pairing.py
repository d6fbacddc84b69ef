"""Pairing, with the product's own agent, the command and a hub that waits for the bond."""

import asyncio
import os
import random
import sys

import pytest
from dbus_fast import Message, MessageType
from dbus_fast.aio import MessageBus

from edge_agent.clock import SystemClock
from edge_agent.link import bluez_bond, pairing
from edge_agent.link.feed import Feed
from edge_agent.link.gatt import Adapter, GattLink
from edge_agent.link.pairing import PairingError
from edge_agent.model import Event, EventKind
from edge_drivers import cgm
from edge_mocks.bluez import Pairing
from edge_mocks.cgm import CgmSensor
from edge_mocks.traces import SimulatedGlucose
from tests.hil.conftest import HANG_S, SEED

AGENT_PATH = "/org/bedside/agent"


class Person:
    """Answers as a test says, and remembers what was asked."""

    def __init__(self, passkey=None, *, agrees=True):
        self.number, self.agrees = passkey, agrees
        self.asked, self.shown = [], []
        self.thinking = asyncio.Event()
        self.thinking.set()

    async def passkey(self):
        self.asked.append("passkey")
        await self.thinking.wait()
        return self.number

    async def pin(self):
        self.asked.append("pin")
        return self.number

    async def show(self, code):
        self.shown.append(code)

    async def compare(self, code):
        self.asked.append(code)
        return self.agrees


@pytest.fixture
async def sensor(bluez):
    """A glucose sensor that nobody has paired yet."""
    sensor = CgmSensor(SimulatedGlucose(SEED), random.Random(SEED), first_after_s=0.5)
    sensor.peripheral.advertising_interval_s = 0.02
    bluez.add(sensor.peripheral)
    async with sensor:
        yield sensor.peripheral


async def until(happened, what):
    async with asyncio.timeout(HANG_S):
        while not happened():
            await asyncio.sleep(0.005)
    assert happened(), what


def agents(bluez):
    return bluez.agents.owners()


# Every way of pairing


async def test_a_sensor_that_asks_nothing_is_paired_and_left_disconnected(bluez, sensor):
    person = Person()
    paired = await pairing.pair(sensor.address, person)
    assert sensor.bonded
    assert (person.asked, person.shown) == ([], [])
    assert paired.address == sensor.address
    assert paired.name == sensor.name
    assert cgm.DRIVER.link.service in paired.services
    assert not bluez.device(sensor).connected
    assert bluez.device(sensor).trusted
    assert not bluez.adapter.discovering
    assert agents(bluez) == set()


async def test_the_passkey_that_the_sensor_shows_is_typed_here(bluez, sensor):
    sensor.pairing, sensor.passkey = Pairing.PASSKEY, 4711
    person = Person(4711)
    await pairing.pair(sensor.address, person)
    assert sensor.bonded
    assert person.asked == ["passkey"]


async def test_a_passkey_to_type_on_the_sensor_is_shown_with_its_leading_zeros(sensor):
    sensor.pairing = Pairing.TYPES_PASSKEY
    sensor.rng = random.Random(0)
    sensor.rng.randrange = lambda _: 1234
    person = Person()
    await pairing.pair(sensor.address, person)
    assert person.shown == ["001234"]
    assert sensor.bonded


async def test_two_numbers_are_compared(sensor):
    sensor.pairing, sensor.passkey = Pairing.COMPARE, 99
    person = Person()
    await pairing.pair(sensor.address, person)
    assert person.asked == ["000099"]
    assert sensor.bonded


FAILURES = {
    "wrong-passkey": ({"pairing": Pairing.PASSKEY}, {"passkey": 1}, "did not accept the passkey"),
    "no-answer": ({"pairing": Pairing.PASSKEY}, {}, "refused"),
    "wrong-number-typed-on-the-sensor": (
        {"pairing": Pairing.TYPES_PASSKEY, "typed": 1}, {}, "did not accept",
    ),
    "numbers-differ": ({"pairing": Pairing.COMPARE}, {"agrees": False}, "refused"),
    "numbers-differ-at-the-sensor": (
        {"pairing": Pairing.COMPARE, "agrees": False}, {}, "did not accept",
    ),
    "sensor-refuses": ({"pairing": Pairing.REFUSED}, {}, "refused"),
    "sensor-paired-already": ({"bonded": True}, {}, "paired already"),
}  # fmt: skip


@pytest.mark.parametrize(("far", "near", "reason"), FAILURES.values(), ids=FAILURES)
async def test_a_failure_says_why_and_leaves_no_agent(bluez, sensor, far, near, reason):
    was_bonded = far.get("bonded", False)
    for name, value in far.items():
        setattr(sensor, name, value)
    person = Person(near.get("passkey"), agrees=near.get("agrees", True))
    with pytest.raises(PairingError, match=reason) as error:
        await pairing.pair(sensor.address, person)
    assert error.value.next_step
    assert sensor.bonded is was_bonded
    assert agents(bluez) == set()
    assert not bluez.device(sensor).connected
    assert not bluez.device(sensor).trusted


async def test_a_failed_pairing_can_be_tried_again_at_once(sensor):
    sensor.pairing = Pairing.PASSKEY
    with pytest.raises(PairingError):
        await pairing.pair(sensor.address, Person(1))
    await pairing.pair(sensor.address, Person(sensor.passkey))
    assert sensor.bonded


async def test_a_sensor_that_is_not_there_is_not_seen(bluez, sensor):
    sensor.in_range = False
    with pytest.raises(PairingError, match="not seen"):
        await pairing.pair(sensor.address, Person(), find_s=0.2)
    assert not bluez.adapter.discovering


async def test_a_sensor_that_leaves_before_it_is_connected_is_named(sensor, bluez, monkeypatch):
    monkeypatch.setattr("edge_mocks.bluez.device._PAGE_TIMEOUT_S", 0.05)
    pending = asyncio.create_task(pairing.pair(sensor.address, Person()))
    sensor.connect_delay_s = 0.1
    await until(lambda: bluez.device(sensor) is not None, "heard")
    sensor.in_range = False
    with pytest.raises(PairingError, match="no connection came about"):
        await pending


async def test_a_pairing_that_takes_too_long_is_cancelled(bluez, sensor):
    sensor.pairing_delay_s = 60.0
    with pytest.raises(PairingError, match="not done"):
        await pairing.pair(sensor.address, Person(), pair_s=0.3)
    assert not bluez.device(sensor).connected
    assert agents(bluez) == set()
    sensor.pairing_delay_s = 0.0
    await pairing.pair(sensor.address, Person())


async def test_a_person_who_gives_up_leaves_nothing_behind(bluez, sensor):
    sensor.pairing = Pairing.PASSKEY
    person = Person(sensor.passkey)
    person.thinking.clear()
    pending = asyncio.create_task(pairing.pair(sensor.address, person))
    await until(lambda: person.asked, "the question")
    pending.cancel()
    await asyncio.gather(pending, return_exceptions=True)
    await until(lambda: agents(bluez) == set(), "no agent")
    assert not sensor.bonded
    assert not bluez.device(sensor).connected


async def test_a_daemon_that_ends_while_the_person_thinks_ends_the_pairing(bluez, sensor):
    sensor.pairing = Pairing.PASSKEY
    person = Person(sensor.passkey)
    person.thinking.clear()
    pending = asyncio.create_task(pairing.pair(sensor.address, person))
    await until(lambda: person.asked, "the question")
    await bluez.crash()
    with pytest.raises(PairingError):
        await pending


async def test_without_a_powered_adapter_it_is_said_what_to_switch_on(bluez, sensor):
    bluez.adapter.set_powered(on=False)
    with pytest.raises(PairingError, match=r"switched off.*rfkill"):
        await pairing.pair(sensor.address, Person())


async def test_without_a_daemon_it_is_said_what_to_start(bluez, sensor):
    await bluez.stop()
    with pytest.raises(PairingError, match="systemctl start bluetooth"):
        await pairing.pair(sensor.address, Person())


# The agent answers for one device, to one caller


async def ask(bus, owner, member, signature, body):
    reply = await bus.call(
        Message(owner, AGENT_PATH, "org.bluez.Agent1", member, signature=signature, body=body)
    )
    return reply.message_type is MessageType.METHOD_RETURN, reply.error_name


async def test_requests_about_another_device_or_from_another_caller_are_refused(bluez, sensor):
    sensor.pairing = Pairing.PASSKEY
    person = Person(sensor.passkey)
    person.thinking.clear()
    pending = asyncio.create_task(pairing.pair(sensor.address, person))
    await until(lambda: person.asked, "the question")
    (owner,) = agents(bluez)
    device = bluez.device(sensor).path
    other = f"{bluez.adapter.path}/dev_00_00_00_00_00_66"
    daemon = bluez._tree._bus
    stranger = await MessageBus(bus_address=os.environ["DBUS_SYSTEM_BUS_ADDRESS"]).connect()
    rejected = (False, "org.bluez.Error.Rejected")
    for member, signature, rest in (
        ("RequestPinCode", "o", []),
        ("DisplayPinCode", "os", ["1234"]),
        ("RequestPasskey", "o", []),
        ("DisplayPasskey", "ouq", [1, 0]),
        ("RequestConfirmation", "ou", [1]),
        ("RequestAuthorization", "o", []),
        ("AuthorizeService", "os", ["1800"]),
    ):
        assert await ask(daemon, owner, member, signature, [other, *rest]) == rejected
        assert await ask(stranger, owner, member, signature, [device, *rest]) == rejected
    assert await ask(stranger, owner, "Cancel", "", []) == rejected
    assert await ask(daemon, owner, "Nonsense", "o", [device]) == rejected
    assert person.asked == ["passkey"]
    assert person.shown == []
    stranger.disconnect()
    await stranger.wait_for_disconnect()
    person.thinking.set()
    await pending
    assert sensor.bonded


async def test_other_questions_about_the_device_are_put_to_the_person(bluez, sensor):
    sensor.pairing = Pairing.PASSKEY
    person = Person(sensor.passkey)
    person.thinking.clear()
    pending = asyncio.create_task(pairing.pair(sensor.address, person))
    await until(lambda: person.asked, "the question")
    (owner,) = agents(bluez)
    device, daemon = bluez.device(sensor).path, bluez._tree._bus
    assert (await ask(daemon, owner, "DisplayPinCode", "os", [device, "0042"]))[0]
    assert (await ask(daemon, owner, "DisplayPasskey", "ouq", [device, 7, 0]))[0]
    assert (await ask(daemon, owner, "DisplayPasskey", "ouq", [device, 7, 1]))[0]
    assert (await ask(daemon, owner, "RequestAuthorization", "o", [device]))[0]
    assert (await ask(daemon, owner, "AuthorizeService", "os", [device, "1800"]))[0]
    assert person.shown == ["0042", "000007"]
    person.number = None
    assert not (await ask(daemon, owner, "RequestPinCode", "o", [device]))[0]
    person.number = "0000"
    assert (await ask(daemon, owner, "RequestPinCode", "o", [device]))[0]
    assert (await ask(daemon, owner, "Cancel", "", []))[0]
    with pytest.raises(PairingError):
        await pending
    assert agents(bluez) == set()


async def test_an_agent_of_somebody_else_is_left_alone(bluez, sensor):
    """On a desktop the user's own agent is the default one, and stays it."""
    desktop = await MessageBus(bus_address=os.environ["DBUS_SYSTEM_BUS_ADDRESS"]).connect()
    for member, signature, body in (
        ("RegisterAgent", "os", ["/desktop", "DisplayYesNo"]),
        ("RequestDefaultAgent", "o", ["/desktop"]),
    ):
        await desktop.call(
            Message(
                "org.bluez", "/org/bluez", "org.bluez.AgentManager1", member,
                signature=signature, body=body,
            )
        )  # fmt: skip
    sensor.pairing = Pairing.PASSKEY
    await pairing.pair(sensor.address, Person(sensor.passkey))
    assert agents(bluez) == {desktop.unique_name}
    assert bluez.agents.agent_for("somebody").owner == desktop.unique_name
    desktop.disconnect()
    await desktop.wait_for_disconnect()


# Forgetting


async def test_a_forgotten_sensor_can_be_paired_anew(bluez, sensor):
    await pairing.pair(sensor.address, Person())
    await pairing.forget(sensor.address)
    assert not sensor.bonded
    assert bluez.device(sensor) is None
    await pairing.pair(sensor.address, Person())
    assert sensor.bonded


async def test_a_sensor_that_is_not_known_can_not_be_forgotten(bluez):
    with pytest.raises(PairingError, match="not known here"):
        await pairing.forget("00:00:00:00:00:66")


# A hub that waits


async def test_a_running_hub_connects_by_itself_once_a_person_has_paired_the_sensor(
    bluez, sensor, monkeypatch
):
    monkeypatch.setattr(bluez_bond, "AFTER_PAIRING_S", 0.2)
    emitted, clock = [], SystemClock()
    feed = Feed("cgm", cgm.DRIVER, clock, emitted.append)
    address = sensor.address
    link = GattLink(feed, address, cgm.DRIVER.link, Adapter(), clock, random.Random(SEED))
    running = asyncio.create_task(link.run())
    await until(lambda: feed.status.failures, "the hub misses the bond")
    await pairing.pair(address, Person())
    await until(lambda: feed.status.readings, "values")
    kinds = [one.kind for one in emitted if isinstance(one, Event)]
    assert kinds.count(EventKind.NOT_BONDED) == 1
    assert not sensor.bond_is_lost
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)


# The command


async def command(*arguments, typed=""):
    """Run the command in a process of its own, as a person does; return exit code and output."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "edge_agent", *arguments,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )  # fmt: skip
    async with asyncio.timeout(HANG_S):
        output, _ = await process.communicate(typed.encode())
    return process.returncode, output.decode()


async def test_the_command_asks_for_the_passkey_and_says_what_to_configure(sensor):
    sensor.pairing, sensor.passkey = Pairing.PASSKEY, 314159
    code, output = await command("pair", sensor.address.lower(), typed="314159\n")
    assert code == 0
    assert "Passkey that the sensor shows" in output
    assert f'[[sensor]]\nname = "cgm"\ndriver = "cgm"\naddress = "{sensor.address}"' in output
    assert sensor.bonded


async def test_the_command_takes_the_passkey_as_an_option(sensor):
    sensor.pairing, sensor.passkey = Pairing.PASSKEY, 42
    code, output = await command("pair", sensor.address, "--passkey", "42")
    assert (code, "Passkey that" in output) == (0, False)
    assert sensor.bonded


async def test_the_command_shows_a_passkey(sensor):
    sensor.pairing = Pairing.TYPES_PASSKEY
    code, output = await command("pair", sensor.address)
    assert code == 0
    assert "on the sensor." in output


@pytest.mark.parametrize(("typed", "code"), [("y\n", 0), ("n\n", 1), ("", 1)])
async def test_the_command_compares(sensor, typed, code):
    sensor.pairing = Pairing.COMPARE
    assert (await command("pair", sensor.address, typed=typed))[0] == code
    assert sensor.bonded is (code == 0)


async def test_the_command_fails_with_a_reason_and_a_next_step(sensor):
    sensor.pairing = Pairing.REFUSED
    code, output = await command("pair", sensor.address)
    assert code == 1
    assert f"edge-agent: sensor {sensor.address}: refused" in output
    assert "pairing mode" in output
    assert "Traceback" not in output


async def test_the_command_forgets(sensor):
    await pairing.pair(sensor.address, Person())
    code, output = await command("pair", sensor.address, "--forget")
    assert code == 0
    assert "is forgotten" in output
    assert not sensor.bonded


async def test_the_command_names_the_services_for_which_there_is_no_driver(sensor):
    for service in sensor.services:
        service.uuid = "0000fff0-0000-1000-8000-00805f9b34fb"
    sensor.advertises = []
    code, output = await command("pair", sensor.address)
    assert code == 0
    assert "No installed driver fits" in output
    assert "0000fff0" in output
