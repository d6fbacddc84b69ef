"""The Debian package in a Debian: installed, upgraded and back with a backlog, purged.

The Debian has no compiler, no pip and no resolver to ask anybody with. All versions hold today's
code: what is tried is the package, and that no step of it touches what is buffered.
"""

import asyncio
import contextlib
import re
import shutil
import signal
import subprocess
import sys
import time

import pytest

from edge_agent.asking import ask_status
from edge_agent.collector import Collector
from edge_agent.errors import ControlError

pytestmark = pytest.mark.timeout(900)
HANG_S = 120.0
AGENT = "/opt/edge-agent/bin/edge-agent"
HUB_USER = "setpriv --reuid=edge-agent --regid=edge-agent --init-groups"
CONFIG = """
[hub]
summary_interval_s = 1
[subject]
pseudonym = "00112233445566778899aabbccddeeff"
bed = "3"
[collector]
url = "http://127.0.0.1:{port}"
recipient = "/etc/edge-agent/recipient.json"
[[sensor]]
name = "oximeter"
driver = "nonin-2"
port = "{sensor}"
"""


@contextlib.contextmanager
def oximeter(debian):
    """A mock from the package, at a pseudo-terminal; give its device."""
    mock = subprocess.Popen(
        debian.command(f"exec {AGENT} mock nonin-2"), stdout=subprocess.PIPE, text=True
    )
    try:
        port = next(found for line in mock.stdout if (found := re.search('port = "(.*)"', line)))
        device = debian.path(port.group(1)).readlink()
        device.chmod(0o666)
        yield device
    finally:
        mock.send_signal(signal.SIGINT)
        mock.communicate()


class RunningHub:
    """A hub that runs in the Debian as its user, without systemd."""

    def __init__(self, debian):
        self._socket = debian.path("/run/edge-agent/control.sock")

    async def until(self, holds, what):
        deadline = time.monotonic() + HANG_S
        while True:
            with contextlib.suppress(ControlError):
                status = await ask_status(self._socket)
                if holds(status):
                    return status
            assert time.monotonic() < deadline, f"never happened: {what}"
            await asyncio.sleep(0.2)


@contextlib.asynccontextmanager
async def hub(debian):
    debian.run("install -d -o edge-agent -g edge-agent /run/edge-agent")
    command = f"exec {HUB_USER} {AGENT} run --config /etc/edge-agent/hub.toml"
    process = await asyncio.create_subprocess_exec(*debian.command(command))
    try:
        yield RunningHub(debian)
    finally:
        process.send_signal(signal.SIGTERM)
        async with asyncio.timeout(HANG_S):
            assert await process.wait() == 0


def install(debian, package, *, check=True):
    return debian.run(f"dpkg -i {debian.put(package)}", check=check)


def told_version(debian):
    return debian.run(f"{AGENT} --version").stdout.split()[-1]


def configure(debian, collector_folder, port, sensor):
    shutil.copy(collector_folder / "recipient.json", debian.path("/etc/edge-agent"))
    debian.path("/etc/edge-agent/hub.toml").write_text(CONFIG.format(port=port, sensor=sensor))
    debian.path("/etc/edge-agent/recipient.json").chmod(0o644)
    debian.run("systemd-tmpfiles --create /usr/lib/tmpfiles.d/edge-agent.conf")


async def test_a_bare_debian_becomes_a_hub_and_is_asked_for_nothing_more(debian, built, tmp_path):
    began = time.monotonic()
    said = install(debian, built).stdout
    installed_s = time.monotonic() - began
    assert "edge-agent config example" in said
    assert debian.run("command -v gcc cc pip pip3", check=False).stdout == ""
    debian.run(f"{HUB_USER} {AGENT} drivers >/tmp/drivers")
    debian.run(f"{AGENT} config example > /etc/edge-agent/hub.toml")
    debian.run("systemd-tmpfiles --create /usr/lib/tmpfiles.d/edge-agent.conf")
    assert (
        debian.run("stat -c '%a %U %G' /etc/edge-agent/hub.toml").stdout == "640 root edge-agent\n"
    )
    assert debian.run("stat -c '%a %U' /var/lib/edge-agent").stdout == "700 edge-agent\n"
    collector = await Collector.open(tmp_path / "collector")
    await collector.close()
    with oximeter(debian) as device:
        configure(debian, tmp_path / "collector", 9, device)
        began = time.monotonic()
        async with hub(debian) as running:
            await running.until(lambda one: one.sensors[0].readings > 0, "a reading")
            started_s = time.monotonic() - began
    sys.stdout.write(
        f"\nfirst run: installed in {installed_s:.1f} s, first reading {started_s:.1f} s later\n"
    )


async def test_an_upgrade_and_back_and_a_rollback_lose_nothing_of_a_backlog(
    debian, built, another, tmp_path
):
    def broken(package):
        (package / "cli" / "__init__.py").write_text("raise SystemExit('broken')\n")

    before, after = another("0.0.9"), another("99.0", broken)
    async with await opened(tmp_path / "collector") as collector:
        install(debian, before)
        assert told_version(debian) == "0.0.9"
        with oximeter(debian) as device:
            configure(debian, tmp_path / "collector", 9, device)
            async with hub(debian) as running:
                backlog = await running.until(lambda one: one.store.buffered >= 5, "a backlog")
            for package, version in ((built, None), (before, "0.0.9")):
                install(debian, package)
                assert version is None or told_version(debian) == version
                async with hub(debian) as running:
                    backlog = await running.until(
                        lambda one, had=backlog.store.buffered: one.store.buffered > had,
                        "the backlog, grown",
                    )
            refused = install(debian, after, check=False)
            assert refused.returncode != 0
            assert "broken" in refused.stderr
            state = debian.run("dpkg-query -W -f '${Status}' bedside-edge-agent").stdout
            assert state == "install ok half-configured"
            install(debian, before)
            assert told_version(debian) == "0.0.9"
            collector.enrol(debian.path("/var/lib/edge-agent/hub.json"))
            port = await collector.start("127.0.0.1", 0)
            configure(debian, tmp_path / "collector", port, device)
            async with hub(debian) as running:
                had = backlog.store.buffered
                await running.until(lambda one: one.uplink.sent > had, "all of it delivered")
        await collector.open_records()
        (account,) = (await collector.stats()).hubs
        assert (account.missing, account.lost, account.chain_breaks, account.forks) == (0, 0, 0, 0)


async def test_a_version_that_does_not_take_the_configuration_says_so(debian, built):
    install(debian, built)
    debian.path("/etc/edge-agent/hub.toml").write_text("[hub]\nunheard_of = 1\n")
    refused = install(debian, built, check=False)
    assert refused.returncode != 0
    assert "unheard_of" in refused.stderr
    assert "install the last version again" in refused.stderr


def test_removing_keeps_what_is_the_person_s_and_purging_takes_it_away(debian, built):
    install(debian, built)
    debian.path("/etc/edge-agent/hub.toml").write_text("mine")
    debian.path("/var/lib/edge-agent/outbox.db").write_text("records")
    debian.run("dpkg -r bedside-edge-agent")
    assert not debian.path("/opt/edge-agent").exists()
    assert debian.path("/etc/edge-agent/hub.toml").read_text() == "mine"
    assert debian.path("/var/lib/edge-agent/outbox.db").read_text() == "records"
    debian.run("dpkg -P bedside-edge-agent")
    assert not debian.path("/etc/edge-agent").exists()
    assert not debian.path("/var/lib/edge-agent").exists()


@contextlib.asynccontextmanager
async def _closing(collector):
    try:
        yield collector
    finally:
        await collector.close()


async def opened(folder):
    return _closing(await Collector.open(folder))
