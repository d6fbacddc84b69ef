"""Atrial fibrillation in a short strip of ECG (9 to 60 s), by its intervals and its P waves.

With so few beats the intervals alone leave doubt. Where there is an ECG, the stretch before the
QRS complexes answers another question: does the same wave stand there each time? In fibrillation
it does not. The template matching of C. Orphanidou et al., IEEE J Biomed Health Inform 19 (2015)
832-838, doi 10.1109/JBHI.2014.2338351, is turned on that stretch. What differs: the template is
the median of the beats, the line from the stretch's start to its end is taken out first, and the
median of the correlations counts; gain and polarity don't. The QRS complexes are compared in the
same way, as a measure of noise.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from edge_agent.dsp.af_features import FEWEST_INTERVALS, Vector, features
from edge_agent.dsp.af_features import NAMES as INTERVAL_NAMES
from edge_agent.dsp.af_strip_weights import STRIP
from edge_agent.dsp.logistic import Logistic
from edge_agent.dsp.rpeaks import Detector
from edge_agent.dsp.rr import LONGEST_MS

NAMES = ("repetition", "step", "p_likeness", "qrs_likeness")
"""With a hundred and fifty strips to learn from, more features of the intervals add nothing."""

_OF_INTERVALS = [INTERVAL_NAMES.index(name) for name in NAMES[:2]]

Matrix = NDArray[np.float64]

STRIP_DECISION = 0.5
"""Fibrillation is said from this probability on."""

_P_FROM_S = -0.26  # of the R peak
_P_TO_S = -0.06
_QRS_S = 0.1  # to either side
_FEWEST_BEATS = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class AfStrip:
    """What a strip shows: the probability of fibrillation (0 to 1) and what it rests on.

    ``p_likeness`` and ``qrs_likeness`` (-1 to 1) are median correlations of the stretch before
    the QRS and of the QRS with their medians. All are ``None`` with too few beats to tell.
    """

    probability: float | None
    af: bool | None
    intervals: int
    p_likeness: float | None
    qrs_likeness: float | None


def classify_strip(signal_mV: ArrayLike, rate_hz: float, *, model: Logistic = STRIP) -> AfStrip:
    """Judge a strip of one lead, shape (n,), at ``rate_hz`` (100 to 1000).

    The strip must be free of gaps. Whether it is too noisy to be judged is for
    :mod:`~edge_agent.dsp.quality` to say.

    :raises ValueError: as :class:`~edge_agent.dsp.rpeaks.Detector` does.
    """
    signal = np.asarray(signal_mV, dtype=np.float64)
    peaks = _peaks(signal, rate_hz)
    row = _row(signal, rate_hz, peaks)
    if row is None:
        few = max(0, peaks.size - 1)
        return AfStrip(probability=None, af=None, intervals=few, p_likeness=None, qrs_likeness=None)
    probability = float(model.probability(row))
    return AfStrip(
        probability=probability,
        af=probability >= STRIP_DECISION,
        intervals=peaks.size - 1,
        p_likeness=float(row[-2]),
        qrs_likeness=float(row[-1]),
    )


def strip_features(signal_mV: ArrayLike, rate_hz: float) -> Vector | None:
    """Return the features, in the order of :data:`NAMES`; ``None`` with too few beats to tell.

    :raises ValueError: as :func:`classify_strip` does.
    """
    signal = np.asarray(signal_mV, dtype=np.float64)
    return _row(signal, rate_hz, _peaks(signal, rate_hz))


def _peaks(signal: Vector, rate_hz: float) -> Vector:
    """Beats between samples, as many as follow each other without a pause of over 4 s."""
    detector = Detector(rate_hz)
    found = np.concatenate((detector.push_refined(signal), detector.flush_refined()))
    pauses = np.flatnonzero(np.diff(found) > LONGEST_MS / 1000.0 * rate_hz) + 1
    return max(np.split(found, pauses), key=len)


def _row(signal: Vector, rate_hz: float, peaks: Vector) -> Vector | None:
    if peaks.size <= FEWEST_INTERVALS:
        return None
    first, last = round(_P_FROM_S * rate_hz), round(_QRS_S * rate_hz)
    whole = np.rint(peaks).astype(np.intp)
    whole = whole[(whole + first >= 0) & (whole + last < signal.size)]
    if whole.size < _FEWEST_BEATS:
        return None

    def around(start_s: float, end_s: float) -> Matrix:
        places = np.arange(round(start_s * rate_hz), round(end_s * rate_hz))
        return np.asarray(signal[whole[:, np.newaxis] + places])

    atrial = _levelled(around(_P_FROM_S, _P_TO_S))
    return np.concatenate(
        (
            features(np.diff(peaks) / rate_hz * 1000.0)[_OF_INTERVALS],
            (_likeness(atrial), _likeness(around(-_QRS_S, _QRS_S))),
        )
    )


def _levelled(stretches: Matrix) -> Matrix:
    """Take out the line from each stretch's start to its end: the drift of the baseline."""
    share = np.linspace(0.0, 1.0, stretches.shape[1])
    start = stretches[:, :3].mean(axis=1, keepdims=True)
    end = stretches[:, -3:].mean(axis=1, keepdims=True)
    return np.asarray(stretches - start - (end - start) * share)


def _likeness(stretches: Matrix) -> float:
    centred = stretches - stretches.mean(axis=1, keepdims=True)
    template = np.median(centred, axis=0)
    template = template - template.mean()
    sizes = np.linalg.norm(centred, axis=1) * np.linalg.norm(template)
    products = centred @ template
    return float(np.median(np.divide(products, sizes, out=np.zeros_like(sizes), where=sizes > 0.0)))
