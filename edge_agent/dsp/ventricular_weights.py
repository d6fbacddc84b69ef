"""What :func:`~edge_agent.dsp.ventricular_learning.learn` made of DS1, all of every record.

MIT-BIH Arrhythmia Database 1.0.0 (PhysioNet, ODC-BY 1.0), 22 records, first lead, annotated beats:
learnt anew by ``edge-agent validate ecg``. One weight for each of
:data:`~edge_agent.dsp.ventricular_context.FEATURES`, in their order.
"""

from edge_agent.dsp.logistic import Logistic

WEIGHTS = Logistic(
    -7.22384,
    (
        -0.123559,  # early for this rhythm
        0.583769,  # irregular
        0.843556,  # odd and early
        2.15433,  # odd and short
        0.839232,  # odd of its kind
        0.0556958,  # share of its kind
        -0.767355,  # timely of its kind
        1.06149,  # t of its kind
        0.975435,  # t apart
        2.45618,  # area
        -2.32433,  # steepness
        -0.818551,  # early p
    ),
)
