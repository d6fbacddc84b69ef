"""Modbus sensors over RTU and TCP, on top of pymodbus; one task owns each bus.

RTU answers carry no transaction number, and pymodbus takes an answer that comes late for the
answer to the next request when unit, function and length fit: a CO2 value could be stored as a
temperature. Four guards stand against it:

* one task per bus, one request at a time, no retries inside the library;
* after a time-out on RTU the bus rests until a late answer has come and gone;
* an answer is used only when its unit, function code and register count are those asked for;
* the blocks of one sensor have different lengths (the drivers' profiles see to that).

Only function codes 3 and 4 exist here: the hub can read a bus and can't write to it.
"""

from __future__ import annotations

import asyncio
import os
import random
from collections.abc import Sequence
from dataclasses import dataclass, field

from pymodbus import FramerType, ModbusException
from pymodbus.client import AsyncModbusSerialClient, AsyncModbusTcpClient
from pymodbus.exceptions import ConnectionException, ModbusIOException
from pymodbus.pdu import ExceptionResponse, ModbusPDU

from edge_agent.clock import NS_PER_S, Clock
from edge_agent.driver import Modbus, RegisterBlock, Serial
from edge_agent.errors import LinkError
from edge_agent.link.feed import Feed
from edge_agent.link.retry import keep_trying
from edge_agent.link.serial import open_port
from edge_agent.model import Boottime

Client = AsyncModbusSerialClient | AsyncModbusTcpClient

_REST_AT_LEAST_S = 1.0
_FRAME_GAP_S = 0.005
_PROBE_S = 5.0
_EXCEPTIONS = {
    1: "the sensor does not know the function code",
    2: "the sensor has no such register",
    3: "the sensor refuses the number of registers",
    4: "the sensor reports a fault of its own",
    6: "the sensor is busy",
    10: "the gateway has no path to the unit",
    11: "the unit behind the gateway does not answer",
}


@dataclass(frozen=True, slots=True)
class SerialBus:
    """A Modbus RTU bus on a serial port."""

    port: str
    line: Serial


@dataclass(frozen=True, slots=True)
class TcpBus:
    """A Modbus TCP server."""

    host: str
    port: int


@dataclass(slots=True)
class Station:
    """One sensor on a bus: its unit address, what to poll, and when it is due next."""

    feed: Feed
    unit: int
    modbus: Modbus
    due: Boottime = field(default=Boottime(0))


class ModbusBus:
    """Polls every station of one bus in turn."""

    def __init__(
        self,
        bus: SerialBus | TcpBus,
        stations: Sequence[Station],
        clock: Clock,
        rng: random.Random,
    ) -> None:
        self._bus, self._stations = bus, tuple(stations)
        self._clock, self._rng = clock, rng

    @property
    def name(self) -> str:
        """The port or the address, for messages."""
        return self._bus.port if isinstance(self._bus, SerialBus) else _host_port(self._bus)

    async def run(self) -> None:
        """Poll for ever, opening the bus again after every failure."""
        feeds = [station.feed for station in self._stations]
        await keep_trying(self._session, feeds, self._clock, self._rng)

    async def _session(self) -> None:
        client = self._client()
        try:
            if not await client.connect():
                raise await self._why_not()
            while True:
                station = min(self._stations, key=lambda one: one.due)
                wait_ns = station.due - self._clock.boottime()
                await self._clock.sleep(max(_FRAME_GAP_S, wait_ns / NS_PER_S))
                await self._poll(client, station)
        finally:
            client.close()

    async def _why_not(self) -> LinkError:
        """Find out what pymodbus does not tell: open the port or the connection once by hand."""
        try:
            if isinstance(self._bus, SerialBus):
                open_port("bus", self._bus.port, self._bus.line).close()
            else:
                async with asyncio.timeout(_PROBE_S):
                    _, writer = await asyncio.open_connection(self._bus.host, self._bus.port)
                    writer.close()
        except LinkError as error:
            return error
        except (OSError, TimeoutError) as error:
            known = isinstance(error, OSError) and (error.errno or 0) > 0
            reason = os.strerror(error.errno or 0) if known else str(error) or "no answer"
            step = "Check 'host' and 'tcp_port', and that the gateway has power"
            return LinkError(f"bus {self.name}", reason, step)
        return LinkError(f"bus {self.name}", "could not be opened", "It is tried again")

    def _client(self) -> Client:
        timeout_s = max(station.modbus.timeout_s for station in self._stations)
        if isinstance(self._bus, TcpBus):
            return AsyncModbusTcpClient(
                self._bus.host, port=self._bus.port, timeout=timeout_s, retries=0, reconnect_delay=0
            )
        line = self._bus.line
        return AsyncModbusSerialClient(
            self._bus.port,
            framer=FramerType.RTU,
            baudrate=line.baud,
            bytesize=line.bytesize,
            parity=line.parity,
            stopbits=line.stopbits,
            timeout=timeout_s,
            retries=0,
            reconnect_delay=0,
        )

    async def _poll(self, client: Client, station: Station) -> None:
        """Read every block of one station; a silent or refusing station leaves the others be."""
        station.due = Boottime(self._clock.boottime() + round(station.modbus.poll_s * NS_PER_S))
        try:
            for block in station.modbus.blocks:
                registers = await self._read(client, station, block)
                if not station.feed.status.connected:
                    station.feed.connected()
                payload = b"".join(register.to_bytes(2, "big") for register in registers)
                station.feed.receive(payload, block.name)
                await self._clock.sleep(_FRAME_GAP_S)
        except _BusLost:
            raise
        except LinkError as error:
            station.feed.failed(str(error))

    async def _read(self, client: Client, station: Station, block: RegisterBlock) -> Sequence[int]:
        thing = f"sensor {station.feed.sensor} (unit {station.unit} on {self.name})"
        read = client.read_holding_registers if block.function == 3 else client.read_input_registers
        try:
            answer = await read(block.address, count=block.count, device_id=station.unit)
        except ConnectionException as error:
            raise _BusLost(f"bus {self.name}", "connection lost", "Check the cable") from error
        except ModbusIOException as error:
            await self._rest()
            raise LinkError(
                thing, "no answer", "Check power, wiring, unit address and line settings"
            ) from error
        except ModbusException as error:
            raise LinkError(thing, str(error), "Check the register map") from error
        return _checked(answer, station.unit, block, thing)

    async def _rest(self) -> None:
        """Let a late answer come and go before the next request on the same wires."""
        if isinstance(self._bus, SerialBus):
            slowest_s = max(station.modbus.timeout_s for station in self._stations)
            await self._clock.sleep(max(_REST_AT_LEAST_S, slowest_s))


class _BusLost(LinkError):
    """The bus itself is gone: every station on it fails together."""


def _checked(answer: ModbusPDU, unit: int, block: RegisterBlock, thing: str) -> Sequence[int]:
    """Return the registers of an answer that is the answer to this very request."""
    if isinstance(answer, ExceptionResponse):
        code = answer.exception_code
        reason = _EXCEPTIONS.get(code, f"exception {code}")
        raise LinkError(thing, reason, "Check the profile against the sensor's manual")
    asked = (unit, block.function, block.count)
    got = (answer.dev_id, answer.function_code, len(answer.registers))
    if got != asked:
        raise LinkError(
            thing,
            f"answer (unit, function, count) {got} to request {asked}",
            "The answer is dropped",
        )
    return answer.registers


def _host_port(bus: TcpBus) -> str:
    return f"{bus.host}:{bus.port}"
