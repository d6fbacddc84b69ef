"""Which beats come from the ventricles: single lead, any gain and polarity, 100 to 1000 Hz.

:func:`classify` takes a whole recording and its beats, :class:`VentricularStream` a stream; both
give the same for any split. Every beat is measured (:mod:`~edge_agent.dsp.ventricular_shape`),
compared with the patient's own of the last minutes (:mod:`~edge_agent.dsp.ventricular_context`),
and weighed by a logistic regression learnt from other patients
(:mod:`~edge_agent.dsp.ventricular_learning`). Two classes: ventricular (V and E of ANSI/AAMI EC57)
and not ventricular. Fusion beats fall to either side.

Timing with morphology against a patient's dominant beat goes back to P. de Chazal, M. O'Dwyer and
R. B. Reilly, IEEE Trans Biomed Eng 51 (2004) 1196-1206, doi 10.1109/TBME.2004.827359. What differs:
one lead, no wave boundaries, two classes, references that need no labels, and bounded memory.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from numpy.typing import ArrayLike

from edge_agent.dsp.logistic import Logistic
from edge_agent.dsp.ventricular_features import BeatFeatures, FeatureStream
from edge_agent.dsp.ventricular_weights import WEIGHTS

VENTRICULAR_FROM = 0.5
"""A beat of this probability or more is called ventricular."""


class BeatClass(StrEnum):
    """Where a beat comes from, as far as one lead tells."""

    VENTRICULAR = "ventricular"
    NOT_VENTRICULAR = "not_ventricular"
    UNCLASSIFIED = "unclassified"
    """Noise was too strong to say: never to be counted as normal."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ClassifiedBeat:
    """A beat at sample ``position`` (as it was pushed) with its class.

    ``ventricular_probability`` is ``None`` for an unclassified beat.
    """

    position: float
    kind: BeatClass
    ventricular_probability: float | None

    @property
    def ventricular(self) -> bool:
        """Whether the beat is called ventricular."""
        return self.kind is BeatClass.VENTRICULAR


def classify(
    signal_mV: ArrayLike,
    rate_hz: float,
    peaks: ArrayLike,
    *,
    reliable: Sequence[bool] | None = None,
    weights: Logistic = WEIGHTS,
) -> list[ClassifiedBeat]:
    """Classify the beats at sample indices ``peaks``, shape (n,), of ``signal_mV``.

    Beats that are not ``reliable`` come out unclassified and are no reference for others.

    :raises ValueError: as :class:`VentricularStream` does.
    """
    stream = VentricularStream(rate_hz, weights=weights)
    return stream.push(signal_mV, peaks, reliable=reliable) + stream.flush()


class VentricularStream:
    """Classifies the beats of a stream of samples at ``rate_hz`` with bounded memory.

    A beat comes out when the next one and 0.75 s of signal after its own peak are known; the first
    16 come out together, with the 17th. A gap has to be told by :meth:`flush`: what follows does
    not join, but is still compared with the person's beats of before, until :meth:`forget`.

    :raises ValueError: a rate outside 100 to 1000 Hz.
    """

    def __init__(self, rate_hz: float, *, weights: Logistic = WEIGHTS) -> None:
        self._features = FeatureStream(rate_hz)
        self._weights = weights

    def push(
        self, block_mV: ArrayLike, peaks: ArrayLike = (), *, reliable: Sequence[bool] | None = None
    ) -> list[ClassifiedBeat]:
        """Take in samples, shape (n,), and beats; return the beats that are now classified.

        ``peaks`` count samples from the first one pushed since the last :meth:`flush`, in rising
        order, and lie in samples that were pushed, at most 15 s ago.
        ``reliable`` says for each beat whether its signal deserves trust (all, if left out).

        :raises ValueError: samples that are not one-dimensional or not finite, beats out of
            order, not among the samples, or too old.
        """
        return self._classified(self._features.push(block_mV, peaks, reliable=reliable))

    def flush(self) -> list[ClassifiedBeat]:
        """Return the beats that waited; what is pushed next follows a gap and starts at 0."""
        return self._classified(self._features.flush())

    def forget(self) -> None:
        """Compare what comes next with no beat of before: to be told between flush and push."""
        self._features.forget()

    def _classified(self, beats: BeatFeatures) -> list[ClassifiedBeat]:
        probabilities = self._weights.probability(beats.rows)
        each = zip(
            beats.positions.tolist(), beats.reliable.tolist(), probabilities.tolist(), strict=True
        )
        return [_classified(*one) for one in each]


def _classified(position: float, reliable: bool, probability: float) -> ClassifiedBeat:
    if not reliable:
        return ClassifiedBeat(
            position=position, kind=BeatClass.UNCLASSIFIED, ventricular_probability=None
        )
    ventricular = probability >= VENTRICULAR_FROM
    return ClassifiedBeat(
        position=position,
        kind=BeatClass.VENTRICULAR if ventricular else BeatClass.NOT_VENTRICULAR,
        ventricular_probability=probability,
    )
