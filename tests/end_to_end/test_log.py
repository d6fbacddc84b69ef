"""What a whole hub says in its log, at debug level: neither a value nor the person."""

import logging
import random
import re
import sys

import pytest

from edge_agent import codes, journal
from edge_agent.model import Observation
from edge_mocks.rtu_line import corrupted
from tests.end_to_end.test_bad_input import ALL_VALUES, ward  # noqa: F401 - a fixture

PSEUDONYM = "00112233445566778899aabbccddeeff"
PARTS = {PSEUDONYM[at : at + 6] for at in range(len(PSEUDONYM) - 5)}
PLACE = re.compile(r"/[^\s:]+")  # a path of this machine has numbers of its own
ADDRESS = re.compile(r"([0-9A-F]{2}[:_]){5}[0-9A-F]{2}")
NUMBER = re.compile(r"\d+(?:\.\d+)?")
SMALL = 20.0
"""Numbers below are counts and seconds of any log."""


@pytest.fixture
def log(tmp_path, monkeypatch):
    """Set the log up as the service does; give what it says."""
    root, levels = logging.getLogger(), {}
    handlers, level = list(root.handlers), root.level
    for name in ("edge_agent", "edge_drivers", "pymodbus"):
        levels[name] = logging.getLogger(name).level
    monkeypatch.setattr(logging, "raiseExceptions", logging.raiseExceptions)
    with (tmp_path / "stderr").open("w+") as file:
        monkeypatch.setattr(sys, "stderr", file)
        journal.set_up("debug")
        yield (tmp_path / "stderr").read_text
        for one in list(root.handlers):
            root.removeHandler(one)
        for one in handlers:
            root.addHandler(one)
        root.setLevel(level)
        for name, before in levels.items():
            logging.getLogger(name).setLevel(before)


def written_forms(value):
    return {f"{value:g}", f"{value:.4g}", f"{value:.1f}", f"{value:.2f}", str(value)}


async def test_no_line_of_a_hub_at_debug_level_holds_a_value_or_the_person(log, ward):  # noqa: F811
    agent, measured = ward.agent, set()
    (bed,) = agent.beds
    judge = bed.pipeline.take

    def stumble(reading, now):
        if isinstance(reading, Observation) and reading.value is not None:
            measured.update(written_forms(reading.value))
            if reading.sensor == "planted":
                raise ValueError(f"{reading.value} of {bed.subject.pseudonym} does not fit")
        return judge(reading, now)

    bed.pipeline.take = stumble
    bed.person._files.state_dir.joinpath(f"person-{PSEUDONYM[:12]}.sealed").write_bytes(b"damaged")

    async def everything_flows():
        return await ward.values() >= ALL_VALUES

    async def alarms():
        return bed.pipeline.alarms.active

    await ward.until(everything_flows, "every sensor gives values")
    for sensor, value in (("planted", 77.0625), ("low", 41.1875)):
        at = agent.clock.boottime()
        agent.receive(Observation(code=codes.SPO2, value=value, at=at, sensor=sensor))
    await ward.until(alarms, "an alarm")
    ward.world.strap.peripheral.drop_link()
    ward.world.oximeter.line.fault = lambda octets: bytes(reversed(octets))
    ward.world.room.line.fault = corrupted(random.Random(3))
    expected = ("alarm raised", "ValueError", "no answer", "no values")

    async def everything_is_told():
        return all(words in log() for words in expected)

    await ward.until(everything_is_told, f"the log tells {expected}")
    said = log()
    for line in said.splitlines():
        assert not any(part in line for part in PARTS), line
        numbers = {
            one
            for one in NUMBER.findall(PLACE.sub("", ADDRESS.sub("", line)))
            if float(one) >= SMALL
        }
        if not line.lstrip().startswith("File "):  # a place in the code has a number
            assert not numbers & measured, line
