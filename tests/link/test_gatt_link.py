import dataclasses
import itertools
import random

import pytest
from bleak import BleakClient, BleakScanner

from edge_agent import codes
from edge_agent.config import SensorSettings
from edge_agent.link.gatt import Adapter, GattLink
from edge_agent.model import EventKind
from edge_agent.wiring import Links, Sensor
from edge_drivers import cgm, heart_rate, polar_pmd
from edge_mocks.bluez import BLUEZ_5_66, BLUEZ_5_82, Bluez, att_error
from edge_mocks.bus import PrivateBus
from edge_mocks.cgm import CgmSensor
from edge_mocks.ecg import SyntheticEcg
from edge_mocks.polar import PolarStrap
from edge_mocks.traces import SimulatedGlucose


@pytest.fixture(params=[BLUEZ_5_66, BLUEZ_5_82], ids=["5.66", "5.82"])
async def bluez(request, monkeypatch):
    with PrivateBus() as bus:
        monkeypatch.setenv("DBUS_SYSTEM_BUS_ADDRESS", bus.address)
        async with Bluez(bus.address, rng=random.Random(3), personality=request.param) as bluez:
            yield bluez


@pytest.fixture
async def strap(bluez):
    source = SyntheticEcg(random.Random(4), rate_hz=130.1, heart_rate_per_min=66.0)
    strap = PolarStrap(source, random.Random(5))
    bluez.add(strap.peripheral)
    async with strap:
        yield strap


def link_to(rig, peripheral, driver, adapter=None, **changes):
    feed = rig.feed("patch", driver)
    gatt = dataclasses.replace(driver.link, **changes)
    adapter = adapter or Adapter()
    return feed, GattLink(feed, peripheral.address, gatt, adapter, rig.clock, rig.rng)


async def test_a_strap_streams_ecg_heart_rate_and_battery(rig, strap):
    feed, link = link_to(rig, strap.peripheral, polar_pmd.DRIVER)
    async with rig.running(link):
        await rig.until(lambda: len(rig.waveforms(codes.ECG)) >= 3, "three ECG frames")
        await rig.until(lambda: rig.values(codes.HEART_RATE), "a heart rate")
    assert len(rig.waveforms(codes.ECG)[0].samples) == 73
    assert rig.values(codes.BATTERY)
    assert feed.status.rejected == 0


async def test_the_stream_is_stopped_when_the_hub_hangs_up(rig, strap):
    _, link = link_to(rig, strap.peripheral, polar_pmd.DRIVER)
    async with rig.running(link):
        await rig.until(rig.waveforms, "the stream runs")
        assert strap.streaming
    assert not strap.streaming


@pytest.mark.parametrize("code", [0x02, 0x06, 0x80], ids=hex)
async def test_a_read_that_the_driver_can_do_without_may_be_refused(rig, strap, code):
    # What comes after the subscription is the read.
    strap.battery.on_subscribe = lambda _: strap.battery.errors.append(att_error(code))
    feed, link = link_to(rig, strap.peripheral, polar_pmd.DRIVER)
    async with rig.running(link):
        await rig.until(lambda: len(rig.waveforms(codes.ECG)) >= 2, "the stream runs")
    assert (feed.status.failures, feed.status.connections) == (0, 1)
    assert not rig.values(codes.BATTERY)


async def test_what_can_t_be_read_and_need_not_be_is_not_read(rig, strap):
    strap.battery.flags = ("notify",)
    feed, link = link_to(rig, strap.peripheral, polar_pmd.DRIVER)
    async with rig.running(link):
        await rig.until(lambda: len(rig.waveforms(codes.ECG)) >= 2, "the stream runs")
    assert (feed.status.failures, feed.status.connections) == (0, 1)


async def test_a_lost_link_is_made_again_and_the_gap_is_marked(rig, strap, bluez):
    feed, link = link_to(rig, strap.peripheral, polar_pmd.DRIVER)
    async with rig.running(link):
        await rig.until(rig.waveforms, "the stream runs")
        bluez.device(strap.peripheral).link_lost()
        before = len(rig.waveforms(codes.ECG))
        await rig.until(lambda: feed.status.connections == 2, "connected again")
        await rig.until(lambda: len(rig.waveforms(codes.ECG)) > before, "the stream runs again")
    assert "disconnected" in rig.events(EventKind.DISCONNECTED)[0].detail["reason"]
    assert rig.waveforms(codes.ECG)[before].follows_gap


@pytest.mark.parametrize("moment", ["battery", "samples", "rate"])
async def test_a_sensor_that_leaves_in_the_middle_of_the_talk_has_disconnected_no_more(
    rig, strap, bluez, moment, caplog
):
    """bleak forgets the services with the link: whatever is asked next fails in its own words."""
    characteristic = getattr(strap, moment)
    usual = characteristic.on_subscribe
    characteristic.on_subscribe = lambda _: bluez.device(strap.peripheral).link_lost()
    feed, link = link_to(rig, strap.peripheral, polar_pmd.DRIVER)
    async with rig.running(link):
        await rig.until(lambda: feed.status.failures, "the sensor has left")
        characteristic.on_subscribe = usual
        await rig.until(lambda: rig.waveforms(codes.ECG), "the stream runs after all")
    assert "the sensor disconnected" in caplog.text
    assert "unexpected" not in caplog.text


async def test_garbage_notifications_are_counted_and_the_rest_goes_on(rig, strap):
    feed, link = link_to(rig, strap.peripheral, polar_pmd.DRIVER)
    async with rig.running(link):
        await rig.until(rig.waveforms, "the stream runs")
        data = strap.peripheral.characteristic(polar_pmd.DATA)
        for garbage in (b"", b"\xff" * 20, b"\x00" * 9):
            data.notify(garbage)
        before = len(rig.waveforms(codes.ECG))
        await rig.until(lambda: len(rig.waveforms(codes.ECG)) >= before + 2, "the stream goes on")
    assert feed.status.rejected >= 2
    assert rig.events(EventKind.FRAME_REJECTED)


async def test_a_sensor_that_is_not_there_says_what_to_check(rig, bluez, monkeypatch):
    monkeypatch.setattr("edge_agent.link.gatt.NOT_SEEN_S", 0.5)
    feed = rig.feed("patch", polar_pmd.DRIVER)
    link = GattLink(feed, "00:00:00:00:00:99", polar_pmd.DRIVER.link, Adapter(), rig.clock, rig.rng)
    async with rig.running(link):
        await rig.until(lambda: feed.status.failures, "a try")
    assert "not seen" in feed.status.last_error
    assert "phone" in feed.status.last_error


async def test_a_sensor_of_another_kind_is_named_as_such(rig, strap):
    feed, link = link_to(rig, strap.peripheral, cgm.DRIVER, pair=False)
    async with rig.running(link):
        await rig.until(lambda: feed.status.failures, "a try")
    assert "driver fits this sensor" in feed.status.last_error


async def test_two_sensors_share_one_adapter(rig, strap, bluez):
    sensor = CgmSensor(SimulatedGlucose(1), random.Random(6), first_after_s=0.5, bonded=True)
    bluez.add(sensor.peripheral)
    adapter = Adapter()
    _, strap_link = link_to(rig, strap.peripheral, heart_rate.DRIVER, adapter)
    _, cgm_link = link_to(rig, sensor.peripheral, cgm.DRIVER, adapter)
    async with sensor, rig.running(strap_link), rig.running(cgm_link):
        await rig.until(lambda: rig.values(codes.HEART_RATE), "the strap")
        await rig.until(lambda: rig.values(codes.GLUCOSE), "the glucose sensor")


async def test_the_sensors_memory_comes_as_backfill_and_the_next_value_live(rig, bluez):
    sensor = CgmSensor(SimulatedGlucose(1), random.Random(6), first_after_s=1.5, bonded=True)
    bluez.add(sensor.peripheral)
    feed, link = link_to(rig, sensor.peripheral, cgm.DRIVER)
    async with sensor, rig.running(link):
        await rig.until(
            lambda: any(
                not one.backfilled
                for one in rig.emitted
                if getattr(one, "code", 0) == codes.GLUCOSE
            ),
            "a live value",
        )
    glucose = [one for one in rig.emitted if getattr(one, "code", None) == codes.GLUCOSE]
    past, live = glucose[:-1], glucose[-1]
    assert len(past) > 60
    assert all(one.backfilled for one in past)
    assert all(a.at < b.at for a, b in itertools.pairwise(past))
    assert live.at >= past[-1].at
    assert feed.status.rejected == 0


async def test_an_adapter_switched_off_says_so(rig, strap, bluez):
    feed, link = link_to(rig, strap.peripheral, polar_pmd.DRIVER)
    bluez.adapter.set_powered(on=False)
    async with rig.running(link):
        await rig.until(lambda: feed.status.failures, "a try")
    assert "adapter" in feed.status.last_error.lower()


async def test_a_connection_left_by_a_killed_hub_is_taken_over(rig, strap):
    """BlueZ keeps it, and a connected sensor no longer advertises."""
    left = BleakClient(await BleakScanner.find_device_by_address(strap.peripheral.address))
    await left.connect()
    feed, link = link_to(rig, strap.peripheral, polar_pmd.DRIVER)
    async with rig.running(link):
        await rig.until(lambda: len(rig.waveforms(codes.ECG)) >= 2, "the stream runs")
    assert feed.status.failures == 0
    await left.disconnect()


async def test_a_machine_without_a_system_bus_says_what_to_start(rig, tmp_path, monkeypatch):
    monkeypatch.setenv("DBUS_SYSTEM_BUS_ADDRESS", f"unix:path={tmp_path / 'none'}")
    driver = polar_pmd.DRIVER
    feed = rig.feed("patch", driver)
    address = "A0:9E:1A:00:00:01"
    link = GattLink(feed, address, driver.link, Adapter(), rig.clock, rig.rng)
    async with rig.running(link):
        await rig.until(lambda: feed.status.failures, "a try")
    assert "systemctl start dbus bluetooth" in feed.status.last_error


def settings(**changes):
    return SensorSettings(name="cuff", driver="any", address="A0:9E:1A:00:00:01", **changes)


def test_a_sensor_that_comes_only_now_and_then_goes_stale_only_where_configured():
    link = dataclasses.replace(heart_rate.DRIVER.link, episodic=True)
    cuff = dataclasses.replace(heart_rate.DRIVER, link=link)
    assert Sensor(settings(), heart_rate.DRIVER).stale_after_s == link.silence_s
    assert Sensor(settings(), cuff).stale_after_s is None
    assert Sensor(settings(stale_after_s=600.0), cuff).stale_after_s == 600.0


@pytest.mark.parametrize(
    ("of_driver", "configured", "polled"),
    [(None, None, None), (None, 5.0, None), (60.0, None, 60.0), (60.0, 5.0, 5.0)],
)
def test_a_sensor_that_is_asked_is_asked_as_often_as_configured(rig, of_driver, configured, polled):
    link = dataclasses.replace(heart_rate.DRIVER.link, poll_s=of_driver)
    sensor = Sensor(settings(poll_s=configured), dataclasses.replace(heart_rate.DRIVER, link=link))
    links = Links([sensor], rig.emitted.append, rig.clock, rig.rng)
    assert links.tasks["cuff"].__self__._gatt.poll_s == polled
