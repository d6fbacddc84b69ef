"""Safe bounds: what no configuration and no rule file may go beyond.

A limit outside its span is a slip of the pen, or an alarm that never comes.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple

from edge_agent import codes
from edge_agent.model import Code


class Span(NamedTuple):
    """From ``low`` to ``high``, both allowed."""

    low: float
    high: float


RATE_PER_MIN = Span(15, 300)
SPO2_PERCENT = Span(50, 100)
GLUCOSE_MGDL = Span(40, 400)

LONGEST_DELAY_S = 60.0
"""Longer than this no alarm of high priority may wait for its condition to last."""
LONGEST_PAUSE_MIN = 30.0
"""Longer than this no hub may be told to let its alarms be paused."""

_LIMITS: Mapping[Code, Span] = MappingProxyType({
    codes.HEART_RATE: RATE_PER_MIN,
    codes.SPO2: SPO2_PERCENT,
    codes.GLUCOSE: GLUCOSE_MGDL,
    codes.GLUCOSE_IN_15_MIN: GLUCOSE_MGDL,
    codes.GLUCOSE_IN_30_MIN: GLUCOSE_MGDL,
    codes.GLUCOSE_IN_60_MIN: GLUCOSE_MGDL,
})  # fmt: skip


def safe_limits(code: Code) -> Span:
    """Return where a limit of ``code`` may lie, in its unit; by default where it is plausible."""
    return _LIMITS.get(code, Span(code.low, code.high))
