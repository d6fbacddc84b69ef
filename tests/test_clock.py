import asyncio

from edge_agent.clock import NS_PER_S, ClockRecord, DeviceClock, SystemClock, VirtualClock
from edge_agent.model import Boottime


async def test_sleepers_wake_in_the_order_in_which_they_are_due():
    clock, woken = VirtualClock(), []

    async def sleeper(seconds):
        await clock.sleep(seconds)
        woken.append((seconds, clock.boottime()))

    tasks = [asyncio.create_task(sleeper(seconds)) for seconds in (3.0, 1.0, 2.0)]
    await clock.advance(2.5)
    assert woken == [(1.0, NS_PER_S), (2.0, 2 * NS_PER_S)]
    await clock.advance(10)
    assert woken[-1] == (3.0, 3 * NS_PER_S)
    assert clock.boottime() == round(12.5 * NS_PER_S)
    await asyncio.gather(*tasks)


def test_a_step_of_the_wall_clock_leaves_boot_time_alone():
    clock = VirtualClock()
    before = clock.utc_ns()
    clock.step_utc(-30 * 365 * 86400)
    assert clock.boottime() == 0
    assert clock.utc_ns() == before - 30 * 365 * 86400 * NS_PER_S


def test_a_clock_record_says_whether_the_wall_clock_was_set_by_the_network(tmp_path):
    clock = VirtualClock(utc_ns=1000 * NS_PER_S)
    record = ClockRecord.take(clock, synced_flag=tmp_path / "absent")
    assert (record.source, record.utc_ns) == ("unverified", 1000 * NS_PER_S)
    (tmp_path / "synced").touch()
    synced = ClockRecord.take(clock, synced_flag=tmp_path / "synced")
    assert synced.source == "network"
    assert synced.uncertainty_ns < record.uncertainty_ns


def test_the_system_clock_moves_forward():
    clock = SystemClock()
    assert clock.boottime() <= clock.boottime()


def test_a_device_clock_smooths_bursts_and_follows_a_drifting_crystal():
    """Frames 0.56 s apart, delivered 20 to 400 ms late, by a crystal 50 ppm fast."""
    fit, step_ns, drift = DeviceClock(), 561_538_462, 1.00005
    errors = []
    for index in range(4000):
        true_ns = index * step_ns
        late_ns = 20_000_000 + (index * 7919 % 380) * 1_000_000
        hub = fit.align(round(true_ns * drift) + 10**17, Boottime(true_ns + late_ns))
        errors.append(hub - true_ns)
    settled = errors[100:]
    assert min(settled) >= 0
    assert max(settled) < 60_000_000


def test_a_device_clock_that_jumps_is_fitted_anew():
    fit = DeviceClock()
    for index in range(10):
        fit.align(index * NS_PER_S, Boottime(index * NS_PER_S + 1000))
    after_reset = fit.align(599_616_000 * NS_PER_S, Boottime(11 * NS_PER_S))
    assert after_reset == 11 * NS_PER_S


def test_frames_held_back_by_a_stall_keep_their_places():
    fit, step_ns = DeviceClock(), 560_000_000
    for index in range(20):
        fit.align(index * step_ns, Boottime(index * step_ns + 1000))
    burst = Boottime(20 * step_ns + 8 * NS_PER_S)
    places = [fit.align(index * step_ns, burst) for index in range(20, 34)]
    assert places == [index * step_ns + 1000 for index in range(20, 34)]
