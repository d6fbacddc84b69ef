import asyncio

from edge_agent.clock import NS_PER_S, ClockRecord, SystemClock, VirtualClock


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
