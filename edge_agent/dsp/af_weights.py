"""Learnt weights of the atrial fibrillation classifiers, in the order of the features' names.

``RHYTHM`` is ``af_learning.learn([ds1, cpsc, strips])`` with its defaults: the annotated beats of
22 records of the MIT-BIH Arrhythmia Database (DS1; '(AFIB' is fibrillation, '(AFL' is left out,
the rest is neither), those of 9 records of CPSC2021 (patients 8, 21, 92), and the detected beats
(``af_strip_learning.strip_beats``) of the 135 strips of CinC 2017 that aren't labelled too noisy.
``STRIP`` is ``af_strip_learning.learn_strips`` of all 150 of these strips, the noisy ones counted
as free of fibrillation.
"""

from __future__ import annotations

from edge_agent.dsp.logistic import Logistic

RHYTHM = Logistic(
    -8.628003001378318,
    (
        3.713107929810218,
        8.838684812752057,
        -1.1053592556944736,
        0.6777726076620307,
        -0.8911352523332546,
    ),
)

STRIP = Logistic(
    -9.627375499363936,
    (
        -0.9430849124387797,
        1.0460649034964877,
        -4.561657570656979,
        14.35434856970003,
    ),
)
