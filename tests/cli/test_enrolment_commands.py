"""Enrolment as two people do it: one at the collector, one at the hub."""

import re
import signal
import subprocess
import sys

import pytest

HUB = """
[hub]
state_dir = "state"
control_socket = "c.sock"
[subject]
pseudonym = "00112233445566778899aabbccddeeff"
"""


def edge_agent(*arguments, **kwargs):
    command = [sys.executable, "-m", "edge_agent", *map(str, arguments)]
    return subprocess.run(
        command, capture_output=True, text=True, timeout=60, check=False, **kwargs
    )


@pytest.fixture
def collector(tmp_path):
    folder = tmp_path / "collector"
    command = ["collector", "run", "--dir", folder, "--port", "0"]
    process = subprocess.Popen(
        [sys.executable, "-u", "-m", "edge_agent", *map(str, command)],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    line = process.stdout.readline()
    url = re.search(r"https://\S+", line)[0]
    yield folder, url
    process.send_signal(signal.SIGTERM)
    _, errors = process.communicate(timeout=30)
    assert process.returncode == 0, errors


def test_a_hub_is_enrolled_revoked_and_decommissioned_by_hand(tmp_path, collector):
    folder, url = collector
    config = tmp_path / "hub.toml"
    config.write_text(HUB)
    token = edge_agent("collector", "enroll", "--dir", folder).stdout.strip()
    done = edge_agent("enroll", url, token, "--config", config)
    assert done.returncode == 0, done.stderr
    hub_id = re.search(r"[0-9a-f]{32}", done.stdout)[0]
    assert f'[collector]\nurl = "{url}"' in done.stdout
    config.write_text(f'{HUB}\n[collector]\nurl = "{url}"\n')
    assert edge_agent("config", "check", config).returncode == 0

    refused = edge_agent("collector", "revoke", "--dir", folder, "ffff")
    assert (refused.returncode, "0 enrolled hubs" in refused.stderr) == (1, True)
    assert hub_id in edge_agent("collector", "revoke", "--dir", folder, hub_id[:8]).stdout

    asked = edge_agent("decommission", "--config", config, input="n\n")
    assert asked.returncode == 1
    assert (tmp_path / "state" / "identity.pem").exists()
    done = edge_agent("decommission", "--config", config, "--yes")
    assert done.returncode == 0, done.stderr
    assert "everything is delivered" in done.stdout
    assert list((tmp_path / "state").iterdir()) == []


def test_a_token_with_a_slip_and_an_address_in_the_clear_are_refused_at_once(tmp_path):
    config = tmp_path / "hub.toml"
    config.write_text(HUB)
    done = edge_agent("enroll", "https://127.0.0.1:1", "ABCDE", "--config", config)
    assert (done.returncode, "Copy it again" in done.stderr) == (1, True)
    done = edge_agent("enroll", "http://127.0.0.1:1", "ABCDE", "--config", config)
    assert (done.returncode, "https" in done.stderr) == (2, True)


def test_a_folder_that_holds_no_hub_is_not_wiped(tmp_path):
    (tmp_path / "state").mkdir()
    (tmp_path / "state" / "precious.txt").write_text("x")
    (tmp_path / "hub.toml").write_text(HUB)
    done = edge_agent("decommission", "--config", tmp_path / "hub.toml", "--yes")
    assert (done.returncode, "holds no hub" in done.stderr) == (1, True)
    assert (tmp_path / "state" / "precious.txt").exists()
