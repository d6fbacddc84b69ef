"""HRV: the same figures from the same intervals by other software, and what detection adds."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np

from edge_agent.dsp.hrv import time_domain
from edge_agent.dsp.rr import normal_only
from edge_agent.validate import drawing
from edge_agent.validate.ecg.bench import EcgBench, missing_set
from edge_agent.validate.ecg.detectors import OURS, refined
from edge_agent.validate.ecg.hrv_figures import (
    HRV_ANALYSIS,
    NEUROKIT,
    TONES,
    WINDOW_S,
    Figures,
    Intervals,
    hrv_analysis_figures,
    largest_differences,
    neurokit_figures,
    two_tones,
)
from edge_agent.validate.ecg.recordings import Recording, resampled
from edge_agent.validate.ecg.rpeaks import STRAP_RATE_HZ
from edge_agent.validate.section import Cell, Outcome, Plot, Section, Table, Verdict
from edge_agent.validate.software import INSTALL, version_of

EXACT_BAR = 1e-9
LF_BAR_PERCENT, HF_BAR_PERCENT = 0.5, 1.5


def measure(bench: EcgBench) -> Outcome:
    """Compare with the peers on annotated beats, with the truth on two tones, and as detected."""
    outcome = Outcome(
        summary="The first five minutes of every record of mitdb: intervals between the annotated"
        " beats, all of them, so that every program gets the same numbers. Agreement is the largest"
        " relative difference over all records. Definitions differ between programs, so a figure"
        " is compared where both define it alike: neurokit2 divides pNN50 by the intervals, not by"
        " the differences (rescaled here), hrv-analysis' spectrum is made by its own recipe, which"
        " the hub has too."
    )
    windows = {one.name: first_window(one) for one in bench.recordings("mitdb")}
    windows = {name: rr for name, rr in windows.items() if rr.size > 1}
    if not windows:
        outcome.missing.append(missing_set("mitdb"))
    peers = {NEUROKIT: neurokit_figures, HRV_ANALYSIS: hrv_analysis_figures}
    agreements: dict[str, Figures] = {}
    for peer, figures_of in peers.items():
        if not bench.peers or version_of(peer) is None:
            outcome.missing.append(f"{peer}: not compared; {INSTALL}")
            continue
        bench.tell(peer)
        theirs = {name: figures_of(rr) for name, rr in windows.items()}
        agreements[peer] = largest_differences(windows, theirs)
    outcome.tables.append(_agreement_table(agreements, len(windows)))
    bench.tell("two tones")
    tones = two_tones(with_peers=bool(bench.peers))
    outcome.tables.append(_tone_table(tones))
    bench.tell("as detected")
    detected = _as_detected(bench)
    outcome.figures = {
        "largest relative difference": agreements,
        "two tones, ms2": tones,
        "annotated and detected": detected,
    }
    if agreements and windows:
        outcome.plots.append(_agreement_plot(agreements))
    if detected:
        outcome.plots.append(_detected_plot(detected))
        outcome.tables.append(_detected_table(detected))
    outcome.verdicts = _verdicts(agreements, tones)
    return outcome


def first_window(record: Recording) -> Intervals:
    """Return the intervals (ms) between the annotated beats of the first five minutes."""
    beats = record.beats[record.beats < WINDOW_S * record.rate_hz]
    return np.asarray(1000.0 * np.diff(beats) / record.rate_hz)


def _as_detected(bench: EcgBench) -> dict[str, list[list[float]]]:
    """RMSSD and SDNN of five-minute windows: from annotations, from detection, at 130 Hz."""
    found: dict[str, list[list[float]]] = {"RMSSD": [], "SDNN": []}
    for record in bench.recordings("mitdb"):
        annotated_s = record.beats / record.rate_hz
        slow = resampled(record.signal_mV, record.rate_hz, STRAP_RATE_HZ)
        ways = (
            annotated_s,
            refined(record.signal_mV, record.rate_hz) / record.rate_hz,
            refined(slow, STRAP_RATE_HZ) / STRAP_RATE_HZ,
        )
        for three in zip(*(_windows(way, record.duration_s) for way in ways), strict=True):
            if all(one is not None for one in three):
                for name, column in (("RMSSD", 0), ("SDNN", 1)):
                    found[name].append([one[column] for one in three if one is not None])
    return {name: rows for name, rows in found.items() if rows}


def _windows(beats_s: Intervals, duration_s: float) -> Iterator[tuple[float, float] | None]:
    """RMSSD and SDNN of each whole window, NN intervals only, where half of them are NN."""
    nn_ms = normal_only(1000.0 * np.diff(beats_s))
    ends_s = beats_s[1:]
    for first in np.arange(0.0, duration_s - WINDOW_S + 1.0, WINDOW_S):
        inside = nn_ms[(ends_s >= first) & (ends_s < first + WINDOW_S)]
        one = time_domain(inside)
        if one is None or one.rmssd_ms is None or one.sdnn_ms is None or 2 * one.n < inside.size:
            yield None
        else:
            yield one.rmssd_ms, one.sdnn_ms


def _agreement_table(agreements: Mapping[str, Figures], count: int) -> Table:
    names = dict.fromkeys(name for one in agreements.values() for name in one)
    rows: list[list[Cell]] = [
        [name, *(_scientific(one.get(name)) for one in agreements.values())] for name in names
    ]
    return Table(
        title=f"Largest relative difference over {count} records",
        columns=("figure", *(f"{peer} {version_of(peer)}" for peer in agreements)),
        rows=rows,
    )


def _scientific(value: float | None) -> str:
    return "" if value is None else f"{value:.1e}"


def _tone_table(tones: Mapping[str, Figures]) -> Table:
    rows: list[list[Cell]] = [
        [name, *(one[band] for *_, band in TONES),
         *(100.0 * (one[band] / tones["truth"][band] - 1.0) for *_, band in TONES)]
        for name, one in tones.items()
    ]  # fmt: skip
    columns = ("by", "LF ms²", "HF ms²", "LF off by %", "HF off by %")
    return Table(
        title="Two tones: 800 ms with 20 ms at 0.1 Hz and 15 ms at 0.25 Hz, five minutes",
        columns=columns,
        rows=rows,
        digits=dict.fromkeys(columns, 2),
        note="Each program's spectrum by its own defaults (neurokit2 with normalize=False).",
    )


def _detected_table(detected: Mapping[str, list[list[float]]]) -> Table:
    rows: list[list[Cell]] = []
    for name, values in detected.items():
        annotated, own, slow = np.array(values).T
        for way, one in (("own rate", own), ("130 Hz", slow)):
            apart = one - annotated
            rows.append([
                name, way, apart.size, float(np.median(annotated)), float(np.median(apart)),
                float(np.percentile(np.abs(apart), 50)), float(np.percentile(np.abs(apart), 90)),
            ])  # fmt: skip
    columns = ("figure", "detected at", "windows", "median ms", "bias ms (median)",
               "off by, half of windows, ms", "off by, 90 % of windows, ms")  # fmt: skip
    return Table(
        title="Five-minute windows of NN intervals: detected against annotated beats",
        columns=columns,
        rows=rows,
        digits=dict.fromkeys(columns, 2),
        note="Annotations lie on samples (2.8 ms); the hub's peaks lie between them.",
    )


def _agreement_plot(agreements: Mapping[str, Figures]) -> Plot:
    def draw(figure: Any) -> None:  # noqa: ANN401
        axes = figure.subplots()
        names = list(dict.fromkeys(name for one in agreements.values() for name in one))
        for count, (peer, values) in enumerate(agreements.items()):
            shown = [name for name in names if name in values]
            apart = [max(values[name], 1e-17) for name in shown]
            rows = [names.index(name) + 0.15 - 0.3 * count for name in shown]
            axes.plot(apart, rows, "o", color=drawing.PEER_COLOURS[count], label=peer)
        axes.axvline(EXACT_BAR, color=drawing.OUR_COLOUR, linestyle="--", label="bar")
        axes.set_xscale("log")
        axes.set_yticks(range(len(names)), names)
        axes.set_xlabel("largest relative difference (logarithmic; equal: at 1e-17)")
        drawing.legend(axes)

    return Plot(name="hrv-agreement", caption="HRV against other software", draw=draw)


def _detected_plot(detected: Mapping[str, list[list[float]]]) -> Plot:
    def draw(figure: Any) -> None:  # noqa: ANN401
        panels = figure.subplots(1, len(detected), squeeze=False)[0]
        for axes, (name, values) in zip(panels, detected.items(), strict=True):
            annotated, _, slow = np.array(values).T
            drawing.bland_altman(axes, 0.5 * (annotated + slow), slow - annotated, unit="ms")
            axes.set_title(name)

    return Plot(
        name="hrv-detected",
        caption="Detected at 130 Hz minus annotated, five-minute windows, after Bland and Altman"
        " (line: bias; dashed: 1.96 SD to either side)",
        draw=draw,
    )


def _verdicts(agreements: Mapping[str, Figures], tones: Mapping[str, Figures]) -> list[Verdict]:
    spectrum = ("VLF", "LF", "HF")
    exact: tuple[tuple[str, str, Callable[[str], bool]], ...] = (
        ("time domain, SD1/SD2, SampEn", NEUROKIT, lambda _: True),
        ("time domain", HRV_ANALYSIS, lambda name: name not in spectrum),
        ("spectrum by its recipe", HRV_ANALYSIS, lambda name: name in spectrum),
    )
    verdicts = []
    for what, peer, counts in exact:
        apart = [value for name, value in agreements.get(peer, {}).items() if counts(name)]
        verdicts.append(
            Verdict(
                what=f"HRV, {what}, against {peer}, largest relative difference",
                at_most=EXACT_BAR, measured=max(apart) if apart else None,
                remark="" if apart else f"{peer} or mitdb missing",
            )
        )  # fmt: skip
    for (*_, band), bar in zip(TONES, (LF_BAR_PERCENT, HF_BAR_PERCENT), strict=True):
        off = {name: 100.0 * abs(one[band] / tones["truth"][band] - 1.0)
               for name, one in tones.items() if name != "truth"}  # fmt: skip
        peer = min((name for name in off if name != OURS), key=off.__getitem__, default="")
        verdicts.append(
            Verdict(
                what=f"HRV, two tones, {band} off by", unit="%", at_most=bar,
                measured=off.get(OURS), peer=peer, peer_measured=off.get(peer),
            )
        )  # fmt: skip
    return verdicts


SECTION = Section(name="hrv", title="Heart-rate variability", measure=measure)
