"""A long block of ECG in pieces: so that how a stream arrives does not change what is found in it.

What judges a rhythm keeps seconds of the signal, not minutes: it has to meet a beat while the line
around it is still there, and the contact of the line in the order of time. So a block of more than
a second is worked through in pieces, and each beat that was settled with it is dealt out to the
piece in which its shape is complete.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeVar

from edge_agent.dsp.beat_trust import JudgedBeat
from edge_agent.dsp.beats import Beat
from edge_agent.dsp.qrs_energy import Signal
from edge_agent.dsp.rhythm_pause import GRACE_S

PIECE_S = 1.0


class _Timed(Protocol):
    @property
    def at_s(self) -> float: ...


_Some = TypeVar("_Some", bound=_Timed)


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """What :meth:`~edge_agent.dsp.rhythm.RhythmStream.push` is given, as much as goes together."""

    block_mV: Signal
    start_s: float
    beats: Sequence[Beat]
    provisional_s: Sequence[float]
    judged: Sequence[JudgedBeat]

    def pieces(self, rate_hz: float) -> Iterator[Piece]:
        """Yield this in pieces of a second at most, in their order.

        A beat is dealt out :data:`~edge_agent.dsp.rhythm_pause.GRACE_S` after it at the latest, so
        no pause begins that it has ended already; until then it is one that is seen.
        """
        size = max(1, int(PIECE_S * rate_hz))
        beats, judged = list(self.beats), list(self.judged)
        first = 0
        while self.block_mV.size - first > size:
            end_s = self.start_s + (first + size) / rate_hz
            ours, beats = _until(beats, end_s - GRACE_S)
            told, judged = _until(judged, end_s - GRACE_S)
            seen_s = (*(one.at_s for one in beats), *self.provisional_s)
            yield Piece(
                block_mV=self.block_mV[first : first + size],
                start_s=self.start_s + first / rate_hz,
                beats=ours,
                provisional_s=[at_s for at_s in seen_s if at_s <= end_s],
                judged=told,
            )
            first += size
        yield Piece(
            block_mV=self.block_mV[first:], start_s=self.start_s + first / rate_hz,
            beats=beats, provisional_s=self.provisional_s, judged=judged,
        )  # fmt: skip


def _until(beats: list[_Some], last_s: float) -> tuple[list[_Some], list[_Some]]:
    """Return the beats up to ``last_s``, and those after it."""
    count = sum(one.at_s <= last_s for one in beats)
    return beats[:count], beats[count:]
