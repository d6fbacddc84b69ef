import pytest

from edge_agent.dsp.rhythm_burden import RollingShare


def test_a_share_is_of_what_was_judged_and_says_how_much_that_was():
    share = RollingShare()
    for second in range(600):
        met = None if second % 4 == 0 else second % 4 == 1
        share.push(float(second), 1.0, met=met)
    value = share.value(600.0)
    assert value.percent == pytest.approx(100.0 / 3.0)
    assert value.judged_share == pytest.approx(0.75)


def test_what_is_older_than_the_window_does_not_count():
    share = RollingShare(window_s=3600.0)
    for minute in range(180):
        share.push(60.0 * minute, 60.0, met=minute < 120)
    assert share.value(60.0 * 179).percent == 0.0
    assert share.value(60.0 * 300) is None


def test_without_anything_judged_there_is_no_share():
    share = RollingShare()
    assert share.value(0.0) is None
    share.push(1.0, 1.0, met=None)
    assert share.value(2.0) is None
