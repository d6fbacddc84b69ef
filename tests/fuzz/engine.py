"""Feeds decoders what no sensor sends: damaged frames, cut ones, noise, in any order.

Nothing but :class:`~edge_agent.errors.FrameError` may come out. The inputs are drawn from a seed,
so a finding is repeated by its number.
"""

import random
import time
from dataclasses import dataclass

from edge_agent.driver import FrameError, Serial
from edge_agent.model import Boottime
from edge_drivers.serial_frames import FrameDecoder
from tests.every_driver import UnderTest, steps

_LIFE = 256
"""Inputs that one decoder gets before the next takes over: enough to reach any of its states."""
_STEP_NS = 7_000_000
_READ = 24
"""Octets that one read of a serial line brings, where its frames are lines."""
_OFFSETS = 5
"""Pieces of a line begin at this many places of a frame, so that some are whole frames."""
_NOISE, _CUT, _LONGER, _ASTRAY = 38, 64, 77, 90  # of 256; the others have one to three bits wrong


@dataclass
class Outcome:
    """What a run gave: how many inputs were refused, and how long feeding took (seconds)."""

    inputs: int = 0
    refused: int = 0
    fed_s: float = 0.0
    slowest_s: float = 0.0


class Finding(Exception):
    """An input that made a decoder raise something else."""


def fuzz(subject: UnderTest, seed: int, count: int) -> Outcome:
    """Feed ``count`` inputs to decoders of ``subject``.

    :raises Finding: names driver, seed, number, channel and octets.
    """
    rng, outcome = random.Random(f"{subject.name}/{seed}"), Outcome()
    frames = _frames(subject)
    channels = subject.channels
    clock = time.perf_counter
    decoder, at = subject.decoder(), 10**15
    for number in range(count):
        if number % _LIFE == 0:
            decoder = subject.decoder()
            list(decoder.open(Boottime(at)))
        channel, octets = _input(rng, frames, channels)
        at += _STEP_NS
        began = clock()
        try:
            for _ in decoder.feed(octets, Boottime(at), channel):
                pass
        except FrameError:
            outcome.refused += 1
        except Exception as error:
            where = f"{subject.name}, seed {seed}, input {number}, channel {channel}"
            raise Finding(f"{where}, octets {octets.hex()}: {error!r}") from error
        took = clock() - began
        outcome.fed_s += took
        outcome.slowest_s = max(outcome.slowest_s, took)
    outcome.inputs = count
    return outcome


def _frames(subject: UnderTest) -> list[tuple[str, bytes]]:
    """Return every frame of the captures; of a serial line, pieces as long as a frame."""
    fed = [step for case in subject.cases for step in steps(case) if step.octets]
    if not isinstance(subject.driver.link, Serial):
        return [(step.channel, step.octets) for step in fed]
    stream = b"".join(step.octets for step in fed)
    decoder = subject.decoder()
    framing = decoder.framing if isinstance(decoder, FrameDecoder) else None
    octets = framing.longest if framing is not None and not framing.separate else _READ
    begins = range(0, len(stream), max(1, octets // _OFFSETS))
    return [("", stream[begin : begin + octets]) for begin in begins]


def _input(
    rng: random.Random, frames: list[tuple[str, bytes]], channels: tuple[str, ...]
) -> tuple[str, bytes]:
    """Draw one input: mostly a real frame with something wrong in it.

    All of it comes from one number: drawing must not take longer than decoding.
    """
    bits = rng.getrandbits(96)
    draw, bits = bits & 0xFF, bits >> 8
    channel, frame = frames[(bits & 0xFFFF) % len(frames)]
    bits >>= 16
    if draw < _NOISE:
        return channels[bits % len(channels)], rng.randbytes((bits >> 8) % 40)
    if draw < _CUT:
        return channel, frame[: bits % len(frame)]
    if draw < _LONGER:
        return channel, frame + rng.randbytes(1 + bits % 4)
    if draw < _ASTRAY:
        return channels[bits % len(channels)], frame
    octets = bytearray(frame)
    flips, bits = 1 + (bits & 0xFF) % 3, bits >> 8
    for _ in range(flips):
        octets[(bits & 0xFFFF) % len(octets)] ^= 1 << (bits >> 16 & 7)
        bits >>= 19
    return channel, bytes(octets)
