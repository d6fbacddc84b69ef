"""Several beds on one hub: each reading goes to whom it is about, and to nobody else."""

import pytest

from edge_agent import codes
from edge_agent.config import BedError
from edge_agent.model import Observation

ADA, BEA = "a" * 32, "b" * 32
TWO_BEDS = f"""
[[subject]]
pseudonym = "{ADA}"
bed = "window"

[[subject]]
pseudonym = "{BEA}"
bed = "door"
[subject.alarms]
spo2_low_percent = 85

[[sensor]]
name = "ox-window"
driver = "nonin-2"
port = "/dev/none-1"
bed = "window"

[[sensor]]
name = "ox-door"
driver = "nonin-2"
port = "/dev/none-2"
bed = "door"

[[sensor]]
name = "air"
driver = "modbus-room"
profile = "senseair-s8"
host = "127.0.0.1"
tcp_port = 9
bed = ["window", "door"]
"""


@pytest.fixture
def ward(bedside):
    bedside.subjects = TWO_BEDS
    return bedside


def tell(ward, agent, code, value, sensor):
    agent.receive(Observation(code=code, value=value, at=ward.clock.boottime(), sensor=sensor))


async def for_seconds(ward, agent, seconds, values):
    for _ in range(seconds):
        for sensor, (code, value) in values.items():
            tell(ward, agent, code, value, sensor)
        await ward.clock.advance(1)
    await ward.until(lambda: len(agent.readings) == 0)


async def test_a_reading_goes_to_its_own_bed_and_the_rooms_air_to_both(ward):
    async with ward.hub() as agent:
        values = {"ox-window": (codes.SPO2, 97), "ox-door": (codes.SPO2, 93)}
        await for_seconds(ward, agent, 5, values | {"air": (codes.ROOM_CO2, 800)})
        window, door = (await agent.status()).beds
    known = [{one.code: one.value for one in bed.variables} for bed in (window, door)]
    assert [one["MDC_PULS_OXIM_SAT_O2"] for one in known] == [97, 93]
    assert [one[codes.ROOM_CO2.refid] for one in known] == [800, 800]
    assert (window.bed, door.bed) == ("window", "door")
    assert window.sensors == ["air", "ox-window"]


async def test_each_bed_alarms_by_its_own_limits(ward):
    async with ward.hub() as agent:
        values = {"ox-window": (codes.SPO2, 88), "ox-door": (codes.SPO2, 88)}
        await for_seconds(ward, agent, 40, values)
        window, door = (await agent.status()).beds
        assert "spo2-low" in {one.rule for one in window.alarms}
        assert "spo2-low" not in {one.rule for one in door.alarms}


async def test_a_sensor_that_falls_silent_alarms_at_its_bed_only(ward):
    async with ward.hub() as agent:
        await for_seconds(
            ward, agent, 60, {"ox-door": (codes.SPO2, 97), "air": (codes.ROOM_CO2, 600)}
        )
        window, door = (await agent.status()).beds
    assert {one.evidence[0].partition(":")[0] for one in window.alarms} == {"ox-window"}
    assert door.alarms == []


async def test_the_clinic_gets_records_that_name_whom_they_are_about(ward):
    async with ward.hub() as agent:
        values = {"ox-window": (codes.SPO2, 97), "ox-door": (codes.SPO2, 93)}
        await for_seconds(ward, agent, 61, values)
        await ward.stored(agent)
        await ward.until(lambda: agent.records.uploader.state.sent >= 2)
    await ward.collector.open_records()
    latest = {one.subject: one.last for one in await ward.collector.queries.latest()}
    assert latest == {ADA: 97.0, BEA: 93.0}


async def test_a_pause_at_one_bed_leaves_the_other_loud(ward):
    async with ward.hub() as agent:
        agent.pause_audio(2.0, "tester", "door")
        window, door = (await agent.status()).beds
        assert (window.pause, door.pause.by) == (None, "tester")
        assert not agent.resume_audio("tester", "window")
        assert agent.resume_audio("tester")


async def test_what_a_person_sees_must_name_the_bed_where_there_are_several(ward):
    async with ward.hub() as agent:
        with pytest.raises(BedError, match="several"):
            agent.observe({"oxygen": "yes"}, 1.0, "nurse")
        with pytest.raises(BedError, match="did you mean 'door'"):
            agent.observe({"oxygen": "yes"}, 1.0, "nurse", "doro")
        assert agent.observe({"oxygen": "yes"}, 1.0, "nurse", "door")
        assert agent.beds[0].warning.observed.oxygen(ward.clock.boottime()) is None


async def test_a_fault_at_one_bed_costs_the_other_no_reading(ward):
    async with ward.hub() as agent:
        first, second = agent.beds

        def broken(reading, now):
            raise ZeroDivisionError("a bug")

        first.pipeline.take = broken
        tell(ward, agent, codes.ROOM_CO2, 700, "air")
        await ward.until(lambda: len(agent.readings) == 0)
        now = ward.clock.boottime()
        assert second.pipeline.twin.variable(codes.ROOM_CO2, now).value == 700


async def test_who_lies_in_the_bed_next_inherits_nothing(ward):
    async with ward.hub() as agent:
        await for_seconds(ward, agent, 40, {"ox-window": (codes.SPO2, 80)})
        assert "spo2-low" in {one.rule for one in agent.beds[0].pipeline.alarms.active}
    ward.subjects = TWO_BEDS.replace(ADA, "c" * 32)
    async with ward.hub() as agent:
        assert "spo2-low" not in {one.rule for one in agent.beds[0].pipeline.alarms.active}
    ward.subjects = TWO_BEDS
    async with ward.hub() as agent:
        assert "spo2-low" in {one.rule for one in agent.beds[0].pipeline.alarms.active}


async def test_a_fault_in_the_nights_of_one_bed_silences_no_stale_alarm(ward):
    async with ward.hub() as agent:

        def broken(now):
            raise ZeroDivisionError("a bug")

        agent.beds[0].pipeline.oximeters.tick = broken
        await for_seconds(ward, agent, 60, {"air": (codes.ROOM_CO2, 600)})
        window, door = (await agent.status()).beds
    for bed in (window, door):
        assert any("gives no usable values" in one.title for one in bed.alarms)
