"""A configuration read anew by a running hub: what changes, what stays, what is refused."""

import pytest

from edge_agent import codes
from edge_agent.model import Observation

OXIMETER = '[[sensor]]\nname = "oximeter"\ndriver = "nonin-2"\nport = "absent"\n'
CUFFLESS = '[[sensor]]\nname = "second"\ndriver = "nonin-7"\nport = "absent-too"\n'


def spo2(clock, value):
    return Observation(code=codes.SPO2, value=value, at=clock.boottime(), sensor="ox")


async def tell(bedside, agent, value, seconds):
    for _ in range(seconds):
        agent.receive(spo2(bedside.clock, value))
        await bedside.clock.advance(1)
    await bedside.until(lambda: len(agent.readings) == 0)


async def alarms(agent):
    return [one.rule for one in (await agent.status()).alarms]


async def service(agent):
    return (await agent.status()).service


async def test_a_limit_changes_in_place_and_the_values_stay(bedside):
    async with bedside.hub("[warning]\nnews2 = false\n") as agent:
        await tell(bedside, agent, 88, 40)
        assert await alarms(agent) == ["spo2-low"]
        bedside.write_config("[warning]\nnews2 = false\n[alarms]\nspo2_low_percent = 85\n")
        await agent.reload()
        assert await alarms(agent) == ["spo2-low"]  # it stands until a value clears it
        await tell(bedside, agent, 88, 40)
        assert await alarms(agent) == []
        variables = (await agent.status()).beds[0].variables
        assert [one.value for one in variables if one.code == codes.SPO2.refid] == [88]
        assert (await service(agent)).reloads == 1


async def test_the_delay_of_a_rule_that_stays_is_not_begun_anew(bedside):
    async with bedside.hub("[warning]\nnews2 = false\n") as agent:
        await tell(bedside, agent, 89, 15)
        bedside.write_config("[warning]\nnews2 = false\n[rhythm]\npause_s = 4\n")
        await agent.reload()
        await tell(bedside, agent, 89, 6)
        assert await alarms(agent) == ["spo2-low"]


async def test_an_alarm_whose_rule_is_gone_is_cleared_and_that_is_kept(bedside):
    async with bedside.hub(OXIMETER, linked=True) as agent:
        await bedside.clock.advance(20)
        assert await alarms(agent) == ["stale-oximeter"]
        bedside.write_config()
        await agent.reload()
        assert await alarms(agent) == []
        await bedside.stored(agent)
        await bedside.until(lambda: agent.records.uploader.state.sent >= 2)
        await bedside.collector.open_records()
        kept = await bedside.collector.queries.alarms()
        assert [one.rule for one in kept] == ["stale-oximeter", "stale-oximeter"]


async def test_a_file_with_a_problem_is_refused_with_the_reason_and_mended_again(bedside, caplog):
    async with bedside.hub("[alarms]\nspo2_low_percent = 85\n") as agent:
        before = agent.plan
        bedside.write_config("[alarms]\nspo2_low_percent = 20\n")
        await agent.reload()
        assert agent.plan is before
        refused = (await service(agent)).refused
        assert "alarms.spo2_low_percent" in refused
        assert "the last good configuration stays in force" in caplog.text
        assert "alarms.spo2_low_percent" in caplog.text
        bedside.write_config("[alarms]\nspo2_low_percent = 86\n")
        await agent.reload()
        assert (await service(agent)).refused == ""
        assert agent.beds[0].subject.alarms.spo2_low_percent == 86


async def test_a_sensor_is_added_changed_and_removed_and_the_others_never_notice(bedside):
    async with bedside.hub(OXIMETER, linked=True) as agent:
        first, feed = agent._tasks["link oximeter"], agent.links.feeds["oximeter"]
        bedside.write_config(OXIMETER + CUFFLESS)
        await agent.reload()
        assert agent._tasks["link oximeter"] is first
        assert agent.links.feeds["oximeter"] is feed
        second = agent._tasks["link second"]
        assert [one.name for one in (await agent.status()).sensors] == ["oximeter", "second"]
        bedside.write_config(OXIMETER + CUFFLESS.replace("absent-too", "elsewhere"))
        await agent.reload()
        assert second.done()
        await bedside.until(lambda: "elsewhere" in agent.links.feeds["second"].status.last_error)
        bedside.write_config(OXIMETER)
        await agent.reload()
        assert "link second" not in agent._tasks
        assert agent._tasks["link oximeter"] is first
        assert not first.done()
        assert agent.watchdog.stuck() == []


async def test_a_register_map_that_is_as_it_was_starts_no_bus_anew(bedside):
    air = (
        '[[sensor]]\nname = "air"\ndriver = "modbus-room"\nprofile = "senseair-s8"\n'
        'host = "127.0.0.1"\ntcp_port = 9\n'
    )
    other = air.replace('"air"', '"hall"') + "unit = 2\n"
    async with bedside.hub(air, linked=True) as agent:
        task, feed = agent._tasks["link air"], agent.links.feeds["air"]
        await agent.reload()
        assert agent._tasks["link air"] is task
        bedside.write_config(air + other)
        await agent.reload()
        assert task.done()
        assert "link air+hall" in agent._tasks
        assert agent.links.feeds["air"] is feed


async def test_the_collector_is_changed_with_the_outbox_opened_anew_and_nothing_lost(bedside):
    async with bedside.hub("[warning]\nnews2 = false\n") as agent:
        await tell(bedside, agent, 97, 1)
        config = bedside.write_config("[warning]\nnews2 = false\n")
        config.write_text(
            config.read_text().replace("[collector]", "[collector]\ntimeout_s = 3"), "utf-8"
        )
        outbox, uploader = agent.records.outbox, agent.records.uploader
        await agent.reload()
        assert agent.records.outbox is not outbox
        assert agent.records.uploader is not uploader
        assert agent.plan.settings.collector.timeout_s == 3
        await bedside.clock.advance(61)
        await bedside.until(lambda: agent.records.uploader.state.sent == 1)
    await bedside.collector.open_records()
    (account,) = (await bedside.collector.stats()).hubs
    assert (account.missing, account.lost, account.chain_breaks) == (0, 0, 0)


@pytest.mark.parametrize(
    ("old", "new", "named"),
    [
        ('state_dir = "state"', 'state_dir = "elsewhere"', "hub.state_dir"),
        ("00112233445566778899aabbccddeeff", "ff" * 16, "subject (who lies in which bed)"),
        ('bed = "3"', 'bed = "4"', "subject (who lies in which bed)"),
    ],
)
async def test_what_is_bound_at_the_start_is_named_and_stays(bedside, caplog, old, new, named):
    async with bedside.hub() as agent:
        config = bedside.write_config()
        config.write_text(config.read_text().replace(old, new))
        before = agent.plan.settings
        await agent.reload()
        assert (await service(agent)).needs_restart == [named]
        assert f"a change of {named} needs a restart" in caplog.text
        assert agent.plan.settings.hub == before.hub
        assert agent.plan.settings.subject == before.subject


async def test_what_was_told_and_scored_outlives_other_settings_of_the_warning(bedside):
    async with bedside.hub() as agent:
        agent.observe({"consciousness": "A", "oxygen": "no"}, 4.0, "nurse")
        await tell(bedside, agent, 90, 10)
        bedside.write_config('[warning]\nspo2_scale = 2\ntimezone = "Europe/Berlin"\n')
        await agent.reload()
        await tell(bedside, agent, 90, 10)
        warning = agent.beds[0].warning
        assert warning.observed.consciousness(bedside.clock.boottime()) == "A"
        parts = {one.name: one.points for one in (await agent.status()).beds[0].warning.parts}
        assert parts["SpO2"] == 0  # 90 % is within the target of scale 2, and gives 3 on scale 1
