"""Learnt weights of the atrial fibrillation classifiers (preliminary)."""

from __future__ import annotations

from edge_agent.dsp.logistic import Logistic

RHYTHM = Logistic(-11.0, (3.0, 18.0))
