"""Where the hub's log goes: to journald with fields, or to standard error; values never.

A log is read by more people than a record is sealed for, so nothing measured and nothing of a
person belongs into it, at any level. Messages are written so; what others raise is shown by kind
and place, because an exception's own words may hold the value that it stumbled over; and what
libraries say below a warning (octets, statements with their values) is not listened to.

Fields are given to a log call as ``extra={"EDGE_SENSOR": …}``: everything whose name begins with
``EDGE_`` becomes a field, for ``journalctl EDGE_SENSOR=…``. The protocol is journald's native one
(systemd's "Native Journal Protocol"). Its Python bindings are kept well, but come as C source only,
and a hub has no compiler.
"""

from __future__ import annotations

import array
import errno
import fcntl
import logging
import os
import socket
import struct
import sys
import traceback
from pathlib import Path
from types import TracebackType

from edge_agent.errors import EdgeError

SOCKET = Path("/run/systemd/journal/socket")
PREFIX = "EDGE_"
_OURS = ("edge_agent", "edge_drivers")
_LENGTH = struct.Struct("<Q")
_SEALS = fcntl.F_SEAL_SEAL | fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW | fcntl.F_SEAL_WRITE
_PRIORITIES = (
    (logging.CRITICAL, 2), (logging.ERROR, 3), (logging.WARNING, 4), (logging.INFO, 6),
)  # fmt: skip

_ExcInfo = tuple[type[BaseException], BaseException, TracebackType | None] | tuple[None, None, None]


class WithoutValues(logging.Formatter):
    """Shows of an exception where it was raised and what kind it is, and only our own words."""

    def formatException(self, ei: _ExcInfo) -> str:  # noqa: N802 - the name is logging's
        """Return the trace, and for each exception of the chain its kind."""
        error, parts = ei[1], list[str]()
        while error is not None:
            trace = "".join(traceback.format_tb(error.__traceback__))
            parts.append(f"{trace}{_kind(error)}")
            error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
        return "\nwhile dealing with:\n".join(parts)


class JournalLog(logging.Handler):
    """Writes each record to journald; it never waits, and tells how much it could not write."""

    def __init__(self, address: Path = SOCKET) -> None:
        super().__init__()
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC)
        self._socket.settimeout(0)
        self._address = str(address)
        self.lost = 0

    def emit(self, record: logging.LogRecord) -> None:
        """Write ``record``; a journal that is full or away must not hold up the hub."""
        fields = self._fields(record)
        if self.lost:
            fields["EDGE_LOST"] = str(self.lost)
        try:
            self._send(_encoded(fields))
        except OSError:
            self.lost += 1
        else:
            self.lost = 0

    def close(self) -> None:
        """Close the socket."""
        self._socket.close()
        super().close()

    def _fields(self, record: logging.LogRecord) -> dict[str, str]:
        given = {key: str(value) for key, value in vars(record).items() if key.startswith(PREFIX)}
        return {
            "MESSAGE": self.format(record),
            "PRIORITY": str(_priority(record.levelno)),
            "SYSLOG_IDENTIFIER": "edge-agent",
            "LOGGER": record.name,
            "CODE_FILE": record.pathname,
            "CODE_LINE": str(record.lineno),
            "CODE_FUNC": record.funcName or "",
            **given,
        }

    def _send(self, octets: bytes) -> None:
        try:
            self._socket.sendto(octets, self._address)
        except OSError as error:
            if error.errno != errno.EMSGSIZE:
                raise
            self._send_file(octets)

    def _send_file(self, octets: bytes) -> None:
        """Pass on what is too long for a datagram as a sealed file."""
        descriptor = os.memfd_create("journal", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
        try:
            os.write(descriptor, octets)
            fcntl.fcntl(descriptor, fcntl.F_ADD_SEALS, _SEALS)
            passed = array.array("i", [descriptor])
            ancillary = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, passed)]
            self._socket.sendmsg([b""], ancillary, 0, self._address)
        finally:
            os.close(descriptor)


def set_up(level: str) -> None:
    """Have the hub's log written from ``level`` on, and of libraries what is a warning or worse."""
    log: logging.Handler = JournalLog() if is_journal(sys.stderr.fileno()) else _plain()
    log.setFormatter(WithoutValues("%(message)s" if isinstance(log, JournalLog) else _FORMAT))
    logging.basicConfig(level=logging.WARNING, handlers=[log], force=True)
    for name in _OURS:
        logging.getLogger(name).setLevel(level.upper())
    # pymodbus reports every time-out at error level with a dump of frames; the link says it better.
    logging.getLogger("pymodbus").setLevel(logging.CRITICAL)
    logging.raiseExceptions = False  # else a line that can't be written is shown with its values


_FORMAT = "%(levelname)s %(name)s: %(message)s"


def is_journal(descriptor: int) -> bool:
    """Tell whether ``descriptor`` goes to journald (systemd.exec(5), ``$JOURNAL_STREAM``)."""
    found = os.fstat(descriptor)
    return os.environ.get("JOURNAL_STREAM") == f"{found.st_dev}:{found.st_ino}"


def _plain() -> logging.Handler:
    return logging.StreamHandler()


def _kind(error: BaseException) -> str:
    """Return the kind of an exception; with its words where they are ours, or the system's."""
    words = str(error) if isinstance(error, EdgeError) else ""
    if isinstance(error, OSError) and error.errno is not None:
        words = os.strerror(error.errno)
    return f"{type(error).__name__}: {words}" if words else type(error).__name__


def _priority(level: int) -> int:
    return next((priority for least, priority in _PRIORITIES if level >= least), 7)


def _encoded(fields: dict[str, str]) -> bytes:
    """Put fields into the native protocol: a value with line breaks goes with its length."""
    parts = []
    for name, text in fields.items():
        octets = text.encode("utf-8", "backslashreplace")
        long = b"\n" + _LENGTH.pack(len(octets)) if b"\n" in octets else b"="
        parts.append(name.encode("ascii") + long + octets + b"\n")
    return b"".join(parts)
