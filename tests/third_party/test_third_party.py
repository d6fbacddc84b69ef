"""A driver from elsewhere, installed from its own folder, found by its entry point, and used."""

import asyncio
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from edge_mocks.serial_line import SerialLine

FOLDER = Path(__file__).parent / "example-thermometer"
PAGE = Path(__file__).parents[2] / "docs" / "drivers.md"
HANG_S = 60.0


@pytest.fixture(scope="module")
def elsewhere(tmp_path_factory):
    """Install the driver as a user would, into a folder of its own; nothing is downloaded."""
    target = tmp_path_factory.mktemp("site-packages")
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-index", "--no-deps"]
    command += ["--no-build-isolation", "--target", str(target), str(FOLDER)]
    subprocess.run(command, check=True, timeout=HANG_S)
    return {**os.environ, "PYTHONPATH": str(target)}


def edge_agent(environment, *arguments):
    command = [sys.executable, "-m", "edge_agent", *map(str, arguments)]
    done = subprocess.run(
        command, capture_output=True, text=True, check=False, timeout=HANG_S, env=environment
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_it_is_listed_with_what_it_yields(elsewhere):
    shown = edge_agent(elsewhere, "drivers", "example-thermometer")
    assert "measures  body temperature" in shown
    assert "hold its button" in shown
    assert "example-thermometer" not in edge_agent(os.environ, "drivers", "--json")


def test_it_replays_a_capture_cut_anywhere(elsewhere, tmp_path):
    file = tmp_path / "x.hex"
    lines = b"T=36.61\nT=--\nT=3", b"6.70\n\xff\xfe\nT=99.00\n"
    file.write_text(
        "# driver: example-thermometer\n"
        + "".join(f"{at} < - {octets.hex()}\n" for at, octets in enumerate(lines))
    )
    shown = edge_agent(elsewhere, "replay", file, "--json").splitlines()
    readings = [json.loads(line) for line in shown]
    assert [one["value"] for one in readings] == [36.61, None, 36.7, 99.0]
    states = ["measured", "not-attached", "measured", "questionable"]
    assert [one["state"] for one in readings] == states


async def test_a_hub_reads_it(elsewhere, tmp_path):
    line = SerialLine(tmp_path / "tty")
    line.replug()
    config = tmp_path / "hub.toml"
    config.write_text(
        '[subject]\npseudonym = "00112233445566778899aabbccddeeff"\n'
        '[hub]\nstate_dir = "state"\ncontrol_socket = "c.sock"\n'
        '[[sensor]]\nname = "ear"\ndriver = "example-thermometer"\n'
        f'port = "{line.path}"\n'
    )
    command = [sys.executable, "-m", "edge_agent", "run", "--config", str(config)]
    hub = await asyncio.create_subprocess_exec(
        *command, env=elsewhere, stderr=asyncio.subprocess.DEVNULL
    )
    try:
        async with asyncio.timeout(HANG_S):
            while not (variables := await _variables(elsewhere, config)):
                line.write(b"T=36.61\n")
                await asyncio.sleep(0.2)
    finally:
        hub.terminate()
        await hub.wait()
        line.unplug()
    assert variables[0]["title"] == "body temperature"
    assert variables[0]["value"] == 36.61


async def _variables(environment, config):
    if not (config.parent / "c.sock").exists():
        return []
    arguments = (environment, "status", "--json", "--config", config)
    return json.loads(await asyncio.to_thread(edge_agent, *arguments))["beds"][0]["variables"]


@pytest.mark.parametrize("file", ["pyproject.toml", "example_thermometer.py"])
def test_the_page_on_drivers_shows_this_very_driver(file):
    assert (FOLDER / file).read_text() in PAGE.read_text()
