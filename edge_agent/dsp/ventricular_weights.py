"""What :func:`~edge_agent.dsp.ventricular_learning.learn` made of DS1, all of every record.

MIT-BIH Arrhythmia Database 1.0.0 (PhysioNet, ODC-BY 1.0), 22 records, first lead, annotated beats:
learnt anew by ``edge-agent validate ecg``. One weight for each of
:data:`~edge_agent.dsp.ventricular_context.FEATURES`, in their order.
"""

from edge_agent.dsp.logistic import Logistic

WEIGHTS = Logistic(
    -9.13877,
    (
        0.222579,  # rr / mean rr
        -0.630966,  # next rr / mean rr
        1.58975,  # rr / median rr
        0.828077,  # next rr / median rr
        0.352204,  # rr / next rr
        -0.834218,  # rr / rr before
        1.5836,  # rr + next rr / median rr
        -3.93153,  # rr
        0.288608,  # corr qrs
        0.907982,  # residual qrs
        1.01296,  # corr core
        -3.15795,  # corr whole
        1.37862,  # corr t
        0.840662,  # residual t
        -1.14612,  # residual p
        0.736813,  # residual p shape
        -1.3962,  # early p
        -15.2208,  # energy width
        -94.7563,  # slope spread
        17.5471,  # area spread
        1.10812,  # energy width more
        119.417,  # slope spread more
        -26.9707,  # area spread more
        0.374029,  # height
        2.00091,  # area
        0.0622763,  # slope
        -2.68792,  # slope / height
        1.03707,  # alike share
        0.735743,  # alike rr / next rr
        1.27431,  # alike early
        18.1578,  # alike energy width
        -1.28849,  # alike rr / mean rr
        -1.92681,  # timely alike
        -1.90938,  # like before
        -1.64764,  # like next
    ),
)
