"""Bluetooth links that must stay up for months: daemons that die, adapters that go, lost bonds.

No link here may be healed by silence: every sensor is allowed an hour of it, unless a test is
about it.
"""

import asyncio
import dataclasses
import os
import random

import pytest
from dbus_fast import Message
from dbus_fast.aio import MessageBus

from edge_agent import codes
from edge_agent.clock import SystemClock
from edge_agent.driver import Decoder, Driver, Gatt, Write
from edge_agent.link import adapter, bluez_bond, bluez_watch, gatt, gatt_visit, retry, waiting
from edge_agent.link.feed import Feed
from edge_agent.link.gatt import Adapter, GattLink
from edge_agent.model import Event, EventKind, Observation
from edge_drivers import heart_rate
from edge_mocks.bluez import (
    BLUEZ_5_66,
    BLUEZ_5_82,
    Bluez,
    BluezError,
    Characteristic,
    Peripheral,
    Service,
    att_error,
)
from edge_mocks.bus import PrivateBus
from tests.hil.conftest import HANG_S, SEED

HOUR_S = 3600.0
CONTROL = "00002a39-0000-1000-8000-00805f9b34fb"


class Strap:
    """A heart rate strap that reports 60 a minute, every 20 ms, to whoever listens."""

    def __init__(self, number=1, **changes):
        self.beats = Characteristic(uuid=heart_rate.MEASUREMENT, flags=("notify",))
        self.written = []
        control = Characteristic(
            uuid=CONTROL, flags=("write", "write-without-response"), on_write=self.written.append
        )
        self.peripheral = Peripheral(
            address=f"A0:9E:1A:00:00:{number:02X}",
            name=f"Strap {number}",
            services=[Service(uuid=heart_rate.SERVICE, characteristics=[self.beats, control])],
            rng=random.Random(SEED + number),
            advertises=[heart_rate.SERVICE],
            **({"advertising_interval_s": 0.02, "resolve_delay_s": 0.005} | changes),
        )
        self.is_measuring = True

    async def run(self):
        while True:
            if self.is_measuring:
                self.beats.notify(b"\x00\x3c")
            await asyncio.sleep(0.02)


class Bed:
    """Straps on the air, links to them that share one adapter, and what came of it."""

    def __init__(self, bluez, rests):
        self.bluez, self.adapter, self.clock = bluez, Adapter(), RestlessClock(rests)
        self.emitted, self.tasks, self.feeds = [], [], {}

    def strap(self, number=1, **changes):
        strap = Strap(number, **changes)
        self.bluez.add(strap.peripheral)
        self.tasks.append(asyncio.create_task(strap.run()))
        return strap

    def link(self, peripheral, driver=heart_rate.DRIVER, **changes):
        address = peripheral if isinstance(peripheral, str) else peripheral.address
        link = dataclasses.replace(driver.link, **({"silence_s": HOUR_S} | changes))
        feed = self.feeds[address] = Feed(address, driver, self.clock, self.emitted.append)
        rng = random.Random(SEED)
        run = GattLink(feed, address, link, self.adapter, self.clock, rng).run()
        self.tasks.append(asyncio.create_task(run))
        return feed

    def events(self, kind, sensor=None):
        return [
            one
            for one in self.emitted
            if isinstance(one, Event) and one.kind is kind and sensor in {None, one.sensor}
        ]

    async def end(self):
        for task in self.tasks:
            task.cancel()
        await asyncio.gather(*self.tasks, return_exceptions=True)

    async def until(self, happened, what):
        try:
            async with asyncio.timeout(HANG_S):
                while not happened():
                    await asyncio.sleep(0.005)
        except TimeoutError:
            status = {address: feed.status for address, feed in self.feeds.items()}
            raise AssertionError(f"never happened: {what}; {status}") from None

    async def connected(self, feed, times=1):
        await self.until(lambda: feed.status.connections >= times, f"connection {times}")
        readings = feed.status.readings
        await self.until(lambda: feed.status.readings > readings, f"values, connection {times}")


class RestlessClock(SystemClock):
    """Lets no back-off be longer than a moment, and writes down how long each should have been."""

    def __init__(self, rests):
        self.rests, self.longest_s = rests, 0.05

    async def sleep(self, seconds):
        self.rests.append(seconds)
        await super().sleep(seconds if seconds == HOUR_S else min(seconds, self.longest_s))


@pytest.fixture
async def bed(bluez):
    bed = Bed(bluez, [])
    yield bed
    await bed.end()


async def names_on_the_bus(address):
    """Return the names of every connection to the bus, without the one that asks."""
    bus = await MessageBus(bus_address=address).connect()
    dbus = "org.freedesktop.DBus"
    reply = await bus.call(Message(dbus, "/org/freedesktop/DBus", dbus, "ListNames"))
    names = set(reply.body[0]) - {bus.unique_name}
    bus.disconnect()
    await bus.wait_for_disconnect()
    return names


def open_files():
    return len(os.listdir("/proc/self/fd"))  # noqa: PTH208 (a Path would be one more thing open)


# A daemon that dies, an adapter that goes


async def test_a_killed_daemon_is_noticed_at_once_and_every_link_made_again(bed, bluez):
    straps = [bed.strap(number) for number in (1, 2)]
    feeds = [bed.link(strap.peripheral) for strap in straps]
    for feed in feeds:
        await bed.connected(feed)
    await bluez.crash()  # BlueZ 5.82 comes back by itself; 5.66 when D-Bus is asked for it
    for feed in feeds:
        await bed.until(lambda feed=feed: feed.status.failures, "the loss is noticed")
    assert all(
        "bluetoothd has ended" in one.detail["reason"] for one in bed.events(EventKind.DISCONNECTED)
    )
    if not bluez._running:
        await bluez.start()
    for feed in feeds:
        await bed.connected(feed, 2)


async def test_a_daemon_that_is_gone_for_long_is_asked_for_until_it_is_back(
    bed, bluez, monkeypatch
):
    monkeypatch.setattr(bluez_watch, "_ASK_AGAIN_S", 0.05)
    feed = bed.link(bed.strap().peripheral)
    await bed.connected(feed)
    await bluez.stop()
    await bed.until(lambda: "systemctl start bluetooth" in feed.status.last_error, "what to do")
    failures = feed.status.failures
    await asyncio.sleep(0.2)
    assert len(bed.events(EventKind.LINK_FAILED)) <= 3  # each reason is told once
    assert feed.status.failures > failures
    await bluez.start()
    await bed.connected(feed, 2)


async def test_a_graceful_restart_of_the_daemon_is_survived(bed, bluez):
    feed = bed.link(bed.strap().peripheral)
    await bed.connected(feed)
    for times in (2, 3, 4):
        await bluez.restart()
        await bed.connected(feed, times)


async def test_a_daemon_that_dies_while_a_link_is_being_made_is_survived(bed, bluez):
    strap = bed.strap(connect_delay_s=60.0)
    feed = bed.link(strap.peripheral)
    await bed.until(lambda: bluez.device(strap.peripheral), "the sensor is heard")
    await asyncio.sleep(0.1)
    strap.peripheral.connect_delay_s = 0.0
    await bluez.crash()
    if not bluez._running:
        await bluez.start()
    await bed.connected(feed)


async def test_a_daemon_that_hangs_costs_no_more_than_the_time_it_hangs(bed, bluez, monkeypatch):
    """It owns its name and answers nothing; every call has a limit, and so has every clean-up."""
    for module, name, limit_s in (
        (gatt_visit, "CONNECT_S", 0.2),
        (gatt_visit, "CALL_S", 0.2),
        (gatt_visit, "HANG_UP_S", 0.1),
        (adapter, "CALL_S", 0.2),
        (adapter, "STOP_S", 0.1),
        (waiting, "_GRACE_S", 0.05),
    ):
        monkeypatch.setattr(module, name, limit_s)
    strap = bed.strap()
    feed = bed.link(strap.peripheral, silence_s=0.5)
    await bed.connected(feed)
    answer = bluez._tree.tasks.spawn
    bluez._tree.tasks.spawn = lambda call: call.close()
    strap.is_measuring = False
    await bed.until(lambda: "silent" in feed.status.last_error, "the silence is noticed")
    failures = feed.status.failures
    await bed.until(lambda: feed.status.failures > failures, "a try that the daemon lets hang")
    bluez._tree.tasks.spawn = answer
    strap.is_measuring = True
    await bed.connected(feed, 2)


async def test_an_adapter_switched_off_is_named_and_used_again_when_it_is_on(bed, bluez):
    feed = bed.link(bed.strap().peripheral)
    missing = bed.link("A0:9E:1A:00:00:77")
    await bed.connected(feed)
    for times in (2, 3):
        bluez.adapter.set_powered(on=False)
        for one in (feed, missing):
            await bed.until(
                lambda one=one: "adapter is switched off" in one.status.last_error, "the reason"
            )
        assert not feed.status.connected
        bluez.adapter.set_powered(on=True)
        await bed.connected(feed, times)


async def test_a_system_bus_that_is_restarted_is_found_again(monkeypatch):
    monkeypatch.setattr(bluez_watch, "_ASK_AGAIN_S", 0.05)
    rng = random.Random(SEED)
    with PrivateBus() as first, PrivateBus() as second:
        monkeypatch.setenv("DBUS_SYSTEM_BUS_ADDRESS", first.address)
        async with Bluez(first.address, rng=rng, personality=BLUEZ_5_66) as bluez:
            bed = Bed(bluez, [])
            feed = bed.link(bed.strap().peripheral)
            await bed.connected(feed)
            await bluez.crash()
            first.stop()
            monkeypatch.setenv("DBUS_SYSTEM_BUS_ADDRESS", second.address)
            await bed.until(lambda: not feed.status.connected, "the loss is noticed")
            async with Bluez(second.address, rng=rng) as bed.bluez:
                bed.strap()
                await bed.connected(feed, 2)
                await bed.end()


# Months of coming and going


@pytest.mark.xdist_group("thousand-reconnects")
@pytest.mark.parametrize("bluez", [BLUEZ_5_82], indirect=True, ids=["bluez-5.82"])
async def test_a_thousand_reconnects_leave_nothing_behind(bed, bluez, monkeypatch):
    monkeypatch.setattr(retry, "FIRST_WAIT_S", 0.001)
    bed.clock.longest_s = 0.001
    quick = {"advertising_interval_s": 0.002, "resolve_delay_s": 0.001}
    strap = bed.strap(**quick)
    feed = bed.link(strap.peripheral)
    bus = os.environ["DBUS_SYSTEM_BUS_ADDRESS"]
    counts = []
    for times in range(1, 1002):
        await bed.until(lambda times=times: feed.status.connections >= times, f"link {times}")
        if times in {3, 1001}:
            counts.append(
                (open_files(), len(await names_on_the_bus(bus)), len(asyncio.all_tasks()))
            )
        strap.peripheral.drop_link()
    assert counts[0] == counts[1]


async def test_a_link_that_ends_leaves_neither_connection_nor_file_nor_task(bed, bluez):
    bus = os.environ["DBUS_SYSTEM_BUS_ADDRESS"]
    feed = bed.link(bed.strap().peripheral)
    await bed.connected(feed)
    while_running = await names_on_the_bus(bus)
    bed.tasks[-1].cancel()
    await asyncio.gather(bed.tasks[-1], return_exceptions=True)
    left = await names_on_the_bus(bus)
    # The link's own connection and the watch's are gone; bleak keeps one for as long as the loop.
    assert len(while_running) - len(left) == 2


async def test_a_reconnection_says_for_how_long_nothing_came(bed):
    strap = bed.strap()
    feed = bed.link(strap.peripheral)
    await bed.connected(feed)
    assert not bed.events(EventKind.GAP)
    strap.peripheral.in_range = False
    strap.peripheral.drop_link()
    await asyncio.sleep(0.3)
    strap.peripheral.in_range = True
    await bed.connected(feed, 2)
    (gap,) = bed.events(EventKind.GAP)
    assert gap.detail["seconds"] >= 0.3
    assert "link" in gap.detail["reason"]


# Looking for sensors


async def test_five_missing_sensors_do_not_delay_the_sixth(bed, monkeypatch):
    monkeypatch.setattr(gatt, "NOT_SEEN_S", 0.3)
    monkeypatch.setattr(adapter, "SCAN_S", HOUR_S)  # nobody may wait for the end of a scan
    missing = [bed.link(f"A0:9E:1A:00:01:{number:02X}") for number in range(5)]
    for feed in missing:
        await bed.until(lambda feed=feed: "not seen" in feed.status.last_error, "it is missed")
    strap = bed.strap()
    feed = bed.link(strap.peripheral)
    loop = asyncio.get_running_loop()
    begun = loop.time()
    await bed.connected(feed)
    print("connected after", loop.time() - begun)  # noqa: T201 (a figure, not a check)
    assert all(feed.status.failures == 1 for feed in missing)


async def test_the_scan_goes_on_for_the_others_after_one_is_found(bed):
    straps = [bed.strap(number) for number in range(1, 7)]
    straps[5].peripheral.in_range = False
    feeds = [bed.link(strap.peripheral) for strap in straps]
    for feed in feeds[:5]:
        await bed.connected(feed)
    straps[5].peripheral.in_range = True
    await bed.connected(feeds[5])
    await bed.until(lambda: not bed.bluez.adapter.discovering, "no scan once all are found")


async def test_nobody_scans_while_somebody_connects(bed, bluez):
    slow = bed.strap(1, connect_delay_s=0.5)
    bed.link("A0:9E:1A:00:00:77")
    feed = bed.link(slow.peripheral)
    scanning_while_connecting = []

    async def look():
        while True:
            device = bluez.device(slow.peripheral)
            if device is not None and device._attempt is not None:
                scanning_while_connecting.append(bluez.adapter.discovering)
            await asyncio.sleep(0.01)

    bed.tasks.append(asyncio.create_task(look()))
    await bed.connected(feed)
    assert scanning_while_connecting
    assert not any(scanning_while_connecting)
    await bed.until(lambda: bluez.adapter.discovering, "the scan goes on")


async def test_a_property_that_changes_is_not_taken_for_an_advertisement(bed, bluez):
    strap = bed.strap()
    feed = bed.link(strap.peripheral)
    await bed.connected(feed)
    strap.peripheral.in_range = False
    strap.peripheral.drop_link()
    await bed.until(lambda: bluez.adapter.discovering, "it is looked for")
    device, attempts = bluez.device(strap.peripheral), []
    for _ in range(20):
        device.changed("Trusted")
        await asyncio.sleep(0.01)
        attempts.append(device._attempt)
    assert not any(attempts)
    strap.peripheral.in_range = True
    await bed.connected(feed, 2)


async def test_a_slow_connection_is_waited_for(bed):
    strap = bed.strap(connect_delay_s=1.5)
    feed = bed.link(strap.peripheral)
    await bed.connected(feed)
    assert feed.status.failures == 0


async def test_a_connection_that_takes_too_long_is_given_up_and_tried_again(bed, monkeypatch):
    monkeypatch.setattr(gatt_visit, "CONNECT_S", 0.2)
    strap = bed.strap(connect_delay_s=60.0)
    feed = bed.link(strap.peripheral)
    await bed.until(lambda: feed.status.failures, "a failure")
    strap.peripheral.connect_delay_s = 0.0
    await bed.connected(feed)


async def test_a_refused_connection_is_tried_again_after_a_growing_while(bed):
    strap = bed.strap()
    strap.peripheral.connect_errors.extend([BluezError("Failed", "br-connection-canceled")] * 5)
    feed = bed.link(strap.peripheral)
    await bed.connected(feed)
    assert feed.status.failures == 5
    waits = [one for one in bed.clock.rests if one not in {HOUR_S, gatt.VISIT_REST_S}][:5]
    ceilings = [retry.FIRST_WAIT_S * 2**n for n in range(5)]
    for wait, ceiling in zip(waits, ceilings, strict=True):
        assert ceiling / 2 <= wait <= ceiling


@pytest.mark.parametrize("mtu", [23, 247])
async def test_frames_come_whole_at_the_smallest_and_a_large_mtu(bed, mtu):
    feed = bed.link(bed.strap(mtu=mtu).peripheral)
    await bed.connected(feed)
    assert feed.status.rejected == 0


async def test_a_read_that_hangs_is_given_up(bed, monkeypatch):
    monkeypatch.setattr(gatt_visit, "CALL_S", 0.2)
    strap = bed.strap()
    strap.beats.silent = True
    feed = bed.link(strap.peripheral)
    await bed.until(lambda: feed.status.failures, "it is given up")
    assert "subscribe: no answer" in feed.status.last_error
    strap.beats.silent = False
    await bed.connected(feed)


# Sensors that come and go, and sensors that are asked


async def test_a_visit_of_an_episodic_sensor_is_no_failure(bed, monkeypatch):
    monkeypatch.setattr(gatt, "NOT_SEEN_S", 0.1)
    strap = bed.strap()
    strap.peripheral.in_range = False
    feed = bed.link(strap.peripheral, episodic=True)
    await asyncio.sleep(0.4)
    assert feed.status.failures == 0
    for times in (1, 2):
        strap.peripheral.in_range = True
        await bed.connected(feed, times)
        strap.peripheral.in_range = False
        strap.peripheral.drop_link()
        await bed.until(lambda: not feed.status.connected, "it hangs up")
    assert feed.status.failures == 0
    assert len(bed.events(EventKind.DISCONNECTED)) == 2
    assert not bed.events(EventKind.LINK_FAILED)
    assert not bed.events(EventKind.GAP)


async def test_an_episodic_sensor_that_falls_silent_is_hung_up_on_without_a_failure(bed, bluez):
    strap = bed.strap()
    feed = bed.link(strap.peripheral, episodic=True, silence_s=0.5)
    await bed.connected(feed)
    strap.peripheral.in_range = strap.is_measuring = False
    await bed.until(lambda: not feed.status.connected, "the hub hangs up")
    assert not bluez.device(strap.peripheral).connected
    assert feed.status.failures == 0


async def test_an_episodic_sensor_that_gives_nothing_is_a_failure(bed):
    strap = bed.strap()
    strap.is_measuring = False
    feed = bed.link(strap.peripheral, episodic=True, silence_s=0.2)
    await bed.until(lambda: feed.status.failures, "a failure")
    assert "silent" in feed.status.last_error


class Questioner(Decoder):
    """Asks one question a poll, the first with and the others without an answer."""

    def __init__(self, sensor):
        super().__init__(sensor)
        self.polls = 0

    def feed(self, data, at, channel=""):
        return (Observation(code=codes.HEART_RATE, value=60.0, at=at, sensor=self.sensor),)

    def poll(self, at):
        self.polls += 1
        return (Write(CONTROL, bytes([self.polls]), response=self.polls == 1),)


QUESTIONER = Driver(
    name="questioner",
    title="A sensor that is asked",
    link=Gatt(
        service=heart_rate.SERVICE,
        notify=(heart_rate.MEASUREMENT,),
        writable=(CONTROL,),
        poll_s=0.05,
    ),
    decoder=Questioner,
    measures=(codes.HEART_RATE,),
)


async def test_a_decoder_is_polled_and_its_writes_are_sent_as_it_says(bed):
    strap = bed.strap()
    control = strap.peripheral.characteristic(CONTROL)
    control.flags = ("write",)
    bed.link(strap.peripheral, QUESTIONER)
    await bed.until(lambda: strap.written, "a question")
    # A write without response is refused by a characteristic that has only the other kind.
    await bed.until(lambda: bed.events(EventKind.LINK_FAILED), "the second is sent without")
    assert strap.written[0] == b"\x01"
    assert "write" in bed.events(EventKind.LINK_FAILED)[0].detail["reason"]
    control.flags = ("write", "write-without-response")
    written = len(strap.written)
    await bed.until(lambda: len(strap.written) >= written + 3, "more questions")


# Bonds


@pytest.fixture
async def bonded(bed):
    """Return a strap that is bonded and encrypts its values."""
    strap = bed.strap(bonded=True)
    strap.beats.encrypted = True
    return strap


async def test_an_unpaired_sensor_is_told_once_and_never_connected(bed, bluez):
    strap = bed.strap()
    strap.beats.encrypted = True
    feed = bed.link(strap.peripheral, pair=True)
    other = bed.link(bed.strap(2).peripheral)
    await bed.until(lambda: bed.events(EventKind.NOT_BONDED), "it is told")
    await bed.connected(other)
    await asyncio.sleep(0.3)
    assert len(bed.events(EventKind.NOT_BONDED)) == 1
    assert f"Run: edge-agent pair {strap.peripheral.address}" in feed.status.last_error
    assert feed.status.failures == 1
    device = bluez.device(strap.peripheral)
    assert device is None or not device.connected
    assert not strap.peripheral.bonded


async def test_a_sensor_that_is_paired_meanwhile_is_connected(bed, bluez):
    strap = bed.strap()
    strap.beats.encrypted = True
    feed = bed.link(strap.peripheral, pair=True)
    await bed.until(lambda: bed.events(EventKind.NOT_BONDED), "it is told")
    pair_by_hand(bluez, strap.peripheral)
    await bed.connected(feed)


def pair_by_hand(bluez, peripheral):
    """Leave a new bond on both sides, as a person with a pairing program does."""
    if bluez.device(peripheral) is None:
        bluez._introduce(peripheral)
    peripheral.bonded, peripheral.bond_is_lost = True, False
    bluez.device(peripheral).changed("Bonded", "Paired")


def refuse(strap, code):
    strap.beats.errors.extend([att_error(code)] * 50)


@pytest.mark.parametrize("code", [0x05, 0x0F], ids=["authentication", "encryption"])
async def test_a_refused_bond_is_one_audit_event_and_no_second_try(bed, bonded, code):
    refuse(bonded, code)
    feed = bed.link(bonded.peripheral, pair=True)
    other = bed.link(bed.strap(2).peripheral)
    await bed.until(lambda: bed.events(EventKind.BOND_REFUSED), "the audit event")
    await bed.connected(other)
    await asyncio.sleep(0.4)
    assert len(bed.events(EventKind.BOND_REFUSED)) == 1
    assert len(bonded.beats.errors) == 49
    assert feed.status.failures == 1
    assert bluez_bond.REFUSED_S in bed.clock.rests


async def test_a_sensor_that_refused_is_connected_once_it_is_paired_anew(bed, bonded, bluez):
    refuse(bonded, 0x05)
    feed = bed.link(bonded.peripheral, pair=True)
    await bed.until(lambda: bed.events(EventKind.BOND_REFUSED), "the audit event")
    bonded.beats.errors.clear()
    await asyncio.sleep(0.2)
    assert feed.status.connections == 0
    bluez.remove(bluez.device(bonded.peripheral).path)
    await bed.until(lambda: bed.events(EventKind.NOT_BONDED), "the bond is missed")
    pair_by_hand(bluez, bonded.peripheral)
    await bed.connected(feed)
    assert len(bed.events(EventKind.BOND_REFUSED)) == 1


async def test_a_sensor_that_refused_is_tried_again_after_an_hour(bed, bonded, monkeypatch):
    monkeypatch.setattr(bluez_bond, "REFUSED_S", 0.2)
    bed.clock.longest_s = 0.3
    refuse(bonded, 0x05)
    feed = bed.link(bonded.peripheral, pair=True)
    await bed.until(lambda: feed.status.failures >= 3, "later tries")
    assert len(bed.events(EventKind.BOND_REFUSED)) == 1
    bonded.beats.errors.clear()
    await bed.connected(feed)


@pytest.mark.parametrize(
    "bluez",
    [dataclasses.replace(BLUEZ_5_82, version="later", says_why_it_hung_up=True)],
    indirect=True,
    ids=["bluez-later"],
)
async def test_a_lost_bond_of_which_the_daemon_gives_the_reason_is_refused_at_once(bed, bonded):
    bonded.peripheral.bond_is_lost = True
    feed = bed.link(bonded.peripheral, pair=True)
    await bed.until(lambda: bed.events(EventKind.BOND_REFUSED), "the audit event")
    await asyncio.sleep(0.3)
    assert feed.status.failures == 1
    assert len(bed.events(EventKind.BOND_REFUSED)) == 1


async def test_a_bonded_sensor_that_always_hangs_up_is_doubted_and_tried_seldom(bed, bonded):
    """Neither version says why such a link ended: only the repetition tells."""
    bonded.peripheral.bond_is_lost = True
    feed = bed.link(bonded.peripheral, pair=True)
    await bed.until(lambda: bed.events(EventKind.BOND_REFUSED), "the audit event")
    assert feed.status.failures in {bluez_bond.DOUBTS - 1, bluez_bond.DOUBTS}
    await bed.until(lambda: bluez_bond.DOUBTED_S in bed.clock.rests, "a long rest")


async def test_a_bonded_sensor_whose_link_breaks_now_and_then_is_not_doubted(bed, bonded):
    feed = bed.link(bonded.peripheral, pair=True)
    for times in range(1, 2 * bluez_bond.DOUBTS):
        await bed.connected(feed, times)
        bonded.peripheral.drop_link()
    assert not bed.events(EventKind.BOND_REFUSED)


async def test_a_bond_outlives_a_restart_of_the_daemon_without_an_event(bed, bonded, bluez):
    feed = bed.link(bonded.peripheral, pair=True)
    await bed.connected(feed)
    await bluez.restart()
    await bed.connected(feed, 2)
    assert not bed.events(EventKind.NOT_BONDED)
    assert not bed.events(EventKind.BOND_REFUSED)


async def test_a_sensor_that_turns_out_to_want_a_bond_is_told_as_not_bonded(bed):
    """The driver did not say so: some members of a family do, and others don't."""
    strap = bed.strap()
    refuse(strap, 0x05)
    feed = bed.link(strap.peripheral)
    await bed.until(lambda: bed.events(EventKind.NOT_BONDED), "it is told")
    assert "edge-agent pair" in feed.status.last_error
    await asyncio.sleep(0.2)
    assert len(strap.beats.errors) == 49
