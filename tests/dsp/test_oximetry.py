import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_agent.dsp.oximetry import OximetryReading, Saturation, smooth


def fed(values, *, window_s=10.0, reliable=True):
    saturation = Saturation(window_s=window_s)
    return [
        saturation.update(float(second), value, 60.0, reliable=reliable)
        for second, value in enumerate(values)
    ]


def test_a_single_false_dip_does_not_show():
    smoothed = fed([97.0] * 10 + [70.0] + [97.0] * 10)
    assert {one.spo2_percent for one in smoothed} == {97.0}


def test_a_desaturation_shows_after_half_a_window():
    smoothed = fed([97.0] * 20 + [85.0] * 20)
    assert smoothed[23].spo2_percent == 97.0
    assert smoothed[25].spo2_percent == 85.0


def test_unreliable_readings_count_against_the_share_and_not_in_the_value():
    saturation = Saturation(window_s=10.0)
    for second in range(4):
        saturation.update(float(second), 96.0, 61.0, reliable=True)
    smoothed = saturation.update(4.0, 60.0, 180.0, reliable=False)
    assert (smoothed.spo2_percent, smoothed.pulse_per_min) == (96.0, 61.0)
    assert smoothed.reliable_share == pytest.approx(0.8)
    assert smoothed.n == 5


def test_without_a_reliable_number_there_is_none():
    smoothed = fed([97.0] * 3, reliable=False)[-1]
    assert (smoothed.spo2_percent, smoothed.pulse_per_min) == (None, None)
    assert smoothed.reliable_share == 0.0
    assert fed([None])[-1].reliable_share == 0.0


def test_a_reading_out_of_order_changes_nothing():
    saturation = Saturation()
    expected = saturation.update(5.0, 97.0, 60.0, reliable=True)
    assert saturation.update(5.0, 50.0, 60.0, reliable=True) == expected
    assert saturation.update(4.0, 50.0, 60.0, reliable=True) == expected


@given(
    st.lists(
        st.tuples(
            st.floats(0.1, 8.0),
            st.one_of(st.none(), st.floats(50.0, 100.0)),
            st.one_of(st.none(), st.floats(30.0, 200.0)),
            st.booleans(),
        ),
        min_size=1,
        max_size=40,
    )
)
def test_the_stream_equals_the_batch_over_its_window(steps):
    saturation, at_s, every = Saturation(window_s=12.0), 0.0, []
    for step_s, spo2, pulse, reliable in steps:
        at_s += step_s
        every.append(
            OximetryReading(at_s=at_s, spo2_percent=spo2, pulse_per_min=pulse, reliable=reliable)
        )
        window = [one for one in every if one.at_s > at_s - 12.0]
        assert saturation.update(at_s, spo2, pulse, reliable=reliable) == smooth(window)
