from datetime import UTC, datetime

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_agent.imports.moments import Moment, Precision, parse_moment


@pytest.mark.parametrize(
    ("text", "at", "precision", "shown"),
    [
        ("2026", datetime(2026, 1, 1, tzinfo=UTC), "year", "2026"),
        ("2026-03", datetime(2026, 3, 1, tzinfo=UTC), "month", "2026-03"),
        ("2026-03-09", datetime(2026, 3, 9, tzinfo=UTC), "day", "2026-03-09"),
        ("2026-03-09T08:15:00+01:00", datetime(2026, 3, 9, 7, 15, tzinfo=UTC), "second",
         "2026-03-09T07:15:00Z"),
        ("2026-03-09 08:15Z", datetime(2026, 3, 9, 8, 15, tzinfo=UTC), "second",
         "2026-03-09T08:15:00Z"),
        ("2026-03-09T23:59:59.25-05:00", datetime(2026, 3, 10, 4, 59, 59, 250_000, UTC), "second",
         "2026-03-10T04:59:59Z"),
    ],
)  # fmt: skip
def test_a_time_is_kept_as_closely_as_it_is_known(text, at, precision, shown):
    moment = parse_moment(text)
    assert moment == Moment(at, Precision(precision))
    assert str(moment) == shown
    assert msgspec.json.decode(msgspec.json.encode(moment), type=Moment) == moment


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "is not a time"), ("yesterday", "is not a time"), ("01.03.2026", "is not a time"),
        ("2026-03-09T08:15:00", "has no time zone"), ("2026-02-30", "is no date"),
        ("2026-13", "is no date"), ("2026-03-09T25:00:00Z", "is no time"),
        ("2026-03-09T08:15:00+99:00", "is no time"), ("0001-01-01T00:00:00+14:00", "is no time"),
        ("1234-01-01", "before 1900"), ("1234-01-01T00:00:00Z", "before 1900"),
        ("٢٠٢٦-03-09", "is not a time"), ("0000", "is no date"),
    ],
)  # fmt: skip
def test_what_is_no_time_is_refused_in_words(text, reason):
    with pytest.raises(ValueError, match=reason):
        parse_moment(text)


@given(st.text("0123456789-:TZ+. ", max_size=30))
def test_any_text_is_a_time_or_refused(text):
    try:
        moment = parse_moment(text)
    except ValueError:
        return
    assert moment.at.tzinfo is UTC


@pytest.mark.parametrize(
    ("one", "other", "before"),
    [
        ("2025", "2026-03-09", True), ("2026", "2026-03-09", False), ("2026-03", "2026-02", False),
        ("2026-03-09", "2026-03-09T08:00:00Z", False),
        ("2026-03-09T07:59:59Z", "2026-03-09T08:00:00Z", True),
    ],
)  # fmt: skip
def test_before_is_only_said_when_it_is_certain(one, other, before):
    assert parse_moment(one).is_before(parse_moment(other)) is before
    assert not parse_moment(other).is_before(parse_moment(one)) or not before
