"""The service unit, judged by systemd's own offline tools."""

import configparser
import shutil
import subprocess
from pathlib import Path

import pytest

UNIT = Path(__file__).parents[2] / "systemd" / "edge-agent.service"

needs_systemd = pytest.mark.skipif(
    shutil.which("systemd-analyze") is None, reason="systemd-analyze is not installed"
)


def analyze(*arguments):
    return subprocess.run(
        ["systemd-analyze", *arguments], capture_output=True, text=True, check=False
    )


@needs_systemd
def test_the_exposure_of_the_service_is_below_1_6():
    judged = analyze("security", "--offline=yes", "--threshold=16", str(UNIT))
    assert judged.returncode == 0, judged.stdout.splitlines()[-1]


@needs_systemd
def test_systemd_understands_every_line(tmp_path):
    """The program need not be installed: any executable stands in for it."""
    text = UNIT.read_text().replace("/opt/edge-agent/bin/edge-agent", "/bin/true")
    unit = tmp_path / UNIT.name
    unit.write_text(text)
    checked = analyze("verify", str(unit))
    complaints = [line for line in checked.stderr.splitlines() if UNIT.name in line]
    assert complaints == []


def test_a_configuration_that_can_not_be_used_is_not_tried_again_and_again():
    from edge_agent.cli import EXIT_CONFIG

    unit = configparser.ConfigParser(strict=False, interpolation=None)
    unit.optionxform = str
    unit.read(UNIT)
    assert unit["Service"]["RestartPreventExitStatus"] == str(EXIT_CONFIG)
    assert unit["Service"]["Type"] == "notify"
