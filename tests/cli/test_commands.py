"""The commands as a person types them: what they print, and their exit codes."""

import json
import os
import signal
import subprocess
import sys
import time

import pytest

EXAMPLE = """
[subject]
pseudonym = "00112233445566778899aabbccddeeff"
[hub]
state_dir = "state"
control_socket = "c.sock"
"""


def edge_agent(*arguments, **kwargs):
    command = [sys.executable, "-m", "edge_agent", *map(str, arguments)]
    return subprocess.run(
        command, capture_output=True, text=True, timeout=60, check=False, **kwargs
    )


@pytest.mark.parametrize(
    "arguments",
    [(), ("run",), ("status",), ("demo",), ("config", "check"), ("config", "example"),
     ("collector", "run"), ("collector", "show"), ("collector", "trust"), ("capture",),
     ("collector", "enroll"), ("collector", "revoke"), ("enroll",), ("decommission",),
     ("drivers",), ("alarms", "list"), ("alarms", "acknowledge"),
     ("alarms", "pause"), ("alarms", "resume"), ("alarms", "rules"), ("alarms", "test"),
     ("import",), ("mock",), ("observe",), ("pair",), ("probe",), ("replay",), ("unit", "show"),
     ("unit", "install"), ("unit", "remove"), ("validate",),
     ("validate", "ecg"), ("validate", "alarms"), ("validate", "glucose"),
     ("validate", "oximetry")],
    ids=" ".join,
)  # fmt: skip
def test_every_command_explains_itself(arguments):
    done = edge_agent(*arguments, "--help")
    assert done.returncode == 0
    assert done.stdout.startswith("Usage: edge-agent")
    assert arguments == () or "Example" in done.stdout


def test_light_commands_load_no_heavy_library():
    code = (
        "import sys, edge_agent.cli; edge_agent.cli.cli(['--help'], standalone_mode=False);"
        "print([m for m in ('numpy', 'bleak', 'pymodbus', 'aiohttp', 'rich', 'scipy')"
        " if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"


def test_a_hub_never_loads_scipy():
    code = (
        "import sys, edge_agent.agent, edge_agent.link.gatt, edge_agent.link.modbus,"
        "edge_agent.link.serial, edge_drivers.polar_pmd; print('scipy' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


def test_a_good_configuration_is_called_good_with_its_sensors(tmp_path):
    config = tmp_path / "hub.toml"
    config.write_text(EXAMPLE + '[[sensor]]\nname = "ox"\ndriver = "nonin-2"\nport = "tty"\n')
    done = edge_agent("config", "check", config)
    assert done.returncode == 0, done.stderr
    assert "good" in done.stdout
    assert "ox: Nonin" in done.stdout


@pytest.mark.parametrize("command", [("config", "check"), ("run", "--config")], ids=" ".join)
def test_a_bad_configuration_starts_nothing_and_names_every_problem(tmp_path, command):
    config = tmp_path / "hub.toml"
    config.write_text(
        EXAMPLE
        + '[[sensor]]\nname = "ox"\ndriver = "nonin2"\nport = "tty"\n'
        + '[[sensor]]\nname = "cgm"\ndriver = "cgm"\nport = "tty"\n'
        + '[[sensor]]\nname = "room"\ndriver = "modbus-room"\nport = "tty"\n'
        + '[collector]\nurl = "https://clinic.example"\nrecipient = "absent.json"\n'
    )
    done = edge_agent(*command, config)
    assert done.returncode == 78
    assert "Did you mean 'nonin-2'?" in done.stderr
    assert "sensor[1].port" in done.stderr
    assert "'address' (a Bluetooth address)" in done.stderr
    assert "sensor[2].driver" in done.stderr
    assert "needs a profile" in done.stderr
    assert "collector.recipient" in done.stderr
    assert "Nothing was started" in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "state").exists()


def test_a_bad_profile_names_its_key(tmp_path):
    (tmp_path / "map.toml").write_text('title = "x"\n[[block]]\nfunction = 6\n')
    config = tmp_path / "hub.toml"
    config.write_text(
        EXAMPLE + '[[sensor]]\nname = "r"\ndriver = "modbus-room"\nport = "t"\n'
        'profile = "map.toml"\n'
    )
    done = edge_agent("config", "check", config)
    assert done.returncode == 78
    assert "sensor[0].profile" in done.stderr
    assert "block[0]" in done.stderr


def test_the_example_configuration_is_good_but_for_what_only_the_user_has(tmp_path):
    example = edge_agent("config", "example").stdout
    config = tmp_path / "hub.toml"
    config.write_text(example)
    done = edge_agent("config", "check", config)
    problems = [line.strip() for line in done.stderr.splitlines()[1:-1]]
    assert len(problems) == 1, done.stderr
    assert problems[0].startswith("collector.recipient: ")


def test_status_without_a_hub_says_what_to_do(tmp_path):
    done = edge_agent("status", "--socket", tmp_path / "none.sock")
    assert done.returncode == 1
    assert "no hub is running there" in done.stderr


def test_a_hub_starts_answers_and_stops_on_sigterm(tmp_path):
    config = tmp_path / "hub.toml"
    config.write_text(EXAMPLE + '[[sensor]]\nname = "ox"\ndriver = "nonin-2"\nport = "absent"\n')
    command = [sys.executable, "-m", "edge_agent", "run", "--config", str(config)]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as hub:
        deadline = time.monotonic() + 30
        done = edge_agent("status", "--config", config, "--json")
        while done.returncode and time.monotonic() < deadline:
            done = edge_agent("status", "--config", config, "--json")
        status = json.loads(done.stdout)
        shown = edge_agent(
            "status", "--socket", tmp_path / "c.sock", env={**os.environ, "COLUMNS": "200"}
        )
        hub.send_signal(signal.SIGTERM)
        _, errors = hub.communicate(timeout=20)
    assert hub.returncode == 0
    assert status["sensors"][0]["connected"] is False
    assert "no such port" in status["sensors"][0]["last_error"]
    assert "ox" in shown.stdout
    assert "no such port" in errors
    assert not (tmp_path / "c.sock").exists()


def test_acknowledging_wants_one_alarm_or_all_of_them(tmp_path):
    done = edge_agent("alarms", "acknowledge", "--socket", tmp_path / "none.sock")
    assert done.returncode == 2
    assert "or --all" in done.stderr


def test_an_alarm_of_a_running_hub_is_shown_acknowledged_and_outlives_a_restart(tmp_path):
    """The oximeter is absent: after a second and a half that is an alarm."""
    config = tmp_path / "hub.toml"
    sensor = '[[sensor]]\nname = "ox"\ndriver = "nonin-2"\nport = "absent"\nstale_after_s = 1.5\n'
    config.write_text(EXAMPLE + sensor)
    first = during_a_hub(config, lambda: standing(config))
    (alarm,) = first
    assert (alarm["title"], alarm["phase"]) == ("ox gives no usable values", "raised")

    def acknowledge_again():
        before = standing(config)
        done = edge_agent("alarms", "acknowledge", alarm["episode"], "--config", config)
        return before, done, standing(config)

    before, done, after = during_a_hub(config, acknowledge_again)
    assert [one["episode"] for one in before] == [alarm["episode"]]
    assert done.stdout == "acknowledged: ox gives no usable values\n"
    assert [one["phase"] for one in after] == ["acknowledged"]
    third = during_a_hub(config, lambda: standing(config))
    assert [(one["episode"], one["phase"]) for one in third] == [(alarm["episode"], "acknowledged")]


def during_a_hub(config, work):
    """Run a hub, do ``work`` meanwhile, and stop it."""
    command = [sys.executable, "-m", "edge_agent", "run", "--config", str(config)]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as hub:
        try:
            return work()
        finally:
            hub.send_signal(signal.SIGTERM)
            hub.communicate(timeout=20)


def standing(config):
    """Wait until an alarm stands; return what the command shows."""
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        done = edge_agent("alarms", "list", "--config", config, "--json")
        if done.returncode == 0 and (alarms := json.loads(done.stdout)):
            return alarms
    raise AssertionError(f"no alarm: {done.stderr}")


def test_a_collector_beyond_loopback_is_never_without_tls(tmp_path):
    done = edge_agent("collector", "run", "--dir", tmp_path, "--host", "0.0.0.0", "--plain")
    assert done.returncode == 2
    assert "not loopback" in done.stderr


def test_a_stranger_s_card_is_refused(tmp_path):
    (tmp_path / "hub.json").write_text("{}")
    done = edge_agent("collector", "trust", "--dir", tmp_path / "c", tmp_path / "hub.json")
    assert done.returncode == 1
    assert "Traceback" not in done.stderr


def test_show_without_a_collector_says_so(tmp_path):
    done = edge_agent("collector", "show", "--dir", tmp_path / "none")
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
