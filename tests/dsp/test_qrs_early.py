"""Beats at first sight, as a screen shows them."""

import numpy as np
import pytest

from edge_agent.dsp.rpeaks import Detector

RATES_HZ = [130.0, 250.0, 360.0, 1000.0]
LEARNT_S = 5.0


def watched(ecg, rate_hz, block):
    """After each block: how far the stream has come, beats settled so far, provisional ones (s)."""
    detector = Detector(rate_hz)
    settled = []
    for first in range(0, ecg.size, block):
        settled += detector.push(ecg[first : first + block]).tolist()
        yield min(first + block, ecg.size) / rate_hz, settled, detector.provisional / rate_hz


def first_seen(ecg, block):
    """How long after each R peak (s) it was first provisional or settled."""
    seen = {}
    for now_s, settled, provisional in watched(ecg.signal_mv, ecg.rate_hz, block):
        places = np.concatenate((np.array(settled) / ecg.rate_hz, provisional))
        for beat_s in ecg.beats_s:
            if beat_s not in seen and (np.abs(places - beat_s) < 0.05).any():
                seen[beat_s] = now_s - beat_s
    return seen


@pytest.mark.parametrize("rate_hz", RATES_HZ)
@pytest.mark.parametrize("block_s", [0.02, 0.2])
def test_a_beat_is_seen_within_60_ms_and_the_block_it_lies_in(make_ecg, rate_hz, block_s):
    ecg = make_ecg(rate_hz)
    block = round(block_s * rate_hz)
    seen = first_seen(ecg, block)
    waits = [wait for beat_s, wait in seen.items() if beat_s > LEARNT_S]
    assert len(waits) == (ecg.beats_s > LEARNT_S).sum()
    assert max(waits) <= 0.06 + block / rate_hz


def test_what_is_settled_is_no_longer_provisional(make_ecg):
    ecg = make_ecg(250.0)
    for _, settled, provisional in watched(ecg.signal_mv, 250.0, 25):
        if settled and provisional.size:
            assert provisional.min() > settled[-1] / 250.0 + 0.15


def test_provisional_beats_rise_and_lie_a_quarter_of_a_second_apart(make_ecg):
    ecg = make_ecg(250.0, rr_s=0.35)
    for _, _, provisional in watched(ecg.signal_mv, 250.0, 10):
        assert (np.diff(provisional) > 0.24).all()


def test_in_a_clean_signal_nothing_but_beats_is_seen(make_ecg):
    ecg = make_ecg(250.0)
    for _, _, provisional in watched(ecg.signal_mv, 250.0, 10):
        for place_s in provisional:
            assert np.abs(ecg.beats_s - place_s).min() < 0.05


def test_nothing_is_seen_before_a_first_beat_is_settled(make_ecg):
    ecg = make_ecg(250.0)
    for _, settled, provisional in watched(ecg.signal_mv, 250.0, 10):
        if settled:
            break
        assert provisional.size == 0
    assert settled


@pytest.mark.parametrize("value", [0.0, -3.0])
def test_nothing_is_seen_in_a_flat_signal(value):
    for _, _, provisional in watched(np.full(3000, value), 250.0, 50):
        assert provisional.size == 0


def test_nothing_is_seen_once_the_signal_has_gone_flat(make_ecg):
    ecg = make_ecg(250.0)
    flat = np.full(2500, ecg.signal_mv[-1])
    end_s = ecg.signal_mv.size / 250.0
    for now_s, _, provisional in watched(np.concatenate((ecg.signal_mv, flat)), 250.0, 50):
        if now_s > end_s + 1.0:
            assert provisional.size == 0


def test_neither_polarity_nor_gain_matters(make_ecg):
    ecg = make_ecg(250.0)
    plain = list(watched(ecg.signal_mv, 250.0, 50))
    for factor in (-1.0, 1e-3, 1e3):
        other = list(watched(factor * ecg.signal_mv, 250.0, 50))
        for (_, _, one), (_, _, same) in zip(plain, other, strict=True):
            assert np.array_equal(one, same)


def test_an_empty_detector_has_no_provisional_beats():
    assert Detector(250.0).provisional.size == 0
