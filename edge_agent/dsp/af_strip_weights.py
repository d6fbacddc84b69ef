"""Learnt weights of the features of a strip that tell atrial fibrillation.

Learnt from the detected beats and P waves of labelled strips; noisy ones count as free of
fibrillation, and nothing is drawn at random.

Written by ``edge-agent validate learn strips --seed 1`` from cinc2017 (150 records); learn it anew
rather than edit it.
"""

from edge_agent.dsp.logistic import Logistic

STRIP = Logistic(
    -13.183,
    (
        -0.69154,  # repetition
        1.287,  # step
        -4.829,  # p_likeness
        18.833,  # qrs_likeness
    ),
)
