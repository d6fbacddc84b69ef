"""Learns the weights that the hub ships anew, each kind from the data sets that teach it.

What is learnt is returned as the text of the module that ships it: review it, score it with
``edge-agent validate ecg``, then put it in the place of the old one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from edge_agent.dsp import af_features, af_strip
from edge_agent.dsp.af_learning import learn as learn_fibrillation
from edge_agent.dsp.af_strip_learning import learn_strips
from edge_agent.dsp.ventricular_context import FEATURES
from edge_agent.dsp.ventricular_learning import learn as learn_ventricular
from edge_agent.errors import EdgeError
from edge_agent.validate.ecg import ec57, fibrillation, fibrillation_strips, lessons, ventricular
from edge_agent.validate.ecg.beats_learning import (
    RATES_HZ,
    ROUNDS,
    SCORED,
    learn_beats,
    scores_held_out,
)
from edge_agent.validate.ecg.bench import EcgBench
from edge_agent.validate.ecg.ec57 import Score
from edge_agent.validate.ecg.weights_text import logistic_module, network_module


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """Something to learn: what to say of it, from which sets, and the function that does.

    The function is given the module's docstring and, for beats, the number of rounds; it returns
    the module's text.
    """

    title: str
    sets: tuple[str, ...]
    learn: Callable[[EcgBench, str, int], str]


def learn(what: str, bench: EcgBench, *, rounds: int = ROUNDS) -> str:
    """Return the text of the module of that kind (a key of :data:`KINDS`), learnt anew.

    :raises EdgeError: no records to learn from, or records that are all alike.
    """
    kind = KINDS[what]
    counts = {one: len(bench.every(one, annotated=one not in _UNANNOTATED)) for one in kind.sets}
    if not any(counts[one] for one in kind.sets if one != lessons.NOISE):
        raise _unfit(bench, f"none of {', '.join(kind.sets)} is there")
    origin = _origin(what, bench.seed, counts, rounds)
    try:
        return kind.learn(bench, f"{kind.title}\n\n{origin}", rounds)
    except ValueError as error:
        raise _unfit(bench, f"teach nothing: {error}") from error


def held_out_lines(bench: EcgBench, parts: int, *, rounds: int = ROUNDS) -> Iterator[str]:
    """Learn the beats' weights with each of ``parts`` of the people left out; yield the figures.

    One line for each part and rate as it is done, then the gross figures of all records, each
    scored by weights that have not seen it.

    :raises EdgeError: as :func:`learn` does.
    """
    every: dict[float | None, list[Score]] = {rate_hz: [] for rate_hz in RATES_HZ}
    try:
        for part, scores in enumerate(scores_held_out(bench, parts, rounds=rounds)):
            for rate_hz, some in scores.items():
                every[rate_hz] += some
                yield _line(f"part {part + 1} of {parts}", rate_hz, some)
    except ValueError as error:
        raise _unfit(bench, f"teach nothing: {error}") from error
    for rate_hz, scored in every.items():
        yield _line("gross", rate_hz, scored)


def _line(name: str, rate_hz: float | None, scores: Sequence[Score]) -> str:
    one = ec57.gross(scores)
    at = "at its own rate" if rate_hz is None else f"at {rate_hz:g} Hz"
    return (
        f"{name}, {len(scores)} records of {SCORED} left out, {at}: Se {one.sensitivity:.3f} %,"
        f" +P {one.positive_predictivity:.3f} %, F1 {one.f1:.3f} %"
        f" ({one.false_positives} FP, {one.false_negatives} FN); worst {_worst(scores)}"
    )


def _worst(scores: Sequence[Score]) -> str:
    one = max(scores, key=lambda one: one.false_positives + one.false_negatives)
    return f"{one.record} ({one.false_positives} FP, {one.false_negatives} FN)"


def _unfit(bench: EcgBench, why: str) -> EdgeError:
    return EdgeError(
        f"recordings in {bench.data}", why, "Give a folder of these sets, with more records"
    )


def _origin(what: str, seed: int, counts: Mapping[str, int], rounds: int) -> str:
    sets = ", ".join(f"{name} ({_records(count)})" for name, count in counts.items())
    more = "" if rounds == ROUNDS else f" --rounds {rounds}"
    return (
        f"Written by ``edge-agent validate learn {what} --seed {seed}{more}`` from {sets};"
        " learn it anew rather than edit it."
    )


def _records(count: int) -> str:
    return "absent" if not count else "1 record" if count == 1 else f"{count} records"


def _beats(bench: EcgBench, docstring: str, rounds: int) -> str:
    return network_module(docstring, "NETWORK", learn_beats(bench, rounds=rounds))


def _fibrillation(bench: EcgBench, docstring: str, _rounds: int) -> str:
    strips = fibrillation_strips.read_strips(bench)
    sets = [
        fibrillation.annotated(bench, "mitdb"),
        fibrillation.annotated(bench, "cpsc2021"),
        fibrillation.beats_of(strips),
    ]
    model = learn_fibrillation([one for one in sets if one], seed=bench.seed)
    return logistic_module(docstring, "RHYTHM", model, af_features.NAMES)


def _strips(bench: EcgBench, docstring: str, _rounds: int) -> str:
    rows, labels = [], []
    for strip in fibrillation_strips.read_strips(bench):
        row = af_strip.strip_features(strip.signal_mV, strip.rate_hz)
        if row is not None:
            rows.append(row)
            labels.append(strip.is_af)
    return logistic_module(docstring, "STRIP", learn_strips(rows, labels), af_strip.NAMES)


def _ventricular(bench: EcgBench, docstring: str, _rounds: int) -> str:
    names = bench.every(ventricular.DATA_SET)
    model = learn_ventricular(
        [ventricular.examples_of(bench.recording(ventricular.DATA_SET, name)) for name in names]
    )
    return logistic_module(docstring, "WEIGHTS", model, FEATURES)


_UNANNOTATED = (lessons.NOISE, fibrillation_strips.DATA_SET)

KINDS: Mapping[str, Kind] = {
    "beats": Kind(
        title="Learnt weights of the network that weighs QRS candidates.",
        sets=(*lessons.SETS, lessons.NOISE),
        learn=_beats,
    ),
    "fibrillation": Kind(
        title="Learnt weights of the features of intervals that tell atrial fibrillation.\n\n"
        "Learnt from the annotated beats of mitdb and cpsc2021, those in atrial flutter left out,"
        " and from the detected beats of the strips of cinc2017 that aren't labelled too noisy.",
        sets=("mitdb", "cpsc2021", fibrillation_strips.DATA_SET),
        learn=_fibrillation,
    ),
    "strips": Kind(
        title="Learnt weights of the features of a strip that tell atrial fibrillation.\n\n"
        "Learnt from the detected beats and P waves of labelled strips; noisy ones count as free"
        " of fibrillation, and nothing is drawn at random.",
        sets=(fibrillation_strips.DATA_SET,),
        learn=_strips,
    ),
    "ventricular": Kind(
        title="Learnt weights of the features that tell a ventricular beat.\n\n"
        "Learnt from annotated beats of the first lead; nothing is drawn at random.",
        sets=(ventricular.DATA_SET,),
        learn=_ventricular,
    ),
}
