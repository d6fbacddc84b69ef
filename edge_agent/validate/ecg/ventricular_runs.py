"""Runs of ventricular beats: which of the annotated ones are found, and what is told beside them.

The same function (:func:`~edge_agent.dsp.ventricular_runs.episodes`) gathers annotated and
classified beats. A run is found when one of the same kind is told that overlaps it, and told
wrongly when it overlaps none that is annotated.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edge_agent.dsp.ventricular import BeatClass
from edge_agent.dsp.ventricular_learning import NOT_VENTRICULAR, VENTRICULAR
from edge_agent.dsp.ventricular_runs import ALARM_BEATS, Pattern, VentricularEpisode, episodes
from edge_agent.validate.ecg import ec57
from edge_agent.validate.ecg.ec57 import Samples
from edge_agent.validate.ecg.recordings import Recording
from edge_agent.validate.section import Table

Episodes = Sequence[VentricularEpisode]


@dataclass(frozen=True, slots=True, kw_only=True)
class Runs:
    """Episodes of one record by its annotations, and by the classes of the beats found in it."""

    annotated: Episodes
    told: Episodes


def runs_of(record: Recording, peaks: Samples, called: NDArray[np.bool_]) -> Runs:
    """Gather both; ``called`` says of each of ``peaks`` whether it is called ventricular.

    Counted from where EC57 counts. Beats in flutter, and those that are neither clearly
    ventricular nor clearly not by their annotation, say nothing.
    """
    annotated = [_annotated(symbol) for symbol in record.symbols]
    told = [BeatClass.VENTRICULAR if one else BeatClass.NOT_VENTRICULAR for one in called.tolist()]
    return Runs(
        annotated=_episodes(record, record.beats, annotated), told=_episodes(record, peaks, told)
    )


def table(every: Sequence[Runs]) -> Table:
    """Count the runs of several records, by kind."""
    kinds: tuple[tuple[str, Callable[[Episodes], Episodes]], ...] = (
        ("three or more in a row", _whole),
        (f"tachycardia, {ALARM_BEATS} beats or more", _alarming),
    )
    rows: list[list[str | int | float | None]] = []
    for name, chosen in kinds:
        pairs = [(chosen(one.annotated), chosen(one.told)) for one in every]
        found = sum(_met(true, told) for true, told in pairs)
        rightly = sum(_met(told, true) for true, told in pairs)
        rows.append(
            [name, sum(len(true) for true, _ in pairs), found,
             sum(len(told) for _, told in pairs), rightly]
        )  # fmt: skip
    return Table(
        title="Runs of ventricular beats, detected beats, record left out",
        columns=("run", "annotated", "found", "told", "of them annotated"),
        rows=rows,
        note="Found: one of the same kind that overlaps it is told.",
    )


def _annotated(symbol: str) -> BeatClass:
    if symbol in VENTRICULAR:
        return BeatClass.VENTRICULAR
    return BeatClass.NOT_VENTRICULAR if symbol in NOT_VENTRICULAR else BeatClass.UNCLASSIFIED


def _episodes(record: Recording, at: Samples, kinds: Iterable[BeatClass]) -> Episodes:
    first = ec57.scored_from(record.rate_hz, record.length)
    scored = [(one, kind) for one, kind in zip(at.tolist(), kinds, strict=True) if one >= first]
    known = [
        BeatClass.UNCLASSIFIED if any(a <= one <= b for a, b in record.flutter) else kind
        for one, kind in scored
    ]
    return episodes([one / record.rate_hz for one, _ in scored], known)


def _whole(found: Episodes) -> Episodes:
    """Three or more in a row; a tachycardia within a run is not another one."""
    runs = [one for one in found if one.pattern is Pattern.RUN]
    fast = [one for one in found if one.pattern is Pattern.TACHYCARDIA]
    return [*runs, *(one for one in fast if not _met([one], runs))]


def _alarming(found: Episodes) -> Episodes:
    return [one for one in found if one.alarming]


def _met(ours: Episodes, theirs: Episodes) -> int:
    """How many of ``ours`` one of ``theirs`` overlaps."""
    return sum(
        any(one.onset_s <= other.offset_s and other.onset_s <= one.offset_s for other in theirs)
        for one in ours
    )
