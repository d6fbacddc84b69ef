"""The rhythm of one lead: beats and the line in, findings with onset, offset and strip out.

Each kind of finding has a module of its own; here they are fed from one place and get the strip of
ECG they rest on.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike

from edge_agent.dsp.beat_trust import JudgedBeat
from edge_agent.dsp.beats import Beat
from edge_agent.dsp.rhythm_beats import KnownBeats
from edge_agent.dsp.rhythm_burden import Share
from edge_agent.dsp.rhythm_contact import Contact, ContactStep, ContactStream
from edge_agent.dsp.rhythm_early import EarlyBeats
from edge_agent.dsp.rhythm_finding import Finding, Kind, Standing, Strip
from edge_agent.dsp.rhythm_flat import FlatLineWatch
from edge_agent.dsp.rhythm_flutter import FlutterWatch
from edge_agent.dsp.rhythm_pause import PauseWatch
from edge_agent.dsp.rhythm_pieces import Piece
from edge_agent.dsp.rhythm_rate import RateLimit, RateWatch
from edge_agent.dsp.rhythm_strip import StripRecorder
from edge_agent.dsp.rhythm_sure import SureBeats
from edge_agent.dsp.rhythm_ventricular import VentricularWatch

STRIP_S = 8.0
_UNTIL = 30  # beats


@dataclass(frozen=True, slots=True, kw_only=True)
class RhythmLimits:
    """Where a rhythm becomes a finding; seconds, and beats per minute.

    Slow and fast hearts are told after three intervals beyond the limit; the extreme ones after 5
    and 17 beats.
    """

    pause_s: float = 3.0
    asystole_s: float = 4.0
    slow_per_min: float = 45.0
    fast_per_min: float = 130.0
    extremely_slow_per_min: float = 40.0
    extremely_fast_per_min: float = 140.0
    few_beats: int = 4
    slow_beats: int = 5
    fast_beats: int = 17

    def rates(self) -> tuple[RateLimit, ...]:
        """Return the limits of the rate; slow or fast is over after thirty beats without."""
        few, slow, fast = self.few_beats, self.slow_beats, self.fast_beats
        return (
            RateLimit(kind=Kind.BRADYCARDIA, beats=few, until=_UNTIL, below=self.slow_per_min),
            RateLimit(kind=Kind.TACHYCARDIA, beats=few, until=_UNTIL, above=self.fast_per_min),
            RateLimit(
                kind=Kind.EXTREME_BRADYCARDIA, beats=slow, until=slow,
                below=self.extremely_slow_per_min,
            ),
            RateLimit(
                kind=Kind.EXTREME_TACHYCARDIA, beats=fast, until=fast,
                above=self.extremely_fast_per_min,
            ),
        )  # fmt: skip


DEFAULT_LIMITS = RhythmLimits()


class RhythmStream:
    """Finds what is out of the ordinary in the rhythm of one lead at ``rate_hz``.

    It is given the beats that a :class:`~edge_agent.dsp.beats.BeatStream` finds in the same
    blocks. A finding is a sequence of steps with the same kind and onset: begun, then ended or
    withdrawn.
    """

    def __init__(self, rate_hz: float, limits: RhythmLimits = DEFAULT_LIMITS) -> None:
        self._rate_hz = rate_hz
        self._silences = (
            PauseWatch(limits.pause_s, Kind.PAUSE),
            PauseWatch(limits.asystole_s, Kind.ASYSTOLE),
        )
        self._known = KnownBeats()
        self._flat = FlatLineWatch()
        self._rates = tuple(RateWatch(limit) for limit in limits.rates())
        self._ventricular = VentricularWatch(rate_hz)
        self._flutter = FlutterWatch(rate_hz)
        self._strips: dict[tuple[Kind, float], Strip | None] = {}
        self.contact: Contact | None = None
        self._settled_s = self.seen_s = -math.inf
        """The latest beat, settled or seen and looking like one (s)."""
        self._begin()

    @property
    def is_standing_still(self) -> bool:
        """Whether a standstill of the heart stands that has been told."""
        return self._silences[-1].is_open

    @property
    def is_still(self) -> bool:
        """Whether nothing but the converter's last digits moves."""
        return self._contact.is_still

    @property
    def standing(self) -> frozenset[Kind]:
        """The kinds of finding that have begun and not ended."""
        return frozenset(kind for kind, _ in self._strips)

    def push(
        self,
        block_mV: ArrayLike,
        start_s: float,
        beats: Sequence[Beat] = (),
        *,
        provisional_s: Sequence[float] = (),
        judged: Sequence[JudgedBeat] | None = None,
        attached: bool = True,
        trusted: bool = True,
        follows_gap: bool = False,
    ) -> list[Finding]:
        """Take in a block, shape (n,), from ``start_s`` on, and the beats that it settled.

        ``provisional_s`` are beats seen and not settled, as
        :attr:`~edge_agent.dsp.beats.BeatStream.provisional_s` tells them after the same block.
        ``judged`` are the beats of which it has become known whether they are reliable
        (:class:`~edge_agent.dsp.beat_trust.BeatTrust`): only such are classed as ventricular. When
        left out, ``beats`` are taken as they are.
        ``attached`` is what the sensor itself says; ``trusted`` is false where the beats may be
        noise: then no rate is judged.

        :raises ValueError: samples that are not one-dimensional or not finite.
        """
        block = np.asarray(block_mV, dtype=np.float64)
        told = _as_judged(beats, reliable=trusted) if judged is None else judged
        found: list[Finding] = []
        if follows_gap:
            before = [one for one in beats if one.at_s < start_s]
            beats = beats[len(before) :]
            found += self._gap(start_s, before, told, trusted=trusted)
            told = [one for one in told if one.at_s >= start_s]
        whole = Piece(
            block_mV=block, start_s=start_s, beats=beats, provisional_s=provisional_s, judged=told
        )
        for piece in whole.pieces(self._rate_hz):
            found += self._take(piece, attached=attached, trusted=trusted)
        return found

    def _gap(
        self, start_s: float, beats: Sequence[Beat], judged: Sequence[JudgedBeat], *, trusted: bool
    ) -> list[Finding]:
        """Take in the beats of before the gap, and begin anew what needs a whole line."""
        found = self._watch(start_s, beats, (), trusted=trusted)
        found += self._classify((), start_s, [one for one in judged if one.at_s < start_s])
        found += self._ventricular.gap(start_s)
        found = self.with_strips(found)
        self._begin()
        self._flutter.gap()
        for watch in self._silences:
            watch.gap(start_s)
        return found

    def _take(self, piece: Piece, *, attached: bool, trusted: bool) -> list[Finding]:
        block, start_s = piece.block_mV, piece.start_s
        steps = self._contact.push(block, start_s, attached=attached)
        self._recorder.push(block, start_s)
        if steps:
            self.contact = steps[-1].contact
        now_s = start_s + block.size / self._rate_hz
        found = self._watch(now_s, piece.beats, steps, piece.provisional_s, trusted=trusted)
        found += self._classify(block, start_s, piece.judged)
        found += self._flutter.push(block, start_s, steps)
        return self.with_strips(found)

    def _classify(
        self, block_mV: ArrayLike, start_s: float, beats: Sequence[JudgedBeat]
    ) -> list[Finding]:
        reliable = [one.reliable for one in beats]
        at_s = [one.at_s for one in beats]
        return self._ventricular.push(block_mV, start_s, at_s, reliable=reliable)

    @property
    def ordinary_beats(self) -> int:
        """How many beats have been classified since a ventricular rhythm stood."""
        return self._ventricular.ordinary_beats

    def ventricular_load(self, now_s: float) -> Share | None:
        """Return the share of the beats of the last hour that came from the ventricles."""
        return self._ventricular.load(now_s)

    def with_strips(self, findings: Iterable[Finding]) -> list[Finding]:
        """Return findings about the same blocks, wherever they were made, with their strips."""
        return [self._with_strip(one) for one in findings]

    def _begin(self) -> None:
        self._contact = ContactStream(self._rate_hz)
        self._recorder = StripRecorder(self._rate_hz)
        self._sure = SureBeats(self._known, self._recorder)
        self._early = EarlyBeats(self._sure.resembles)
        self.contact = None

    def _watch(
        self,
        now_s: float,
        beats: Sequence[Beat],
        steps: Sequence[ContactStep],
        provisional_s: Sequence[float] = (),
        *,
        trusted: bool,
    ) -> list[Finding]:
        self._sure.push(steps)
        sure_s = [one.at_s for one in beats if self._sure.is_sure(one.at_s)]
        holding_s = self._early.push(now_s, provisional_s, _times(beats))
        self._settled_s = max(_times(beats), default=self._settled_s)
        self.seen_s = max((*holding_s, self._settled_s))
        found: list[Finding] = []
        for watch in self._silences:
            found += watch.push(now_s, sure_s, steps, holding_s=holding_s)
        found += self._flat.push(steps, [one.at_s for one in beats])
        for one in beats:
            for rate in self._rates:
                found += rate.push(one.at_s, one.rr_ms, trusted=trusted)
        return found

    def _with_strip(self, one: Finding) -> Finding:
        """Return ``one`` with the ECG around its onset, or the latest if it was known late."""
        key = (one.kind, one.onset_s)
        if key not in self._strips:
            until_s = min(one.known_s, max(one.onset_s, one.known_s - STRIP_S) + STRIP_S / 2)
            self._strips[key] = self._recorder.strip(until_s - STRIP_S, until_s)
        strip = self._strips[key]
        if one.standing is not Standing.BEGUN:
            del self._strips[key]
        return replace(one, strip=strip)


def _as_judged(beats: Sequence[Beat], *, reliable: bool) -> list[JudgedBeat]:
    return [JudgedBeat(at_s=one.at_s, rr_ms=one.rr_ms, reliable=reliable) for one in beats]


def _times(beats: Sequence[Beat]) -> list[float]:
    return [one.at_s for one in beats]
