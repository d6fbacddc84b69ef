"""What :func:`~edge_agent.dsp.ventricular_learning.learn` made of DS1, all of every record.

MIT-BIH Arrhythmia Database 1.0.0 (PhysioNet, ODC-BY 1.0), 22 records, first lead, annotated beats:
learnt anew by ``edge-agent validate ecg``. One weight for each of
:data:`~edge_agent.dsp.ventricular_context.FEATURES`, in their order.
"""

from edge_agent.dsp.logistic import Logistic

WEIGHTS = Logistic(
    -7.87447,
    (
        -0.0920661,  # early for this rhythm
        0.591002,  # irregular
        0.850529,  # odd and early
        2.50675,  # odd and short
        0.850885,  # odd of its kind
        0.347164,  # share of its kind
        -1.14821,  # timely of its kind
        1.33939,  # t of its kind
        1.13582,  # t apart
        2.59413,  # area
        -2.48901,  # steepness
        -0.964907,  # early p
    ),
)
