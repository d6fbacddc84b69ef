"""Where a Modbus bus is: a serial port and its line, or a host and its port.

Nothing here imports pymodbus, so that a configuration can be checked without it.
"""

from __future__ import annotations

from dataclasses import dataclass

from edge_agent.driver import Serial
from edge_agent.link.tls import Tls


@dataclass(frozen=True, slots=True)
class SerialBus:
    """A Modbus RTU bus on a serial port."""

    port: str
    line: Serial

    def __str__(self) -> str:
        return self.port


@dataclass(frozen=True, slots=True)
class TcpBus:
    """A Modbus TCP server; with ``tls``, one of Modbus/TCP Security."""

    host: str
    port: int
    tls: Tls | None = None

    def __str__(self) -> str:
        return f"{self.host}:{self.port}"


Bus = SerialBus | TcpBus
