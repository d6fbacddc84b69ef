"""Pauses, standstills, flutter: when the alarm comes, what is missed, and what alarms wrongly."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge_agent.dsp.beats import BeatStream
from edge_agent.dsp.rhythm import DEFAULT_LIMITS, RhythmStream
from edge_agent.dsp.rhythm_finding import Finding, Kind, Standing
from edge_agent.validate import drawing
from edge_agent.validate.ecg.bench import EcgBench, missing_set
from edge_agent.validate.ecg.recordings import Recording, Signal
from edge_agent.validate.ecg.silences import HEART_STOPS, LEAD_OFF, Cut, cuts
from edge_agent.validate.section import Cell, Outcome, Plot, Section, Table, Verdict

BLOCK_S = 0.2
LATENESS_BAR_S = 0.4
LIMITS = {Kind.PAUSE: DEFAULT_LIMITS.pause_s, Kind.ASYSTOLE: DEFAULT_LIMITS.asystole_s}

_EACH, _EACH_QUICK = 4, 1
_EARLY_S = 0.15  # the annotation may lie beside the R peak
_FLUTTER_OVER_S = 4.0  # a window that ends by then had flutter in it


@dataclass(frozen=True, slots=True, kw_only=True)
class Alarmed:
    """What a cut brought: alarms in the silence, alarms elsewhere, and whether a line was flat.

    ``lateness_s`` counts from last beat and limit; ``None`` is an alarm that never came.
    """

    cut: Cut
    lateness_s: Mapping[Kind, float | None]
    elsewhere: int
    flat_line: bool


def watch(signal_mV: Signal, rate_hz: float) -> list[Finding]:
    """Return what is found in a recording that comes in blocks of 0.2 s."""
    beats, rhythm = BeatStream(rate_hz), RhythmStream(rate_hz)
    size = max(1, round(BLOCK_S * rate_hz))
    found: list[Finding] = []
    for first in range(0, signal_mV.size, size):
        block, start_s = signal_mV[first : first + size], first / rate_hz
        settled = beats.push(block, start_s)
        found += rhythm.push(block, start_s, settled, provisional_s=beats.provisional_s)
    return found


def judge(cut: Cut) -> Alarmed:
    """Run a cut and hold the alarms against its truth."""
    found = watch(cut.signal_mV, cut.rate_hz)
    begun = [one for one in found if one.standing is Standing.BEGUN and one.kind in LIMITS]
    lateness: dict[Kind, float | None] = {}
    inside = 0
    for kind, limit_s in LIMITS.items():
        due_s = cut.last_beat_s + limit_s
        in_time = [
            one.known_s - due_s
            for one in begun
            if one.kind is kind and due_s - _EARLY_S <= one.known_s <= cut.next_beat_s + 1.0
        ]
        inside += len(in_time)
        lateness[kind] = min(in_time, default=None)
    return Alarmed(
        cut=cut,
        lateness_s=lateness,
        elsewhere=len(begun) - inside,
        flat_line=any(one.kind is Kind.FLAT_LINE for one in found),
    )


def measure(bench: EcgBench) -> Outcome:
    """Cut every record open; then watch the uncut ones for alarms without a pause."""
    limits = " and ".join(f"{kind} {limit:g} s" for kind, limit in LIMITS.items())
    outcome = Outcome(
        summary=f"Recordings cut open after a beat ({limits}; blocks of {BLOCK_S:g} s). While the"
        " heart stands still (the line goes on, with or without the P waves of the person), each"
        " alarm has to come at the last beat, the limit and at most 0.4 s. While the lead is off"
        " (a flat line, the converter's rail, hum of an open input) none may come: that is told as"
        " a flat line or as noise. The last beat is where the annotators saw it."
    )
    records = list(bench.recordings("mitdb"))
    if not records:
        outcome.missing.append(missing_set("mitdb"))
        outcome.verdicts = _verdicts([])
        return outcome
    random = np.random.default_rng(bench.seed)
    alarmed = []
    for record in records:
        bench.tell(f"{record.name}, cut open")
        each = _EACH_QUICK if bench.quick else _EACH
        alarmed += [judge(one) for one in cuts(record, each, random)]
    stops = [one for one in alarmed if one.cut.filling in HEART_STOPS]
    outcome.tables += [_stop_table(stops), _lead_off_table(alarmed)]
    uncut = []
    for record in records:
        bench.tell(f"{record.name}, as it is")
        uncut.append(_uncut_row(record))
    hours = sum(one.duration_s for one in records) / 3600.0
    outcome.tables += [_uncut_table(uncut, hours), _flutter_table(uncut, hours)]
    if stops:
        outcome.plots.append(_plot(stops))
    outcome.figures = {
        "cuts": [
            {
                "record": one.cut.record,
                "filling": one.cut.filling,
                "lateness_s": {str(kind): late for kind, late in one.lateness_s.items()},
                "elsewhere": one.elsewhere,
                "flat_line": one.flat_line,
            }
            for one in alarmed
        ],
        "uncut": uncut,
    }
    outcome.verdicts = _verdicts(alarmed)
    return outcome


def _late(alarmed: Iterable[Alarmed], kind: Kind) -> list[float]:
    every = (one.lateness_s[kind] for one in alarmed)
    return [late for late in every if late is not None]


def _stop_table(stops: Sequence[Alarmed]) -> Table:
    rows: list[list[Cell]] = []
    for filling in HEART_STOPS:
        chosen = [one for one in stops if one.cut.filling == filling]
        for kind in LIMITS:
            late = _late(chosen, kind)
            rows.append([
                filling, str(kind), len(chosen), len(chosen) - len(late),
                float(np.median(late)) if late else None, max(late, default=None),
                sum(value > LATENESS_BAR_S for value in late),
                sum(one.elsewhere for one in chosen),
            ])  # fmt: skip
    return Table(
        title="The heart stands still",
        columns=("what goes on", "alarm", "cuts", "missed", "late, median s", "late, most s",
                 "later than 0.4 s", "alarms elsewhere in the cut"),
        rows=rows,
        note="Late: after the last beat and the limit. Elsewhere: both kinds together.",
    )  # fmt: skip


def _lead_off_table(alarmed: Sequence[Alarmed]) -> Table:
    rows: list[list[Cell]] = []
    for filling in LEAD_OFF:
        chosen = [one for one in alarmed if one.cut.filling == filling]
        wrong = sum(_is_alarmed(one) for one in chosen)
        rows.append([filling, len(chosen), wrong, sum(one.flat_line for one in chosen)])
    return Table(
        title="The lead is off",
        columns=("what goes on", "cuts", "with a pause or asystole alarm", "told as a flat line"),
        rows=rows,
    )


def _is_alarmed(one: Alarmed) -> bool:
    return one.elsewhere > 0 or any(late is not None for late in one.lateness_s.values())


def _uncut_row(record: Recording) -> dict[str, Any]:
    """Count pauses, alarms that meet one, and alarms that meet none; and the same for flutter.

    Where flutter is annotated no beats are: an interval across it is no pause.
    """
    found = watch(record.signal_mV, record.rate_hz)
    row: dict[str, Any] = {"record": record.name}
    beats_s = record.beats / record.rate_hz
    for kind, limit_s in LIMITS.items():
        pauses = beats_s[:-1][(np.diff(beats_s) > limit_s) & ~_with_flutter(record, beats_s)]
        begun = [one.onset_s for one in found
                 if one.kind is kind and one.standing is Standing.BEGUN]  # fmt: skip
        met = [at for at in begun if np.any(np.abs(pauses - at) <= _EARLY_S)]
        found_s = [at for at in pauses if any(abs(at - one) <= _EARLY_S for one in begun)]
        row[str(kind)] = {
            "true": int(pauses.size), "found": len(found_s),
            "alarms": len(begun), "met": len(met),
        }  # fmt: skip
    row[str(Kind.VENTRICULAR_FLUTTER)] = _flutter_counts(record, found)
    return row


def _with_flutter(record: Recording, beats_s: Signal) -> NDArray[np.bool_]:
    """Tell which intervals between beats have annotated flutter in them, shape (beats - 1,)."""
    crossed = np.zeros(max(0, beats_s.size - 1), dtype=bool)
    for first, last in record.flutter:
        crossed |= (beats_s[:-1] < last / record.rate_hz) & (beats_s[1:] > first / record.rate_hz)
    return crossed


def _flutter_counts(record: Recording, found: Sequence[Finding]) -> dict[str, Any]:
    spans = [(first / record.rate_hz, last / record.rate_hz) for first, last in record.flutter]
    begun = [one for one in found if one.standing is Standing.BEGUN]
    told_s = [one.known_s for one in begun if one.kind is Kind.VENTRICULAR_FLUTTER]
    first_s = [
        min((at - start for at in told_s if start < at <= end + _FLUTTER_OVER_S), default=None)
        for start, end in spans
    ]
    elsewhere = [
        at for at in told_s if not any(start < at <= end + _FLUTTER_OVER_S for start, end in spans)
    ]
    return {"after_s": first_s, "elsewhere": len(elsewhere)}


def _uncut_table(uncut: Sequence[Mapping[str, Any]], hours: float) -> Table:
    rows: list[list[Cell]] = []
    for kind, limit_s in LIMITS.items():
        counts = [row[str(kind)] for row in uncut]
        true, found, alarms, met = (
            sum(one[key] for one in counts) for key in ("true", "found", "alarms", "met")
        )
        rows.append([str(kind), limit_s, true, found, alarms - met])
    return Table(
        title=f"Uncut recordings, {hours:.1f} hours",
        columns=("alarm", "limit s", "intervals over the limit", "alarmed", "alarms without one"),
        rows=rows,
        digits={"limit s": 1},
        note="By the annotated beats, without the intervals in which flutter is annotated. An alarm"
        " that was withdrawn later counts.",
    )


def _flutter_table(uncut: Sequence[Mapping[str, Any]], hours: float) -> Table:
    counts = [row[str(Kind.VENTRICULAR_FLUTTER)] for row in uncut]
    after_s = [after for one in counts for after in one["after_s"]]
    told = [after for after in after_s if after is not None]
    elsewhere = sum(one["elsewhere"] for one in counts)
    return Table(
        title=f"Ventricular flutter, {hours:.1f} hours",
        columns=("annotated episodes", "told", "after, median s", "after, most s",
                 "told where none is annotated"),
        rows=[[len(after_s), len(told), float(np.median(told)) if told else None,
               max(told, default=None), elsewhere]],
        note="After: from the annotated onset to when it is told, within the episode and 4 s.",
    )  # fmt: skip


def _plot(stops: Sequence[Alarmed]) -> Plot:
    def draw(figure: Any) -> None:  # noqa: ANN401
        axes = figure.subplots()
        bins = np.arange(-0.1, 1.02, 0.02)
        colours = (drawing.OUR_COLOUR, drawing.SECOND_COLOUR)
        late = [np.clip(_late(stops, kind), None, 1.0) for kind in LIMITS]
        axes.hist(late, bins=bins, color=colours, label=[str(kind) for kind in LIMITS])
        axes.axvline(LATENESS_BAR_S, color=drawing.GREY, linestyle="--", label="bar")
        axes.set_xlabel("alarm after last beat and limit, s (later than 1 s: in the last bar)")
        axes.set_ylabel("cuts")
        drawing.legend(axes)

    return Plot(name="pauses", caption="How late the alarm of a standstill comes", draw=draw)


def _verdicts(alarmed: Sequence[Alarmed]) -> list[Verdict]:
    stops = [one for one in alarmed if one.cut.filling in HEART_STOPS]
    off = [one for one in alarmed if one.cut.filling in LEAD_OFF]
    late = [value for kind in LIMITS for value in _late(stops, kind)]
    missed = len(LIMITS) * len(stops) - len(late)
    remark = "" if alarmed else "data set missing"
    return [
        Verdict(
            what="pause and asystole on cut recordings, latest alarm after last beat and limit",
            unit="s", at_most=LATENESS_BAR_S, measured=max(late, default=None), digits=3,
            remark=remark,
        ),
        Verdict(
            what="pause and asystole on cut recordings, missed", at_most=0.0, digits=0,
            measured=float(missed) if stops else None, remark=remark,
        ),
        Verdict(
            what="pause and asystole alarms from a lead that is off", at_most=0.0, digits=0,
            measured=float(sum(_is_alarmed(one) for one in off)) if off else None, remark=remark,
        ),
    ]  # fmt: skip


SECTION = Section(name="pauses", title="Pauses and standstills", measure=measure)
