import random

import pytest

from edge_agent.sync.pace import RETRY_AFTER_AT_MOST_S, Backoff, BatchSize, retry_after_s
from edge_agent.sync.protocol import BATCH_RECORDS

NOON = "Mon, 30 Nov 2026 12:00:00 GMT"
NOON_NS = 1_796_040_000 * 10**9


def test_a_brisk_way_has_batches_grow_to_the_most_there_may_be():
    size = BatchSize()
    for _ in range(10):
        size.took(0.1)
    assert size.records == BATCH_RECORDS


def test_a_slow_way_has_them_shrink_down_to_one_record_so_that_what_is_new_waits_a_second():
    size = BatchSize()
    for _ in range(10):
        size.took(3.0)
    assert size.records == 1
    size.took(0.7)
    assert size.records == 1


def test_pauses_are_drawn_from_the_whole_span_and_the_span_doubles_up_to_its_bound():
    backoff, spans = Backoff(0.5, 60.0, random.Random(3)), [0.5, 1, 2, 4, 8, 16, 32, 60, 60]
    drawn = [[] for _ in spans]
    for _ in range(400):
        backoff.reset()
        for index in range(len(spans)):
            drawn[index].append(backoff.next_s())
    for span, pauses in zip(spans, drawn, strict=True):
        assert 0 <= min(pauses) < span / 20
        assert span * 0.95 < max(pauses) <= span


def test_a_hundred_thousand_failures_do_not_overflow():
    backoff = Backoff(0.5, 60.0, random.Random(3))
    assert all(backoff.next_s() <= 60 for _ in range(100_000))


@pytest.mark.parametrize(
    ("value", "seconds"),
    [("120", 120), (" 7 ", 7), ("0", 0), ("000", 0), ("99999", RETRY_AFTER_AT_MOST_S),
     ("9" * 400, RETRY_AFTER_AT_MOST_S), ("Mon, 30 Nov 2026 12:01:30 GMT", 90),
     ("Mon, 30 Nov 2026 11:00:00 GMT", 0), ("Fri, 31 Dec 9999 23:59:59 GMT", RETRY_AFTER_AT_MOST_S),
     ("", None), ("soon", None), ("-5", None), ("1.5", None), ("٣", None), ("Mon, 99 Foo", None)],
)  # fmt: skip
def test_retry_after_in_seconds_and_as_a_date(value, seconds):
    assert retry_after_s(value, NOON, 0) == seconds


def test_a_date_is_read_against_the_collectors_clock_and_without_one_against_the_hubs():
    value = "Mon, 30 Nov 2026 12:00:30 GMT"
    wrong_ns = 10**18
    assert retry_after_s(value, NOON, wrong_ns) == 30
    assert retry_after_s(value, "", NOON_NS) == 30
    assert retry_after_s(value, "nonsense", NOON_NS) == 30
