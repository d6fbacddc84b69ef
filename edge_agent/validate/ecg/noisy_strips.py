"""Signal quality: strips that people call too noisy, told from readable ones; doubtful beats."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge_agent.dsp.quality import strip_index
from edge_agent.validate import drawing
from edge_agent.validate.ecg import beat_trust
from edge_agent.validate.ecg.bench import EcgBench, missing_set
from edge_agent.validate.ecg.detectors import OURS
from edge_agent.validate.ecg.ranking import area_under_curve, curve
from edge_agent.validate.ecg.recordings import Recording, labels, read
from edge_agent.validate.section import Outcome, Plot, Section, Table, Verdict, best_peer
from edge_agent.validate.software import quiet

DATA_SET = "cinc2017"
NOISY = "~"
AUC_BAR = 0.97
PEER = "neurokit2"

Vector = NDArray[np.float64]


def measure(bench: EcgBench) -> Outcome:
    """Rate every strip by the hub's index and by the peer's, and compare the areas."""
    outcome = Outcome(
        summary="Strips of a hand-held recorder; people labelled some as too noisy to judge. The"
        " area under the ROC curve is how often a noisy strip is rated worse than a readable one."
        " neurokit2: the mean over the strip of ecg_quality, by each of its methods. Of single"
        " beats, a false detection should be doubtful, and a true one not."
    )
    of_beats = beat_trust.table(bench)
    if of_beats is not None:
        outcome.tables.append(of_beats)
        columns = of_beats.columns
        outcome.figures["beats"] = [dict(zip(columns, row, strict=True)) for row in of_beats.rows]
    folder = bench.folder(DATA_SET)
    truth = labels(folder)
    names = [name for name in bench.names(DATA_SET, annotated=False) if name in truth]
    noisy = np.array([truth[name] == NOISY for name in names], dtype=bool)
    if not names or noisy.all() or not noisy.any():
        outcome.missing.append(f"{missing_set(DATA_SET)}, or only one kind of strip")
        outcome.verdicts.append(_verdict({}))
        return outcome
    bench.tell(DATA_SET)
    ratings = {OURS: np.array([_ours(read(folder, name)) for name in names])}
    failures: list[str] = []
    if any(one.distribution == PEER for one in bench.peers):
        for method in ("averageQRS", "templatematch"):
            bench.tell(f"{PEER} {method}")
            ratings[f"{PEER} {method}"] = np.array(
                [_neurokit(read(folder, name), method, failures) for name in names]
            )
    if failures:
        outcome.notes.append(
            f"{PEER} failed on {len(failures)} strips, which count as rated 0; the first:"
            f" {failures[0]}"
        )
    areas = {name: area_under_curve(-values, noisy) for name, values in ratings.items()}
    outcome.tables.append(
        Table(
            title=f"{DATA_SET}: {int(noisy.sum())} noisy strips against {int((~noisy).sum())}",
            columns=("index", "AUC"),
            rows=[
                [name, areas[name]] for name in sorted(areas, key=areas.__getitem__, reverse=True)
            ],
        )
    )
    signs = np.array([truth[name] for name in names])
    outcome.plots.append(_plot(signs, noisy, ratings))
    outcome.figures |= {
        "auc": areas,
        "strips": {name: float(value) for name, value in zip(names, ratings[OURS], strict=True)},
    }
    outcome.verdicts.append(_verdict(areas))
    return outcome


def _ours(record: Recording) -> float:
    return strip_index(record.signal_mV, record.rate_hz)


def _neurokit(record: Recording, method: str, failures: list[str]) -> float:
    try:
        with quiet():
            import neurokit2

            rate = int(record.rate_hz)
            clean = neurokit2.ecg_clean(record.signal_mV, sampling_rate=rate)
            rating = np.asarray(neurokit2.ecg_quality(clean, sampling_rate=rate, method=method))
            return float(np.nan_to_num(np.nanmean(rating)))
    except Exception as error:  # noqa: BLE001 - a peer may raise anything, and it is reported
        failures.append(f"{record.name}, {method}: {type(error).__name__}: {error}")
        return 0.0


def _plot(signs: NDArray[np.str_], noisy: NDArray[np.bool_], ratings: dict[str, Vector]) -> Plot:
    def draw(figure: Any) -> None:  # noqa: ANN401
        left, right = figure.subplots(1, 2, width_ratios=(3, 2))
        kinds = (("N", "normal"), ("O", "other"), ("A", "fibrillation"), (NOISY, "too noisy"))
        drawing.columns(
            left,
            {title: ratings[OURS][signs == sign] for sign, title in kinds},
            axis="index of the hub",
        )
        names = list(ratings)
        for name, values in ratings.items():
            right.plot(*curve(-values, noisy), **drawing.style(name, OURS, names))
        right.set_xlabel("readable strips called noisy, share")
        right.set_ylabel("noisy strips called so, share")
        drawing.legend(right)

    return Plot(
        name="quality",
        caption=f"{DATA_SET}: each strip's index by its label; ROC curves",
        draw=draw,
    )


def _verdict(areas: dict[str, float]) -> Verdict:
    peer, best = best_peer(areas, ours=OURS)
    return Verdict(
        what=f"'too noisy' strips of {DATA_SET}, AUC", at_least=AUC_BAR, digits=3,
        measured=areas.get(OURS), peer=peer, peer_measured=best,
        remark="" if areas else "data set missing",
    )  # fmt: skip


SECTION = Section(name="quality", title="Signal quality", measure=measure)
