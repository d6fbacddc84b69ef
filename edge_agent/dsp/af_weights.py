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
    -8.891361234017296,
    (
        3.8298389292869293,
        8.950907045816416,
        -1.1005844649204042,
        0.6706969848666207,
        -0.9288302579865946,
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
