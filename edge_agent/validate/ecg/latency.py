"""How soon a beat is known: the streaming detector fed block by block, as a hub feeds it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge_agent.dsp.rpeaks import Detector, detect
from edge_agent.validate import drawing
from edge_agent.validate.ecg.bench import EcgBench, missing_set
from edge_agent.validate.ecg.ec57 import Samples
from edge_agent.validate.ecg.recordings import Recording
from edge_agent.validate.section import Cell, Outcome, Plot, Section, Table, Verdict

BLOCK_S = 0.2
OTHER_BLOCKS_S = (0.05, 0.5, 1.0)
OTHER_RECORDS = 3

CONFIRMED_BAR_S = 0.60
PROVISIONAL_BAR_S = 0.25

SHOWN_S = 0.15
"""A place this near to an annotated beat shows it; one further from every beat became none."""

_PERCENTILES = (50, 95, 99, 100)
_COLUMNS = ("beats", "block s", "count", "p50 s", "p95 s", "p99 s", "longest s")

Seconds = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Streamed:
    """What came out of a stream, and whether batch finds the same beats.

    ``latency_s`` is that of each settled beat, ``early_s`` that of each annotated beat that was
    shown before it was settled, if it was; ``places`` are all places shown, ``vanished`` those
    among them that became no beat.
    """

    latency_s: Seconds
    early_s: Seconds
    annotated: int
    places: int
    vanished: int
    as_batch: bool


def stream(record: Recording, block_s: float) -> Streamed:
    """Feed the record in blocks; a beat's latency runs from its R peak to the end of the block.

    Beats that come only at the end of the recording have no latency.
    """
    size = max(1, round(block_s * record.rate_hz))
    detector = Detector(record.rate_hz)
    beats, latencies = [], []
    shown = _Shown(record)
    for first in range(0, record.length, size):
        found = detector.push(record.signal_mV[first : first + size])
        beats.append(found)
        end = min(first + size, record.length)
        latencies.append((end - found) / record.rate_hz)
        shown.take(detector.provisional, end)
    beats.append(detector.flush())
    every = np.concatenate(beats)
    return Streamed(
        latency_s=np.concatenate(latencies),
        early_s=shown.latency_s(),
        annotated=record.beats.size,
        places=len(shown.places),
        vanished=shown.vanished(every),
        as_batch=bool(np.array_equal(every, detect(record.signal_mV, record.rate_hz))),
    )


class _Shown:
    """Notes which places a stream shows early, and when each annotated beat is first shown."""

    def __init__(self, record: Recording) -> None:
        self._record = record
        self._near = SHOWN_S * record.rate_hz
        self._first: dict[int, int] = {}
        self.places: list[int] = []

    def take(self, places: Samples, end: int) -> None:
        """Take in what is shown when the samples up to ``end`` have been pushed."""
        for place in places.tolist():
            if all(abs(place - one) > self._near for one in self.places[-8:]):
                self.places.append(place)
            beats = self._record.beats
            low, high = np.searchsorted(beats, (place - self._near, place + self._near))
            for beat in beats[low:high].tolist():
                self._first.setdefault(beat, end)

    def latency_s(self) -> Seconds:
        """From each beat that was shown to the end of the block with which it was."""
        waits = [end - beat for beat, end in self._first.items()]
        return np.array(waits, dtype=np.float64) / self._record.rate_hz

    def vanished(self, beats: Samples) -> int:
        """Count the places near which no beat was settled."""
        return sum(not np.any(np.abs(beats - one) <= self._near) for one in self.places)


def measure(bench: EcgBench) -> Outcome:
    """Stream every record of mitdb at 0.2 s, a few at other block lengths."""
    outcome = Outcome(
        summary="From the R peak to the end of the block with which the beat comes out: the wait"
        " for the block to fill is in it, the computation (microseconds) and the radio are not."
        " None of the peers is a streaming detector."
    )
    records = list(bench.recordings("mitdb"))
    if not records:
        outcome.missing.append(missing_set("mitdb"))
        outcome.verdicts = _verdicts(None, None)
        return outcome
    streamed = []
    for record in records:
        bench.tell(f"{record.name} in blocks of {BLOCK_S:g} s")
        streamed.append(stream(record, BLOCK_S))
    confirmed = np.concatenate([one.latency_s for one in streamed])
    early = np.concatenate([one.early_s for one in streamed])
    rows = [_row("confirmed", BLOCK_S, confirmed), _row("provisional", BLOCK_S, early)]
    for block_s in OTHER_BLOCKS_S:
        bench.tell(f"blocks of {block_s:g} s")
        several = [stream(record, block_s) for record in records[:OTHER_RECORDS]]
        rows += [
            _row("confirmed", block_s, np.concatenate([one.latency_s for one in several])),
            _row("provisional", block_s, np.concatenate([one.early_s for one in several])),
        ]
    same = sum(one.as_batch for one in streamed)
    outcome.notes.append(
        f"The beats of the stream equal those of the whole recording, sample by sample, in {same}"
        f" of {len(streamed)} records."
    )
    outcome.notes.append(_early_note(streamed))
    outcome.tables.append(
        Table(
            title=f"Latency, mitdb, {len(records)} records",
            columns=_COLUMNS,
            rows=rows,
            digits={"block s": 2},
            note=f"Blocks other than {BLOCK_S:g} s: the first {OTHER_RECORDS} records.",
        )
    )
    outcome.plots.append(_plot(confirmed))
    outcome.figures = {
        "block_s": BLOCK_S,
        "confirmed_s": _percentiles(confirmed),
        "provisional_s": _percentiles(early),
        "annotated": sum(one.annotated for one in streamed),
        "shown_early": early.size,
        "places_shown": sum(one.places for one in streamed),
        "places_vanished": sum(one.vanished for one in streamed),
        "records_equal_to_batch": same,
        "records": len(streamed),
        "histogram": _histogram(confirmed),
    }
    outcome.verdicts = _verdicts(confirmed, early)
    return outcome


def _early_note(streamed: list[Streamed]) -> str:
    annotated = sum(one.annotated for one in streamed)
    places = sum(one.places for one in streamed)
    shown = sum(one.early_s.size for one in streamed)
    vanished = sum(one.vanished for one in streamed)
    return (
        f"Provisional beats, at blocks of {BLOCK_S:g} s: {100.0 * shown / annotated:.1f} % of the"
        f" annotated beats were shown before they were settled; {100.0 * vanished / places:.1f} %"
        f" of the {places} places shown became no beat. A beat counts as shown at the first place"
        f" within {1000.0 * SHOWN_S:.0f} ms of it."
    )


def _percentiles(latency_s: Seconds) -> dict[str, float]:
    values = np.percentile(latency_s, _PERCENTILES)
    return {f"p{name}": float(one) for name, one in zip(_PERCENTILES, values, strict=True)}


def _row(kind: str, block_s: float, latency_s: Seconds) -> list[Cell]:
    return [kind, block_s, latency_s.size, *_percentiles(latency_s).values()]


def _histogram(latency_s: Seconds) -> dict[str, Any]:
    counts, edges = np.histogram(np.clip(latency_s, None, 4.0), bins=80, range=(0.0, 4.0))
    return {"counts": counts, "edges_s": edges}


def _plot(confirmed: Seconds) -> Plot:
    def draw(figure: Any) -> None:  # noqa: ANN401
        axes = figure.subplots()
        bins = np.arange(0.0, 1.52, 0.02)
        axes.hist(np.clip(confirmed, None, 1.5), bins=bins, color=drawing.OUR_COLOUR,
                  label="confirmed")  # fmt: skip
        p95 = float(np.percentile(confirmed, 95))
        axes.axvline(p95, color=drawing.OUR_COLOUR, linestyle="--", linewidth=1.0,
                     label=f"95 % within {p95:.2f} s")  # fmt: skip
        axes.set_yscale("log")
        axes.set_xlabel("latency, s (longer than 1.5 s: in the last bar)")
        axes.set_ylabel("beats (logarithmic)")
        drawing.legend(axes)

    return Plot(
        name="latency",
        caption=f"Latency of the streaming detector at blocks of {BLOCK_S:g} s",
        draw=draw,
    )


def _verdicts(confirmed: Seconds | None, early: Seconds | None) -> list[Verdict]:
    missing = "data set missing" if confirmed is None else ""
    p95, early_p95 = (
        None if one is None or one.size == 0 else float(np.percentile(one, 95))
        for one in (confirmed, early)
    )
    return [
        Verdict(
            what=f"latency at {BLOCK_S:g}-s blocks, confirmed, p95", unit="s",
            at_most=CONFIRMED_BAR_S, measured=p95, digits=3, remark=missing,
        ),
        Verdict(
            what=f"latency at {BLOCK_S:g}-s blocks, provisional, p95", unit="s",
            at_most=PROVISIONAL_BAR_S, measured=early_p95, digits=3, remark=missing,
        ),
    ]  # fmt: skip


SECTION = Section(name="latency", title="Latency of the stream", measure=measure)
