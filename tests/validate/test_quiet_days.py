"""Combined findings on made-up days: what is wrong is told, and what is planted is counted."""

import dataclasses

import numpy as np
import pytest

from edge_agent import codes
from edge_agent.validate.alarms import quiet
from edge_agent.validate.alarms.quiet_day import ILLNESSES, STEPS, Day, Person
from edge_agent.warning.combinations import COMBINATIONS

SEED = 7
MORNING = (3000, 4200)  # steps


def a_day(seed=SEED):
    random = np.random.default_rng(seed)
    return Day.make(Person.draw(random), random)


def test_every_combined_finding_has_an_illness_that_it_must_tell():
    assert set(ILLNESSES) == {one.name for one in COMBINATIONS}


@pytest.mark.parametrize("name", ILLNESSES)
def test_an_illness_laid_onto_a_quiet_day_is_told(name):
    assert quiet.play(a_day().ill(name, 5400), 4680, 6120)[name], f"seed {SEED}"


def test_a_quiet_morning_raises_nothing_and_a_false_finding_planted_in_it_is_counted():
    day = a_day()
    assert not quiet.play(day, *MORNING), f"seed {SEED}"
    wrong = dict(day.values) | {codes.BODY_TEMPERATURE: np.full(STEPS, 39.0),
                                codes.HEART_RATE: day.values[codes.HEART_RATE] + 50.0}  # fmt: skip
    fevered = dataclasses.replace(day, values=wrong)
    assert quiet.play(fevered, 2800, 4200)["fever-and-fast-heart"]


def test_a_seed_gives_the_same_day_twice_and_another_gives_another():
    first, again, other = a_day(), a_day(), a_day(SEED + 1)
    for code, values in first.values.items():
        np.testing.assert_array_equal(values, again.values[code])
    assert not np.array_equal(first.values[codes.HEART_RATE], other.values[codes.HEART_RATE])
