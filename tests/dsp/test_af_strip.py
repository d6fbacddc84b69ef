import numpy as np
import pytest

from edge_agent.dsp.af_learning import LabelledBeats
from edge_agent.dsp.af_strip import NAMES, classify_strip, strip_features
from edge_agent.dsp.af_strip_learning import f1_of_strips, held_out, strip_beats

RATE_HZ = 300.0
WAVES = (("P", -0.16, 0.02, 0.15), ("R", 0.0, 0.012, 1.0), ("T", 0.24, 0.045, 0.25))


def strip(rr_s, seed, *, p_waves, rate_hz=RATE_HZ):
    """Waves around beats; without P waves the atria make a rippled line instead."""
    random = np.random.default_rng(seed)
    beats = 0.5 + np.cumsum(rr_s)
    t = np.arange(round((beats[-1] + 0.5) * rate_hz)) / rate_hz
    signal = 0.01 * random.standard_normal(t.size)
    for name, centre, width, height in WAVES:
        if name != "P" or p_waves:
            for beat in beats:
                signal += height * np.exp(-0.5 * ((t - beat - centre) / width) ** 2)
    if not p_waves:
        signal += 0.04 * np.sin(2.0 * np.pi * np.cumsum(random.normal(6.5, 1.5, t.size)) / rate_hz)
    return signal


def fibrillating(seed, **settings):
    random = np.random.default_rng(seed + 100)
    return strip(0.7 * (0.62 + 0.38 * random.gamma(2.0, 0.5, 40)), seed, p_waves=False, **settings)


def sinus(seed, **settings):
    random = np.random.default_rng(seed + 200)
    return strip(0.85 + 0.02 * random.standard_normal(35), seed, p_waves=True, **settings)


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("rate_hz", [130.0, 300.0, 500.0])
def test_fibrillation_is_told_from_sinus_rhythm(seed, rate_hz):
    assert classify_strip(fibrillating(seed, rate_hz=rate_hz), rate_hz).af is True
    assert classify_strip(sinus(seed, rate_hz=rate_hz), rate_hz).af is False


@pytest.mark.parametrize("factor", [-1.0, 0.01, 50.0])
@pytest.mark.parametrize("signal", [fibrillating(1), sinus(1)])
def test_gain_and_polarity_do_not_count(signal, factor):
    found = classify_strip(factor * signal + 0.3, RATE_HZ)
    assert found.probability == pytest.approx(classify_strip(signal, RATE_HZ).probability, abs=1e-3)


def test_p_waves_that_stand_before_each_qrs_are_seen():
    assert classify_strip(sinus(2), RATE_HZ).p_likeness > 0.9
    assert classify_strip(fibrillating(2), RATE_HZ).p_likeness < 0.6
    irregular = 0.7 * (0.62 + 0.38 * np.random.default_rng(102).gamma(2.0, 0.5, 40))
    with_p = classify_strip(strip(irregular, 2, p_waves=True), RATE_HZ)
    assert with_p.probability < classify_strip(fibrillating(2), RATE_HZ).probability


@pytest.mark.parametrize("signal", [np.zeros(3000), sinus(1)[:1200], np.empty(0)])
def test_too_few_beats_have_no_answer(signal):
    found = classify_strip(signal, RATE_HZ)
    assert (found.probability, found.af, found.p_likeness) == (None, None, None)
    assert strip_features(signal, RATE_HZ) is None


def test_a_gap_has_to_be_cut_out():
    with pytest.raises(ValueError, match="NaN"):
        classify_strip([np.nan] * 3000, RATE_HZ)


def test_a_pause_of_over_four_seconds_is_not_an_interval():
    apart = np.concatenate((sinus(3), np.zeros(1500), sinus(4)))
    assert classify_strip(apart, RATE_HZ).intervals <= 35
    assert classify_strip(apart, RATE_HZ).af is False


def test_strips_are_judged_without_having_been_learnt():
    strips = [(sinus(seed), RATE_HZ) for seed in range(12)]
    strips += [(fibrillating(seed), RATE_HZ) for seed in range(12)]
    strips.append((np.zeros(3000), RATE_HZ))
    af = [False] * 12 + [True] * 12 + [False]
    answers = held_out(strips, af, strata=["A" if one else "N" for one in af], folds=4)
    assert answers[-1] is None
    assert f1_of_strips(answers, af) == 1.0


def test_f1_counts_a_strip_without_answer_as_not_found():
    assert f1_of_strips([0.9, None, 0.7, 0.1], [True, True, False, False]) == pytest.approx(0.5)
    assert f1_of_strips([], []) == 0.0


def test_the_beats_of_a_strip_carry_its_label():
    beats = strip_beats("one", fibrillating(5), RATE_HZ, af=True)
    assert isinstance(beats, LabelledBeats)
    assert np.isnan(beats.rr_ms[0])
    assert beats.rr_ms[1:] == pytest.approx(1000.0 * np.diff(beats.at_s))
    assert beats.af.all()
    assert beats.counts.all()
    assert len(NAMES) == strip_features(fibrillating(5), RATE_HZ).size
