"""Pairing by the product's own code with real bluetoothd, real cryptography, a sensor like any."""

import asyncio
import random
import time

import pytest

from edge_agent.link import pairing
from edge_agent.link.pairing import PairingError
from edge_agent.model import EventKind
from edge_mocks.bluez import Pairing
from edge_mocks.cgm import CgmSensor
from edge_mocks.traces import SimulatedGlucose
from tests.hil.conftest import SEED
from tests.hil.test_pairing import (
    FAILURES,
    Person,
    sensor,
    test_a_running_hub_connects_by_itself_once_a_person_has_paired_the_sensor,
)

__all__ = [
    "sensor",
    "test_a_running_hub_connects_by_itself_once_a_person_has_paired_the_sensor",
]


class Holder(Person):
    """The person reads the hub's number and types it on the sensor, plus ``slip``."""

    def __init__(self, sensor, passkey=None, *, agrees=True, slip=0):
        super().__init__(passkey, agrees=agrees)
        self.sensor, self.slip = sensor, slip

    async def show(self, code):
        await super().show(code)
        self.sensor.typed = (int(code) + self.slip) % 1_000_000


@pytest.mark.parametrize("way", [way for way in Pairing if way is not Pairing.REFUSED])
async def test_a_sensor_is_paired_in_its_own_way_and_left_disconnected(bluez, sensor, way):
    sensor.pairing = way
    person = Holder(sensor, sensor.passkey)
    paired = await pairing.pair(sensor.address, person)
    async with asyncio.timeout(30):
        while bluez.device(sensor).connected:
            await asyncio.sleep(0.1)
    assert sensor.bonded
    assert paired.address == sensor.address
    assert {service.uuid for service in sensor.services} <= set(paired.services)
    assert bool(person.shown) is (way is Pairing.TYPES_PASSKEY)
    assert bool(person.asked) is (way in {Pairing.PASSKEY, Pairing.COMPARE})


@pytest.mark.parametrize("name", [name for name in FAILURES if name != "sensor-paired-already"])
async def test_whoever_refuses_pairing_has_failed_and_can_be_made_good(bluez, sensor, name):
    """BlueZ tells a person's no, a wrong passkey and a sensor that pairs with nobody alike."""
    far, near, _ = FAILURES[name]
    changed = {"pairing": Pairing.JUST_WORKS, "agrees": True, "typed": None} | far
    for field, value in changed.items():
        setattr(sensor, field, value)
    person = Holder(sensor, near.get("passkey"), agrees=near.get("agrees", True), slip=1)
    with pytest.raises(PairingError) as error:
        await pairing.pair(sensor.address, person)
    assert error.value.__cause__.name == "org.bluez.Error.AuthenticationFailed"
    assert not sensor.bonded
    sensor.agrees, sensor.typed = True, None
    if sensor.pairing is not Pairing.REFUSED:
        await pairing.pair(sensor.address, Holder(sensor, sensor.passkey))
        assert sensor.bonded


async def test_a_forgotten_sensor_can_be_paired_anew(bluez, sensor):
    await pairing.pair(sensor.address, Holder(sensor))
    with pytest.raises(PairingError, match="paired already"):
        await pairing.pair(sensor.address, Holder(sensor))
    await pairing.forget(sensor.address)
    await pairing.pair(sensor.address, Holder(sensor))


async def test_a_lost_bond_is_told_once_and_the_sensor_left_alone(ble_bench, monkeypatch):
    """BlueZ encrypts at once, misses the key, hangs up; bleak connects anew, again and again."""
    monkeypatch.setattr("tests.hil.conftest.HANG_S", 480.0)
    worn = CgmSensor(SimulatedGlucose(SEED), random.Random(SEED), bonded=True)
    worn.peripheral.bond_is_lost = True
    hang_ups, hung_up = [], worn.peripheral.on_disconnect

    def count():
        hang_ups.append(time.monotonic())
        hung_up()

    worn.peripheral.on_disconnect = count
    async with ble_bench("cgm", worn) as bench:
        await bench.until(lambda: bench.events(EventKind.BOND_REFUSED), "the loss is noticed")
        print(f"told after {len(hang_ups)} hang-ups")  # noqa: T201 (shown with -rP)
        await asyncio.sleep(5)
        before = len(hang_ups)
        await asyncio.sleep(20)
        assert len(hang_ups) == before
        assert len(bench.events(EventKind.BOND_REFUSED)) == 1
