import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_agent.dsp.rhythm_contact import Contact, ContactStream, contact
from edge_agent.validate.ecg.recordings import read

RATES_HZ = [100.0, 125.0, 130.0, 200.0, 250.0, 360.0, 500.0, 1000.0]
COUNT_MV = 0.005


def seconds(rate_hz, duration_s=1.0):
    return np.arange(round(duration_s * rate_hz)) / rate_hz


def counted(signal_mv, count_mv=COUNT_MV):
    return np.round(signal_mv / count_mv) * count_mv


@pytest.mark.parametrize("rate_hz", RATES_HZ)
def test_an_ecg_lives_at_every_rate(make_ecg, rate_hz):
    steps = ContactStream(rate_hz).push(make_ecg(rate_hz).signal_mv, 0.0)
    assert {step.contact for step in steps} == {Contact.ATTACHED}


@pytest.mark.parametrize("rate_hz", RATES_HZ)
@pytest.mark.parametrize("level_mv", [0.0, -2.5, 400.0])
def test_a_constant_is_flat_also_when_its_last_digit_toggles(rate_hz, level_mv):
    toggling = level_mv + COUNT_MV * np.random.default_rng(2).integers(0, 2, round(rate_hz))
    assert contact(np.full(round(rate_hz), level_mv), rate_hz) is Contact.FLAT
    assert contact(toggling, rate_hz) is Contact.FLAT


@pytest.mark.parametrize("rate_hz", [125.0, 130.0, 250.0, 360.0, 500.0])
@pytest.mark.parametrize("mains_hz", [49.7, 50.0, 50.3, 60.0, 60.2])
@pytest.mark.parametrize("size_mv", [0.03, 0.3, 3.0])
def test_hum_and_nothing_else_is_no_body(rate_hz, mains_hz, size_mv):
    hum = counted(size_mv * np.sin(2.0 * np.pi * mains_hz * seconds(rate_hz) + 0.4))
    assert contact(hum, rate_hz) is Contact.HUM


@pytest.mark.parametrize("rate_hz", RATES_HZ)
def test_hum_on_top_of_noise_is_a_body(rate_hz):
    noise = 0.02 * np.random.default_rng(5).standard_normal(round(rate_hz))
    hum = 0.1 * np.sin(2.0 * np.pi * 50.0 * seconds(rate_hz) + 0.4)
    assert contact(counted(noise + hum), rate_hz) is Contact.ATTACHED


def test_hum_that_throws_the_amplifier_from_rail_to_rail_is_saturation():
    clipped = np.clip(20.0 * np.sin(2.0 * np.pi * 50.0 * seconds(500.0)), -5.0, 5.0)
    assert contact(clipped, 500.0) is Contact.SATURATED


@pytest.mark.parametrize("recovery_s", [0.8, 1.5, 3.0])
def test_an_amplifier_that_recovers_from_a_step_is_no_body(recovery_s):
    after = counted(5.0 * np.exp(-seconds(360.0, 12.0) / recovery_s))
    steps = ContactStream(360.0).push(after, 0.0)
    late = [step.contact for step in steps if step.at_s > 3.0]
    assert set(late) == {Contact.FLAT}


def test_a_smooth_line_that_wanders_lives():
    wander = counted(0.05 * np.sin(2.0 * np.pi * 0.8 * seconds(360.0, 6.0)))
    steps = ContactStream(360.0).push(wander, 0.0)
    assert {step.contact for step in steps if step.at_s > 2.0} == {Contact.ATTACHED}


def test_what_the_sensor_says_counts_at_once():
    stream = ContactStream(200.0)
    noise = np.random.default_rng(5).standard_normal(400)
    assert stream.push(noise, 0.0)[-1].contact is Contact.ATTACHED
    assert {step.contact for step in stream.push(noise, 2.0, attached=False)} == {Contact.OFF}


@given(st.lists(st.integers(0, 2600), max_size=30).map(sorted))
def test_any_split_gives_the_same_steps(cuts):
    rng = np.random.default_rng(9)
    signal = np.concatenate((0.1 * rng.standard_normal(1000), np.zeros(800), rng.random(800)))
    whole = ContactStream(130.0).push(signal, 0.0)
    stream, steps = ContactStream(130.0), []
    for part, start in zip(np.split(signal, cuts), [0, *cuts], strict=True):
        steps += stream.push(part, start / 130.0)
    assert [step.contact for step in steps] == [step.contact for step in whole]
    assert [step.at_s for step in steps] == pytest.approx([step.at_s for step in whole])


@pytest.mark.parametrize("block", [[0.1, np.nan], [np.inf], [[0.1, 0.2]]])
def test_what_is_no_signal_is_refused(block):
    with pytest.raises(ValueError, match="one lead"):
        ContactStream(130.0).push(block, 0.0)
    with pytest.raises(ValueError, match="one lead"):
        contact(block, 130.0)


def test_no_second_of_a_recording_is_taken_for_a_lead_that_is_off(shared_recordings):
    for name in ("101", "201", "215"):
        signal = read(shared_recordings / "ecg" / "mitdb", name).signal_mV[:200_000]
        steps = ContactStream(360.0).push(signal, 0.0)
        assert {step.contact for step in steps} == {Contact.ATTACHED}


def test_an_amplifier_that_recovers_from_overload_is_told_until_the_line_is_nearly_still():
    rate_hz = 250.0
    t = np.arange(round(14.0 * rate_hz)) / rate_hz
    line = 0.01 * np.random.default_rng(2).standard_normal(t.size)
    line[t >= 4.0] += 4.0 * np.exp(-(t[t >= 4.0] - 4.0) / 1.5)
    steps = ContactStream(rate_hz).push(line, 0.0)
    told = [one.at_s for one in steps if one.contact is Contact.RECOVERING]
    assert 5.9 <= told[0] <= 6.5
    assert 8.0 <= told[-1] <= 10.0
    assert told == [one.at_s for one in steps if told[0] <= one.at_s <= told[-1]]


def test_deep_breathing_is_no_recovery():
    t = np.arange(round(30.0 * 250.0)) / 250.0
    line = 0.01 * np.random.default_rng(2).standard_normal(t.size)
    line += 0.7 * np.sin(2.0 * np.pi * 0.25 * t)
    steps = ContactStream(250.0).push(line, 0.0)
    assert {one.contact for one in steps} == {Contact.ATTACHED}
