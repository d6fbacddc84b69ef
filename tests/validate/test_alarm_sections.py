"""The sections on NEWS2 and slow deterioration: what must be exact is, and the rest is seeded."""

import csv

import pytest

from edge_agent.validate.alarms import deterioration, news2
from edge_agent.validate.alarms.bench import AlarmBench


def bench(data):
    return AlarmBench(data=data, quick=True)


def test_every_case_is_scored_exactly_and_with_inputs_left_out(shared_recordings):
    outcome = news2.measure(bench(shared_recordings))
    assert [one.met for one in outcome.verdicts] == [True, True]
    truth = outcome.tables[0]
    assert all(row[-1] == row[-2] for row in truth.rows)


def test_a_case_that_differs_is_counted(tmp_path, shared_recordings):
    with (shared_recordings / "twin" / "news2_cases.csv").open(newline="") as lines:
        row = next(csv.DictReader(lines))
    row["total"] = "19"
    (tmp_path / "twin").mkdir()
    with (tmp_path / "twin" / "news2_cases.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, fieldnames=list(row))
        writer.writeheader()
        writer.writerow(row)
    outcome = news2.measure(bench(tmp_path))
    assert outcome.verdicts[0].measured == 1
    assert "news2_bands" in outcome.missing[0]


def test_missing_tables_are_named(tmp_path):
    outcome = news2.measure(bench(tmp_path))
    assert len(outcome.missing) == 2
    assert outcome.verdicts == []


@pytest.mark.timeout(240)
def test_slow_deterioration_meets_its_bars_and_a_seed_says_the_same_twice(tmp_path):
    outcome = deterioration.measure(bench(tmp_path))
    assert all(one.met for one in outcome.verdicts)
    assert deterioration.simulate(3, 5) == deterioration.simulate(3, 5)
    assert outcome.figures["unusual_hours_per_year"] > 1
