"""What ECG straps, patches, recorders and watches do beyond what every sensor does."""

import contextlib

import numpy as np
import pytest

from edge_agent import codes
from edge_agent.model import EventKind, Observation, State, Waveform
from edge_drivers import polar_pmd
from edge_mocks import shelf
from edge_mocks.bluez import BLUEZ_5_82
from edge_mocks.ecg import SyntheticEcg
from edge_mocks.heart_rate import Habits, HeartRateSensor
from edge_mocks.movesense import MovesenseSensor
from edge_mocks.polar import FIRST_CLOCK_NS, PolarStrap
from edge_mocks.shelf import BleMock
from edge_mocks.viatom import EcgRecorder

# What the daemon's version can't change is tested with one of them.
pytestmark = pytest.mark.parametrize("bluez", [BLUEZ_5_82], indirect=True, ids=["bluez-5.82"])
NOT_ATTACHED, SEARCHING = State.NOT_ATTACHED, State.SEARCHING


def ecg(rng, rate_hz):
    return SyntheticEcg(rng, rate_hz=rate_hz, heart_rate_per_min=72.0)


@pytest.fixture
def on_chest(ble_bench, monkeypatch):
    """Put a sensor of one's own making on the air in place of the shelf's."""

    @contextlib.asynccontextmanager
    async def set_up(name, make, **changes):
        monkeypatch.setattr(shelf, "find", lambda _: BleMock(title=name, make=make))
        async with ble_bench(name, **changes) as bench:
            yield bench

    return set_up


def strap(**changes):
    return lambda rng: PolarStrap(ecg(rng, 130.1), rng, **changes)


def blocks(bench, code, since=0):
    return [one for one in bench.emitted[since:] if isinstance(one, Waveform) and one.code == code]


def states(bench, code, since=0):
    return [
        one.state
        for one in bench.emitted[since:]
        if isinstance(one, Observation) and one.code == code
    ]


def seams_s(waves):
    """Return how far each block begins after the end of the one before, by the sensor's clock."""
    lengths_ns = [1e9 * len(one.samples) / one.rate_hz for one in waves[:-1]]
    return (np.diff([one.device_ns for one in waves]) - lengths_ns) / 1e9


# Polar


async def test_a_strap_streams_ecg_and_acceleration_and_rests_when_it_is_left(on_chest):
    async with on_chest("polar-pmd", strap()) as bench:
        await bench.until(lambda: len(blocks(bench, codes.ACCELERATION_Z)) >= 2, "acceleration")
        await bench.until(lambda: len(blocks(bench, codes.ECG)) >= 4, "ECG")
        assert bench.mock.streaming
        assert bench.mock.moves
    assert not bench.mock.streaming
    assert not bench.mock.moves
    assert bench.feed.status.rejected == bench.feed.status.gaps == 0
    assert all(960 < z < 1000 for one in blocks(bench, codes.ACCELERATION_Z) for z in one.values)
    assert np.abs(seams_s(blocks(bench, codes.ECG)[1:])).max() < 1e-4


async def test_packed_acceleration_and_settings_in_pieces_come_out_the_same(on_chest):
    def make(rng):
        sensor = strap(compresses=True)(rng)
        sensor.settings_piece, sensor.answer_delay_s = 6, 0.1
        return sensor

    async with on_chest("polar-pmd", make) as bench:
        await bench.until(lambda: blocks(bench, codes.ACCELERATION_Z), "acceleration")
    assert all(960 < z < 1000 for z in blocks(bench, codes.ACCELERATION_Z)[0].values)
    assert bench.feed.status.rejected == 0


async def test_a_link_too_narrow_to_stream_is_told_in_words(on_chest):
    def make(rng):
        sensor = strap()(rng)
        sensor.peripheral.mtu = 23
        return sensor

    async with on_chest("polar-pmd", make) as bench:
        await bench.until(lambda: bench.events(EventKind.STREAM_REFUSED), "a refusal")
        bench.mock.peripheral.mtu = 232
        bench.mock.peripheral.drop_link()
        await bench.until(lambda: blocks(bench, codes.ECG), "ECG once the link is wide enough")
    (refusal,) = bench.events(EventKind.STREAM_REFUSED)
    assert "MTU" in refusal.detail["reason"]
    assert "main.conf" in refusal.detail["next_step"]


async def test_a_strap_that_stops_by_itself_is_started_again(on_chest):
    async with on_chest("polar-pmd", strap()) as bench:
        await bench.until(lambda: blocks(bench, codes.ACCELERATION_X), "both streams")
        since = len(bench.emitted)
        bench.mock.stop_by_itself()
        await bench.until(lambda: blocks(bench, codes.ECG, since), "the ECG again")
        await bench.until(lambda: bench.mock.moves, "the acceleration again")
    assert blocks(bench, codes.ECG, since)[0].follows_gap
    told = [one.detail for one in bench.events(EventKind.GAP)]
    assert {"stream": "ECG", "reason": "the strap stopped the stream"} in told


async def test_a_clock_that_begins_anew_is_told_once_and_the_samples_keep_their_places(on_chest):
    async with on_chest("polar-pmd", strap()) as bench:
        bench.mock.jump_clock(1500.0)  # nobody has set it, and it has run for a while
        await bench.until(lambda: len(blocks(bench, codes.ECG)) >= 2, "ECG")
        since = len(bench.emitted)
        bench.mock.reset_clock()
        await bench.until(lambda: len(blocks(bench, codes.ECG, since)) >= 2, "more ECG")
    assert bench.feed.status.clock_resets == 1
    first, second = blocks(bench, codes.ECG, since)[:2]
    assert first.follows_gap
    assert not second.follows_gap
    assert first.device_ns < FIRST_CLOCK_NS + 60 * 10**9
    assert abs(seams_s([first, second])[0]) < 1e-4


async def test_an_older_strap_has_ecg_alone_and_what_the_radio_loses_of_it_is_counted(on_chest):
    async with on_chest("polar-pmd", strap(has_acceleration=False)) as bench:
        await bench.until(lambda: len(blocks(bench, codes.ECG)) >= 2, "ECG")
        faults = bench.mock.peripheral.characteristic(polar_pmd.DATA).faults
        faults.drop = 1.0
        samples = bench.mock._samples
        await bench.until(lambda: bench.mock._samples > samples, "a frame is lost")
        faults.heal()
        await bench.until(lambda: bench.events(EventKind.GAP), "the gap")
    (gap,) = bench.events(EventKind.GAP)
    assert gap.detail["missing_samples"] >= 72
    assert gap.detail["missing_samples"] % 73 in {72, 0, 1}
    assert not bench.events(EventKind.STREAM_REFUSED)
    assert not blocks(bench, codes.ACCELERATION_X)


async def test_a_strap_off_the_chest_is_searching_and_its_link_stands(on_chest):
    async with on_chest("polar-pmd", strap(), silence_s=1.5) as bench:
        await bench.until(lambda: not bench.missing(), "every quantity")
        bench.mock.attached = False
        await bench.until(lambda: states(bench, codes.HEART_RATE).count(SEARCHING) >= 3, "three")
    assert bench.feed.status.connections == 1


# Movesense


def patch(**changes):
    return lambda rng: MovesenseSensor(ecg(rng, 125.0), rng, **changes)


async def test_a_patch_with_older_firmware_is_asked_for_what_it_has(on_chest):
    def make(rng):
        return MovesenseSensor(ecg(rng, 128.0), rng, paths=("/Meas/ECG/128", "/Meas/HR"))

    async with on_chest("movesense", make) as bench:
        await bench.until(lambda: not bench.missing(), "every quantity")
        assert set(bench.mock.subscribed.values()) == {"/Meas/ECG/128", "/Meas/HR"}
    assert not bench.mock.subscribed
    assert {one.rate_hz for one in blocks(bench, codes.ECG)} == {128.0}
    assert not bench.events(EventKind.STREAM_REFUSED)


async def test_a_patch_tells_in_words_what_it_refuses(on_chest):
    async with on_chest("movesense", patch(paths=("/Meas/HR",))) as bench:
        await bench.until(lambda: bench.events(EventKind.STREAM_REFUSED), "a refusal")
    (refusal,) = bench.events(EventKind.STREAM_REFUSED)
    assert refusal.detail["stream"].startswith("/Meas/ECG")
    assert refusal.detail["reason"] == "it has no such measurement"


async def test_blocks_in_halves_over_a_narrow_link_and_a_counter_that_runs_over(on_chest):
    make = patch(mtu=50, awake_ms=2**32 - 1500)
    async with on_chest("movesense", make) as bench:
        await bench.until(lambda: blocks(bench, codes.ECG), "ECG")
        await bench.until(
            lambda: blocks(bench, codes.ECG)[-1].device_ns > (2**32 + 500) * 10**6, "the overflow"
        )
    assert bench.feed.status.clock_resets == bench.feed.status.gaps == 0
    assert bench.feed.status.rejected == 0


async def test_a_patch_that_fell_asleep_begins_its_clock_anew(on_chest):
    async with on_chest("movesense", patch(awake_ms=3_600_000)) as bench:
        await bench.until(lambda: blocks(bench, codes.ECG), "ECG")
        since = len(bench.emitted)
        bench.mock.wake_up()
        await bench.until(lambda: len(blocks(bench, codes.ECG, since)) >= 3, "ECG again")
    assert bench.feed.status.clock_resets == 1
    assert blocks(bench, codes.ECG, since)[-1].device_ns < 10**10


# Viatom


def recorder(**changes):
    return lambda rng: EcgRecorder(ecg(rng, 125.0), rng, **changes)


async def test_a_recorder_that_is_asked_gives_one_ecg_without_seams(on_chest):
    async with on_chest("viatom-er", recorder(mtu=23), poll_s=0.3) as bench:
        await bench.until(lambda: len(blocks(bench, codes.ECG)) >= 5, "ECG")
    assert bench.feed.status.rejected == bench.feed.status.gaps == 0
    assert np.abs(seams_s(blocks(bench, codes.ECG))).max() < 1e-9


async def test_a_link_cut_in_mid_frame_costs_that_frame_only(on_chest):
    async with on_chest("viatom-er", recorder(mtu=50)) as bench:
        await bench.until(lambda: not bench.missing(), "every quantity")
        since, bench.mock.cuts_link_after = len(bench.emitted), 2
        await bench.until(lambda: bench.feed.status.connections == 2, "a new link")
        await bench.until(lambda: len(blocks(bench, codes.ECG, since)) >= 2, "ECG again")
    assert [one.follows_gap for one in blocks(bench, codes.ECG, since)].count(True) == 1
    assert bench.feed.status.rejected == 0


async def test_lost_replies_are_a_gap_and_slow_ones_are_not(on_chest):
    async with on_chest("viatom-er", recorder(), poll_s=0.2) as bench:
        bench.mock.answer_delay_s = 0.3  # longer than a question is apart from the next
        await bench.until(lambda: len(blocks(bench, codes.ECG)) >= 4, "ECG")
        assert not bench.events(EventKind.GAP)
        bench.mock.lose_replies = 3
        await bench.until(lambda: bench.events(EventKind.GAP), "the gap")
    assert bench.events(EventKind.GAP)[0].detail["missing_samples"] >= 50


async def test_leads_that_fall_off_are_told_and_the_link_stands(on_chest):
    async with on_chest("viatom-er", recorder(), silence_s=1.2, poll_s=0.2) as bench:
        await bench.until(lambda: not bench.missing(), "every quantity")
        bench.mock.attached = False
        since = len(bench.emitted)
        await bench.until(
            lambda: states(bench, codes.HEART_RATE, since).count(NOT_ATTACHED) >= 8, "lead off"
        )
        assert {one.state for one in blocks(bench, codes.ECG, since)[1:]} == {NOT_ATTACHED}
        bench.mock.attached, bench.mock.poor_signal = True, True
        await bench.until(
            lambda: State.QUESTIONABLE in states(bench, codes.HEART_RATE, since), "doubt"
        )
    assert bench.feed.status.connections == 1


async def test_a_ring_taken_off_is_told_and_the_link_stands(ble_bench):
    async with ble_bench("viatom-o2ring", silence_s=1.0, poll_s=0.2) as bench:
        await bench.until(lambda: not bench.missing(), "every quantity")
        bench.mock.attached = False
        await bench.until(lambda: states(bench, codes.SPO2).count(NOT_ATTACHED) >= 8, "taken off")
        bench.mock.attached, bench.mock.is_searching = True, True
        await bench.until(lambda: SEARCHING in states(bench, codes.SPO2), "a search")
    assert bench.feed.status.connections == 1
    assert bench.feed.status.rejected == 0


# Watches


@pytest.mark.parametrize(
    "habits",
    [
        Habits(sends_rr=False, watches_contact=False),
        Habits(sends_wide_rate=True, counts_energy=True),
        Habits(sends_odd_octet=True),
    ],
    ids=["without RR", "wide rate and energy", "odd octet"],
)
async def test_a_watch_is_read_whatever_its_habits(on_chest, habits):
    def make(rng):
        return HeartRateSensor(rng, habits, period_s=0.3)

    async with on_chest("heart-rate", make) as bench:
        await bench.until(lambda: len(states(bench, codes.HEART_RATE)) >= 5, "heart rates")
    assert set(states(bench, codes.HEART_RATE)) == {State.MEASURED}
    assert bool(states(bench, codes.RR_INTERVAL)) is habits.sends_rr
    assert bench.feed.status.rejected == 0


async def test_a_strap_that_knows_its_contact_tells_when_it_is_lost(ble_bench):
    async with ble_bench("heart-rate") as bench:
        bench.mock.attached = False
        await bench.until(lambda: NOT_ATTACHED in states(bench, codes.HEART_RATE), "no contact")
        bench.mock.attached = True
        await bench.until(lambda: not bench.missing(), "a heart rate again")
