"""Learnt weights of the features of a strip that tell atrial fibrillation.

Learnt from the detected beats and P waves of labelled strips; noisy ones count as free of
fibrillation, and nothing is drawn at random.

Written by ``edge-agent validate learn strips --seed 1`` from cinc2017 (150 records); learn it anew
rather than edit it.
"""

from edge_agent.dsp.logistic import Logistic

STRIP = Logistic(
    -12.312,
    (
        -0.7582,  # repetition
        1.2624,  # step
        -4.7784,  # p_likeness
        17.857,  # qrs_likeness
    ),
)
