"""What a rhythm finding is: its kind, when it began and ended, and the strip of ECG it rests on."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray


class Kind(StrEnum):
    """What can be found in a rhythm."""

    PAUSE = "pause"
    ASYSTOLE = "asystole"
    FLAT_LINE = "flat-line"
    """No heartbeat and no sign of a body either: lead off, or a standstill that can't be told."""
    BRADYCARDIA = "bradycardia"
    TACHYCARDIA = "tachycardia"
    EXTREME_BRADYCARDIA = "extreme-bradycardia"
    EXTREME_TACHYCARDIA = "extreme-tachycardia"
    VENTRICULAR_TACHYCARDIA = "ventricular-tachycardia"
    VENTRICULAR_FLUTTER = "ventricular-flutter"
    """Flutter or fibrillation of the ventricles: large waves, and no countable beats."""
    VENTRICULAR_RUN = "ventricular-run"
    BIGEMINY = "bigeminy"
    TRIGEMINY = "trigeminy"
    ATRIAL_FIBRILLATION = "atrial-fibrillation"


class Standing(StrEnum):
    """Where a finding stands."""

    BEGUN = "begun"
    ENDED = "ended"
    WITHDRAWN = "withdrawn"
    """It never was: what came later shows it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Strip:
    """A stretch of the ECG: ``samples_uV``, shape (n,), int16, the first taken at ``start_s``."""

    start_s: float
    rate_hz: float
    samples_uV: NDArray[np.int16]  # noqa: N815 - microvolts

    @property
    def end_s(self) -> float:
        """One sample period after the last sample (s)."""
        return self.start_s + len(self.samples_uV) / self.rate_hz


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One step of a finding: the same ``kind`` and ``onset_s`` name it through its life.

    ``onset_s`` is the beat it begins with, ``offset_s`` the one it ends with (``None`` while it
    lasts). ``known_s`` is when this step was known. ``value`` is in the unit usual for the kind
    (seconds of a pause, beats per minute of a rate, seconds in fibrillation), ``beats`` how many
    beats belong to it. ``note`` says in words why it ended or was withdrawn.
    """

    kind: Kind
    standing: Standing
    onset_s: float
    known_s: float
    offset_s: float | None = None
    beats: int = 0
    value: float | None = None
    note: str = ""
    strip: Strip | None = None
