"""The probe without a terminal: lines that are played, and every driver's captures on them."""

import random
from pathlib import Path

import pytest

from edge_agent import registry
from edge_agent.capture import Action, parse
from edge_agent.driver import Decoder, Driver, Serial, Write
from edge_agent.errors import LinkError
from edge_agent.link.probe import Trial, probe
from edge_agent.model import Boottime

CAPTURES = Path(__file__).parents[1] / "captures"
DRIVERS = {
    name: found
    for name in registry.names()
    if isinstance(found := registry.find(name), Driver) and isinstance(found.link, Serial)
}
ALIKE = {"bci": {"bci", "contec-old"}, "contec-old": {"bci", "contec-old"}}
"""Formats whose frames are the same octets: only the setting of the line tells them apart."""


class HastyClock:
    """Time that passes only while somebody sleeps."""

    def __init__(self):
        self.now = 0

    def boottime(self):
        return Boottime(self.now)

    def utc_ns(self):
        return self.now

    async def sleep(self, seconds):
        self.now += round(seconds * 1e9)


class PlayedPort:
    """A line on which a sensor speaks at one setting, and elsewhere what ``elsewhere`` gives."""

    def __init__(self, octets, setting=None, starts=None, elsewhere=b""):
        self.octets, self.setting, self.starts = octets, setting, starts
        self.elsewhere = elsewhere
        self.written, self.opened, self.closed = [], [], 0

    def __call__(self, path, line):
        self.opened.append(line)
        right = self.setting in {None, (line.baud, line.parity)}
        self.waiting = self.octets if right and self.starts is None else b""
        self.waiting = self.waiting if right else self.elsewhere
        return self

    def read(self):
        octets, self.waiting = self.waiting[:500], self.waiting[500:]
        return octets

    def write(self, octets):
        self.written.append(octets)
        if octets == self.starts:
            self.waiting = self.octets

    def close(self):
        self.closed += 1


async def probed(port, drivers=None, **how):
    drivers = list(DRIVERS.values()) if drivers is None else drivers
    return await probe("/dev/played", drivers, HastyClock(), opener=port, **how)


def names(probing):
    return {match.driver.name for match in probing.matches}


def spoken(name):
    """Return all that a driver's captures have received."""
    files = sorted((CAPTURES / name).rglob("input.hex"))
    steps = [step for file in files for step in parse(file.read_text(encoding="utf-8")).steps]
    return b"".join(step.octets for step in steps if step.action is Action.RECEIVED)


def test_every_serial_driver_says_what_it_recognises():
    assert all(driver.recognise is not None for driver in DRIVERS.values())


@pytest.mark.parametrize("name", DRIVERS)
async def test_captures_at_the_driver_s_own_setting_are_recognised(name):
    line = DRIVERS[name].link
    probing = await probed(PlayedPort(spoken(name) * 3, (line.baud, line.parity)))
    assert names(probing) == {name}
    assert f'driver = "{name}", port = "/dev/played"' in probing.advice
    assert "baud" not in probing.advice


@pytest.mark.parametrize("name", DRIVERS)
async def test_captures_at_every_setting_are_recognised_and_formats_alike_are_named(name):
    probing = await probed(PlayedPort(spoken(name) * 3))
    assert names(probing) == ALIKE.get(name, {name})
    assert ("can't be told apart" in probing.advice) == (name in ALIKE)


@pytest.mark.parametrize("name", DRIVERS)
async def test_recognising_begins_anywhere_in_the_stream(name):
    octets = spoken(name) * 4
    probing = await probed(PlayedPort(octets[len(octets) // 7 + 1 :]))
    assert names(probing) == ALIKE.get(name, {name})


@pytest.mark.parametrize("name", DRIVERS)
@pytest.mark.parametrize("seed", range(3))
def test_noise_is_not_recognised_seed(name, seed):
    assert DRIVERS[name].recognise(random.Random(seed).randbytes(20_000)) < 0.3


async def test_sensor_at_another_rate_than_its_driver_expects_is_told_with_its_rate():
    slow = DRIVERS["nonin-2"]
    octets = spoken("nonin-2") * 3
    probing = await probed(PlayedPort(octets, (19_200, "O")))
    assert probing.matches[0].driver is slow
    assert probing.advice.endswith(
        'driver = "nonin-2", port = "/dev/played", baud = 19200, parity = "O"'
    )


async def test_silent_sensor_is_asked_by_its_driver_and_let_go_again():
    start, stop = bytes.fromhex("7d81a1808080808080"), bytes.fromhex("7d81a2808080808080")
    port = PlayedPort(spoken("contec") * 3, (115_200, "N"), starts=start)
    probing = await probed(port)
    assert names(probing) == {"contec"}
    assert port.written == [start, stop]
    assert [trial.asked for trial in probing.trials if trial.octets] == ["contec"]
    assert port.closed == len(port.opened)


async def test_listening_only_sends_nothing():
    port = PlayedPort(spoken("contec"), starts=bytes.fromhex("7d81a1808080808080"))
    probing = await probed(port, listen_only=True)
    assert port.written == []
    assert probing.matches == ()


async def test_sensor_that_speaks_unasked_is_not_asked():
    port = PlayedPort(spoken("bci") * 3, (115_200, "N"))
    await probed(port)
    assert port.written == []


async def test_every_distinct_setting_is_tried_once():
    port = PlayedPort(b"")
    probing = await probed(port, listen_only=True)
    tried = [(one.baud, one.bytesize, one.parity, one.stopbits) for one in port.opened]
    wanted = {(d.link.baud, d.link.bytesize, d.link.parity, d.link.stopbits)
              for d in DRIVERS.values()}  # fmt: skip
    assert len(tried) == len(set(tried)) == len(wanted)
    assert set(tried) == wanted
    assert "Silence at 9600 8N1, 19200 8O1, 115200 8N1" in probing.advice


async def test_octets_that_no_driver_knows_are_shown():
    garbage = random.Random(5).randbytes(3000)
    probing = await probed(PlayedPort(b"", (115_200, "N"), elsewhere=garbage))
    assert probing.matches == ()
    assert "3000 octets at 9600 8N1" in probing.advice
    assert garbage[:16].hex(" ") in probing.advice


class Refusing(PlayedPort):
    def __call__(self, path, line):
        if self.setting in {None, (line.baud, line.parity)}:
            raise LinkError("port", "does not take this", "Try another")
        return super().__call__(path, line)


async def test_setting_that_the_port_refuses_is_shown_and_the_others_are_tried():
    port = Refusing(b"", (19_200, "O"))
    probing = await probed(port)
    (refused,) = [trial for trial in probing.trials if trial.error]
    assert (refused.setting, refused.error) == ("19200 8O1", "does not take this")
    assert "19200" not in probing.advice


async def test_port_that_can_t_be_opened_at_all_says_why():
    with pytest.raises(LinkError, match="does not take this"):
        await probed(Refusing(b""))


async def test_port_is_closed_when_it_goes_away_in_the_middle():
    class Vanishing(PlayedPort):
        def read(self):
            raise LinkError("port", "went away", "")

    port = Vanishing(b"")
    with pytest.raises(LinkError, match="went away"):
        await probed(port)
    assert port.closed == 1


async def test_stop_request_is_sent_even_if_nothing_came():
    class Asking(Decoder):
        def open(self, at):
            return [Write("", b"go")]

        def feed(self, data, at, channel=""):
            return ()

        def close(self):
            return [Write("", b"halt")]

    driver = Driver(name="asking", title="", link=Serial(), decoder=Asking, measures=(),
                    recognise=lambda _: 0.0)  # fmt: skip
    port = PlayedPort(b"")
    await probed(port, [driver])
    assert port.written == [b"go", b"halt"]


def test_trial_without_a_single_frame_has_no_best_driver():
    assert Trial(line=Serial(), shares={"a": 0.0}).best == ""
    assert Trial(line=Serial(), shares={}).best == ""
    assert Trial(line=Serial(), shares={"a": 0.1, "b": 0.2}).best == "b"
