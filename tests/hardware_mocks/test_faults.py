import asyncio
import random
import re

import pytest

from edge_agent.errors import EdgeError
from edge_mocks.faults import FrameFaults
from edge_mocks.tasks import Tasks

FRAMES = [bytes([n, n + 1, n + 2]) for n in range(200)]


def through(seed, **probabilities):
    faults = FrameFaults(rng=random.Random(seed), **probabilities)
    return [out for frame in FRAMES for out in faults.through(frame)]


def test_without_faults_every_frame_comes_through_once_in_order():
    assert through(1) == FRAMES


@pytest.mark.parametrize("kind", ["drop", "duplicate", "reorder", "corrupt", "garbage"])
def test_a_seed_repeats_the_faults_and_another_gives_others(kind):
    assert through(1, **{kind: 0.3}) == through(1, **{kind: 0.3})
    assert through(1, **{kind: 0.3}) != through(2, **{kind: 0.3})


@pytest.mark.parametrize(
    ("kind", "low", "high"), [("drop", 110, 170), ("duplicate", 230, 290), ("garbage", 230, 290)]
)
def test_faults_come_about_as_often_as_asked_with_seed_1(kind, low, high):
    assert low < len(through(1, **{kind: 0.3})) < high


def test_reordering_loses_and_repeats_nothing():
    out = through(1, reorder=0.3)
    assert out != FRAMES
    assert sorted(out) == sorted(FRAMES)[: len(out)]
    assert len(FRAMES) - len(out) <= 1  # the last may still be held


def test_a_corrupt_frame_differs_in_exactly_one_bit():
    for frame, out in zip(FRAMES, through(1, corrupt=1.0), strict=True):
        assert sum((a ^ b).bit_count() for a, b in zip(frame, out, strict=True)) == 1


def test_faults_are_read_from_words():
    faults = FrameFaults.from_words(["drop=0.25", "delay_s=0.2"], random.Random(1))
    assert (faults.drop, faults.delay_s, faults.corrupt) == (0.25, 0.2, 0.0)
    late_s = [faults.late_s() for _ in range(200)]
    assert 0 <= min(late_s) < 0.05
    assert 0.15 < max(late_s) <= 0.2


def test_more_than_always_is_no_probability():
    with pytest.raises(EdgeError, match="0 to 1"):
        FrameFaults.from_words(["drop=2"], random.Random(1))


@pytest.mark.parametrize("word", ["rust=0.1", "drop", "drop=", "drop=often", "drop=-1"])
def test_a_fault_that_makes_no_sense_is_named_with_those_that_do(word):
    with pytest.raises(EdgeError, match=re.escape(repr(word))) as refused:
        FrameFaults.from_words([word], random.Random(1))
    assert "corrupt" in str(refused.value)


async def test_a_task_that_fails_is_reported_at_the_end_and_the_others_are_ended():
    tasks = Tasks()

    async def fail():
        raise ValueError("a bug of the mock")

    endless = tasks.spawn(asyncio.Event().wait())
    tasks.spawn(fail())
    await asyncio.sleep(0)
    with pytest.raises(ExceptionGroup) as failed:
        await tasks.close()
    assert failed.group_contains(ValueError, match="a bug of the mock")
    assert endless.cancelled()
