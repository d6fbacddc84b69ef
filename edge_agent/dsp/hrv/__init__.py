"""Heart-rate variability: the Task Force's figures in time, in frequency, and nonlinear ones."""

from edge_agent.dsp.hrv.figures import DAY_S, FIVE_MINUTES_S, Hrv, RollingHrv, hrv
from edge_agent.dsp.hrv.frequency import (
    DAY_RECIPE,
    DEFAULT_RECIPE,
    HRV_ANALYSIS_RECIPE,
    FrequencyDomain,
    Recipe,
    frequency_domain,
)
from edge_agent.dsp.hrv.interpolation import Interpolation
from edge_agent.dsp.hrv.nonlinear import Nonlinear, dfa, nonlinear, poincare, sample_entropy
from edge_agent.dsp.hrv.time_domain import LongTerm, TimeDomain, long_term, time_domain
from edge_agent.dsp.hrv.ultra_low import ultra_low_ms2
from edge_agent.dsp.hrv.window import BeatWindow, RollingTimeDomain

__all__ = [
    "DAY_RECIPE",
    "DAY_S",
    "DEFAULT_RECIPE",
    "FIVE_MINUTES_S",
    "HRV_ANALYSIS_RECIPE",
    "BeatWindow",
    "FrequencyDomain",
    "Hrv",
    "Interpolation",
    "LongTerm",
    "Nonlinear",
    "Recipe",
    "RollingHrv",
    "RollingTimeDomain",
    "TimeDomain",
    "dfa",
    "frequency_domain",
    "hrv",
    "long_term",
    "nonlinear",
    "poincare",
    "sample_entropy",
    "time_domain",
    "ultra_low_ms2",
]
