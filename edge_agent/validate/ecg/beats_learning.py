"""Learns the network of the beat detector, and tells how it does on people it has not seen."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

from edge_agent.dsp.qrs_learning import learn
from edge_agent.dsp.qrs_likelihood import Network
from edge_agent.dsp.rpeaks import Detector
from edge_agent.validate.ecg import ec57
from edge_agent.validate.ecg.bench import EcgBench
from edge_agent.validate.ecg.ec57 import Samples, Score
from edge_agent.validate.ecg.lessons import held_out, lessons
from edge_agent.validate.ecg.recordings import Recording, Signal, resampled

SCORED = "mitdb"
RATES_HZ = (None, 130.0)
"""The record's own, and that of a chest strap."""

ROUNDS = 8


def learn_beats(
    bench: EcgBench, *, keep: Callable[[str], bool] = lambda _: True, rounds: int = ROUNDS
) -> Network:
    """Learn from the records to be kept, by name; ``bench.tell`` is told of each round.

    :raises ValueError: nothing to learn from.
    """
    bench.tell("reading")
    taught = list(lessons(bench.data, keep))
    scored = [name for name in bench.every(SCORED) if keep(name)]

    def told(number: int, network: Network) -> None:
        f1 = ec57.gross(score(bench, scored, network)).f1
        bench.tell(f"round {number + 1} of {rounds}: F1 {f1:.3f} % on {SCORED}, as learnt from")

    return learn(taught, rounds=rounds, seed=bench.seed, report=told)


def scores_held_out(
    bench: EcgBench, parts: int, *, rounds: int = ROUNDS
) -> Iterator[dict[float | None, list[Score]]]:
    """Learn without each of ``parts`` of the people; yield the scores of what was left out.

    Scores are by rate, see :data:`RATES_HZ`; only the records of mitdb are scored.

    :raises ValueError: nothing to learn from.
    """
    for part, keep in enumerate(held_out(bench.data, parts)):
        bench.tell(f"part {part + 1} of {parts}")
        network = learn_beats(bench, keep=keep, rounds=rounds)
        left_out = [name for name in bench.every(SCORED) if not keep(name)]
        if not left_out:
            continue
        yield {rate_hz: score(bench, left_out, network, rate_hz) for rate_hz in RATES_HZ}


def score(
    bench: EcgBench, names: list[str], network: Network, rate_hz: float | None = None
) -> list[Score]:
    """Score a network on records of mitdb, resampled to ``rate_hz`` if that is given."""
    scores = []
    for name in names:
        record = bench.recording(SCORED, name)
        found = _found(record, network, rate_hz)
        scores.append(
            ec57.score(name, record.beats, found, record.rate_hz, record.length, record.flutter)
        )
    return scores


def _found(record: Recording, network: Network, rate_hz: float | None) -> Samples:
    """Beats that the detector finds with this network, at the record's own rate."""
    signal: Signal = record.signal_mV
    rate = record.rate_hz if rate_hz is None else rate_hz
    if rate != record.rate_hz:
        signal = resampled(signal, record.rate_hz, rate)
    detector = Detector(rate, network=network)
    found = np.concatenate((detector.push(signal), detector.flush()))
    at = np.unique(np.rint(found * (record.rate_hz / rate)).astype(np.int64))
    return np.asarray(at[at < record.length])
