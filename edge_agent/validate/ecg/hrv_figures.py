"""HRV figures of one series by the hub and by its peers, where all define them alike."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from edge_agent.dsp.hrv import (
    HRV_ANALYSIS_RECIPE,
    frequency_domain,
    poincare,
    sample_entropy,
    time_domain,
)
from edge_agent.validate.ecg.detectors import OURS
from edge_agent.validate.software import hrv_analysis, quiet, version_of

WINDOW_S = 300.0

TONES = ((0.1, 20.0, "LF"), (0.25, 15.0, "HF"))
"""Frequency (Hz), amplitude (ms) and band of the two tones; the power of each is half its
amplitude squared. Around 800 ms."""

NEUROKIT, HRV_ANALYSIS = "neurokit2", "hrv-analysis"

Intervals = NDArray[np.float64]
Figures = dict[str, float]


def our_figures(rr_ms: Intervals) -> Figures:
    """Return the figures of the hub, by the names used here."""
    time = time_domain(rr_ms)
    spectrum = frequency_domain(rr_ms, recipe=HRV_ANALYSIS_RECIPE)
    sd1, sd2 = poincare(rr_ms)
    named = {
        "mean NN": time.mean_nn_ms if time else None,
        "SDNN": time.sdnn_ms if time else None,
        "RMSSD": time.rmssd_ms if time else None,
        "SDSD": time.sdsd_ms if time else None,
        "pNN20": time.pnn20_percent if time else None,
        "pNN50": time.pnn50_percent if time else None,
        "triangular index": time.triangular_index if time else None,
        "SD1": sd1,
        "SD2": sd2,
        "SampEn": sample_entropy(rr_ms),
        "VLF": spectrum.vlf_ms2 if spectrum else None,
        "LF": spectrum.lf_ms2 if spectrum else None,
        "HF": spectrum.hf_ms2 if spectrum else None,
    }
    return {name: value for name, value in named.items() if value is not None}


def neurokit_figures(rr_ms: Intervals) -> Figures:
    """Return the figures that neurokit2 defines as the hub does."""
    with quiet():
        import neurokit2

        given = {"RRI": rr_ms, "RRI_Time": np.cumsum(rr_ms) / 1000.0}
        time = neurokit2.hrv_time(given).iloc[0]
        nonlinear = neurokit2.hrv_nonlinear(given).iloc[0]
    per_difference = rr_ms.size / (rr_ms.size - 1)
    return {
        "mean NN": float(time["HRV_MeanNN"]),
        "SDNN": float(time["HRV_SDNN"]),
        "RMSSD": float(time["HRV_RMSSD"]),
        "SDSD": float(time["HRV_SDSD"]),
        "pNN20": float(time["HRV_pNN20"]) * per_difference,
        "pNN50": float(time["HRV_pNN50"]) * per_difference,
        "triangular index": float(time["HRV_HTI"]),
        "SD1": float(nonlinear["HRV_SD1"]),
        "SD2": float(nonlinear["HRV_SD2"]),
        "SampEn": float(nonlinear["HRV_SampEn"]),
    }


def hrv_analysis_figures(rr_ms: Intervals) -> Figures:
    """Return the figures that hrv-analysis defines as the hub does, its spectrum included."""
    with quiet():
        module = hrv_analysis()
        time = module.get_time_domain_features(rr_ms.tolist())
        spectrum = module.get_frequency_domain_features(
            rr_ms.tolist(), sampling_frequency=4, interpolation_method="linear"
        )
    return {
        "mean NN": float(time["mean_nni"]),
        "SDNN": float(time["sdnn"]),
        "RMSSD": float(time["rmssd"]),
        "pNN20": float(time["pnni_20"]),
        "pNN50": float(time["pnni_50"]),
        "VLF": float(spectrum["vlf"]),
        "LF": float(spectrum["lf"]),
        "HF": float(spectrum["hf"]),
    }


def largest_differences(windows: Mapping[str, Intervals], theirs: Mapping[str, Figures]) -> Figures:
    """Return the largest relative difference of each figure over all windows."""
    largest: Figures = {}
    for name, rr_ms in windows.items():
        ours = our_figures(rr_ms)
        for figure, value in theirs[name].items():
            if figure not in ours or not np.isfinite(value):
                continue
            apart = abs(ours[figure] - value) / max(abs(value), np.finfo(float).tiny)
            apart = 0.0 if ours[figure] == value else apart
            largest[figure] = max(largest.get(figure, 0.0), apart)
    return largest


def tone_intervals() -> Intervals:
    """Return five minutes of intervals with the two tones, each taken at its beat's time."""
    at_s, intervals = 0.0, []
    while at_s < WINDOW_S:
        phase = [size * np.sin(2.0 * np.pi * hz * at_s) for hz, size, _ in TONES]
        intervals.append(800.0 + float(np.sum(phase)))
        at_s += intervals[-1] / 1000.0
    return np.array(intervals)


def two_tones(*, with_peers: bool) -> dict[str, Figures]:
    """Return LF and HF (ms²) of the two tones by every program, and the truth."""
    rr_ms = tone_intervals()
    found = {"truth": {band: 0.5 * size**2 for _, size, band in TONES}}
    ours = frequency_domain(rr_ms)
    if ours is not None and ours.lf_ms2 is not None and ours.hf_ms2 is not None:
        found[OURS] = {"LF": ours.lf_ms2, "HF": ours.hf_ms2}
    if with_peers and version_of(HRV_ANALYSIS):
        theirs = hrv_analysis_figures(rr_ms)
        found[HRV_ANALYSIS] = {"LF": theirs["LF"], "HF": theirs["HF"]}
    if with_peers and version_of(NEUROKIT):
        with quiet():
            import neurokit2

            given = {"RRI": rr_ms, "RRI_Time": np.cumsum(rr_ms) / 1000.0}
            row = neurokit2.hrv_frequency(given, normalize=False).iloc[0]
        found[NEUROKIT] = {"LF": float(row["HRV_LF"]), "HF": float(row["HRV_HF"])}
    return found
