"""What a bad link does to frames: it loses, repeats, swaps and damages them."""

from __future__ import annotations

import random
import re
from collections.abc import Iterable
from dataclasses import dataclass, field

from edge_agent.errors import EdgeError

_KINDS = ("drop", "duplicate", "reorder", "corrupt", "garbage", "delay_s")


@dataclass(slots=True, kw_only=True)
class FrameFaults:
    """Faults of one channel; each number is a probability per frame, 0 to 1.

    ``drop`` loses the frame, ``duplicate`` sends it twice, ``reorder`` holds it back until the next
    one has gone, ``corrupt`` flips one bit, and ``garbage`` sends a frame of random octets after
    it. ``delay_s`` lets a frame come up to so many seconds late; frames don't overtake each other.
    All draws come from ``rng``, so a seed repeats the whole run.
    """

    rng: random.Random
    drop: float = 0.0
    duplicate: float = 0.0
    reorder: float = 0.0
    corrupt: float = 0.0
    garbage: float = 0.0
    delay_s: float = 0.0
    _held: bytes | None = field(default=None, init=False)

    @classmethod
    def from_words(cls, words: Iterable[str], rng: random.Random) -> FrameFaults:
        """Read faults such as ``drop=0.1``.

        :raises EdgeError: a kind that does not exist, or a number that is none.
        """
        faults = cls(rng=rng)
        for word in words:
            kind, _, number = word.partition("=")
            if kind not in _KINDS or not re.fullmatch(r"[0-9]+(\.[0-9]+)?", number):
                step = f"Write KIND=NUMBER, with one of {', '.join(_KINDS)}"
                raise EdgeError(f"fault {word!r}", "makes no sense", step)
            if kind != "delay_s" and float(number) > 1:
                raise EdgeError(f"fault {word!r}", "is no probability", "Give 0 to 1")
            setattr(faults, kind, float(number))
        return faults

    def through(self, frame: bytes) -> list[bytes]:
        """Return the frames that come out at the far end when ``frame`` goes in, in order."""
        if self._draw(self.drop):
            return []
        if frame and self._draw(self.corrupt):
            frame = self._flipped(frame)
        if self._held is None and self._draw(self.reorder):
            self._held = frame
            return []
        arrived = [frame]
        if self._draw(self.duplicate):
            arrived.append(frame)
        if self._held is not None:
            arrived.append(self._held)
            self._held = None
        if self._draw(self.garbage):
            arrived.append(self.rng.randbytes(self.rng.randint(1, 20)))
        return arrived

    def late_s(self) -> float:
        """Return by how many seconds the next frame comes late."""
        return self.rng.uniform(0, self.delay_s) if self.delay_s > 0 else 0.0

    def heal(self) -> None:
        """End every fault. A frame held back goes out with the next one."""
        self.delay_s = 0.0
        self.drop = self.duplicate = self.reorder = self.corrupt = self.garbage = 0.0

    def _draw(self, probability: float) -> bool:
        return probability > 0 and self.rng.random() < probability

    def _flipped(self, frame: bytes) -> bytes:
        octets = bytearray(frame)
        octets[self.rng.randrange(len(octets))] ^= 1 << self.rng.randrange(8)
        return bytes(octets)
