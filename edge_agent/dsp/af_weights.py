"""Learnt weights of the features of intervals that tell atrial fibrillation.

Learnt from the annotated beats of mitdb and cpsc2021, those in atrial flutter left out, and from
the detected beats of the strips of cinc2017 that aren't labelled too noisy.

Written by ``edge-agent validate learn fibrillation --seed 1`` from mitdb (22 records), cpsc2021 (9
records), cinc2017 (150 records); learn it anew rather than edit it.

The strips' beats were found by an earlier beat detector than today's. Learnt anew, the weights are
much the same, but the specificity in one record full of ectopic beats (106) falls from 0.941 to
0.925, so these stay until learning copes with that.
"""

from edge_agent.dsp.logistic import Logistic

RHYTHM = Logistic(
    -9.0543,
    (
        3.6392,  # entropy
        9.389,  # irregularity
        -1.123,  # repetition
        0.64438,  # spread
        -0.88043,  # step
    ),
)
