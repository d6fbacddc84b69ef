"""The service as it is shipped, under a real PID 1: started, watched, restarted, read anew.

The program is the checkout's, behind a script where ``edge-agent unit install`` expects it.
"""

import contextlib
import grp
import json
import os
import pwd
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

CONFIG = Path("/etc/edge-agent/hub.toml")
PROGRAM = Path(sys.prefix) / "bin" / "edge-agent"
PLACE = Path("/opt/edge-agent-site")
UNIT = "edge-agent.service"
HANG_S = 240.0
MUTE = "import signal, time\nsignal.signal(signal.SIGUSR2, lambda *_: time.sleep(3600))\n"
"""What lets a test hold the event loop up: the interpreter is at work and the loop never turns."""
SETTINGS = """
[subject]
pseudonym = "00112233445566778899aabbccddeeff"
bed = "3"
[alarms]
spo2_low_percent = {limit}
[[sensor]]
name = "oximeter"
driver = "nonin-2"
port = "{port}"
"""


def run(*command, check=True):
    done = subprocess.run([*map(str, command)], capture_output=True, text=True, check=False)
    assert done.returncode == 0 or not check, f"{command}: {done.stdout}{done.stderr}"
    return done


def shown(*names, unit=UNIT):
    lines = run("systemctl", "show", unit, *(f"--property={name}" for name in names)).stdout
    table = dict(line.split("=", 1) for line in lines.splitlines())
    return [table[name] for name in names]


def journal(*matches):
    """Return the entries of the unit since its last start, as fields."""
    (invocation,) = shown("InvocationID")
    text = run("journalctl", "-o", "json", f"_SYSTEMD_INVOCATION_ID={invocation}", *matches).stdout
    return [json.loads(line) for line in text.splitlines()]


def until(happened, what):
    deadline = time.monotonic() + HANG_S
    while not (found := happened()):
        if time.monotonic() > deadline:
            log = run("journalctl", "-u", UNIT, "-n", "40", "--no-pager").stdout
            pytest.fail(f"never happened: {what}\n{log}")
        time.sleep(0.5)
    return found


def status(*, user="root"):
    done = run("runuser", "-u", user, "--", PROGRAM, "status", "--json", check=False)
    return json.loads(done.stdout) if done.returncode == 0 else None


def reads_the_sensor():
    told = status()
    return told and told["sensors"][0]["readings"] > 0


@pytest.fixture(scope="module")
def oximeter():
    """A mock at a pseudo-terminal, run by root as everything outside the service."""
    mock = subprocess.Popen(
        [PROGRAM, "mock", "nonin-2"], stdout=subprocess.PIPE, text=True, env={**os.environ}
    )
    port = next(found for line in mock.stdout if (found := re.search(r'port = "(.*)"', line)))
    device = Path(port.group(1)).resolve()  # /tmp is the service's own: it can't follow the link
    device.chmod(0o666)
    yield device
    mock.terminate()
    mock.communicate()


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    PLACE.mkdir()
    site = Path("/results/site")
    for about in site.glob("*.dist-info"):  # the entry points; /results is root's alone
        shutil.copytree(about, PLACE / about.name)
    (PLACE / "sitecustomize.py").write_text(MUTE)
    here = Path.cwd()
    paths = f"{here}:{here}/drivers:{here}/hardware_mocks:{PLACE}"
    PROGRAM.write_text(f'#!/bin/sh\nPYTHONPATH={paths} exec {sys.executable} -m edge_agent "$@"\n')
    PROGRAM.chmod(0o755)
    said = run(PROGRAM, "unit", "install").stdout
    for command in ("systemd-sysusers", "systemd-tmpfiles --create", "udevadm control --reload"):
        assert command in said
        run(*command.split())
    run("systemctl", "daemon-reload")
    run("useradd", "--groups", "edge-agent", "nurse")
    run("useradd", "visitor")


@pytest.fixture
def service(installed, oximeter):
    """The hub, started as its unit says and reading its sensor."""

    def configure(limit=90, more=""):
        CONFIG.write_text(SETTINGS.format(limit=limit, port=oximeter) + more)
        run("systemd-tmpfiles", "--create")

    configure()
    run("systemctl", "reset-failed", UNIT, check=False)
    run("systemctl", "start", UNIT)
    yield configure
    run("systemctl", "stop", UNIT)


def test_a_hub_that_says_it_is_ready_is_active_reads_its_sensor_and_is_nobody_special(service):
    state, pid, restarts = shown("ActiveState", "MainPID", "NRestarts")
    assert (state, restarts) == ("active", "0")
    until(reads_the_sensor, "a reading")
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    facts = dict(line.split(":\t", 1) for line in lines if ":\t" in line)
    user = pwd.getpwnam("edge-agent")
    assert facts["Uid"].split() == [str(user.pw_uid)] * 4
    assert int(facts["CapEff"], 16) == int(facts["CapBnd"], 16) == 0
    assert facts["NoNewPrivs"] == "1"
    assert facts["Seccomp"] == "2"
    assert Path("/var/lib/edge-agent").stat().st_mode & 0o777 == 0o700
    assert (CONFIG.stat().st_mode & 0o777, CONFIG.stat().st_gid) == (
        0o640, grp.getgrnam("edge-agent").gr_gid,
    )  # fmt: skip


def test_the_group_may_ask_for_the_status_and_others_may_not(service):
    assert status(user="nurse")["service"]["stuck"] == []
    assert status(user="visitor") is None


def test_the_journal_has_the_hub_s_fields(service):
    entries = until(lambda: journal("LOGGER=edge_agent.agent"), "an entry with fields")
    assert "hub started with 1 sensor(s)" in [one["MESSAGE"] for one in entries]
    assert {one["SYSLOG_IDENTIFIER"] for one in entries} == {"edge-agent"}
    assert {one["_SYSTEMD_UNIT"] for one in entries} == {UNIT}


def test_a_hub_whose_loop_is_held_up_is_killed_with_a_trace_and_started_again(service):
    until(reads_the_sensor, "a reading")
    pid, invocation = shown("MainPID", "InvocationID")
    os.kill(int(pid), 12)  # SIGUSR2
    until(lambda: shown("NRestarts") == ["1"], "the watchdog's restart")
    log = run("journalctl", f"_SYSTEMD_INVOCATION_ID={invocation}", "--no-pager").stdout
    log += run("journalctl", "-u", UNIT, "--no-pager", "-n", "200").stdout
    assert "Watchdog timeout" in log
    assert "sitecustomize.py" in log  # the trace shows what held it up
    until(lambda: shown("ActiveState") == ["active"] and reads_the_sensor(), "readings again")
    assert shown("MainPID") != [pid]


def test_a_healthy_hub_outlives_many_of_the_watchdog_s_periods(service):
    until(reads_the_sensor, "a reading")
    pid = shown("MainPID")
    time.sleep(75)
    assert (shown("MainPID"), shown("NRestarts")) == (pid, ["0"])


def test_a_killed_hub_is_started_again(service):
    (pid,) = shown("MainPID")
    os.kill(int(pid), 9)
    until(lambda: shown("NRestarts") == ["1"] and reads_the_sensor(), "readings again")


def test_a_reload_applies_a_good_file_refuses_a_bad_one_and_keeps_the_process(service):
    until(reads_the_sensor, "a reading")
    pid = shown("MainPID")
    service(limit=85)
    run("systemctl", "reload", UNIT)
    until(lambda: status()["service"]["reloads"] == 1, "a reload")
    service(limit=20)
    run("systemctl", "reload", UNIT)
    refused = until(lambda: status()["service"]["refused"], "a refusal")
    assert "alarms.spo2_low_percent" in refused
    assert any("last good configuration" in one["MESSAGE"] for one in journal("PRIORITY=3"))
    until(lambda: shown("ActiveState") == ["active"], "active after the reload")
    assert shown("MainPID") == pid
    service(limit=88)
    run("systemctl", "reload", UNIT)
    until(lambda: status()["service"]["refused"] == "", "a mended file taken")


def test_a_file_that_can_not_be_used_ends_the_service_for_good(installed, oximeter):
    CONFIG.write_text("[hub]\nnonsense = 1\n")
    run("systemctl", "start", UNIT, check=False)
    until(lambda: shown("ActiveState") == ["failed"], "failed")
    assert shown("ExecMainStatus", "NRestarts") == ["78", "0"]


def test_the_unit_of_this_systemd_is_as_closed_as_the_offline_judgement_says(service):
    judged = run("systemd-analyze", "security", "--threshold=15", "--no-pager", UNIT, check=False)
    assert judged.returncode == 0, judged.stdout
    verified = run("udevadm", "verify", "/etc/udev/rules.d/70-edge-agent.rules", check=False)
    assert verified.returncode == 0 or "Unknown command" in verified.stderr, verified.stderr


def test_bluetoothd_that_is_killed_comes_back(installed):
    assert shown("Restart", unit="bluetooth.service") == ["on-failure"]
    run("systemctl", "start", "bluetooth.service")
    (pid,) = shown("MainPID", unit="bluetooth.service")
    with contextlib.suppress(ProcessLookupError):
        os.kill(int(pid), 9)
    until(
        lambda: (
            shown("ActiveState", unit="bluetooth.service") == ["active"]
            and shown("MainPID", unit="bluetooth.service") != [pid]
        ),
        "bluetoothd again",
    )
