"""Rhythm findings as the hub's events and observations, for whatever sensor they come from."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from edge_agent import codes
from edge_agent.alarms.engine import NO_FINDING
from edge_agent.dsp.rhythm_af import AfWatch
from edge_agent.dsp.rhythm_burden import Share
from edge_agent.dsp.rhythm_finding import Finding, Kind, Strip
from edge_agent.model import Boottime, Code, Event, EventKind, Observation
from edge_agent.summary import STRIP

_NS_PER_S = 1_000_000_000
_BURDEN_EVERY_S = 60.0
_REGULAR_FOR_S = 60.0
"""Twice what ends an episode that the watch has itself seen begin."""

_RATES = frozenset({
    Kind.BRADYCARDIA, Kind.TACHYCARDIA, Kind.EXTREME_BRADYCARDIA, Kind.EXTREME_TACHYCARDIA,
    Kind.VENTRICULAR_TACHYCARDIA, Kind.VENTRICULAR_FLUTTER, Kind.VENTRICULAR_RUN, Kind.BIGEMINY,
    Kind.TRIGEMINY,
})  # fmt: skip
_NO_STRIP = frozenset({Kind.BRADYCARDIA, Kind.TACHYCARDIA})
"""Frequent, and said by the rate itself."""


def finding_event(one: Finding, sensor: str) -> Event:
    """Return one step of a finding as an event; its strip goes with the first step."""
    detail: dict[str, str | float] = {
        "finding": one.kind.value,
        "standing": one.standing.value,
        "onset_ns": round(one.onset_s * _NS_PER_S),
        "unit": "/min" if one.kind in _RATES else "s",
    }
    if one.value is not None:
        detail["value"] = round(one.value, 2)
    if one.offset_s is not None:
        detail["offset_ns"] = round(one.offset_s * _NS_PER_S)
    if one.beats:
        detail["beats"] = one.beats
    if one.note:
        detail["note"] = one.note
    if one.strip is not None and one.offset_s is None and one.kind not in _NO_STRIP:
        detail |= _strip(one.strip)
    return Event(kind=EventKind.FINDING, at=_at(one.known_s), sensor=sensor, detail=detail)


def nothing_stands(at_s: float, sensor: str, kinds: Iterable[Kind]) -> Event:
    """Return the event that the rhythm was watched for long, and none of ``kinds`` stands."""
    detail = {
        "finding": NO_FINDING,
        "kinds": " ".join(sorted(kinds)),
        "standing": "watched",
        "note": "the rhythm is watched, and nothing of the kind is there",
    }
    return Event(kind=EventKind.FINDING, at=_at(at_s), sensor=sensor, detail=detail)


def hourly_share(code: Code, share: Share, at_s: float, sensor: str) -> Observation:
    """Return a share of the last hour; its quality is how much of the hour could be judged."""
    return Observation(
        code=code, value=share.percent, at=_at(at_s), sensor=sensor, quality=share.judged_share
    )


class FibrillationFollower:
    """Follows a chain of beats: episodes of atrial fibrillation, and once a minute its burden.

    Once, after a minute that could be judged and was regular, it tells that none stands: so an
    alarm from before a restart can end. Time that could not be judged vouches for nothing.

    ``with_strips`` adds strips of ECG to findings, where there is an ECG.
    """

    def __init__(
        self,
        sensor: str,
        with_strips: Callable[[Iterable[Finding]], list[Finding]] = list,
    ) -> None:
        self._sensor = sensor
        self._with_strips = with_strips
        self._watch = AfWatch()
        self._due_s: float | None = None
        self._nothing_told = False

    def __call__(self, at_s: float, rr_ms: float | None) -> list[Observation | Event]:
        """Take in a beat as :meth:`~edge_agent.beat_chain.BeatChain.push` does."""
        findings = self._with_strips(self._watch.push(at_s, rr_ms))
        found: list[Observation | Event] = [finding_event(one, self._sensor) for one in findings]
        if not self._nothing_told and self._watch.regular_s >= _REGULAR_FOR_S:
            self._nothing_told = True
            found.append(nothing_stands(at_s, self._sensor, {Kind.ATRIAL_FIBRILLATION}))
        if self._due_s is None:
            self._due_s = at_s + _BURDEN_EVERY_S
        if at_s < self._due_s:
            return found
        self._due_s = at_s + _BURDEN_EVERY_S
        share = self._watch.burden(at_s)
        if share is not None:
            found.append(hourly_share(codes.AF_BURDEN, share, at_s, self._sensor))
        return found


def _strip(strip: Strip) -> dict[str, str | float]:
    """A strip as FHIR's SampledData writes it: decimal numbers with a space between them."""
    return {
        STRIP: " ".join(map(str, strip.samples_uV.tolist())),
        "strip_start_ns": round(strip.start_s * _NS_PER_S),
        "strip_hz": round(strip.rate_hz, 3),
    }


def _at(at_s: float) -> Boottime:
    return Boottime(round(at_s * _NS_PER_S))
