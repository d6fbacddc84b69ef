import pytest

from edge_agent.dsp.af import AfBeat
from edge_agent.dsp.rhythm_af import AfWatch
from edge_agent.dsp.rhythm_finding import Kind, Standing

RR_S = 0.8


class Script:
    """Stands in for the detector: says of each beat what the test says of it."""

    def __init__(self, answers):
        self._answers = iter(answers)

    def push(self, at_s, rr_ms):
        return [AfBeat(at_s=at_s, rr_ms=rr_ms, probability=None, af=next(self._answers))]

    def flush(self):
        return []


def play(answers, *, gap_before=None, gap_s=0.0):
    watch, found, late_s = AfWatch(Script(answers)), [], 0.0
    for number, _ in enumerate(answers):
        follows_gap = number == gap_before
        late_s += gap_s if follows_gap else 0.0
        found += watch.push(RR_S * number + late_s, None if follows_gap else 1000.0 * RR_S)
    return watch, found


def fibrillation(seconds):
    return [True] * round(seconds / RR_S)


def sinus(seconds):
    return [False] * round(seconds / RR_S)


def unknown(seconds):
    return [None] * round(seconds / RR_S)


def test_an_episode_is_told_after_30_s_and_ends_after_30_s_without():
    _, (begun, ended) = play(sinus(40) + fibrillation(60) + sinus(60))
    assert (begun.kind, begun.standing) == (Kind.ATRIAL_FIBRILLATION, Standing.BEGUN)
    assert begun.onset_s == pytest.approx(40.0)
    assert begun.known_s == pytest.approx(70.0, abs=RR_S)
    assert (ended.standing, ended.offset_s) == (Standing.ENDED, pytest.approx(100.0 - RR_S))
    assert ended.known_s == pytest.approx(130.0, abs=RR_S)


def test_a_short_interruption_neither_ends_nor_splits_an_episode():
    _, found = play(fibrillation(40) + sinus(10) + fibrillation(40) + sinus(60))
    assert [one.standing for one in found] == [Standing.BEGUN, Standing.ENDED]


def test_less_than_30_s_is_no_episode():
    _, found = play((fibrillation(20) + sinus(30)) * 5)
    assert found == []


def test_beats_that_could_not_be_judged_end_nothing_and_do_not_count():
    watch, found = play(fibrillation(40) + unknown(200))
    assert [one.standing for one in found] == [Standing.BEGUN]
    burden = watch.burden(240.0)
    assert burden.percent == 100.0
    assert burden.judged_share == pytest.approx(40.0 / 240.0)


def test_what_was_no_episode_does_not_join_after_hours_that_nobody_judged():
    _, found = play(fibrillation(20) + unknown(7200) + fibrillation(20) + sinus(60))
    assert found == []
    before = fibrillation(20)
    _, found = play(before + fibrillation(20), gap_before=len(before), gap_s=7200.0)
    assert found == []


def test_an_episode_after_such_hours_begins_after_them():
    _, found = play(fibrillation(20) + unknown(7200) + fibrillation(40))
    (begun,) = found
    assert begun.onset_s == pytest.approx(7220.0, abs=RR_S)
    assert begun.value == pytest.approx(30.0, abs=RR_S)


def test_a_few_beats_that_could_not_be_judged_part_no_beginning():
    _, found = play(fibrillation(20) + unknown(20) + fibrillation(20))
    (begun,) = found
    assert begun.onset_s == pytest.approx(0.0)


def test_burden_is_the_share_of_time():
    watch, _ = play(fibrillation(300) + sinus(900))
    assert watch.burden(1200.0).percent == pytest.approx(25.0)
