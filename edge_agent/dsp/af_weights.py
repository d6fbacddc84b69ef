"""Learnt weights of the atrial fibrillation classifiers (preliminary)."""

from __future__ import annotations

from edge_agent.dsp.logistic import Logistic

RHYTHM = Logistic(
    -16.087882018124294,
    (
        5.046649638589827,
        16.074159311641598,
        -2.2049444264208375,
        1.698077769199818,
        -2.3479101383960157,
    ),
)
