from edge_agent.dsp.rhythm_early import LONGEST_S, EarlyBeats


def test_a_place_holds_while_it_is_too_young_to_be_judged():
    early = EarlyBeats(lambda _: False)
    assert early.push(10.05, [10.0]) == [10.0]
    assert early.push(10.25, [10.0]) == []


def test_what_does_not_look_like_a_beat_holds_nothing():
    assert EarlyBeats(lambda _: False).push(10.2, [10.0]) == []


def test_what_looks_like_a_beat_holds_until_it_is_settled_and_also_when_no_longer_shown():
    early = EarlyBeats(lambda _: True)
    assert early.push(10.2, [10.0]) == [10.0]
    assert early.push(11.2, []) == [10.0]
    assert early.push(11.4, [], [10.02]) == []


def test_a_later_beat_that_is_settled_ends_it():
    early = EarlyBeats(lambda _: True)
    early.push(10.2, [10.0])
    assert early.push(11.4, [11.2], [10.8]) == [11.2]


def test_an_earlier_beat_that_is_settled_does_not():
    early = EarlyBeats(lambda _: True)
    early.push(10.2, [10.0])
    assert early.push(10.4, [10.0], [9.2]) == [10.0]


def test_it_holds_no_longer_than_a_doubt_may_last():
    early = EarlyBeats(lambda _: True)
    early.push(10.2, [10.0])
    assert early.push(10.0 + LONGEST_S - 0.01, []) == [10.0]
    assert early.push(10.0 + LONGEST_S + 0.01, []) == []
