"""Episodes of atrial fibrillation and its burden, from beats that are judged one by one.

An episode is told when fibrillation has lasted 30 s, the least that counts in clinical use
(G. Hindricks et al., Eur Heart J 42 (2021) 373-498, doi 10.1093/eurheartj/ehaa612), and ends after
30 s without it; its onset and offset are those of the beats. Beats that could not be judged are
neither: an episode that stands then stands, and the burden counts judged time only. What has not
become an episode is forgotten after 30 s without a judged beat.
"""

from __future__ import annotations

from dataclasses import replace

from edge_agent.dsp.af import AfBeat, AfDetector
from edge_agent.dsp.rhythm_burden import RollingShare, Share
from edge_agent.dsp.rhythm_finding import Finding, Kind, Standing

LEAST_S = 30.0
_MS_PER_S = 1000.0


class AfWatch:
    """Finds episodes of atrial fibrillation in beats and the intervals before them."""

    def __init__(self, detector: AfDetector | None = None) -> None:
        self._detector = AfDetector() if detector is None else detector
        self._burden = RollingShare()
        self._since_s: float | None = None
        self._last_s = self._judged_s = 0.0
        self._fibrillating_s = 0.0
        self._sinus_s = 0.0
        self._beats = 0
        self._open: Finding | None = None
        self.regular_s = 0.0
        """For how long the beats have been judged, and been no fibrillation (s). What could not be
        judged doesn't count, and half a minute of it makes the count begin anew."""

    def push(self, at_s: float, rr_ms: float | None) -> list[Finding]:
        """Take in a beat; ``None`` says that the interval before it is not known."""
        judged = self._detector.push(at_s, rr_ms)
        return [finding for beat in judged for finding in self._take(beat, at_s)]

    def flush(self, now_s: float) -> list[Finding]:
        """Judge the beats that wait for later ones; what comes next follows a gap."""
        return [finding for beat in self._detector.flush() for finding in self._take(beat, now_s)]

    def burden(self, now_s: float) -> Share | None:
        """Return the share of the judged time of the last hour that was fibrillation."""
        return self._burden.value(now_s)

    def _take(self, beat: AfBeat, now_s: float) -> list[Finding]:
        lasted_s = 0.0 if beat.rr_ms is None else beat.rr_ms / _MS_PER_S
        self._burden.push(beat.at_s, lasted_s, met=beat.af)
        if beat.af is None:
            return []
        if self._open is None and beat.at_s - self._judged_s > LEAST_S:
            self._since_s = None
        if beat.af or beat.at_s - self._judged_s > LEAST_S:
            self.regular_s = 0.0
        self.regular_s += 0.0 if beat.af else lasted_s
        self._judged_s = beat.at_s
        return self._fibrillates(beat, lasted_s, now_s) if beat.af else self._ends(lasted_s, now_s)

    def _fibrillates(self, beat: AfBeat, lasted_s: float, now_s: float) -> list[Finding]:
        if self._since_s is None:
            self._since_s, self._fibrillating_s, self._beats = beat.at_s, 0.0, 0
            lasted_s = 0.0
        self._last_s, self._sinus_s = beat.at_s, 0.0
        self._fibrillating_s += lasted_s
        self._beats += 1
        if self._open is not None or self._fibrillating_s < LEAST_S:
            return []
        self._open = Finding(
            kind=Kind.ATRIAL_FIBRILLATION, standing=Standing.BEGUN, onset_s=self._since_s,
            known_s=now_s, beats=self._beats, value=self._fibrillating_s,
        )  # fmt: skip
        return [self._open]

    def _ends(self, lasted_s: float, now_s: float) -> list[Finding]:
        self._sinus_s += lasted_s
        if self._since_s is None or (self._open is not None and self._sinus_s < LEAST_S):
            return []
        if self._open is None and self._sinus_s < LEAST_S / 2:
            return []
        begun, self._open, self._since_s = self._open, None, None
        if begun is None:
            return []
        return [
            replace(
                begun, standing=Standing.ENDED, known_s=now_s, offset_s=self._last_s,
                beats=self._beats, value=self._fibrillating_s, note="the rhythm is regular again",
            )
        ]  # fmt: skip
