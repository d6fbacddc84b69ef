"""``edge-agent probe`` on pseudo-terminals: every mock is found, a person is told what to do."""

import asyncio
import json
import random
import sys

import pytest
import serial

from edge_agent import registry
from edge_agent.clock import SystemClock
from edge_agent.driver import Driver, Serial
from edge_agent.link.probe import probe
from edge_mocks import shelf
from edge_mocks.serial_line import SerialLine
from tests.hil.conftest import SEED

DRIVERS = {
    name: found
    for name in registry.names()
    if isinstance(found := registry.find(name), Driver) and isinstance(found.link, Serial)
}
ALIKE = {"bci": {"bci", "contec-old"}, "contec-old": {"bci", "contec-old"}}
"""Frames of the same octets; a pseudo-terminal has no rate by which to tell them apart."""


@pytest.fixture
def line(tmp_path):
    line = SerialLine(tmp_path / "usb-unknown")
    line.replug()
    yield line
    line.unplug()


def at_the_setting_of(name):
    """Return the drivers at one setting, and those alike elsewhere: every setting takes a while."""
    baud = DRIVERS[name].link.baud
    return [
        one
        for one in DRIVERS.values()
        if one.link.baud == baud or one.name in ALIKE.get(name, set())
    ]


@pytest.mark.parametrize("name", DRIVERS)
async def test_every_serial_sensor_is_found(line, name):
    drivers = at_the_setting_of(name)
    async with shelf.find(name).make(line, random.Random(SEED)):
        probing = await probe(str(line.path), drivers, SystemClock(), seconds=0.6)
    assert {one.driver.name for one in probing.matches} == ALIKE.get(name, {name})


async def run_probe(*arguments):
    command = [sys.executable, "-m", "edge_agent", "probe", *map(str, arguments)]
    process = await asyncio.create_subprocess_exec(
        *command, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    async with asyncio.timeout(60):
        out, err = await process.communicate()
    return process.returncode, out.decode(), err.decode()


async def test_person_gets_a_table_and_the_line_for_the_configuration(line):
    async with shelf.find("contec").make(line, random.Random(SEED)):
        code, out, err = await run_probe(line.path, "--seconds", 0.6)
    assert (code, err) == (0, "")
    assert "115200 8N1" in out
    assert "(listened)" in out
    last = out.strip().splitlines()[-1]
    assert last == f'Write in the configuration: driver = "contec", port = "{line.path}"'


async def test_program_gets_json(line):
    async with shelf.find("nonin-2").make(line, random.Random(SEED)):
        code, out, _ = await run_probe(line.path, "--seconds", 0.7, "--json", "--listen-only")
    assert code == 0
    report = json.loads(out)
    (match,) = report["matches"]
    assert (match["driver"], match["baud"], match["framing"]) == ("nonin-2", 9600, "8N1")
    assert match["share"] > 0.5
    assert {trial["asked"] for trial in report["trials"]} == {""}


async def test_silent_line_is_not_recognised_and_says_what_to_check(line):
    code, out, _ = await run_probe(line.path, "--seconds", 0.1)
    assert code == 1
    assert "Silence at 9600 8N1, 19200 8O1, 115200 8N1" in out
    assert "TTL or RS-232" in out


async def test_sensor_that_waits_to_be_asked_is_not_found_by_listening(line):
    async with shelf.find("contec").make(line, random.Random(SEED)) as sensor:
        code, out, _ = await run_probe(line.path, "--seconds", 0.2, "--listen-only")
        assert sensor.heard == []
    assert code == 1
    assert "Silence" in out


async def test_port_that_is_missing_or_in_use_is_an_error_with_a_next_step(line, tmp_path):
    code, _, err = await run_probe(tmp_path / "absent", "--seconds", 0.1)
    assert code == 1
    assert "there is no such port" in err
    with serial.Serial(str(line.path), exclusive=True):
        code, _, err = await run_probe(line.path, "--seconds", 0.1)
    assert code == 1
    assert "in use by another program" in err
    assert "Traceback" not in err
