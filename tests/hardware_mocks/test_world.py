"""Five sensors at once, read by the hub's own drivers and links through the real clients."""

import asyncio
import random
from pathlib import Path

import msgspec
import pytest

from edge_agent import codes
from edge_agent.clock import SystemClock
from edge_agent.config import SensorSettings
from edge_agent.model import EventKind, Observation, Waveform
from edge_agent.wiring import Links, match
from edge_mocks.world import MockWorld

SEED = 42


@pytest.fixture
async def world(monkeypatch, ended):
    async with MockWorld(seed=SEED, first_glucose_after_s=1.0) as world:
        monkeypatch.setenv("DBUS_SYSTEM_BUS_ADDRESS", world.bus_address)
        yield world
    await ended()


@pytest.fixture
async def readings(world):
    """Run a hub's links against the world; collect what they give."""
    sensors, problems = match(msgspec.convert(world.sensors, list[SensorSettings]))
    assert problems == []
    collected = []
    links = Links(sensors, collected.append, SystemClock(), random.Random(SEED))
    tasks = [asyncio.ensure_future(run()) for run in links.tasks.values()]
    yield collected
    for task in tasks:
        task.cancel()
    ended = await asyncio.gather(*tasks, return_exceptions=True)
    assert {type(one) for one in ended} == {asyncio.CancelledError}


def observed(readings, sensor, code):
    return [
        one
        for one in readings
        if isinstance(one, Observation) and (one.sensor, one.code) == (sensor, code)
    ]


def waves(readings, sensor):
    """Return the ECG or pleth of a sensor; a strap sends its acceleration as well."""
    shown = {codes.ECG, codes.PLETH}
    return [
        one
        for one in readings
        if isinstance(one, Waveform) and one.sensor == sensor and one.code in shown
    ]


async def test_a_hub_reads_the_truth_from_every_sensor_of_the_world(world, readings, until):
    def live():
        return [
            one
            for one in observed(readings, "cgm", codes.GLUCOSE)
            if not one.backfilled and one.value is not None
        ]

    await until(lambda: len(waves(readings, "ecg-patch")) > 2 and live())
    await until(lambda: len(observed(readings, "ecg-patch", codes.HEART_RATE)) > 1)
    await until(lambda: len(waves(readings, "oximeter")) > 2)
    await until(lambda: observed(readings, "room-tcp", codes.ROOM_CO2))
    truth = world.truth()
    rate = observed(readings, "ecg-patch", codes.HEART_RATE)[-1]
    assert rate.value == pytest.approx(truth.heart_rate_per_min, abs=2)
    assert waves(readings, "ecg-patch")[-1].rate_hz == pytest.approx(130.05, abs=0.1)
    spo2 = observed(readings, "oximeter", codes.SPO2)[-1]
    assert spo2.value == pytest.approx(truth.spo2_percent, abs=1)
    assert live()[-1].value == pytest.approx(truth.glucose_mgdl, abs=1)
    backfilled = [one for one in observed(readings, "cgm", codes.GLUCOSE) if one.backfilled]
    assert len(backfilled) == 241
    for name in ("room", "room-tcp"):
        for code, true in (
            (codes.ROOM_TEMPERATURE, truth.room.temperature_c),
            (codes.ROOM_HUMIDITY, truth.room.humidity_percent),
            (codes.ROOM_CO2, truth.room.co2_ppm),
        ):
            assert observed(readings, name, code)[-1].value == pytest.approx(true, abs=1)


async def test_a_hub_finds_its_sensor_again_after_a_lost_link(world, readings, until):
    await until(lambda: waves(readings, "ecg-patch"))
    world.strap.peripheral.drop_link()
    seen = len(waves(readings, "ecg-patch"))

    def lost():
        return [
            one
            for one in readings
            if one.sensor == "ecg-patch" and getattr(one, "kind", 0) is EventKind.DISCONNECTED
        ]

    await until(lambda: lost() and len(waves(readings, "ecg-patch")) > seen + 1)
    # Only the first frame after the reconnection can follow a gap.
    assert not waves(readings, "ecg-patch")[-1].follows_gap


async def test_two_worlds_of_one_seed_hold_the_same_truth_in_different_places():
    async with MockWorld(seed=SEED) as one, MockWorld(seed=SEED) as other:
        assert one.bus_address != other.bus_address
        assert one.sensors[2]["port"] != other.sensors[2]["port"]
        assert one.sensors[4]["tcp_port"] != other.sensors[4]["tcp_port"]
        assert [dict(sensor, port=0, tcp_port=0) for sensor in one.sensors] == [
            dict(sensor, port=0, tcp_port=0) for sensor in other.sensors
        ]
        assert one.cgm.records == other.cgm.records
        assert list(one._ecg().read(200)) == list(other._ecg().read(200))


def leads_to_a_terminal(port):
    return port.is_symlink() and port.is_char_device()


async def test_a_world_leaves_nothing_behind():
    async with MockWorld(seed=SEED) as world:
        daemon = world._bus._daemon
        port = Path(world.sensors[2]["port"])
        assert leads_to_a_terminal(port)
    assert daemon.returncode is not None
    assert not port.parent.exists()


async def test_a_world_that_cannot_start_leaves_nothing_behind(monkeypatch, tmp_path):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    with pytest.raises(Exception, match="recording"):
        async with MockWorld(recording=tmp_path / "absent.hea"):
            pass
    assert list(tmp_path.iterdir()) == []
