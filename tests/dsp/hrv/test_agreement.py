"""Against other software, where it is installed, and against tables of what it once gave."""

import numpy as np
import pytest

from edge_agent.dsp.hrv import (
    HRV_ANALYSIS_RECIPE,
    dfa,
    frequency_domain,
    long_term,
    nonlinear,
    sample_entropy,
    time_domain,
)
from edge_agent.validate.software import hrv_analysis
from tests.dsp.hrv.series import lively, two_tones

SERIES = {
    "five minutes": lively(360),
    "half an hour": lively(2100, seed=4),
    "two tones": two_tones(400),
    "a heart with much variation": 700.0 + 3.0 * (lively(500, seed=9) - 850.0),
}
EXACT = 1e-9

every_series = pytest.mark.parametrize("series", SERIES.values(), ids=SERIES)


@pytest.fixture(scope="module")
def neurokit():
    return pytest.importorskip(
        "neurokit2", reason="neurokit2 is not installed: nothing to compare with"
    )


@pytest.fixture(scope="module")
def features():
    # By way of the report, which knows how to import it where its dependency nolds fails.
    try:
        return hrv_analysis()
    except ImportError as error:
        pytest.skip(f"hrv-analysis is not installed: {error}")


@every_series
@pytest.mark.filterwarnings("ignore")
def test_time_domain_is_that_of_neurokit2(neurokit, series):
    intervals = {"RRI": series, "RRI_Time": np.cumsum(series) / 1000.0}
    theirs = neurokit.hrv_time(intervals).iloc[0]
    ours = time_domain(series)
    # They divide the count of large differences by the number of intervals.
    per_interval = ours.n_differences / ours.n
    for figure, expected in (
        (ours.mean_nn_ms, "MeanNN"),
        (ours.sdnn_ms, "SDNN"),
        (ours.rmssd_ms, "RMSSD"),
        (ours.sdsd_ms, "SDSD"),
        (ours.pnn20_percent * per_interval, "pNN20"),
        (ours.pnn50_percent * per_interval, "pNN50"),
        (ours.triangular_index, "HTI"),
    ):
        assert figure == pytest.approx(theirs[f"HRV_{expected}"], rel=EXACT), expected


@pytest.mark.filterwarnings("ignore")
def test_five_minute_segments_are_those_of_neurokit2(neurokit):
    series = lively(2100, seed=4)
    at_s = np.cumsum(series) / 1000.0
    theirs = neurokit.hrv_time({"RRI": series, "RRI_Time": at_s}).iloc[0]
    ours = long_term(at_s, series)
    assert ours.sdann_ms == pytest.approx(theirs["HRV_SDANN5"], rel=EXACT)
    assert ours.sdnn_index_ms == pytest.approx(theirs["HRV_SDNNI5"], rel=EXACT)


@every_series
@pytest.mark.filterwarnings("ignore")
def test_poincare_plot_is_that_of_neurokit2(neurokit, series):
    from neurokit2.hrv.hrv_nonlinear import _hrv_nonlinear_poincare

    theirs, ours = _hrv_nonlinear_poincare(series, out={}), nonlinear(series)
    assert ours.sd1_ms == pytest.approx(theirs["SD1"], rel=EXACT)
    assert ours.sd2_ms == pytest.approx(theirs["SD2"], rel=EXACT)
    assert ours.sd1_sd2 == pytest.approx(theirs["SD1SD2"], rel=EXACT)
    assert ours.ellipse_ms2 == pytest.approx(theirs["S"], rel=EXACT)


@every_series
@pytest.mark.filterwarnings("ignore")
def test_sample_entropy_is_that_of_neurokit2(neurokit, series):
    tolerance = 0.2 * np.std(series, ddof=1)
    theirs, _ = neurokit.entropy_sample(series, delay=1, dimension=2, tolerance=tolerance)
    assert sample_entropy(series) == pytest.approx(theirs, rel=EXACT)


@every_series
@pytest.mark.filterwarnings("ignore")
def test_the_spectrum_is_that_of_hrv_analysis_by_its_recipe(features, series):
    theirs = features.get_frequency_domain_features(series.tolist())
    ours = frequency_domain(series, recipe=HRV_ANALYSIS_RECIPE)
    for figure, expected in (
        (ours.vlf_ms2, "vlf"),
        (ours.lf_ms2, "lf"),
        (ours.hf_ms2, "hf"),
        (ours.total_ms2, "total_power"),
        (ours.lf_nu, "lfnu"),
        (ours.hf_nu, "hfnu"),
        (ours.lf_hf, "lf_hf_ratio"),
    ):
        assert figure == pytest.approx(theirs[expected], rel=EXACT), expected


@every_series
@pytest.mark.filterwarnings("ignore")
def test_time_domain_is_that_of_hrv_analysis(features, series):
    theirs, ours = features.get_time_domain_features(series.tolist()), time_domain(series)
    # Their SDSD divides by n, ours by n - 1.
    by_n = np.sqrt((ours.n_differences - 1) / ours.n_differences)
    for figure, expected in (
        (ours.mean_nn_ms, "mean_nni"),
        (ours.sdnn_ms, "sdnn"),
        (ours.rmssd_ms, "rmssd"),
        (ours.sdsd_ms * by_n, "sdsd"),
        (ours.pnn20_percent, "pnni_20"),
        (ours.pnn50_percent, "pnni_50"),
    ):
        assert figure == pytest.approx(theirs[expected], rel=EXACT), expected


@pytest.mark.filterwarnings("ignore")
def test_record_209_is_as_others_have_it(record_209, features):
    theirs = features.get_frequency_domain_features(record_209.tolist())
    ours = frequency_domain(record_209, recipe=HRV_ANALYSIS_RECIPE)
    assert ours.lf_ms2 == pytest.approx(theirs["lf"], rel=EXACT)
    assert ours.hf_ms2 == pytest.approx(theirs["hf"], rel=EXACT)


def test_record_209_is_as_the_table_of_the_reference_has_it(record_209):
    figures = time_domain(record_209)
    assert figures.mean_hr_per_min == pytest.approx(97.222, abs=0.0005)
    assert figures.triangular_index == pytest.approx(8.3621, abs=0.00005)
    assert dfa(record_209, 4, 16) == pytest.approx(0.635, abs=0.0005)
