"""Atrial fibrillation: beat by beat with weights learnt on other recordings, and strip by strip."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge_agent.dsp.af import burden, detect_af
from edge_agent.dsp.af_learning import LabelledBeats, Tally, gross, learn, tally
from edge_agent.dsp.logistic import Logistic
from edge_agent.validate import drawing
from edge_agent.validate.ecg.bench import EcgBench, missing_set
from edge_agent.validate.ecg.detectors import refined
from edge_agent.validate.ecg.ranking import area_under_curve, best_f1
from edge_agent.validate.ecg.recordings import Recording, labels, read
from edge_agent.validate.section import Cell, Outcome, Plot, Section, Table, Verdict

PAIRS = (("mitdb", "cpsc2021"), ("cpsc2021", "mitdb"))
"""Learn on the first, score on the second."""

STRIPS = "cinc2017"
SHARE_BAR, STRIP_F1_BAR = 95.0, 0.80
STRIP_SHARE = 0.5
"""A strip is called fibrillation when so much of its judged time is."""

_COLUMNS = ("scored on", "learnt on", "beats", "Se %", "Sp %", "+P %", "TP", "FN", "FP", "TN",
            "no answer")  # fmt: skip
_FIBRILLATION, _FLUTTER = "(AFIB", "(AFL"

Models = dict[str, Logistic]


def labelled(
    record: Recording, beats_s: NDArray[np.float64], *, with_flutter: bool = True
) -> LabelledBeats:
    """Label beats at ``beats_s`` with the rhythm that the annotators wrote down before them.

    Atrial flutter is not fibrillation; without ``with_flutter`` its beats do not count.
    """
    starts = np.array([at / record.rate_hz for at, _ in record.rhythms])
    names = ["", *(name for _, name in record.rhythms)]
    rhythm = [names[place] for place in np.searchsorted(starts, beats_s, side="right").tolist()]
    return LabelledBeats(
        name=record.name,
        at_s=beats_s,
        rr_ms=np.diff(beats_s, prepend=np.nan) * 1000.0,
        af=np.array([name == _FIBRILLATION for name in rhythm], dtype=bool),
        counts=np.array([with_flutter or name != _FLUTTER for name in rhythm], dtype=bool),
    )


def measure(bench: EcgBench) -> Outcome:
    """Learn on one set and score on the other, both ways; then the strips."""
    outcome = Outcome(
        summary="From the intervals between beats. The weights are learnt anew in this run on one"
        " data set, by the code that made the shipped ones, and scored on the other; the shipped"
        " weights have seen all of them and are shown for comparison only. Every beat of a record"
        " counts, the first ones too; atrial flutter counts as no fibrillation. A beat without an"
        " answer counts for neither figure. None of the peers tells fibrillation."
    )
    sets = {name: _annotated(bench, name) for pair in PAIRS for name in pair[:1]}
    outcome.missing += [missing_set(name) for name, records in sets.items() if not records]
    models = _models(bench, sets, outcome)
    rows: list[list[Cell]] = []
    found: dict[str, Tally] = {}
    per_record: list[list[Cell]] = []
    for learnt_on, scored_on in PAIRS:
        if learnt_on not in models or not sets[scored_on]:
            continue
        model = models[learnt_on]
        tallies = {one.name: _tally(one, model) for one in sets[scored_on]}
        found[scored_on] = gross(tallies.values())
        rows.append(_row(f"{scored_on}, annotated beats", learnt_on, found[scored_on]))
        bench.tell(f"{scored_on} as detected")
        detected = gross(_tally(one, model) for one in _detected(bench, scored_on))
        rows.append(_row(f"{scored_on}, detected beats", learnt_on, detected))
        rows.append(
            _row(
                f"{scored_on}, without atrial flutter",
                learnt_on,
                gross(_tally(one, model) for one in _annotated(bench, scored_on, flutter=False)),
            )
        )
        rows.append(
            _row(f"{scored_on}, annotated beats", "all (shipped)",
                 gross(_tally(one, None) for one in sets[scored_on]))
        )  # fmt: skip
        per_record += [_row(name, learnt_on, one) for name, one in tallies.items()]
    columns = {"digits": {"Se %": 2, "Sp %": 2, "+P %": 2}, "columns": _COLUMNS}
    if rows:
        outcome.tables.append(Table(title="Fibrillation, beat by beat", rows=rows, **columns))  # type: ignore[arg-type]
        outcome.tables.append(
            Table(title="Record by record, annotated beats", rows=per_record, **columns)  # type: ignore[arg-type]
        )
    outcome.figures = {
        "beat by beat": [dict(zip(_COLUMNS, row, strict=True)) for row in rows],
        "records": [dict(zip(_COLUMNS, row, strict=True)) for row in per_record],
    }
    outcome.verdicts = _beat_verdicts(found)
    _strips(bench, outcome, models)
    return outcome


def _annotated(bench: EcgBench, data_set: str, *, flutter: bool = True) -> list[LabelledBeats]:
    records = [bench.recording(data_set, name) for name in bench.every(data_set)]
    return [
        labelled(one, one.beats / one.rate_hz, with_flutter=flutter)
        for one in records
        if one.rhythms
    ]


def _detected(bench: EcgBench, data_set: str) -> list[LabelledBeats]:
    records = [bench.recording(data_set, name) for name in bench.every(data_set)]
    return [
        labelled(one, refined(one.signal_mV, one.rate_hz) / one.rate_hz)
        for one in records
        if one.rhythms
    ]


def _models(
    bench: EcgBench, sets: Mapping[str, Sequence[LabelledBeats]], outcome: Outcome
) -> Models:
    models: Models = {}
    for name in sets:
        if not sets[name]:
            continue
        bench.tell(f"learning on {name}")
        try:
            models[name] = learn([_annotated(bench, name, flutter=False)], seed=bench.seed)
        except ValueError as error:
            outcome.notes.append(f"{name}: nothing to learn from: {error}")
    return models


def _tally(beats: LabelledBeats, model: Logistic | None) -> Tally:
    if model is None:
        return tally(detect_af(beats.at_s, beats.rr_ms), beats)
    return tally(detect_af(beats.at_s, beats.rr_ms, model=model), beats)


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


def _beat_verdicts(found: Mapping[str, Tally]) -> list[Verdict]:
    verdicts = []
    for learnt_on, scored_on in PAIRS:
        one = found.get(scored_on)
        for name, share in (
            ("Se", one.sensitivity if one else None),
            ("Sp", one.specificity if one else None),
        ):
            verdicts.append(
                Verdict(
                    what=f"AF, beat by beat, {scored_on} with weights of {learnt_on}, {name}",
                    unit="%", at_least=SHARE_BAR, measured=_percent(share),
                    remark="" if one else "data sets missing",
                )
            )  # fmt: skip
    return verdicts


def _strips(bench: EcgBench, outcome: Outcome, models: Models) -> None:
    """Score the strips by the share of their time in fibrillation."""
    folder = bench.folder(STRIPS)
    truth = labels(folder)
    names = [name for name in bench.names(STRIPS, annotated=False) if name in truth]
    if not names:
        outcome.missing.append(missing_set(STRIPS))
        outcome.verdicts.append(_strip_verdict(None))
        return
    bench.tell(STRIPS)
    signs = np.array([truth[name] for name in names])
    beats = []
    for name in names:
        record = read(folder, name)
        at_s = refined(record.signal_mV, record.rate_hz) / record.rate_hz
        beats.append((at_s, np.diff(at_s, prepend=np.nan) * 1000.0))
    rows: list[list[Cell]] = []
    shipped = np.empty(0)
    for label, model in (("all (shipped)", None), *models.items()):
        judged = np.array([_judged(at_s, rr_ms, model) for at_s, rr_ms in beats])
        rows.append([label, *_strip_figures(signs, judged)])
        shipped = judged[:, 1] if model is None else shipped
    columns = ("learnt on", "strips", "Se %", "Sp %", "F1", "AUC", "best F1 at any limit",
               "noisy strips called AF")  # fmt: skip
    outcome.tables.append(
        Table(
            title=f"Strips of {STRIPS}: fibrillation against normal and other rhythms",
            columns=columns,
            rows=rows,
            digits={"Se %": 1, "Sp %": 1},
            note="A strip is fibrillation when half of its judged time is; one without an answer"
            " is none. AUC and the best F1 rate a strip by its mean probability; the limit of the"
            " best F1 is picked by the truth. The weights have not seen these strips.",
        )
    )
    outcome.figures["strips"] = [dict(zip(columns, row, strict=True)) for row in rows]
    outcome.plots.append(_strip_plot(signs, shipped))
    first = rows[0][4]
    outcome.verdicts.append(_strip_verdict(first if isinstance(first, float) else None))


def _judged(
    at_s: NDArray[np.float64], rr_ms: NDArray[np.float64], model: Logistic | None
) -> tuple[float, float]:
    """Return the share of the time in fibrillation and the mean probability; 0 without any."""
    beats = detect_af(at_s, rr_ms) if model is None else detect_af(at_s, rr_ms, model=model)
    known = [one.probability for one in beats if one.probability is not None]
    return burden(beats).share or 0.0, float(np.mean(known)) if known else 0.0


def _strip_figures(signs: NDArray[np.str_], judged: NDArray[np.float64]) -> list[Cell]:
    clear = signs != "~"
    share, probability = judged.T
    af, called = signs[clear] == "A", share[clear] >= STRIP_SHARE
    hits, wrong = int(np.sum(af & called)), int(np.sum(af != called))
    return [
        int(clear.sum()),
        100.0 * hits / int(af.sum()) if af.any() else None,
        100.0 * float(np.mean(~called[~af])) if (~af).any() else None,
        2.0 * hits / (2.0 * hits + wrong) if hits + wrong else math.nan,
        area_under_curve(probability[clear], af),
        best_f1(probability[clear], af),
        int(np.sum(share[~clear] >= STRIP_SHARE)),
    ]


def _strip_plot(signs: NDArray[np.str_], probability: NDArray[np.float64]) -> Plot:
    def draw(figure: Any) -> None:  # noqa: ANN401
        drawing.columns(
            figure.subplots(),
            {name: probability[signs == sign] for sign, name in
             (("A", "fibrillation"), ("O", "other rhythm"), ("N", "normal"), ("~", "too noisy"))},
            axis="mean probability of fibrillation",
        )  # fmt: skip

    return Plot(
        name="af-strips", caption=f"{STRIPS}: each strip by its label (shipped weights)", draw=draw
    )


def _strip_verdict(f1: float | None) -> Verdict:
    return Verdict(
        what=f"AF, strips of {STRIPS}, F1", at_least=STRIP_F1_BAR, measured=f1, digits=3,
        remark="" if f1 is not None else "data set missing",
    )  # fmt: skip


SECTION = Section(name="af", title="Atrial fibrillation", measure=measure)
