"""Atrial fibrillation beat by beat, with weights learnt on other recordings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from edge_agent.dsp.af import detect_af
from edge_agent.dsp.af_learning import LabelledBeats, Tally, gross, learn, tally
from edge_agent.dsp.af_strip_learning import strip_beats
from edge_agent.dsp.logistic import Logistic
from edge_agent.validate.ecg.bench import EcgBench, missing_set
from edge_agent.validate.ecg.detectors import refined
from edge_agent.validate.ecg.fibrillation_strips import DATA_SET as STRIPS
from edge_agent.validate.ecg.fibrillation_strips import Strip, judge_strips, read_strips
from edge_agent.validate.ecg.recordings import Recording
from edge_agent.validate.section import Cell, Outcome, Section, Table, Verdict

PAIRS = (("mitdb", "cpsc2021"), ("cpsc2021", "mitdb"))
"""Learn on the first, score on the second."""

SHARE_BAR = 95.0
SHIPPED = "shipped weights (have seen all)"

_COLUMNS = ("scored on", "learnt on", "beats", "Se %", "Sp %", "+P %", "TP", "FN", "FP", "TN",
            "no answer")  # fmt: skip
_DIGITS = {"Se %": 2, "Sp %": 2, "+P %": 2}
_FIBRILLATION, _FLUTTER = "(AFIB", "(AFL"


def labelled(record: Recording, beats_s: NDArray[np.float64]) -> LabelledBeats:
    """Label beats at ``beats_s`` with the rhythm that the annotators wrote down before them.

    A record without any such mark has no fibrillation. Beats in atrial flutter are marked as not to
    count: learning leaves them out.
    """
    starts = np.array([at / record.rate_hz for at, _ in record.rhythms])
    names = ["", *(name for _, name in record.rhythms)]
    rhythm = [names[place] for place in np.searchsorted(starts, beats_s, side="right").tolist()]
    return LabelledBeats(
        name=record.name,
        at_s=beats_s,
        rr_ms=np.diff(beats_s, prepend=np.nan) * 1000.0,
        af=np.array([name == _FIBRILLATION for name in rhythm], dtype=bool),
        counts=np.array([name != _FLUTTER for name in rhythm], dtype=bool),
    )


def measure(bench: EcgBench) -> Outcome:
    """Learn on one set and score on the other, both ways; then the strips."""
    outcome = Outcome(
        summary="The weights are learnt anew in this run on one data set, by the code that made"
        " the shipped ones, and scored on the other; the shipped weights have seen all of them and"
        " are shown for comparison only. Every beat of a record counts, the first ones too. Atrial"
        " flutter counts as no fibrillation, though intervals can't tell it from that; figures"
        " without its beats stand beside. A beat without an answer counts for neither figure. None"
        " of the peers tells fibrillation."
    )
    strips = read_strips(bench)
    sets = {data_set: annotated(bench, data_set) for data_set, _ in PAIRS}
    outcome.missing += [missing_set(name) for name, records in sets.items() if not records]
    rows: list[list[Cell]] = []
    per_record: list[list[Cell]] = []
    found: dict[str, tuple[Tally, Tally]] = {}
    models: dict[str, Logistic] = {}
    for learnt_on, scored_on in PAIRS:
        model = _learn(bench, [sets[learnt_on]], learnt_on, outcome)
        if model is None:
            continue
        models[learnt_on] = model
        if not sets[scored_on]:
            continue
        bench.tell(f"scoring on {scored_on}")
        tallies = {one.name: _tally(one, model) for one in sets[scored_on]}
        found[scored_on] = (gross(tallies.values()), _without_flutter(sets[scored_on], model))
        rows += _rows(bench, learnt_on, scored_on, model, found[scored_on])
        both = _learn(
            bench, [sets[learnt_on], beats_of(strips)], f"{learnt_on} and {STRIPS}", outcome
        )
        for name, other in ((f"{learnt_on}, {STRIPS}", both), (SHIPPED, None)):
            if other is not None or name == SHIPPED:
                each = gross(_tally(one, other) for one in sets[scored_on])
                rows.append(_row(f"{scored_on}, annotated beats", name, each))
        per_record += [_row(name, learnt_on, one) for name, one in tallies.items()]
    for title, lines in (("Beat by beat, gross", rows), ("Record by record", per_record)):
        if lines:
            outcome.tables.append(Table(title=title, columns=_COLUMNS, rows=lines, digits=_DIGITS))
    outcome.figures = {
        "gross": [dict(zip(_COLUMNS, row, strict=True)) for row in rows],
        "records": [dict(zip(_COLUMNS, row, strict=True)) for row in per_record],
    }
    outcome.verdicts = _verdicts(found)
    judge_strips(bench, strips, models, outcome)
    return outcome


def _rows(
    bench: EcgBench, learnt_on: str, scored_on: str, model: Logistic, found: tuple[Tally, Tally]
) -> list[list[Cell]]:
    detected = gross(_tally(one, model) for one in _detected(bench, scored_on))
    return [
        _row(f"{scored_on}, annotated beats", learnt_on, found[0]),
        _row(f"{scored_on}, annotated beats, without atrial flutter", learnt_on, found[1]),
        _row(f"{scored_on}, detected beats", learnt_on, detected),
    ]


def annotated(bench: EcgBench, data_set: str) -> list[LabelledBeats]:
    """Label the annotated beats of a set's records."""
    records = [bench.recording(data_set, name) for name in bench.every(data_set)]
    return [labelled(one, one.beats / one.rate_hz) for one in records]


def _detected(bench: EcgBench, data_set: str) -> list[LabelledBeats]:
    records = [bench.recording(data_set, name) for name in bench.every(data_set)]
    return [labelled(one, refined(one.signal_mV, one.rate_hz) / one.rate_hz) for one in records]


def beats_of(strips: Sequence[Strip]) -> list[LabelledBeats]:
    """Label the detected beats of the strips that aren't too noisy."""
    return [
        strip_beats(one.name, one.signal_mV, one.rate_hz, af=one.is_af)
        for one in strips
        if not one.is_noisy
    ]


def _learn(
    bench: EcgBench, sets: Sequence[Sequence[LabelledBeats]], name: str, outcome: Outcome
) -> Logistic | None:
    """Learn with the flutter left out; ``None`` where there is nothing to learn from."""
    if not all(sets):
        return None
    bench.tell(f"learning on {name}")
    try:
        return learn(sets, seed=bench.seed)
    except ValueError as error:
        outcome.notes.append(f"{name}: nothing to learn from: {error}")
        return None


def _without_flutter(records: Sequence[LabelledBeats], model: Logistic) -> Tally:
    return gross(tally(detect_af(one.at_s, one.rr_ms, model=model), one) for one in records)


def _tally(beats: LabelledBeats, model: Logistic | None) -> Tally:
    """Tally every beat, those in atrial flutter as beats without fibrillation."""
    found = (
        detect_af(beats.at_s, beats.rr_ms)
        if model is None
        else detect_af(beats.at_s, beats.rr_ms, model=model)
    )
    every = np.ones(beats.counts.size, dtype=bool)
    return tally(found, replace(beats, counts=every))


def _row(scored: str, learnt: str, one: Tally) -> list[Cell]:
    found = one.true_positives + one.false_positives
    counted = found + one.false_negatives + one.true_negatives
    return [
        scored, learnt, counted + one.unanswered, _percent(one.sensitivity),
        _percent(one.specificity), 100.0 * one.true_positives / found if found else None,
        one.true_positives, one.false_negatives, one.false_positives, one.true_negatives,
        one.unanswered,
    ]  # fmt: skip


def _percent(share: float | None) -> float | None:
    return None if share is None else 100.0 * share


def _verdicts(found: Mapping[str, tuple[Tally, Tally]]) -> list[Verdict]:
    verdicts = []
    for learnt_on, scored_on in PAIRS:
        every, without = found.get(scored_on, (None, None))
        shares = {
            "Se": every.sensitivity if every else None,
            "Sp": every.specificity if every else None,
        }
        if without and without != every:
            shares["Sp without atrial flutter"] = without.specificity
        verdicts += [
            Verdict(
                what=f"AF, beat by beat, {scored_on} with weights of {learnt_on}, {name}",
                unit="%", at_least=SHARE_BAR, measured=_percent(share),
                remark="" if every else "data sets missing",
            )
            for name, share in shares.items()
        ]  # fmt: skip
    return verdicts


SECTION = Section(name="af", title="Atrial fibrillation", measure=measure)
