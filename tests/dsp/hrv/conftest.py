import numpy as np
import pytest

from edge_agent.validate.ecg.recordings import read

RATE_HZ = 360.0


@pytest.fixture
def record_209(shared_recordings):
    """The intervals (ms) of the annotated beats in the first five minutes of MIT-BIH 209."""
    folder = shared_recordings / "ecg" / "mitdb"
    if not folder.is_dir():
        pytest.skip("shared data not here")
    samples = read(folder, "209").beats
    return np.diff(samples)[samples[1:] <= 300.0 * RATE_HZ] * 1000.0 / RATE_HZ
