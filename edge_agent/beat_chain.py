"""What follows from a person's beats, whichever sensor told of them: HRV, and whatever else is set.

An ECG channel and an RR channel each own a :class:`BeatChain` and give it their beats.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from edge_agent import codes
from edge_agent.dsp.hrv import RollingTimeDomain, TimeDomain
from edge_agent.model import Boottime, Event, Observation

Follower = Callable[[float, float | None], Iterable[Observation | Event]]
"""Takes in a beat as :meth:`BeatChain.push` does, and returns what it has found."""

_NS_PER_S = 1_000_000_000
_HRV_EVERY_S = 60.0
_HRV_WINDOW_S = 300.0
_HRV_BEATS_AT_LEAST = 30


class BeatChain:
    """Gives the beats of ``sensor`` to the HRV figures and to each of the ``followers``."""

    def __init__(self, sensor: str, followers: Iterable[Follower] = ()) -> None:
        self._sensor = sensor
        self._hrv = RollingTimeDomain(window_s=_HRV_WINDOW_S)
        self._followers = tuple(followers)
        self._due_s: float | None = None

    def push(self, at_s: float, rr_ms: float | None) -> list[Observation | Event]:
        """Take in the beat at ``at_s`` (s), ``rr_ms`` after the one before it.

        ``None`` where the beat before is not known, or the interval is not to be relied on.
        Returns what the followers have found.
        """
        self._hrv.push(at_s, rr_ms)
        return [one for follower in self._followers for one in follower(at_s, rr_ms)]

    def figures(self, now_s: float) -> list[Observation | Event]:
        """Return the HRV of the last five minutes when it is due: once a minute.

        To be asked only while the beats are to be relied on. Nothing comes before 30 normal
        intervals; the quality of a figure is the share of the beats in the window that it rests on.
        """
        if self._due_s is None:
            self._due_s = now_s + _HRV_EVERY_S
        if now_s < self._due_s:
            return []
        self._due_s = now_s + _HRV_EVERY_S
        figures = self._hrv.value()
        if figures is None or figures.n < _HRV_BEATS_AT_LEAST:
            return []
        named = (
            (codes.SDNN, figures.sdnn_ms),
            (codes.RMSSD, figures.rmssd_ms),
            (codes.PNN50, figures.pnn50_percent),
        )
        return [
            Observation(
                code=code,
                value=value,
                at=Boottime(round(now_s * _NS_PER_S)),
                sensor=self._sensor,
                quality=_kept_share(figures),
            )
            for code, value in named
            if value is not None
        ]


def _kept_share(figures: TimeDomain) -> float:
    return figures.n / (figures.n + figures.n_excluded + (figures.n_missing or 0))
