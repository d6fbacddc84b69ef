"""Samples are placed within 10 ms of the truth by a clock 50 ppm off, over a radio 200 ms late."""

import random

import numpy as np
import pytest

from edge_agent.clock import NS_PER_S, VirtualClock
from edge_agent.driver import Write
from edge_agent.link.feed import Feed
from edge_agent.model import Event, EventKind, Waveform
from edge_drivers import polar_pmd
from edge_drivers.polar_pmd import ControlReply, ControlRequest, EcgFrame, Status
from edge_mocks.polar import FIRST_CLOCK_NS, SAMPLES_PER_FRAME

RATE_HZ, JITTER_S, LEARNING_S = 130.34, 0.2, 120.0


class Strap:
    """A strap whose samples have known true times, and whose frames come late."""

    def __init__(self, ppm, seed):
        self.ppm, self.rng = ppm, random.Random(seed)
        self.emitted, self.clock, self.truth_ns = [], VirtualClock(), []
        self.feed = Feed("patch", polar_pmd.DRIVER, self.clock, self.emitted.append)
        self.answer(self.feed.open())
        self.clock_jump_ns = 0

    def answer(self, requests):
        """Accept whatever the driver asks for, as a sensor does."""
        for request in requests:
            if isinstance(request, Write) and request.channel == polar_pmd.CONTROL_POINT:
                asked = ControlRequest.from_bytes(request.payload)
                reply = ControlReply(asked.opcode, asked.kind, Status.OK, polar_pmd.ecg_settings())
                self.answer(self.feed.receive(reply.to_bytes(), polar_pmd.CONTROL_POINT))

    async def run(self, seconds, begin=0):
        """Send frames; each arrives up to 200 ms after its last sample, in order."""
        arrived_s = 0.0
        for frame in range(begin, begin + round(seconds * RATE_HZ / SAMPLES_PER_FRAME)):
            first, last = frame * SAMPLES_PER_FRAME, (frame + 1) * SAMPLES_PER_FRAME - 1
            arrives_s = max(arrived_s, last / RATE_HZ + self.rng.uniform(0, JITTER_S))
            await self.clock.advance(arrives_s - self.clock.boottime() / NS_PER_S)
            arrived_s = arrives_s
            stamp_ns = round(last / RATE_HZ * (1 + self.ppm * 1e-6) * NS_PER_S)
            samples = np.zeros(SAMPLES_PER_FRAME, np.int32)
            octets = EcgFrame(FIRST_CLOCK_NS + stamp_ns + self.clock_jump_ns, samples).to_bytes()
            before = len(self.emitted)
            self.feed.receive(octets, polar_pmd.DATA)
            if any(isinstance(one, Waveform) for one in self.emitted[before:]):
                self.truth_ns.append(round(first / RATE_HZ * NS_PER_S))

    def errors_s(self):
        blocks = [one for one in self.emitted if isinstance(one, Waveform)]
        return (
            np.array([one.start for one in blocks]) / NS_PER_S - np.array(self.truth_ns) / NS_PER_S
        )


@pytest.mark.parametrize("ppm", [-50, 0, 50])
@pytest.mark.parametrize("seed", range(2))
async def test_an_hour_of_ecg_lies_within_10_ms_of_the_truth_seed(ppm, seed):
    strap = Strap(ppm, seed)
    await strap.run(3600)
    errors_s = strap.errors_s()
    settled = errors_s[round(LEARNING_S * RATE_HZ / SAMPLES_PER_FRAME) :]
    assert len(errors_s) > 6000
    assert np.abs(settled).max() < 0.010


async def test_a_clock_that_begins_anew_is_counted_and_the_samples_find_their_places_again():
    strap = Strap(20, 1)
    await strap.run(600)
    frames = round(600 * RATE_HZ / SAMPLES_PER_FRAME)
    strap.clock_jump_ns = -500 * NS_PER_S
    await strap.run(600, begin=frames)
    errors_s = strap.errors_s()
    assert np.abs(errors_s[-frames // 2 :]).max() < 0.010
    kinds = [one.kind for one in strap.emitted if isinstance(one, Event)]
    assert EventKind.CLOCK_RESET in kinds
    assert strap.feed.status.clock_resets == 1
