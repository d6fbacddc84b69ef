import subprocess
import sys
import time
from pathlib import Path

import pytest

from edge_agent.errors import EdgeError
from edge_mocks.bus import PrivateBus


def test_stopping_removes_the_daemon_and_its_folder():
    bus = PrivateBus()
    bus.start()
    socket = Path(bus.address.removeprefix("unix:path=").split(",")[0])
    assert socket.is_socket()
    bus.stop()
    assert not socket.parent.exists()
    assert bus.address == ""


def test_a_missing_dbus_daemon_names_the_package(monkeypatch):
    monkeypatch.setenv("PATH", "")
    with pytest.raises(EdgeError, match="Debian package dbus-daemon"):
        PrivateBus().start()


def test_a_daemon_that_cannot_start_gives_its_reason(monkeypatch):
    monkeypatch.setattr("edge_mocks.bus._CONFIG", "<busconfig><nonsense/></busconfig>")
    with pytest.raises(EdgeError, match=r"dbus-daemon ended: .*nonsense"):
        PrivateBus().start()


def test_the_daemon_dies_with_a_process_that_was_killed():
    program = (
        "import os, signal; from edge_mocks.bus import PrivateBus; bus = PrivateBus(); bus.start();"
        "print(bus._daemon.pid, bus._folder.name, flush=True); os.kill(os.getpid(), signal.SIGKILL)"
    )
    run = subprocess.run([sys.executable, "-c", program], stdout=subprocess.PIPE, check=False)
    pid, folder = run.stdout.decode().split()
    deadline = time.monotonic() + 5
    while time.monotonic() < deadline and _alive(pid):
        time.sleep(0.01)
    Path(folder, "socket").unlink(missing_ok=True)
    Path(folder, "bus.conf").unlink()
    Path(folder, "complaints").unlink()
    Path(folder).rmdir()
    assert not _alive(pid)


def _alive(pid):
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"
