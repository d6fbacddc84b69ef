"""Records of one person are told as such, and stay together."""

import dataclasses
import math

import numpy as np
import pytest

from edge_agent.validate.ecg import ec57
from edge_agent.validate.ecg.lessons import held_out
from edge_agent.validate.ecg.people import person_of, places

ONE_PERSON = ["data_21_7", "data_21_8", "data_21_9"]


@pytest.mark.parametrize("records", [ONE_PERSON, ["201", "202"], ["118", "118e06", "118e_6"]])
def test_records_of_one_person_are_told(records):
    assert len({person_of(one) for one in records}) == 1


def test_others_are_people_of_their_own():
    others = ["200", "201", "203", "data_2_17", "data_21_7", "data_00014", "data_00021", "A00001"]
    assert len({person_of(one) for one in others}) == len(others)


def test_people_are_numbered_as_they_come():
    assert places(["201", "data_8_2", "202", "data_8_3", "100"]) == [0, 1, 0, 1, 2]


def empty_records(folder, names):
    folder.mkdir(parents=True)
    for name in names:
        (folder / f"{name}.hea").write_text(f"{name} 1 200 0\n")
        (folder / f"{name}.atr").write_bytes(b"")


@pytest.mark.parametrize("parts", [2, 3, 4])
def test_the_records_of_a_person_are_held_out_together(tmp_path, parts):
    names = [*ONE_PERSON, "data_8_2", "data_8_3", "data_92_4", "data_92_12"]
    empty_records(tmp_path / "mitdb", ["200", "201", "202", "203"])
    empty_records(tmp_path / "cpsc2021", names)
    keeps = held_out(tmp_path, parts)
    for name in ("200", "201", "202", "203", *names):
        assert [keep(name) for keep in keeps].count(False) == 1
    for keep in keeps:
        for people in (ONE_PERSON, ["201", "202"], ["data_8_2", "data_8_3"], names[-2:]):
            assert len({keep(one) for one in people}) == 1


def score(record, wrong):
    none = np.empty(0)
    return ec57.Score(
        record=record, true_positives=100, false_positives=wrong, false_negatives=0,
        errors_ms=none, jitters_ms=none,
    )  # fmt: skip


def test_the_interval_draws_people_and_not_their_records():
    parts = [score(name, 60) for name in ONE_PERSON]
    others = [score(name, 0) for name in ("data_8_2", "data_92_4")]
    low, high = ec57.f1_interval([*parts, *others], seed=1)
    pooled = dataclasses.replace(ec57.gross(parts), record="data_21_7")
    assert (low, high) == ec57.f1_interval([pooled, *others], seed=1)
    assert low == pytest.approx(parts[0].f1)  # all three drawn are the one with many wrong


def test_of_one_person_there_is_no_interval():
    assert all(math.isnan(end) for end in ec57.f1_interval([score(n, 1) for n in ONE_PERSON], 1))
