"""What real BlueZ does: what the mock does alike, and below it what only the truth has so far."""

import asyncio

import pytest
from bleak import BleakClient, BleakScanner

from edge_mocks.bluez import att_error
from tests.hil.test_bluez_facts import (
    ADDRESS,
    LEVEL,
    POINT,
    RATE,
    SCAN_S,
    connected,
    sensor,
    test_a_long_value_is_read_whole,
    test_a_lost_link_is_told_and_a_new_one_can_be_made,
    test_an_adapter_switched_off_drops_the_link,
    test_an_att_error_reaches_the_client_with_its_code,
    test_pairing_without_an_agent_fails,
    test_reading_a_secret_unpaired_and_without_an_agent_never_returns,
    test_the_same_notification_twice_arrives_twice,
    until,
)
from tests.hil_truth.bus_trace import tracing

__all__ = [
    "sensor",
    "test_a_long_value_is_read_whole",
    "test_a_lost_link_is_told_and_a_new_one_can_be_made",
    "test_an_adapter_switched_off_drops_the_link",
    "test_an_att_error_reaches_the_client_with_its_code",
    "test_pairing_without_an_agent_fails",
    "test_reading_a_secret_unpaired_and_without_an_agent_never_returns",
    "test_the_same_notification_twice_arrives_twice",
]


async def settle():
    """Give signals that follow one another the time that an emulated machine takes."""
    await asyncio.sleep(1.5)


async def test_services_are_resolved_and_named_in_one_signal(bluez, sensor):
    bluez.add(sensor)
    async with tracing() as trace, connected():
        await settle()
        (resolved,) = trace.about("Device1", "ServicesResolved")
    assert resolved["ServicesResolved"] is True
    assert {uuid[4:8] for uuid in resolved["UUIDs"]} == {"1800", "1801", "180d", "180f"}


async def test_the_battery_follows_the_services_at_first_and_precedes_them_later(bluez, sensor):
    bluez.add(sensor)
    orders = []
    for _ in range(2):
        async with tracing() as trace, connected():
            await settle()
            orders.append(trace.order("+Battery1", "ServicesResolved"))
    assert orders == [["ServicesResolved", "+Battery1"], ["+Battery1", "ServicesResolved"]]


async def test_a_lost_link_is_told_in_one_signal_before_the_battery_goes(bluez, sensor):
    bluez.add(sensor)
    async with connected():
        await settle()
        async with tracing() as trace:
            bluez.device(sensor).link_lost()
            await until(lambda: trace.about("Device1", "Connected"))
            await settle()
        (lost,) = trace.about("Device1", "Connected")
        assert lost == {"Connected": False, "ServicesResolved": False}
        assert trace.order("-Battery1", "Connected") == ["Connected", "-Battery1"]


async def test_a_client_that_stays_on_the_bus_keeps_its_subscription(bluez, sensor):
    """It hears the sensor again after a new connection, whoever made that."""
    bluez.add(sensor)
    rate = sensor.characteristic(RATE)
    device = await BleakScanner.find_device_by_address(ADDRESS, timeout=SCAN_S)
    gone = asyncio.Event()
    stays = BleakClient(device, lambda _: gone.set())
    await stays.connect()
    try:
        await stays.start_notify(RATE, lambda *_: None)
        await until(lambda: rate.subscribed)
        bluez.device(sensor).link_lost()
        await until(lambda: gone.is_set() and not rate.subscribed)
        async with connected():
            await until(lambda: rate.subscribed)
    finally:
        await stays.disconnect()


async def test_an_unconfirmed_write_is_sent_whether_or_not_the_sensor_takes_one(bluez, sensor):
    bluez.add(sensor)
    written = []
    sensor.characteristic(POINT).on_write = written.append
    async with connected() as client:
        await client.write_gatt_char(POINT, b"\x01", response=False)
        await until(lambda: written)


async def test_a_sensor_that_is_connected_is_known_after_a_restart(bluez, sensor):
    bluez.add(sensor)
    async with connected(), tracing() as trace:
        await settle()
        await bluez.restart()
        await settle()
    assert trace.order("-Device1", "+Device1") == ["-Device1", "+Device1"]


async def test_stopping_the_daemon_says_that_the_adapter_is_off_before_it_goes(bluez, sensor):
    async with tracing() as trace:
        await bluez.restart()
    off, *_ = trace.about("Adapter1", "Powered")
    assert off["Powered"] is False
    assert trace.order("-Adapter1", "Powered")[0] == "Powered"


async def test_there_is_no_passive_scanning_without_experimental_interfaces(bluez):
    async with tracing() as trace:
        await bluez.restart()
    assert "+GattManager1" in trace.order("+GattManager1", "+AdvertisementMonitorManager1")
    assert not trace.order("+AdvertisementMonitorManager1")


@pytest.mark.parametrize("code", [0x05, 0x0C, 0x0F])
async def test_an_error_of_security_makes_bluez_pair_by_itself(bluez, sensor, code):
    """The client does not see the error: without an agent, its call just never returns."""
    bluez.add(sensor)
    sensor.characteristic(LEVEL).errors.extend([att_error(code)] * 3)
    async with connected() as client:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(5.0):
                await client.read_gatt_char(LEVEL)
