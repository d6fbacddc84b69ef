"""Puts the early warning into the words of :class:`~edge_agent.status.WarningStatus`."""

from __future__ import annotations

from edge_agent.alarms.news2 import PARAMETERS
from edge_agent.model import Boottime
from edge_agent.status import ScorePart, WarningStatus
from edge_agent.warning.early_warning import EarlyWarning
from edge_agent.warning.score_watch import Scored
from edge_agent.warning.score_words import TITLES, age_words, value_words


def warning_status(warning: EarlyWarning, now: Boottime) -> WarningStatus:
    """Return what the early warning says at ``now``."""
    scored = None if warning.score is None else warning.score.latest
    night = warning.trend.latest
    return WarningStatus(
        total=None if scored is None else scored.score.total,
        at_least=None if scored is None else scored.score.at_least,
        risk_at_least=None if scored is None else scored.score.risk_at_least.value,
        parts=[] if scored is None else [_part(one, warning, scored, now) for one in PARAMETERS],
        index=None if night is None else round(night.index, 2),
        running_sum=None if night is None else round(night.running_sum, 2),
    )


def _part(name: str, warning: EarlyWarning, scored: Scored, now: Boottime) -> ScorePart:
    words = "not known"
    if name in scored.vitals:
        one = scored.vitals[name]
        words = f"{one.value:.4g} {one.code.unit.value}, {age_words(one.age_s(now))}, {one.sensor}"
    elif name in {"oxygen", "consciousness"}:
        words = value_words(name, warning.observed, now)
    return ScorePart(name=TITLES[name], points=scored.score.points.get(name), words=words)
