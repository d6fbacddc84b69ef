"""R-peak detectors side by side: the hub's, and every installed peer at its own defaults."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from edge_agent import __version__
from edge_agent.dsp import rpeaks
from edge_agent.validate.ecg.ec57 import Samples
from edge_agent.validate.ecg.recordings import Signal
from edge_agent.validate.software import INSTALL, quiet, version_of

OURS = "edge-agent"

_COUNTS_PER_MV = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Detector:
    """Samples (mV) and rate (Hz) in, R peaks in samples out.

    ``distribution`` is what has to be installed; ``quick`` tells whether it is fast enough for a
    quick run.
    """

    name: str
    distribution: str
    find: Callable[[Signal, float], Any]
    quick: bool = True
    install: str = INSTALL

    @property
    def version(self) -> str | None:
        """Installed version, or ``None``."""
        return __version__ if self.name == OURS else version_of(self.distribution)

    def __call__(self, signal_mV: Signal, rate_hz: float) -> Samples:
        """Return the peaks in rising order, each once."""
        return np.unique(np.rint(np.asarray(self.find(signal_mV, rate_hz), dtype=np.float64))
                         .astype(np.int64))  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """Peaks that a detector found, or none and why it failed."""

    peaks: Samples
    failure: str = ""


def run(detector: Detector, signal_mV: Signal, rate_hz: float) -> Found:
    """Run a detector; when a peer fails, no beat is found and its reason is kept.

    A failure of the hub's own detector is an error of this program and is raised.
    """
    if detector.name == OURS:
        return Found(peaks=detector(signal_mV, rate_hz))
    try:
        with quiet():
            return Found(peaks=detector(signal_mV.copy(), rate_hz))
    except Exception as error:  # noqa: BLE001 - a peer may raise anything, and it is reported
        return Found(peaks=np.empty(0, np.int64), failure=f"{type(error).__name__}: {error}")


def refined(signal_mV: Signal, rate_hz: float) -> Signal:
    """Return the hub's peaks between samples, as its RR intervals are made of them."""
    detector = rpeaks.Detector(rate_hz)
    return np.concatenate((detector.push_refined(signal_mV), detector.flush_refined()))


def _sleepecg(signal: Signal, rate_hz: float) -> Any:  # noqa: ANN401
    import sleepecg

    return sleepecg.detect_heartbeats(signal, rate_hz)


def _fast_qrs(signal: Signal, rate_hz: float) -> Any:  # noqa: ANN401
    import fast_qrs_detector

    return fast_qrs_detector.qrs_detector(signal, rate_hz)


def _neurokit(method: str, cleaning: str) -> Callable[[Signal, float], Any]:
    def find(signal: Signal, rate_hz: float) -> Any:  # noqa: ANN401
        import neurokit2

        rate = int(rate_hz) if rate_hz == int(rate_hz) else rate_hz
        clean = neurokit2.ecg_clean(signal, sampling_rate=rate, method=cleaning)
        return neurokit2.ecg_findpeaks(clean, sampling_rate=rate, method=method)["ECG_R_Peaks"]

    return find


def _gqrs(signal: Signal, rate_hz: float) -> Any:  # noqa: ANN401
    from wfdb import processing

    counts = np.rint(signal * _COUNTS_PER_MV).astype(np.int64)
    return processing.gqrs_detect(d_sig=counts, fs=rate_hz, adc_gain=_COUNTS_PER_MV, adc_zero=0)


def _xqrs(signal: Signal, rate_hz: float) -> Any:  # noqa: ANN401
    from wfdb import processing

    return processing.xqrs_detect(signal, rate_hz, verbose=False)


OUR_DETECTOR = Detector(name=OURS, distribution="bedside-edge-agent", find=rpeaks.detect)


def _peer(name: str, find: Callable[[Signal, float], Any], *, quick: bool = True) -> Detector:
    return Detector(name=name, distribution=name.partition(" ")[0], find=find, quick=quick)


PEERS = (
    _peer("sleepecg", _sleepecg),
    _peer("fast-qrs-detector", _fast_qrs),
    _peer("neurokit2 default", _neurokit("neurokit", "neurokit")),
    _peer("neurokit2 pantompkins1985", _neurokit("pantompkins1985", "pantompkins1985")),
    _peer("neurokit2 kalidas2017", _neurokit("kalidas2017", "kalidas2017")),
    _peer("neurokit2 rodrigues2021", _neurokit("rodrigues2021", "neurokit"), quick=False),
    Detector(
        name="neurokit2 emrich2023", distribution="ts2vg", quick=False, install="pip install ts2vg",
        find=_neurokit("emrich2023", "emrich2023"),
    ),
    _peer("wfdb gqrs", _gqrs, quick=False),
    _peer("wfdb xqrs", _xqrs, quick=False),
)  # fmt: skip
"""ts2vg is not in the extra: it has no wheel for 64-bit ARM."""
