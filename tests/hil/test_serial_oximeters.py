"""Oximeters on a pseudo-terminal: what they are asked, what a finger pulled out looks like."""

import asyncio
import dataclasses
import itertools
import random

import pytest

from edge_agent import codes
from edge_agent.link.serial import SerialLink
from edge_agent.model import EventKind, Observation, State, Waveform
from edge_drivers.contec import KEEP_ALIVE, START, STOP
from edge_mocks.contec import ContecOximeter
from edge_mocks.nonin import NoninOximeter
from edge_mocks.serial_line import SerialLine
from edge_mocks.traces import SimulatedOximetry
from tests.hil.conftest import SEED, Bench

WITHOUT_A_WORD_FOR_IT = {"nonin-ascii"}
"""Formats that tell a missing finger only by a missing number."""


def spo2(bench, since):
    return [
        one
        for one in bench.emitted[since:]
        if isinstance(one, Observation) and one.code is codes.SPO2
    ]


@pytest.mark.parametrize("name", ["nonin-2", "nonin-ascii", "contec", "bci", "nellcor"])
async def test_finger_pulled_out_and_put_in_again_is_seen_and_no_number_is_held(serial_bench, name):
    state = State.SEARCHING if name in WITHOUT_A_WORD_FOR_IT else State.NOT_ATTACHED
    async with serial_bench(name) as bench:
        await bench.until(lambda: not bench.missing(), "every quantity")
        bench.mock.attached = False
        begun = len(bench.emitted)
        await bench.until(
            lambda: any(one.state is state for one in spo2(bench, begun)), "no finger"
        )
        out = len(bench.emitted)
        await bench.until(lambda: spo2(bench, out), "more of it")
        assert {(one.value, one.state) for one in spo2(bench, out)} == {(None, state)}
        bench.mock.attached = True
        await bench.until(lambda: not bench.missing(out), "a number again")
        assert not bench.events(EventKind.DISCONNECTED)


@pytest.mark.parametrize("name", ["nonin-8", "contec-old", "masimo"])
async def test_weak_pulse_lowers_the_quality_of_a_number_that_stands(serial_bench, name):
    async with serial_bench(name) as bench:
        bench.mock.weak = True
        begun = len(bench.emitted)
        await bench.until(lambda: not bench.missing(begun), "a number")
        (*_, last) = spo2(bench, begun)
        assert (last.state, last.quality, last.is_reliable) == (State.MEASURED, 0.6, True)


@pytest.mark.parametrize("name", ["nonin-2", "contec", "bci"])
async def test_pulse_wave_has_neither_gap_nor_overlap_though_reads_bring_several_blocks(
    serial_bench, name
):
    async with serial_bench(name) as bench:
        await bench.until(lambda: not bench.missing(), "every quantity")
        begun = len(bench.emitted)

        def waves():
            return [one for one in bench.emitted[begun:] if isinstance(one, Waveform)]

        let_go = hold(bench.line)
        await asyncio.sleep(0.7)
        let_go()
        await bench.until(lambda: len(waves()) >= 5, "five blocks")
        assert all(one.start == before.end for before, one in itertools.pairwise(waves()))
        assert not any(one.follows_gap for one in waves())


def hold(line):
    """Keep back what the sensor says, as a busy hub would; return what lets it go."""
    kept, send = [], line.write

    def keep(octets):
        kept.append(octets)

    def let_go():
        line.write = send
        send(b"".join(kept))

    line.write = keep
    return let_go


def contec_link(bench, **changes):
    line = dataclasses.replace(bench.driver.link, **changes)
    port = str(bench.line.path)
    return SerialLink(bench.feed, port, line, bench.clock, random.Random(SEED))


@pytest.fixture
def contec(tmp_path):
    """A Contec oximeter that is patient for half a second only, and a bench without a link."""
    line = SerialLine(tmp_path / "usb-contec")
    line.replug()
    bench = Bench("contec", ContecOximeter(line, SimulatedOximetry(SEED), patience_s=0.5))
    bench.line = line
    yield bench
    line.unplug()


async def test_contec_is_silent_until_asked_and_let_go_at_the_end(contec):
    async with contec.mock:
        await asyncio.sleep(0.2)
        assert not contec.mock.is_sending
        async with contec.running(contec_link(contec)):
            await contec.until(lambda: not contec.missing(), "every quantity")
        await contec.until(lambda: contec.mock.heard[-1:] == [STOP], "the stop request")
        assert contec.mock.heard == [START, STOP]


async def test_contec_is_kept_awake_by_signs_of_life(contec):
    async with contec.mock, contec.running(contec_link(contec, poll_s=0.1)):
        await contec.until(lambda: contec.mock.heard.count(KEEP_ALIVE) >= 12, "twelve signs")
        assert contec.mock.is_sending
        assert contec.mock.heard.count(START) == 1
        assert contec.feed.status.failures == 0


async def test_contec_that_fell_asleep_is_asked_again(contec):
    link = contec_link(contec, poll_s=None, silence_s=0.4)
    async with contec.mock, contec.running(link):
        await contec.until(lambda: contec.mock.heard.count(START) >= 2, "a second start")
        begun = len(contec.emitted)
        await contec.until(lambda: not contec.missing(begun), "every quantity again")


async def test_contec_that_was_unplugged_is_asked_again(contec):
    async with contec.mock, contec.running(contec_link(contec)):
        await contec.until(lambda: not contec.missing(), "every quantity")
        contec.line.unplug()
        await contec.until(lambda: contec.events(EventKind.DISCONNECTED), "the loss")
        contec.mock.is_sending = False
        begun = len(contec.emitted)
        contec.line.replug()
        await contec.until(lambda: not contec.missing(begun), "every quantity again")
        assert contec.mock.heard.count(START) == 2


async def test_nonin_oximeter_keeps_the_truth(serial_bench):
    async with serial_bench("nonin-2") as bench:
        assert isinstance(bench.mock, NoninOximeter)
        await bench.until(lambda: len(spo2(bench, 0)) >= 3, "three packets")
        for one in spo2(bench, 0):
            assert one.value == pytest.approx(bench.mock.trace.spo2_percent(0.5), abs=1)
