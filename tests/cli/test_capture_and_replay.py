"""What a user's bug report is made of: capture, replay, and the list of drivers."""

import asyncio
import contextlib
import json
import signal
import subprocess
import sys
import time

import pytest

from edge_agent.capture import Action, parse
from edge_mocks.nonin import NoninOximeter
from edge_mocks.serial_line import SerialLine
from edge_mocks.traces import SimulatedOximetry

HANG_S = 30.0


def edge_agent(*arguments):
    command = [sys.executable, "-m", "edge_agent", *map(str, arguments)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def done(process):
    out, err = process.communicate(timeout=HANG_S)
    return process.returncode, out, err


@pytest.fixture
async def config(tmp_path):
    """A configuration whose only sensor is a mock oximeter that is measuring."""
    line = SerialLine(tmp_path / "tty")
    line.replug()
    file = tmp_path / "hub.toml"
    file.write_text(
        '[subject]\npseudonym = "00112233445566778899aabbccddeeff"\n'
        '[hub]\nstate_dir = "state"\ncontrol_socket = "c.sock"\n'
        f'[[sensor]]\nname = "ox"\ndriver = "nonin-2"\nport = "{line.path}"\n'
    )
    async with NoninOximeter(line, SimulatedOximetry(1)):
        yield file
    line.unplug()


async def wait(process):
    """Let the mock, which lives in this loop, go on while a command runs."""
    return await asyncio.to_thread(done, process)


async def test_what_the_hub_hears_is_captured_while_it_runs_and_replays_alike(config, tmp_path):
    hub, file = edge_agent("run", "--config", config), tmp_path / "ox.hex"
    try:
        await until_it_listens(config.parent / "c.sock")
        code, out, err = await wait(
            edge_agent("capture", "ox", "--config", config, "--seconds", 2, "-o", file)
        )
        assert (code, err) == (0, "")
        assert "edge-agent replay" in out
    finally:
        hub.send_signal(signal.SIGTERM)
        assert (await wait(hub))[0] == 0
    capture = parse(file.read_text())
    assert capture.driver == "nonin-2"
    assert sum(len(step.octets) for step in capture.steps) > 375
    code, out, err = done(edge_agent("replay", file, "--json"))
    assert (code, err) == (0, "")
    readings = [json.loads(line) for line in out.splitlines()]
    assert {one["quantity"] for one in readings} >= {"SpO2", "pulse rate", "pleth"}


async def until_it_listens(socket):
    deadline = time.monotonic() + HANG_S
    while not socket.exists():
        assert time.monotonic() < deadline
        await asyncio.sleep(0.05)


async def test_without_a_hub_the_sensor_is_captured_from_here(config, tmp_path):
    code, out, err = await wait(
        edge_agent("capture", "ox", "--config", config, "--alone", "--seconds", 1.5)
    )
    assert (code, err) == (0, "")
    actions = [step.action for step in parse(out).steps]
    assert Action.RECEIVED in actions


async def test_a_capture_ended_by_ctrl_c_is_kept(config, tmp_path):
    file = tmp_path / "ox.hex"
    process = edge_agent("capture", "ox", "--config", config, "--alone", "-o", file)
    with contextlib.suppress(subprocess.TimeoutExpired):
        await asyncio.to_thread(process.wait, 3)
    process.send_signal(signal.SIGINT)
    code, _, err = await wait(process)
    assert (code, err) == (0, "")
    assert parse(file.read_text()).steps
    assert file.stat().st_mode & 0o077 == 0  # it is a person's data


def test_a_sensor_nobody_configured_is_named_with_those_that_are(tmp_path):
    file = tmp_path / "hub.toml"
    file.write_text('[subject]\npseudonym = "00112233445566778899aabbccddeeff"\n')
    code, _, err = done(edge_agent("capture", "patch", "--config", file, "--alone"))
    assert code == 1
    assert "'patch': not in the configuration" in err


def test_capture_without_a_hub_says_so(tmp_path):
    file = tmp_path / "hub.toml"
    file.write_text(
        '[subject]\npseudonym = "00112233445566778899aabbccddeeff"\n[hub]\ncontrol_socket="no"\n'
    )
    code, _, err = done(edge_agent("capture", "patch", "--config", file))
    assert code == 1
    assert "no hub is running" in err


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("0 open\n", "does not say its driver"),
        ("# driver: nonsense\n0 open\n", "not installed"),
        ("# driver: cgm\n0 what\n", "line 2"),
        ("# driver: modbus-room\n0 open\n", "needs a profile"),
    ],
)
def test_a_capture_that_can_t_be_replayed_says_why(tmp_path, text, says):
    file = tmp_path / "x.hex"
    file.write_text(text)
    code, _, err = done(edge_agent("replay", file))
    assert code == 1
    assert says in err


def test_a_night_replays_with_its_alarms_in_the_time_of_the_capture(tmp_path):
    """Twenty low saturations a second apart, recorded over twenty seconds."""
    from edge_drivers.nonin import FrameStatus, Packet

    packet = Packet(
        spo2_percent=80, pulse_per_min=60, pleth=(100,) * 25, status=FrameStatus.GREEN_PERFUSION
    )
    lines = [f"{at_ms} < - {packet.to_bytes().hex()}" for at_ms in range(0, 20_000, 333)]
    file = tmp_path / "night.hex"
    file.write_text("# driver: nonin-2\n" + "\n".join(lines))
    code, out, _ = done(edge_agent("replay", file))
    assert code == 0
    assert "alarm SpO2 low, phase raised" in out


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("# driver: nonin-2\n", "holds no steps"),
        ("# driver: nonin-2\n5 < - 00\n4 < - 00\n", "line 3: 4 ms comes before the line above"),
    ],
)
def test_a_capture_without_steps_or_order_is_refused(tmp_path, text, says):
    file = tmp_path / "odd.hex"
    file.write_text(text)
    code, _, err = done(edge_agent("replay", file))
    assert code == 1
    assert says in err


def test_drivers_lists_what_each_yields():
    code, out, _ = done(edge_agent("drivers", "--json"))
    assert code == 0
    families = {one["name"]: one for one in json.loads(out)}
    assert families["cgm"]["measures"] == ["glucose"]
    assert "xy-md02" in families["modbus-room"]["profiles"]
    code, out, _ = done(edge_agent("drivers", "polar-pmd"))
    assert "measures  ECG\n" in out
    code, _, err = done(edge_agent("drivers", "polar"))
    assert code == 1
    assert "Did you mean 'polar-pmd'" in err
