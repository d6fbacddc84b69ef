"""Learnt weights of the features that tell a ventricular beat.

Learnt from annotated beats of the first lead; nothing is drawn at random.

Written by ``edge-agent validate learn ventricular --seed 1`` from mitdb (22 records); learn it anew
rather than edit it.
"""

from edge_agent.dsp.logistic import Logistic

WEIGHTS = Logistic(
    -7.2238,
    (
        -0.12356,  # early for this rhythm
        0.58377,  # irregular
        0.84356,  # odd and early
        2.1543,  # odd and short
        0.83923,  # odd of its kind
        0.055696,  # share of its kind
        -0.76735,  # timely of its kind
        1.0615,  # t of its kind
        0.97544,  # t apart
        2.4562,  # area
        -2.3243,  # steepness
        -0.81855,  # early p
    ),
)
