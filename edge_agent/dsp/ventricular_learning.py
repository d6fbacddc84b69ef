"""Learns from annotated recordings which features speak for a ventricular beat.

The weights on the hub (:mod:`~edge_agent.dsp.ventricular_weights`) come from :func:`learn` with
the 22 records of the MIT-BIH Arrhythmia Database that P. de Chazal et al. call DS1 (doi
10.1109/TBME.2004.827359), first lead. :func:`leave_one_out` gives for each recording what those
of other people teach.
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from edge_agent.dsp.logistic import Logistic, fit
from edge_agent.dsp.ventricular_features import beat_features
from edge_agent.dsp.ventricular_shape import Matrix, Vector

RIDGE = 30.0
"""Learning from eleven patients, drawn twelve times, scored best on the other eleven with this one
of 3, 10 and 30."""

VENTRICULAR = frozenset("VE")
NOT_VENTRICULAR = frozenset("NLRBAaJSejn")

_FULL_COUNT = 200
"""Ventricular beats of one patient count in full up to here, more of them by their root: a
thousand beats of one patient are not a thousand beats."""
_OTHERS_WEIGHT = 0.3


@dataclass(frozen=True, slots=True, kw_only=True)
class Examples:
    """Features of the n beats of one patient, shape (n, features), and which are ventricular.

    Beats that are neither clearly ventricular nor clearly not (fusion beats, unclassifiable and
    paced ones, flutter) are left out here; they have been context for the others.
    """

    rows: Matrix
    ventricular: NDArray[np.bool_]


def examples(
    signal_mV: ArrayLike, rate_hz: float, peaks: ArrayLike, symbols: Sequence[str | None]
) -> Examples:
    """Make examples of a recording whose beats at ``peaks`` have MIT-BIH ``symbols``.

    V and E are ventricular; N, L, R, B, A, a, J, S, e, j and n are not; beats with any other
    symbol, and with ``None`` (within flutter), are context only.
    """
    rows = beat_features(signal_mV, rate_hz, peaks).rows
    ventricular = np.array([symbol in VENTRICULAR for symbol in symbols])
    clear = ventricular | np.array([symbol in NOT_VENTRICULAR for symbol in symbols])
    return Examples(rows=rows[clear], ventricular=ventricular[clear])


def learn(patients: Sequence[Examples], *, ridge: float = RIDGE) -> Logistic:
    """Learn weights from the examples of several patients.

    :raises ValueError: when there is no ventricular beat, or nothing else.
    """
    rows = np.concatenate([one.rows for one in patients])
    labels = np.concatenate([one.ventricular for one in patients])
    weights = np.concatenate([_weights(one) for one in patients])
    return fit(rows, labels, sample_weights=weights, ridge=ridge)


def leave_one_out(
    recordings: Sequence[Examples], patients: Sequence[Hashable], *, ridge: float = RIDGE
) -> list[Logistic]:
    """For each recording, the weights learnt from all those of other patients.

    ``patients`` says of each recording whose it is.

    :raises ValueError: as :func:`learn`; a recording that is nobody's.
    """
    every = list(zip(recordings, patients, strict=True))
    models = {
        left_out: learn([one for one, patient in every if patient != left_out], ridge=ridge)
        for left_out in dict.fromkeys(patients)
    }
    return [models[patient] for patient in patients]


def _weights(one: Examples) -> Vector:
    count = max(1, int(np.sum(one.ventricular)))
    each = min(1.0, math.sqrt(_FULL_COUNT / count))
    return np.where(one.ventricular, each, _OTHERS_WEIGHT)
