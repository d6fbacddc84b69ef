import asyncio
import contextlib
import json
import os
import pwd
import socket
import stat

import pytest

from edge_agent import control
from edge_agent.asking import ask_acknowledge, ask_observe, ask_pause, ask_resume, ask_status
from edge_agent.capture import CaptureError
from edge_agent.control import ControlServer, Orders
from edge_agent.errors import ControlError
from edge_agent.status import ServiceStatus, Status

STATUS = Status(
    version="0", hub="ab", pid=1, started_at_ns=0, uptime_s=1.0, resident_mib=1.0,
    peak_resident_mib=1.0, first_reading_after_s=None, first_delivery_after_s=None, beds=[],
    sensors=[], queues=[], store=None, uplink=None,
    service=ServiceStatus(stuck=[], reloads=0, refused="", needs_restart=[]),
)  # fmt: skip


async def tell_status():
    return STATUS


def no_tap(sensor):
    raise CaptureError(f"sensor {sensor!r}", "not in the configuration")


def seen(episode, by):
    return ["SpO2 low"] if episode in {"", "spo2-low-ox-1"} else []


def pause(minutes, by, bed):
    if minutes > 10:
        raise ControlError("pause of the alarms", "too long", "Ask for at most 10 min")
    WANTED.append((minutes, by))


def resume(by, bed):
    WANTED.append(("resume", by))
    return len(WANTED) > 1


def observed(told, hours, by, bed):
    if set(told) - {"oxygen", "consciousness"}:
        raise ValueError("only consciousness and oxygen can be told")
    return [f"{what}: {value}, for {hours:g} h" for what, value in told.items()]


WANTED = []
ORDERS = Orders(seen, pause, resume, observed, lambda: "12345678")


@contextlib.asynccontextmanager
async def serving(path):
    server = ControlServer(path, tell_status, no_tap, ORDERS)
    await server.start()
    try:
        yield server
    finally:
        await server.stop()


async def say(path, line):
    reader, writer = await asyncio.open_unix_connection(str(path))
    writer.write(line)
    await writer.drain()
    answer = await reader.readline()
    writer.close()
    await writer.wait_closed()
    return json.loads(answer) if answer else None


async def test_a_hub_answers_its_status_and_only_to_its_group(tmp_path):
    path = tmp_path / "run" / "control.sock"
    async with serving(path):
        assert await ask_status(path) == STATUS
        assert stat.S_IMODE(path.stat().st_mode) == 0o660
    assert not path.exists()


async def test_an_unknown_command_and_garbage_get_an_error_and_the_hub_goes_on(tmp_path):
    path = tmp_path / "control.sock"
    async with serving(path):
        assert "unknown command" in (await say(path, b'{"command": "reboot"}\n'))["error"]
        assert "JSON" in (await say(path, b"\xff\x00garbage\n"))["error"]
        assert await say(path, b"x" * 10_000 + b"\n") is None
        assert await ask_status(path) == STATUS


async def test_nobody_there_says_what_to_do(tmp_path):
    with pytest.raises(ControlError, match="no hub is running there"):
        await ask_status(tmp_path / "none.sock")


async def test_a_socket_left_by_a_killed_hub_is_replaced(tmp_path):
    path = tmp_path / "control.sock"
    left = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    left.bind(str(path))
    left.close()
    async with serving(path):
        assert await ask_status(path) == STATUS


async def test_a_second_hub_does_not_push_the_first_aside(tmp_path):
    path = tmp_path / "control.sock"
    async with serving(path):
        with pytest.raises(ControlError, match="another hub"):
            await ControlServer(path, tell_status, no_tap, ORDERS).start()
        assert await ask_status(path) == STATUS


async def test_a_file_that_is_no_socket_is_never_removed(tmp_path):
    path = tmp_path / "control.sock"
    path.write_text("notes")
    with pytest.raises(ControlError, match="no socket"):
        await ControlServer(path, tell_status, no_tap, ORDERS).start()
    assert path.read_text() == "notes"


async def test_a_path_too_long_for_a_socket_says_so(tmp_path):
    with pytest.raises(ControlError, match="shorter path"):
        await ControlServer(tmp_path / ("x" * 120), tell_status, no_tap, ORDERS).start()


async def test_an_alarm_is_acknowledged_by_its_episode_or_all_of_them(tmp_path):
    path = tmp_path / "control.sock"
    async with serving(path):
        assert await ask_acknowledge(path, "spo2-low-ox-1") == ["SpO2 low"]
        assert await ask_acknowledge(path, "") == ["SpO2 low"]
        assert await ask_acknowledge(path, "another") == []


async def test_somebody_else_may_look_and_not_acknowledge(tmp_path, monkeypatch):
    path = tmp_path / "control.sock"
    async with serving(path):
        monkeypatch.setattr("edge_agent.control._peer_uid", lambda _: 12345)
        with pytest.raises(ControlError, match="only root"):
            await ask_acknowledge(path, "")
        assert await ask_status(path) == STATUS


async def test_who_asks_is_named_by_the_kernel(tmp_path, monkeypatch):
    told = []
    path = tmp_path / "control.sock"
    peer_uid = control._peer_uid
    monkeypatch.setattr(control, "_peer_uid", lambda one: told.append(peer_uid(one)) or told[-1])
    async with serving(path):
        await ask_acknowledge(path, "")
    assert told == [os.getuid()]


async def test_a_pause_is_wanted_by_somebody_the_kernel_names(tmp_path):
    path = tmp_path / "control.sock"
    WANTED.clear()
    async with serving(path):
        await ask_pause(path, 2)
        assert await ask_resume(path)
    me = pwd.getpwuid(os.getuid()).pw_name
    assert [(2.0, me), ("resume", me)] == WANTED


async def test_a_pause_that_is_too_long_is_refused_with_the_longest_there_is(tmp_path):
    path = tmp_path / "control.sock"
    async with serving(path):
        with pytest.raises(ControlError, match="at most 10 min"):
            await ask_pause(path, 11)
        assert "pause needs minutes" in (await say(path, b'{"command": "pause"}\n'))["error"]


async def test_nobody_else_may_pause(tmp_path, monkeypatch):
    path = tmp_path / "control.sock"
    WANTED.clear()
    async with serving(path):
        monkeypatch.setattr("edge_agent.control._peer_uid", lambda _: 12345)
        for wish in (ask_pause(path, 1), ask_resume(path)):
            with pytest.raises(ControlError, match="only root"):
                await wish
    assert WANTED == []


async def test_what_only_a_person_sees_is_told_by_those_who_may_change_something(
    tmp_path, monkeypatch
):
    path = tmp_path / "control.sock"
    async with serving(path):
        assert await ask_observe(path, {"oxygen": "yes"}, 2.0) == ["oxygen: yes, for 2 h"]
        with pytest.raises(ControlError, match="can be told"):
            await ask_observe(path, {"mood": "good"}, 2.0)
        answer = await say(path, b'{"command": "observe", "told": {"oxygen": [1]}, "hours": 1}\n')
        assert "as words" in answer["error"]
        monkeypatch.setattr("edge_agent.control._peer_uid", lambda _: 12345)
        with pytest.raises(ControlError, match="only root"):
            await ask_observe(path, {"oxygen": "yes"}, 2.0)
