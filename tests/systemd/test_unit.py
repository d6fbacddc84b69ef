"""The service's files, judged by systemd's own offline tools."""

import configparser
import re
import shutil
import subprocess
from pathlib import Path

import pytest

SYSTEMD = Path(__file__).parents[2] / "systemd"
UNIT = SYSTEMD / "edge-agent.service"
EXPOSURE_TENTHS = 15

needs_systemd = pytest.mark.skipif(
    shutil.which("systemd-analyze") is None,
    reason="systemd-analyze is not installed (make test installs Debian's systemd)",
)


def analyze(*arguments):
    return subprocess.run(
        ["systemd-analyze", *arguments], capture_output=True, text=True, check=False
    )


def unit():
    read = configparser.ConfigParser(strict=False, interpolation=None)
    read.optionxform = str
    read.read(UNIT)
    return read


@needs_systemd
def test_the_exposure_of_the_service_is_at_most_1_5():
    judged = analyze(
        "security", "--offline=yes", f"--threshold={EXPOSURE_TENTHS}", "--no-pager", str(UNIT)
    )
    assert judged.returncode == 0, judged.stdout.splitlines()[-1]


@needs_systemd
def test_the_threshold_is_one_that_an_open_service_does_not_keep(tmp_path):
    """A wall that every unit passes would be none."""
    open_unit = tmp_path / UNIT.name
    lines = UNIT.read_text().splitlines()
    open_unit.write_text("\n".join(line for line in lines if not line.startswith("Protect")))
    judged = analyze(
        "security", "--offline=yes", f"--threshold={EXPOSURE_TENTHS}", "--no-pager", str(open_unit)
    )
    assert judged.returncode != 0


@needs_systemd
def test_systemd_understands_every_line(tmp_path):
    """The program need not be installed: any executable stands in for it."""
    text = UNIT.read_text().replace("/opt/edge-agent/bin/edge-agent", "/bin/true")
    copy = tmp_path / UNIT.name
    copy.write_text(text)
    checked = analyze("verify", str(copy))
    complaints = [line for line in checked.stderr.splitlines() if UNIT.name in line]
    assert complaints == []


@pytest.mark.skipif(
    shutil.which("systemd-sysusers") is None, reason="systemd-sysusers is not installed"
)
def test_the_service_has_a_user_and_every_group_that_its_unit_names(tmp_path):
    (tmp_path / "etc").mkdir()
    subprocess.run(
        ["systemd-sysusers", f"--root={tmp_path}", str(SYSTEMD / "sysusers.conf")], check=True
    )
    users = (tmp_path / "etc/passwd").read_text()
    groups = {line.split(":")[0] for line in (tmp_path / "etc/group").read_text().splitlines()}
    service = unit()["Service"]
    assert f"{service['User']}:x:" in users
    assert {service["Group"], *service["SupplementaryGroups"].split()} <= groups


def test_the_configuration_is_no_business_of_others_and_the_state_is_the_hub_s_alone():
    lines = [line.split() for line in (SYSTEMD / "tmpfiles.conf").read_text().splitlines()]
    modes = {line[1]: line[2:5] for line in lines if line and line[0] in {"d", "z"}}
    assert modes["/etc/edge-agent"] == ["0750", "root", "edge-agent"]
    assert modes["/etc/edge-agent/*.toml"] == ["0640", "root", "edge-agent"]
    assert modes["/var/lib/edge-agent"] == ["0700", "edge-agent", "edge-agent"]


def test_a_configuration_that_can_not_be_used_is_not_tried_again_and_again():
    from edge_agent.cli import EXIT_CONFIG

    service = unit()["Service"]
    assert service["RestartPreventExitStatus"] == str(EXIT_CONFIG)
    assert service["Type"] == "notify"
    assert service["ExecReload"] == """/bin/sh -c 'kill -HUP "$MAINPID"'"""


def test_every_line_of_the_udev_rules_is_a_rule():
    """``udevadm verify`` (systemd 254 and later) judges them in ``make hil-truth``."""
    part = r'[A-Z]+(\{[^}"]+\})?(==|!=|\+=|=)"[^"]*"'
    rule = re.compile(rf"{part}(, {part})*")
    lines = (SYSTEMD / "70-edge-agent.rules").read_text().splitlines()
    rules = [line for line in lines if line and not line.startswith("#")]
    assert len(rules) >= 6
    for line in rules:
        assert rule.fullmatch(line), line
