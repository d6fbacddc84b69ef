"""The whole way, as a newcomer sees it: mock sensors, a real hub process, a real collector."""

import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest

DEMO = [sys.executable, "-m", "edge_agent", "demo"]


def children_left(environment):
    """Find hub and bus processes of demos that this test started."""
    folder_of_demos, found = environment["TMPDIR"], []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            command = (folder / "cmdline").read_bytes().decode(errors="replace")
        except OSError:
            continue
        if folder_of_demos in command:
            found.append(command)
    return found


@pytest.fixture
def environment():
    """Give the demo a temporary folder by whose name its processes can be told."""
    folder = Path(tempfile.mkdtemp(prefix="demo"))  # not tmp_path: a socket's path must be short
    yield {**os.environ, "TMPDIR": str(folder)}
    assert list(folder.iterdir()) == []
    folder.rmdir()


def run_demo(environment, tmp_path, *options):
    report = tmp_path / "report.json"
    done = subprocess.run(
        [*DEMO, *options, "--report", str(report)],
        capture_output=True, text=True, timeout=110, check=False, env=environment,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    return json.loads(report.read_text()), done.stdout


def test_an_outage_with_a_kill_in_it_loses_and_duplicates_nothing(environment, tmp_path):
    report, shown = run_demo(
        environment, tmp_path, "--for", "18s", "--outage", "6s", "--kill", "--seed", "1"
    )
    assert (report["lost"], report["duplicated"]) == (0, 0)
    assert report["hub_lives"] == 2
    assert report["records_sealed"] >= 6
    assert report["records_received"] + report["records_buffered"] >= report["records_sealed"]
    assert report["records_opened"] == report["records_received"]
    drivers = {"polar-pmd", "cgm", "nonin-2", "modbus-room"}
    assert {name for name, count in report["readings_per_driver"].items() if count > 0} == drivers
    assert report["beats"] > 8
    assert report["peak_resident_mib"] > 0
    for words in ("CUT", "KILLED", "RESTORED", "heart rate", "SpO2", "glucose", "in 30 min", "CO2"):
        assert words in shown
    assert not children_left(environment)


def test_a_recording_is_played_when_a_path_is_given(environment, tmp_path):
    header = Path(__file__).parents[2].parent / "shared" / "data" / "ecg" / "mitdb" / "101.hea"
    if not header.exists():
        pytest.skip("shared data not here")
    report, shown = run_demo(
        environment, tmp_path, "--for", "12s", "--outage", "2s", "--recording", str(header)
    )
    assert (report["lost"], report["duplicated"]) == (0, 0)
    rates = [int(rate) for rate in re.findall(r"heart rate (\d+) /min", shown)]
    assert rates
    assert all(55 <= rate <= 85 for rate in rates)  # record 101 begins at about 68 a minute


def test_ctrl_c_stops_everything_and_leaves_nothing_behind(environment):
    """Ctrl-C reaches every process of the terminal's group, as it does here."""
    with subprocess.Popen(
        DEMO, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        start_new_session=True, env=environment,
    ) as demo:  # fmt: skip
        assert demo.stdout is not None
        for line in demo.stdout:
            if "delivered" in line:
                break
        time.sleep(1)
        os.killpg(demo.pid, signal.SIGINT)
        rest = demo.stdout.read()
        assert demo.wait(timeout=20) == 0, rest
    assert "0 lost, 0 duplicated" in rest
    assert "Traceback" not in rest
    assert not children_left(environment)


def test_a_script_that_can_not_play_is_refused():
    done = subprocess.run(
        [*DEMO, "--for", "10s", "--outage", "9s"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert "--outage" in done.stderr
    done = subprocess.run([*DEMO, "--for", "soon"], capture_output=True, text=True, check=False)
    assert "no span of time" in done.stderr
