"""Judges how blocks of samples follow each other, by the clock of the sensor that stamps them.

Frames come in bursts, so their arrival tells little; the sensor's own clock tells how many samples
lie between two blocks, as long as it goes on. It does not go on when it falls back or stands still,
or when it has moved on by ten seconds more, or less, than the hub waited: no link lives through a
stall of that length.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from edge_agent.model import Boottime, Event, EventKind

_STALL_NS = 10 * 10**9
_JITTER_SAMPLES = 2
_TOLERANCE = 0.06
"""How far a true rate may be from the nominal one: 5 % over temperature, and some rounding."""
_SMOOTHING = 0.1


@dataclass(frozen=True, slots=True, kw_only=True)
class Join:
    """How a block follows the one before it.

    ``missing`` samples lie between the two; a negative number came twice. ``is_reset``: the clock
    began anew and ``missing`` is judged by arrival. ``is_restart``: the stream was started anew in
    between. ``is_repeat``: the block bears the time of the one before, so there is no place for it.
    """

    missing: int = 0
    is_reset: bool = False
    is_restart: bool = False
    is_repeat: bool = False

    @property
    def follows_gap(self) -> bool:
        """Whether samples are missing before the block, or may be."""
        return self.is_reset or self.is_restart or self.missing > 0


class SampleClock:
    """The place in time of one stream; ``stream`` names it and ``rate_hz`` is its nominal rate.

    ``period_ns`` is the true sampling period, worked out from the stamps: the first two blocks give
    it, later ones refine it.
    """

    def __init__(self, stream: str, rate_hz: float) -> None:
        self.stream = stream
        self._nominal_ns = self.period_ns = 1e9 / rate_hz
        self._is_learnt = self._is_restarted = False
        self._last_ns: int | None = None
        self._last_at = Boottime(0)

    def restart(self) -> None:
        """Note that the stream is started anew: filters settle, even where no sample is missing."""
        self._is_restarted = self._last_ns is not None

    def judge(self, last_sample_ns: int, count: int, at: Boottime) -> Join:
        """Place a block of ``count`` samples by the sensor's time of the last of them."""
        before_ns, before_at = self._last_ns, self._last_at
        if last_sample_ns == before_ns:
            return Join(is_repeat=True)
        self._last_ns, self._last_at = last_sample_ns, at
        if before_ns is None:
            return Join()
        is_restart, self._is_restarted = self._is_restarted, False
        spacing_ns, waited_ns = last_sample_ns - before_ns, at - before_at
        if spacing_ns < 0 or abs(spacing_ns - waited_ns) > _STALL_NS:
            missing = self._missing(waited_ns, count)
            missing = missing if missing > count else 0
            return Join(missing=missing, is_reset=True, is_restart=is_restart)
        if not is_restart:
            self._learn(spacing_ns / count)
        missing = self._missing(spacing_ns, count)
        if abs(missing) > _JITTER_SAMPLES:
            return Join(missing=missing, is_restart=is_restart)
        if not is_restart:
            self._refine(spacing_ns / count)
        return Join(is_restart=is_restart)

    @property
    def rate_hz(self) -> float:
        """The true sampling rate, as far as it is known."""
        return 1e9 / self.period_ns

    def events(self, join: Join, at: Boottime, sensor: str) -> Iterator[Event]:
        """Say what is odd about how a block follows the one before it."""
        if join.is_reset:
            detail = {"stream": self.stream, "reason": "the sensor's clock jumped or began anew"}
            yield Event(kind=EventKind.CLOCK_RESET, at=at, sensor=sensor, detail=detail)
        if join.missing > 0:
            yield Event(kind=EventKind.GAP, at=at, sensor=sensor, detail=self._lost(join.missing))
        if join.is_repeat or join.missing < 0:
            reason = "a time came twice" if join.is_repeat else f"{-join.missing} samples too many"
            detail = {"stream": self.stream, "reason": reason}
            yield Event(kind=EventKind.OVERLAP, at=at, sensor=sensor, detail=detail)

    def _lost(self, samples: int) -> dict[str, str | float]:
        missing_s = round(samples * self.period_ns / 1e9, 3)
        return {"stream": self.stream, "missing_samples": samples, "missing_s": missing_s}

    def _missing(self, spacing_ns: int, count: int) -> int:
        return round(spacing_ns / self.period_ns) - count

    def _learn(self, period_ns: float) -> None:
        if not self._is_learnt and self._may_be(period_ns):
            self.period_ns, self._is_learnt = period_ns, True

    def _refine(self, period_ns: float) -> None:
        refined_ns = self.period_ns + _SMOOTHING * (period_ns - self.period_ns)
        if self._may_be(refined_ns):
            self.period_ns = refined_ns

    def _may_be(self, period_ns: float) -> bool:
        return abs(period_ns / self._nominal_ns - 1) <= _TOLERANCE
