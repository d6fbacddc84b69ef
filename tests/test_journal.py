"""The log: fields to journald, and neither a value nor a person in any line of it."""

import array
import logging
import os
import socket
import struct
import subprocess
import sys
from pathlib import Path

import pytest

from edge_agent.errors import StoreError
from edge_agent.journal import JournalLog, WithoutValues, is_journal


class Journald:
    """journald's end of the socket."""

    def __init__(self, path):
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(str(path))
        self._socket.settimeout(5)

    def entry(self):
        """Return the fields of the next entry, in a datagram or in a file that is passed on."""
        room = socket.CMSG_SPACE(array.array("i").itemsize)
        octets, ancillary, _, _ = self._socket.recvmsg(1 << 20, room)
        for _, _, passed in ancillary:
            (descriptor,) = array.array("i", passed)
            with os.fdopen(descriptor, "rb") as file:
                file.seek(0)
                octets = file.read()
        return parsed(octets)

    def close(self):
        self._socket.close()


def parsed(octets):
    fields = {}
    while octets:
        line, _, rest = octets.partition(b"\n")
        name, mark, text = line.partition(b"=")
        if not mark:
            (length,) = struct.unpack("<Q", rest[:8])
            text, end, rest = (
                rest[8 : 8 + length],
                rest[8 + length : 9 + length],
                rest[9 + length :],
            )
            assert end == b"\n"
        fields[name.decode()] = text.decode()
        octets = rest
    return fields


@pytest.fixture
def journald(tmp_path):
    journald = Journald(tmp_path / "journal")
    yield journald
    journald.close()


@pytest.fixture
def log(tmp_path, journald):
    written = JournalLog(tmp_path / "journal")
    written.setFormatter(WithoutValues("%(message)s"))
    log = logging.getLogger("edge_agent.test_of_the_journal")
    log.setLevel(logging.DEBUG)
    log.addHandler(written)
    yield log
    log.removeHandler(written)
    written.close()


def test_an_entry_has_its_fields_and_those_that_were_given(log, journald):
    log.warning("sensor %s: no answer", "ox", extra={"EDGE_SENSOR": "ox", "other": "not ours"})
    entry = journald.entry()
    assert entry["MESSAGE"] == "sensor ox: no answer"
    assert entry["PRIORITY"] == "4"
    assert entry["SYSLOG_IDENTIFIER"] == "edge-agent"
    assert entry["LOGGER"] == log.name
    assert entry["CODE_FUNC"] == "test_an_entry_has_its_fields_and_those_that_were_given"
    assert entry["EDGE_SENSOR"] == "ox"
    assert "other" not in entry


@pytest.mark.parametrize(
    ("level", "priority"),
    [("debug", 7), ("info", 6), ("warning", 4), ("error", 3), ("critical", 2)],
)
def test_levels_have_the_priorities_of_syslog(log, journald, level, priority):
    getattr(log, level)("x")
    assert journald.entry()["PRIORITY"] == str(priority)


def test_lines_and_lengths_come_through_whole(log, journald):
    for text in ("one\ntwo=2\n\nthree", "µ ≤ ×", "long " * 200_000):
        log.info(text)
        assert journald.entry()["MESSAGE"] == text


def test_an_exception_shows_kind_and_place_and_only_our_own_words(log, journald):
    value = 83.0625

    def fit(value):
        raise ValueError(f"{value} does not fit")

    def store(value):
        try:
            fit(value)
        except ValueError as error:
            raise StoreError("outbox", "is full") from error

    try:
        store(value)
    except StoreError:
        log.exception("a fault")
    message = journald.entry()["MESSAGE"]
    assert str(value) not in message
    assert "in fit" in message
    assert "StoreError: outbox: is full" in message
    assert "ValueError" in message
    assert Path(__file__).name in message


def test_a_journal_that_is_away_holds_nothing_up_and_what_was_lost_is_told(tmp_path):
    log = JournalLog(tmp_path / "journal")
    log.setFormatter(WithoutValues("%(message)s"))
    record = logging.LogRecord("edge_agent", logging.INFO, __file__, 1, "x", (), None)
    log.emit(record)
    log.emit(record)
    journald = Journald(tmp_path / "journal")
    log.emit(record)
    assert journald.entry()["EDGE_LOST"] == "2"
    log.emit(record)
    assert "EDGE_LOST" not in journald.entry()
    log.close()
    journald.close()


def test_a_full_journal_holds_nothing_up(tmp_path, journald):
    log = JournalLog(tmp_path / "journal")
    log.setFormatter(WithoutValues("%(message)s"))
    record = logging.LogRecord("edge_agent", logging.INFO, __file__, 1, "x" * 1000, (), None)
    for _ in range(5000):
        log.emit(record)
    assert log.lost > 0
    log.close()


def test_only_a_standard_error_that_goes_to_journald_means_journald(tmp_path, monkeypatch):
    with (tmp_path / "stderr").open("wb") as file:
        found = os.fstat(file.fileno())
        monkeypatch.setenv("JOURNAL_STREAM", f"{found.st_dev}:{found.st_ino}")
        assert is_journal(file.fileno())
        monkeypatch.setenv("JOURNAL_STREAM", f"{found.st_dev}:{found.st_ino + 1}")
        assert not is_journal(file.fileno())
        monkeypatch.delenv("JOURNAL_STREAM")
        assert not is_journal(file.fileno())


def test_a_hub_under_journald_writes_there_and_not_to_standard_error(tmp_path, journald):
    """The hub's own way to its log, in a process whose standard error is journald's stream."""
    program = (
        "import sys, logging; from pathlib import Path; from edge_agent import journal\n"
        "journal.JournalLog.__init__.__defaults__ = (Path(sys.argv[1]),)\n"
        "journal.set_up('info')\n"
        "logging.getLogger('edge_agent.agent').info('hub started')\n"
        "logging.getLogger('bleak').info('octets')\n"
    )
    with (tmp_path / "stderr").open("w+b") as file:
        found = os.fstat(file.fileno())
        environment = {**os.environ, "JOURNAL_STREAM": f"{found.st_dev}:{found.st_ino}"}
        subprocess.run(
            [sys.executable, "-c", program, str(tmp_path / "journal")],
            stderr=file, env=environment, check=True,
        )  # fmt: skip
        file.seek(0)
        assert file.read() == b""
    assert journald.entry()["MESSAGE"] == "hub started"
