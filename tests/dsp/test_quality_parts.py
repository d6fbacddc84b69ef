import numpy as np
import pytest

from edge_agent.dsp.quality_parts import clipped_share, judge_beats, run_lengths, spectrum

RATE_HZ = 250.0
T = np.arange(2500) / RATE_HZ


def tone(hz):
    return np.sin(2.0 * np.pi * hz * T)


@pytest.mark.parametrize(
    ("signal", "qrs", "baseline", "hum"),
    [
        (tone(10.0), 1.0, 0.0, 0.0),
        (tone(20.0), 0.0, 0.0, 0.0),
        (tone(0.5), None, 1.0, None),
        (tone(50.0), None, None, 1.0),
        (tone(10.0) + tone(20.0) + tone(0.5) + tone(50.0), 0.5, 1 / 3, 1 / 3),
    ],
)
def test_the_shares_of_the_spectrum_are_those_of_tones(signal, qrs, baseline, hum):
    found = spectrum(signal, RATE_HZ)
    for share, expected in (
        (found.qrs_share, qrs),
        (found.baseline_share, baseline),
        (found.hum_share, hum),
    ):
        assert expected is None or share == pytest.approx(expected, abs=0.02)


def test_a_constant_has_no_spectrum():
    found = spectrum(np.full(500, 0.7), RATE_HZ)
    assert found.hum_swing_mV == pytest.approx(0.0, abs=1e-9)


def test_the_swing_of_hum_is_told_in_its_unit():
    assert spectrum(0.3 * tone(50.0) + tone(5.0), RATE_HZ).hum_swing_mV == pytest.approx(0.6, 0.01)


def test_runs_are_measured_by_their_length():
    flags = np.array([True, False, True, True, True, False, True, True])
    assert run_lengths(flags).tolist() == [1, 3, 2]


def test_the_bottom_of_a_quiet_signal_is_no_rail():
    signal = np.zeros(1000)
    signal[100::250] = 1.0
    assert clipped_share(signal, RATE_HZ, None) == 0.0
    signal[300:340] = 1.0
    assert clipped_share(signal, RATE_HZ, None) == pytest.approx(0.04)
    assert clipped_share(signal, RATE_HZ, 1.0) == pytest.approx(0.044)


@pytest.mark.parametrize("rate_hz", [100.0, 130.0, 360.0, 1000.0])
@pytest.mark.parametrize("rr_s", [0.35, 0.85, 1.8])
def test_every_rate_of_sampling_and_of_the_heart_is_judged_alike(make_ecg, rate_hz, rr_s):
    beats = judge_beats(make_ecg(rate_hz, rr_s=rr_s, beats=12).signal_mv, rate_hz)
    assert beats.template > 0.9
    assert beats.agreement > 0.9
    assert beats.index > 0.8
