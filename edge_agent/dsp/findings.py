"""What the rhythm analysis finds: a kind, a span of time, and the figures it rests on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum


class Rhythm(StrEnum):
    """Kinds of finding. The words say what was seen in the signal; they are no diagnosis."""

    ATRIAL_FIBRILLATION = "atrial fibrillation"
    BRADYCARDIA = "bradycardia"
    TACHYCARDIA = "tachycardia"
    PAUSE = "pause"
    ASYSTOLE = "asystole"
    BIGEMINY = "bigeminy"
    TRIGEMINY = "trigeminy"
    VENTRICULAR_RUN = "ventricular run"
    """Three ventricular beats or more in a row, slower than a tachycardia."""
    VENTRICULAR_TACHYCARDIA = "ventricular tachycardia"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """A rhythm from ``onset_s`` to ``offset_s`` (seconds of the stream; ``None``: it goes on).

    ``evidence`` holds the figures it rests on, by name with unit (``{"longest_rr_ms": 3120.0}``).
    A finding comes out when it begins (``offset_s`` is ``None``) and again when it has ended, with
    the same ``kind`` and ``onset_s``.
    """

    kind: Rhythm
    onset_s: float
    offset_s: float | None = None
    evidence: Mapping[str, float] = field(default_factory=dict)
