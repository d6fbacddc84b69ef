"""A real serial port in place of a pseudo-terminal: the mock speaks over a cable."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Self

import serial

from edge_agent.driver import Serial
from edge_agent.errors import EdgeError
from edge_agent.link.serial import as_link_error
from edge_mocks.serial_line import SerialLine


class SerialPort(SerialLine):
    """The sensor's end of a cable at ``path``, with the settings of ``line``.

    Open between enter and exit; entering raises :class:`EdgeError` when the port can't be used.
    """

    def __init__(self, path: Path, line: Serial) -> None:
        super().__init__(path)
        self._line = line
        self._port: serial.Serial | None = None

    def __enter__(self) -> Self:
        line = self._line
        try:
            self._port = serial.Serial(
                str(self.path),
                baudrate=line.baud,
                bytesize=line.bytesize,
                parity=line.parity,
                stopbits=line.stopbits,
                timeout=0,
                exclusive=True,
            )
        except OSError as error:
            raise as_link_error(error, "mock", str(self.path)) from error
        except ValueError as error:
            raise EdgeError(f"port {self.path}", str(error), "Choose another adapter") from error
        self._master = self._port.fileno()
        os.set_blocking(self._master, False)
        return self

    def __exit__(self, *_: object) -> None:
        self._master = None
        if self._port is not None:
            self._port.close()

    def replug(self) -> None:
        """Do nothing: nobody can plug a real cable in by software."""

    def unplug(self) -> None:
        """Do nothing: nobody can pull a real cable out by software."""
