"""``edge-agent mock`` as a person uses it: a sensor to read, on a terminal or a mock adapter."""

import asyncio
import contextlib
import re
import signal
import subprocess
import sys

import pytest
from pymodbus.client import AsyncModbusTcpClient

from edge_mocks import shelf

COMMAND = [sys.executable, "-m", "edge_agent", "mock"]
HANG_S = 30


def run(*arguments):
    return subprocess.run(
        [*COMMAND, *arguments], capture_output=True, text=True, timeout=HANG_S, check=False
    )


@contextlib.asynccontextmanager
async def running(*arguments):
    """Run a mock; give what it printed before "Ctrl-C ends it.", and end it by Ctrl-C."""
    process = await asyncio.create_subprocess_exec(
        *COMMAND, *arguments, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    assert process.stdout is not None
    try:
        async with asyncio.timeout(HANG_S):
            words = (await process.stdout.readuntil(b"Ctrl-C ends it.\n")).decode()
        yield words
    finally:
        if process.returncode is None:
            process.send_signal(signal.SIGINT)
        _, errors = await asyncio.wait_for(process.communicate(), HANG_S)
    assert process.returncode == 0, errors.decode()


def test_without_a_name_every_mock_is_listed():
    listed = {line.split()[0] for line in run().stdout.splitlines()}
    assert listed == {*shelf.names(), "modbus-room"}


async def test_a_serial_mock_speaks_at_the_port_that_it_names():
    async with running("nonin-2", "--seed", "7") as words:
        port = re.search(r'port = "(.*)"', words).group(1)
        probe = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "edge_agent", "probe", port,
            stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
        )  # fmt: skip
        told, errors = await asyncio.wait_for(probe.communicate(), HANG_S)
    assert probe.returncode == 0, errors.decode()
    assert 'driver = "nonin-2"' in words
    assert "nonin-2" in told.decode()


async def test_a_room_mock_answers_at_the_address_that_it_names():
    async with running("modbus-room", "--profile", "xy-md02", "--tcp", "0") as words:
        port = int(re.search(r"tcp_port = (\d+)", words).group(1))
        async with asyncio.timeout(HANG_S), AsyncModbusTcpClient("127.0.0.1", port=port) as client:
            answer = await client.read_input_registers(1, count=2, device_id=1)
    temperature, humidity = (register / 10 for register in answer.registers)
    assert 'profile = "xy-md02"' in words
    assert 10 < temperature < 35
    assert 10 < humidity < 90


async def test_a_bluetooth_mock_names_its_bus_and_address():
    async with running("heart-rate", "--fault", "drop=0.5") as words:
        pass
    assert "DBUS_SYSTEM_BUS_ADDRESS='unix:" in words
    assert re.search(r'address = "([0-9A-F]{2}:){5}[0-9A-F]{2}"', words)


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (("toaster",), "not on the shelf"),
        (("modbus-room",), "needs a register map"),
        (("modbus-room", "--profile", "toaster", "--tcp", "0"), "toaster"),
        (("nonin-2", "--adapter", "hci0"), "has no use for --adapter"),
        (("cgm", "--port", "/dev/null"), "has no use for --port"),
        (("nonin-2", "--fault", "rust=0.1"), "drop, duplicate, reorder"),
        (("nonin-2", "--fault", "drop=often"), "makes no sense"),
        (("nonin-2", "--port", "/nowhere/tty"), "/nowhere/tty"),
    ],
    ids=lambda one: " ".join(one) if isinstance(one, tuple) else "",
)
def test_what_makes_no_sense_is_named_with_the_next_step(arguments, reason):
    done = run(*arguments)
    assert done.returncode != 0
    assert reason in done.stderr
    assert "Traceback" not in done.stderr
