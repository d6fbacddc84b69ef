"""Ventricular rhythms in classified beats: couplets, runs, tachycardia, bigeminy, trigeminy.

:class:`EpisodeFinder` takes the beats of :class:`~edge_agent.dsp.ventricular.VentricularStream` one
by one, :func:`episodes` all of them. Definitions: three ventricular beats in a row or more are a
run, and ventricular tachycardia over 100 a minute (A. E. Buxton et al., Circulation 114 (2006)
2534-2570, doi 10.1161/CIRCULATIONAHA.106.180199); from five beats on it is the alarm of the
PhysioNet/CinC Challenge 2015 (G. D. Clifford et al., doi 10.1109/CIC.2015.7408639).
A run that changes its rate is a run from end to end with a tachycardia in it: from the first fast
interval on when the last five beats are over 100 a minute, and for as long as the last five, or
the last two, are.
Bigeminy and trigeminy are three or more cycles of a ventricular beat and one, or two, that are not.

An unclassified beat says nothing: a run or cycles that stand are held over it until a beat that
does not belong to them, and its time is in no rate. Fewer beats are not joined across it.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace
from enum import StrEnum
from itertools import dropwhile

from edge_agent.dsp.ventricular import BeatClass

TACHYCARDIA_PER_MIN = 100.0
ALARM_BEATS = 5

_RUN_BEATS = 3
_CYCLES = 3


class Pattern(StrEnum):
    """How ventricular beats follow each other."""

    COUPLET = "couplet"
    RUN = "run"
    """Three or more in a row, not all of them a tachycardia: an idioventricular rhythm."""
    TACHYCARDIA = "tachycardia"
    BIGEMINY = "bigeminy"
    TRIGEMINY = "trigeminy"


@dataclass(frozen=True, slots=True, kw_only=True)
class VentricularEpisode:
    """A pattern from its first ventricular beat at ``onset_s`` to its last at ``offset_s`` (s).

    ``beats`` counts the ventricular beats; ``rate_per_min`` is that of all beats meanwhile.
    """

    pattern: Pattern
    onset_s: float
    offset_s: float
    beats: int
    rate_per_min: float

    @property
    def alarming(self) -> bool:
        """Whether this is a tachycardia of five beats or more."""
        return self.pattern is Pattern.TACHYCARDIA and self.beats >= ALARM_BEATS


class EpisodeFinder:
    """Finds episodes in beats pushed one by one."""

    def __init__(self) -> None:
        self._run = _Run()
        self._cycles = (_Cycles(Pattern.BIGEMINY, 1), _Cycles(Pattern.TRIGEMINY, 2))

    def push(self, at_s: float, kind: BeatClass) -> list[VentricularEpisode]:
        """Take in the beat at ``at_s``; return the episodes that it shows to be over."""
        if kind is BeatClass.UNCLASSIFIED:
            return self.hold()
        ventricular = kind is BeatClass.VENTRICULAR
        over = [cycles.push(at_s, ventricular=ventricular) for cycles in self._cycles]
        over += [self._run.push(at_s)] if ventricular else self._run.end()
        return [one for one in over if one is not None]

    def hold(self) -> list[VentricularEpisode]:
        """Carry what stands over beats that are not known; return the couplet that is cut short."""
        for cycles in self._cycles:
            cycles.hold()
        return self._run.hold()

    def gap(self) -> list[VentricularEpisode]:
        """Return the episodes that the end cuts short, or a gap that nothing is held over."""
        over = [*self._run.end(), *(cycles.end() for cycles in self._cycles)]
        return [one for one in over if one is not None]

    @property
    def current(self) -> list[VentricularEpisode]:
        """What goes on as of the last beat; a couplet may still become a run."""
        going_on = [*self._run.so_far(), *(cycles.so_far() for cycles in self._cycles)]
        return [one for one in going_on if one is not None]


@dataclass(slots=True)
class _Stretch:
    """What is kept of ventricular beats that belong together, however long they last.

    ``intervals`` lie between neighbours and take ``intervals_s``; the times held are not in them.
    """

    first_s: float
    last_s: float
    beats: int = 1
    intervals: int = 0
    intervals_s: float = 0.0

    def add(self, at_s: float, *, neighbour: bool) -> None:
        if neighbour:
            self.intervals += 1
            self.intervals_s += at_s - self.last_s
        self.last_s = at_s
        self.beats += 1

    def episode(self, pattern: Pattern, *, between: int = 0) -> VentricularEpisode:
        """Name it; ``between`` other beats lie between any two."""
        return VentricularEpisode(
            pattern=pattern,
            onset_s=self.first_s,
            offset_s=self.last_s,
            beats=self.beats,
            rate_per_min=60.0 * self.intervals * (1 + between) / self.intervals_s,
        )


@dataclass(frozen=True, slots=True)
class _Interval:
    """From the ``nth`` beat of a run (from 1), at ``from_s``, to its neighbour: ``rr_s`` (s)."""

    nth: int
    from_s: float
    rr_s: float


class _Run:
    """Ventricular beats in a row, and the tachycardia that goes on in them."""

    def __init__(self) -> None:
        self._whole: _Stretch | None = None
        self._fast: _Stretch | None = None
        self._recent: deque[_Interval] = deque(maxlen=ALARM_BEATS - 1)
        self._held = False

    def push(self, at_s: float) -> VentricularEpisode | None:
        """Take in a ventricular beat; return the tachycardia that it shows to be over."""
        if self._whole is None:
            self._whole = _Stretch(at_s, at_s)
            return None
        neighbour, self._held = not self._held, False
        if neighbour:
            before_s = self._whole.last_s
            self._recent.append(_Interval(self._whole.beats, before_s, at_s - before_s))
        self._whole.add(at_s, neighbour=neighbour)
        if self._fast is None:
            self._fast = self._begun(self._whole)
            return None
        if _fast(self._recent) or _fast([self._recent[-1]]):
            self._fast.add(at_s, neighbour=neighbour)
            return None
        return self._slowed()

    def hold(self) -> list[VentricularEpisode]:
        """A beat that is not known: a run stands, fewer beats are over."""
        if self._whole is None or self._whole.beats < _RUN_BEATS:
            return self.end()
        self._held = True
        return []

    def end(self) -> list[VentricularEpisode]:
        over = self.so_far()
        self._whole, self._fast, self._held = None, None, False
        self._recent.clear()
        return over

    def so_far(self) -> list[VentricularEpisode]:
        """Return the run and, unless it is one from its first beat on, the tachycardia in it."""
        if self._whole is None or self._whole.beats < _RUN_BEATS - 1:
            return []
        if self._whole.beats < _RUN_BEATS:
            return [self._whole.episode(Pattern.COUPLET)]
        if self._whole.beats < ALARM_BEATS:  # too few to change their rate: they are one thing
            fast = _fast(self._recent)
            return [self._whole.episode(Pattern.TACHYCARDIA if fast else Pattern.RUN)]
        tachycardia = self._tachycardia()
        if tachycardia is not None and tachycardia.beats == self._whole.beats:
            return [tachycardia]
        run = self._whole.episode(Pattern.RUN)
        return [run] if tachycardia is None else [run, tachycardia]

    def _begun(self, run: _Stretch) -> _Stretch | None:
        """Return the fast part, from its first fast interval on, if the last five beats are."""
        if run.beats < ALARM_BEATS or not _fast(self._recent):
            return None
        if run.beats == ALARM_BEATS:
            return replace(run)
        if len(self._recent) < ALARM_BEATS - 1:
            return None
        fast = list(dropwhile(lambda one: not _fast([one]), self._recent))
        return _Stretch(
            first_s=fast[0].from_s,
            last_s=run.last_s,
            beats=run.beats - fast[0].nth + 1,
            intervals=len(fast),
            intervals_s=sum(one.rr_s for one in fast),
        )

    def _slowed(self) -> VentricularEpisode | None:
        over = self._tachycardia()
        self._fast = None
        latest = self._recent.pop()
        self._recent.clear()  # what was part of one tachycardia begins no other
        self._recent.append(latest)
        return over

    def _tachycardia(self) -> VentricularEpisode | None:
        if self._fast is None or self._fast.beats < _RUN_BEATS:
            return None
        return self._fast.episode(Pattern.TACHYCARDIA)


def _fast(intervals: Collection[_Interval]) -> bool:
    return 60.0 * len(intervals) > TACHYCARDIA_PER_MIN * sum(one.rr_s for one in intervals)


class _Cycles:
    """Ventricular beats with always the same number of other beats between them."""

    def __init__(self, pattern: Pattern, between: int) -> None:
        self._pattern = pattern
        self._between = between
        self._ventricular: _Stretch | None = None
        self._others = 0
        self._held = False

    def push(self, at_s: float, *, ventricular: bool) -> VentricularEpisode | None:
        if not ventricular:
            self._others += 1
            return self.end() if self._others > self._between else None
        over = None if self._held or self._others == self._between else self.end()
        neighbour, self._held, self._others = not self._held, False, 0
        if self._ventricular is None:
            self._ventricular = _Stretch(at_s, at_s)
        else:
            self._ventricular.add(at_s, neighbour=neighbour)
        return over

    def hold(self) -> None:
        """A beat that is not known: cycles stand, fewer begin anew."""
        if self._ventricular is None or self._ventricular.beats < _CYCLES:
            self.end()
        else:
            self._held, self._others = True, 0

    def end(self) -> VentricularEpisode | None:
        over = self.so_far()
        self._ventricular, self._others, self._held = None, 0, False
        return over

    def so_far(self) -> VentricularEpisode | None:
        if self._ventricular is None or self._ventricular.beats < _CYCLES:
            return None
        return self._ventricular.episode(self._pattern, between=self._between)


def episodes(at_s: Iterable[float], kinds: Iterable[BeatClass]) -> list[VentricularEpisode]:
    """Return the episodes in beats at ``at_s`` (s) of these ``kinds``, in the order they end."""
    finder = EpisodeFinder()
    found = []
    for when, kind in zip(at_s, kinds, strict=True):
        found += finder.push(when, kind)
    return found + finder.gap()
