"""Buffers towards browsers: bounded, and nobody waits for a slow one."""

import asyncio

import numpy as np
import pytest

from edge_agent import codes
from edge_agent.dashboard.access import CODE_HOLDS_S, TRIES, Access
from edge_agent.dashboard.live import WAVES_AT_MOST, Audience, event
from edge_agent.dashboard.waves import SCREEN_HZ, piece_of
from edge_agent.model import Boottime, State, Waveform

S = 10**9


async def test_a_browser_that_does_not_read_loses_the_oldest_waves_and_no_picture():
    audience = Audience()
    slow, quick = audience.join(), audience.join()
    for number in range(WAVES_AT_MOST + 50):
        audience.wave(b"w%d;" % number)
        audience.picture(b"p%d;" % number)
        assert b"w%d;" % number in await quick.next()
    got = await slow.next()
    assert slow.dropped == 50
    assert got.startswith(b"p%d;w50;" % (WAVES_AT_MOST + 49))
    assert got.count(b"p") == 1


async def test_who_waits_is_woken_by_a_picture():
    audience = Audience()
    listener = audience.join()
    waiting = asyncio.create_task(listener.next())
    await asyncio.sleep(0)
    audience.picture(event("state", b"{}"))
    assert await waiting == b"event: state\ndata: {}\n\n"
    audience.leave(listener)
    assert len(audience) == 0


def block(rate_hz, values, state=State.MEASURED):
    samples = np.asarray(values, dtype=np.int32)
    return Waveform(code=codes.ECG, samples=samples, unit_per_count=1.0, rate_hz=rate_hz,
                    start=Boottime(5 * S), sensor="patch", state=state)  # fmt: skip


@pytest.mark.parametrize("rate_hz", [130.0, 250.0, 500.0, 1000.0])
def test_a_wave_for_the_eye_keeps_its_highest_and_lowest_points(rate_hz):
    rng = np.random.default_rng(7)
    values = np.round(rng.normal(0, 100, round(rate_hz)))
    values[round(rate_hz / 3)], values[round(rate_hz / 2)] = 1800, -900
    piece = piece_of(block(rate_hz, values), "3")
    assert piece.rate_hz <= max(SCREEN_HZ, rate_hz if rate_hz <= SCREEN_HZ else 0)
    assert (max(piece.uv), min(piece.uv)) == (1800, -900)
    assert piece.start_s == 5.0
    assert len(piece.uv) / piece.rate_hz == pytest.approx(1.0, rel=0.05)


def test_a_lead_that_is_off_is_told_as_such():
    assert piece_of(block(130.0, [0] * 13, State.NOT_ATTACHED), "").off
    assert not piece_of(block(130.0, [0] * 13), "").off


def test_a_code_admits_one_browser_once():
    access = Access()
    code = access.new_code(Boottime(0))
    cookie = access.admit(f"{code[:4]} {code[4:]}", Boottime(S))
    assert access.knows(cookie)
    assert access.admit(code, Boottime(2 * S)) is None
    assert not access.knows("")
    assert not access.knows(cookie + "x")


def test_a_code_does_not_hold_for_ever():
    access = Access()
    code = access.new_code(Boottime(0))
    assert access.admit(code, Boottime(round(CODE_HOLDS_S * S))) is None


def test_a_code_can_not_be_guessed_at_leisure():
    access = Access()
    code = access.new_code(Boottime(0))
    wrong = "0" * 8 if code != "0" * 8 else "1" * 8
    for _ in range(TRIES):
        assert access.admit(wrong, Boottime(S)) is None
    assert access.admit(code, Boottime(S)) is None


def test_a_new_code_puts_the_old_one_out_of_force():
    access = Access()
    old = access.new_code(Boottime(0))
    while (new := access.new_code(Boottime(0))) == old:
        pass
    assert access.admit(old, Boottime(S)) is None
    assert access.admit(new, Boottime(S)) is not None
