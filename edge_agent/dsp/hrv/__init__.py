"""Heart-rate variability: the Task Force's figures in time, in frequency, and nonlinear ones."""

from edge_agent.dsp.hrv.time_domain import LongTerm, TimeDomain, long_term, time_domain
from edge_agent.dsp.hrv.window import BeatWindow, RollingTimeDomain

__all__ = [
    "BeatWindow",
    "LongTerm",
    "RollingTimeDomain",
    "TimeDomain",
    "long_term",
    "time_domain",
]
