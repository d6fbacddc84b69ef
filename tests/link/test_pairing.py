"""What a person is told about a pairing; the pairing itself is tried in tests/hil."""

import asyncio

import click
import pytest

from edge_agent import registry
from edge_agent.cli import pair
from edge_agent.driver import Driver, Gatt
from edge_agent.link import pairing
from edge_agent.link.bluez import BluezError
from edge_agent.link.pairing import Paired, PairingError

ADDRESS = "A0:9E:1A:00:00:01"
DRIVERS = [one for name in registry.names() if isinstance(one := registry.find(name), Driver)]
WIRELESS = [one for one in DRIVERS if isinstance(one.link, Gatt)]


def paired(*services):
    return Paired(address=ADDRESS, name="Strap", services=services)


@pytest.mark.parametrize(
    "name",
    [
        "AuthenticationFailed",
        "AuthenticationRejected",
        "AuthenticationCanceled",
        "AuthenticationTimeout",
        "ConnectionAttemptFailed",
        "AlreadyExists",
        "InProgress",
    ],
)
def test_every_error_of_pairing_has_words_and_a_next_step(name):
    told = pairing._in_words(ADDRESS, BluezError(f"org.bluez.Error.{name}", "in BlueZ's words"))
    assert "in BlueZ's words" not in str(told)
    assert told.next_step
    assert ADDRESS in str(told)


def test_an_unknown_error_keeps_the_words_of_the_daemon():
    told = pairing._in_words(ADDRESS, BluezError("org.bluez.Error.Strange", "it is odd"))
    assert "it is odd" in str(told)


async def test_a_machine_without_a_system_bus_says_what_to_start(tmp_path, monkeypatch):
    monkeypatch.setenv("DBUS_SYSTEM_BUS_ADDRESS", f"unix:path={tmp_path / 'none'}")
    with pytest.raises(PairingError, match="systemctl start dbus bluetooth"):
        await pairing.forget(ADDRESS)


@pytest.mark.parametrize("driver", WIRELESS, ids=lambda one: one.name)
def test_the_service_of_a_sensor_leads_to_its_driver(driver):
    words = pair._words(paired(driver.link.service))
    assert f'driver = "{driver.name}"\naddress = "{ADDRESS}"\n' in words


def test_two_drivers_that_fit_are_offered_as_a_choice():
    words = pair._words(paired(*(one.link.service for one in WIRELESS[:2])))
    assert words.count("[[sensor]]") >= 2
    assert "# or" in words


def test_a_sensor_that_no_driver_fits_is_told_with_its_services():
    assert "180a" in pair._words(paired("0000180a-0000-1000-8000-00805f9b34fb"))
    assert "nothing" in pair._words(paired())


@pytest.mark.parametrize("text", ["", "A0:9E", "A0-9E-1A-00-00-01", "A0:9E:1A:00:00:0G"])
def test_what_is_no_address_is_wrong_usage(text):
    with pytest.raises(click.BadParameter, match="no Bluetooth address"):
        pair._address(None, None, text)


def test_small_letters_will_do():
    assert pair._address(None, None, ADDRESS.lower()) == ADDRESS


async def test_a_prompt_runs_beside_the_event_loop(monkeypatch):
    """BlueZ may cancel while the person thinks, so the loop must not wait for the terminal."""
    answered = asyncio.Event()
    loop = asyncio.get_running_loop()

    def prompt(*_, **__):
        asyncio.run_coroutine_threadsafe(answered.wait(), loop).result()
        return 7

    monkeypatch.setattr(click, "prompt", prompt)
    question = asyncio.create_task(pair.Terminal(None).passkey())
    await asyncio.sleep(0.05)
    assert not question.done()
    answered.set()
    assert await question == 7


async def test_a_person_who_aborts_gives_no_answer(monkeypatch):
    def abort(*_, **__):
        raise click.Abort

    monkeypatch.setattr(click, "prompt", abort)
    monkeypatch.setattr(click, "confirm", abort)
    assert await pair.Terminal(None).passkey() is None
    assert await pair.Terminal(None).pin() is None
    assert await pair.Terminal(None).compare("000001") is False


async def test_a_number_on_the_command_line_needs_no_question():
    assert await pair.Terminal(42).passkey() == 42
    assert await pair.Terminal(42).pin() == "42"
