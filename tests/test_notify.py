import socket
import time

from edge_agent.notify import notify, reloading, watchdog_interval_s


def test_without_a_service_manager_nothing_is_sent(monkeypatch):
    monkeypatch.delenv("NOTIFY_SOCKET", raising=False)
    assert not notify("READY=1")


def test_the_service_manager_hears_that_the_hub_is_ready(monkeypatch, tmp_path):
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(str(tmp_path / "notify"))
        monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))
        assert notify("READY=1")
        assert manager.recv(100) == b"READY=1"


def test_an_abstract_address_works_too(monkeypatch, tmp_path):
    name = f"edge-agent-test-{tmp_path.name}"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind("\0" + name)
        monkeypatch.setenv("NOTIFY_SOCKET", "@" + name)
        assert notify("WATCHDOG=1")
        assert manager.recv(100) == b"WATCHDOG=1"


def test_liveness_is_reported_twice_per_watchdog_period(monkeypatch):
    monkeypatch.setenv("WATCHDOG_USEC", "30000000")
    assert watchdog_interval_s() == 15
    monkeypatch.delenv("WATCHDOG_USEC")
    assert watchdog_interval_s() is None


def test_a_reload_is_told_with_the_time_of_the_machine(monkeypatch, tmp_path):
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(str(tmp_path / "notify"))
        monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))
        before_us = time.monotonic_ns() // 1000
        assert reloading()
        said = dict(line.split("=") for line in manager.recv(200).decode().splitlines())
        assert said["RELOADING"] == "1"
        assert before_us <= int(said["MONOTONIC_USEC"]) <= time.monotonic_ns() // 1000
