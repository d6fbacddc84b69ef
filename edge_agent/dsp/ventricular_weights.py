"""What :func:`~edge_agent.dsp.ventricular_learning.learn` made of DS1, all of every record.

MIT-BIH Arrhythmia Database 1.0.0 (PhysioNet, ODC-BY 1.0), 22 records, first lead, annotated beats:
learnt anew by ``edge-agent validate ecg``. One weight for each of
:data:`~edge_agent.dsp.ventricular_context.FEATURES`, in their order.
"""

from edge_agent.dsp.logistic import Logistic

WEIGHTS = Logistic(
    -9.67444,
    (
        -4.23561,  # rr
        5.02125,  # early
        -0.494195,  # early for this rhythm
        0.806516,  # irregular
        0.728449,  # odd and early
        1.40539,  # odd of its kind
        0.338331,  # share of its kind
        -1.22155,  # timely of its kind
        1.43271,  # t of its kind
        1.05919,  # t apart
        2.47034,  # area
        -2.58015,  # steepness
        -1.01467,  # early p
    ),
)
