import asyncio
import random

import numpy as np

from edge_agent import codes, registry
from edge_agent.clock import NS_PER_S, VirtualClock
from edge_agent.driver import Decoder, Driver, FrameError, Serial, Write
from edge_agent.errors import LinkError
from edge_agent.link.feed import Feed
from edge_agent.link.retry import LONGEST_WAIT_S, keep_trying
from edge_agent.model import Boottime, Event, EventKind, Observation, Waveform
from edge_drivers import polar_pmd, thermometer
from edge_drivers.polar_pmd_codec import EcgFrame


class Script(Decoder):
    """Gives what the bytes name."""

    def feed(self, data, at, channel=""):
        if data == b"bad":
            raise FrameError("frame", "bad")
        if data == b"ask":
            return [Write("c", b"1"), self.value(at)]
        if data.startswith(b"wave"):
            return [
                Waveform(
                    code=codes.ECG, samples=np.zeros(13, np.int32), unit_per_count=1.0,
                    rate_hz=130.0, start=at, sensor=self.sensor, device_ns=int(data[4:]),
                )
            ]  # fmt: skip
        return [self.value(at)]

    def value(self, at):
        return Observation(code=codes.SPO2, value=97, at=at, sensor=self.sensor)


def make_feed():
    emitted, clock = [], VirtualClock()
    driver = Driver(
        name="script", title="a script", link=Serial(), decoder=Script, measures=(codes.SPO2,)
    )
    return Feed("ox", driver, clock, emitted.append), emitted, clock


def test_readings_go_out_and_requests_come_back():
    feed, emitted, _ = make_feed()
    assert feed.receive(b"ask") == [Write("c", b"1")]
    assert [one.value for one in emitted] == [97]
    assert (feed.status.frames, feed.status.readings) == (1, 1)


async def test_bad_frames_are_all_counted_and_reported_at_most_once_in_ten_seconds():
    feed, emitted, clock = make_feed()
    for _ in range(110):
        feed.receive(b"bad")
        await clock.advance(0.1)
    events = [one for one in emitted if isinstance(one, Event)]
    assert feed.status.rejected == 110
    assert [event.kind for event in events] == [EventKind.FRAME_REJECTED] * 2
    assert [event.detail["frames"] for event in events] == [1, 100]


async def test_waveforms_are_placed_by_the_sensors_clock_and_not_by_bursts():
    feed, emitted, clock = make_feed()
    for index in range(20):
        await clock.advance(0.1 if index % 2 else 0.0)
        feed.receive(b"wave%d" % (10**15 + index * NS_PER_S // 20))
    starts = np.diff([one.start for one in emitted])
    assert np.all(np.abs(starts[5:] - NS_PER_S // 20) < 1000)


def test_the_same_failure_is_told_once_until_the_link_was_up_again():
    feed, emitted, _ = make_feed()
    for _ in range(5):
        feed.failed("no such port")
    feed.connected()
    feed.failed("no such port")
    assert [one.kind.value for one in emitted] == [
        "link-failed",
        "connected",
        "disconnected",
        "link-failed",
    ]
    assert feed.status.failures == 6


async def test_a_link_waits_longer_after_each_failure_and_soon_again_after_a_success():
    feed, _, clock = make_feed()
    tries = []

    async def session():
        tries.append(clock.boottime() / NS_PER_S)
        if len(tries) == 8:
            feed.connected()  # taken, and hung up on: no reason to hurry
        if len(tries) == 12:
            feed.receive(b"value")
        raise LinkError("ox", "unplugged")

    task = asyncio.create_task(keep_trying(session, (feed,), clock, random.Random(1)))
    await clock.advance(120)
    task.cancel()
    waits = np.diff(tries)
    assert waits[0] < 0.3
    assert max(waits) <= LONGEST_WAIT_S
    assert min(waits[7:11]) > 7
    assert waits[11] < 0.3


async def test_a_fault_in_one_driver_is_reported_and_tried_again():
    feed, emitted, clock = make_feed()

    async def session():
        raise ZeroDivisionError("a bug")

    task = asyncio.create_task(keep_trying(session, (feed,), clock, random.Random(1)))
    await clock.advance(5)
    task.cancel()
    assert "ZeroDivisionError" in emitted[0].detail["reason"]
    assert feed.status.failures > 2


async def test_only_what_a_sensor_is_there_for_breaks_its_silence():
    feed, _, clock = make_feed()
    await clock.advance(5)
    feed.receive(b"bad")
    feed.receive(b"wave1")
    assert feed.silence_s(Boottime(0)) == 5
    feed.receive(b"value")
    assert feed.silence_s(Boottime(0)) == 0


async def test_what_a_decoder_kept_back_comes_out_when_the_link_has_ended():
    clock = VirtualClock()
    emitted = []
    feed = Feed("thermometer", registry.find("thermometer"), clock, emitted.append)
    feed.connected()
    # 37.2 degrees with a time of its own, indicated at once; then the thermometer hangs up.
    feed.receive(bytes.fromhex("06740100FFEA07030E071F0002"), thermometer.MEASUREMENT)
    assert not [one for one in emitted if isinstance(one, Observation)]
    feed.ended()
    (one,) = [one for one in emitted if isinstance(one, Observation)]
    assert (one.value, one.backfilled) == (37.2, True)  # nothing proves its time


async def test_a_sensor_without_what_it_may_lack_is_not_silent():
    """A strap without the Heart Rate service streams ECG, and is there for that."""
    clock = VirtualClock()
    feed = Feed("strap", registry.find("polar-pmd"), clock, lambda _: None)
    began = clock.boottime()
    for _ in range(30):
        await clock.advance(73 / 130)
        frame = EcgFrame(10**18 + clock.boottime(), np.zeros(73, np.int32))
        feed.receive(frame.to_bytes(), polar_pmd.DATA)
    assert feed.silence_s(began) < 1


async def test_a_sensor_that_may_be_anything_is_there_for_whatever_it_gives():
    clock = VirtualClock()
    driver = Driver(name="any", title="any", link=Serial(), decoder=Script, measures=())
    feed = Feed("any", driver, clock, lambda _: None)
    await clock.advance(5)
    assert feed.silence_s(Boottime(0)) == 5
    feed.receive(b"value")
    assert feed.silence_s(Boottime(0)) == 0


def test_a_clock_that_the_sensor_reports_as_new_is_fitted_anew_at_once():
    """Minus 0.9 s: too little for the arrival times to tell before half a minute has passed."""
    clock = VirtualClock()
    emitted = []
    feed = Feed("strap", registry.find("polar-pmd"), clock, emitted.append)
    length_s = 73 / 130

    def hear(index, ahead_s):
        frame = EcgFrame(round((1000 + index * length_s + ahead_s) * 1e9), np.zeros(73, np.int32))
        emitted.clear()
        feed.receive(frame.to_bytes(), polar_pmd.DATA)
        (wave,) = [one for one in emitted if isinstance(one, Waveform)]
        return (wave.end - clock.boottime()) / NS_PER_S

    async def play():
        for index in range(200):
            await clock.advance(length_s)
            late = hear(index, 0.0)
        assert abs(late) < 0.01
        await clock.advance(length_s)
        assert abs(hear(200, -0.9)) < 0.01

    asyncio.run(play())
    assert feed.status.clock_resets == 1
