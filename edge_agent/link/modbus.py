"""Modbus sensors over RTU, TCP and TLS, on top of pymodbus; one task owns each bus.

RTU answers carry no transaction number, and pymodbus takes an answer that comes late for the
answer to the next request when unit, function and length fit: a CO2 value could be stored as a
temperature, or the state of a bed that has since been left. Five guards stand against it:

* one task per bus, one request at a time, no retries inside the library;
* after a time-out on RTU the bus rests for as long again;
* an answer is used only when its unit, function code and length are those asked for;
* the blocks of one sensor differ in function or length (the drivers' profiles see to that);
* a sensor that has timed out on RTU is under suspicion: it is not asked again for a while, and its
  next answer may be to the old request. That one is thrown away, and only answers to requests made
  after the line has rested once more are used. As the pause after the time-out is longer than the
  rest, an answer that always comes late can't fit both.

Each request ends after its own sensor's time-out. On RTU the rest comes on top of it, so that a
silent sensor delays its neighbours by twice its time-out, or by its time-out and half a second; it
is asked less and less often, and the others on the bus keep their period.

Only function codes 2, 3 and 4 exist here: the hub can read a bus and can't write to it.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Sequence
from dataclasses import dataclass, field

from pymodbus import ModbusException
from pymodbus.exceptions import ConnectionException
from pymodbus.pdu import ExceptionResponse, ModbusPDU

from edge_agent.clock import NS_PER_S, Clock
from edge_agent.driver import Modbus, RegisterBlock
from edge_agent.errors import LinkError
from edge_agent.link.bus import Bus, SerialBus
from edge_agent.link.feed import Feed
from edge_agent.link.modbus_client import Client, connect, question, why_not
from edge_agent.link.retry import keep_trying
from edge_agent.link.waiting import heed_cancellation
from edge_agent.model import Boottime

_REST_AT_LEAST_S = 0.5
_FRAME_GAP_AT_LEAST_S = 0.005
_BITS_PER_GAP = 3.5 * 11
_LONGEST_PERIOD_S = 60.0
_UNANSWERED_UNTIL_RECONNECT = 3

_CHECK_PROFILE = "Check the profile against the sensor's manual"
_AGAIN = "It is asked again by itself"
_EXCEPTIONS = {
    1: ("the sensor does not know the function code", _CHECK_PROFILE),
    2: ("the sensor has no such register", _CHECK_PROFILE),
    3: ("the sensor refuses the number of registers", _CHECK_PROFILE),
    4: ("the sensor reports a fault of its own", "Look at the sensor"),
    5: ("the sensor has accepted the request and is still working on it", _AGAIN),
    6: ("the sensor is busy", _AGAIN),
    7: ("the sensor can't carry the request out", _CHECK_PROFILE),
    8: ("the sensor reports a parity error in its memory", "Have the sensor replaced"),
    10: ("the gateway has no path to the unit", "Check the gateway's settings"),
    11: ("the unit behind the gateway does not answer", "Check its power, wiring and address"),
}
_NOBODY_THERE = {10, 11}


class _BusLost(LinkError):
    """The bus itself is gone: every station on it fails together."""


class _BusSilent(_BusLost):
    """The connection stands, and not one station behind it answers."""


class _NoAnswer(LinkError):
    """A station that is silent: what is not there may be asked less often."""


@dataclass(slots=True)
class Station:
    """One sensor on a bus: its unit address, what to poll, and when it is due next.

    ``silences`` counts the polls without an answer since the last one that had it. While
    ``is_suspect``, an answer may be a late one to a request that was given up.
    """

    feed: Feed
    unit: int
    modbus: Modbus
    due: Boottime = field(default=Boottime(0))
    silences: int = 0
    is_suspect: bool = False

    @property
    def rest_s(self) -> float:
        """For how long an RTU line rests after a time-out of this station."""
        return max(_REST_AT_LEAST_S, self.modbus.timeout_s)

    @property
    def pause_s(self) -> float:
        """How long to leave a suspect alone: longer than a rest and two time-outs."""
        return self.rest_s + 3 * self.modbus.timeout_s

    @property
    def poll_at_most_s(self) -> float:
        """How long one poll may take: each block its time-out, and the line two rests."""
        blocks = len(self.modbus.blocks) + 1
        return blocks * (self.modbus.timeout_s + _FRAME_GAP_AT_LEAST_S) + 2 * self.rest_s

    @property
    def period_s(self) -> float:
        """After how many seconds to poll again: longer with every silence after the first."""
        poll_s = self.modbus.poll_s
        if self.silences < 2:
            return poll_s
        return max(poll_s, min(_LONGEST_PERIOD_S, poll_s * 2.0 ** min(self.silences - 1, 16)))

    def schedule(self, now: Boottime) -> None:
        """Set when the station is due next: at its period, without making up for lost time."""
        since = now if self.silences else max(self.due, Boottime(now - self._period_ns))
        self.due = Boottime(since + self._period_ns)
        if self.is_suspect:
            self.due = max(self.due, Boottime(now + round(self.pause_s * NS_PER_S)))

    @property
    def _period_ns(self) -> int:
        return round(self.period_s * NS_PER_S)


class ModbusBus:
    """Polls every station of one bus in turn."""

    def __init__(
        self, bus: Bus, stations: Sequence[Station], clock: Clock, rng: random.Random
    ) -> None:
        self._bus, self._stations = bus, tuple(stations)
        self._clock, self._rng = clock, rng
        self._answers, self._unanswered = 0, list[Station]()
        self._is_silent = False
        self._gap_s = _FRAME_GAP_AT_LEAST_S
        if isinstance(bus, SerialBus):
            self._gap_s = max(self._gap_s, _BITS_PER_GAP / bus.line.baud)

    @property
    def name(self) -> str:
        """The port or the address, for messages."""
        return str(self._bus)

    async def run(self) -> None:
        """Poll for ever, opening the bus again after every failure."""
        feeds = [station.feed for station in self._stations]
        await keep_trying(self._session, feeds, self._clock, self._rng)

    async def _session(self) -> None:
        slowest_s = max(station.modbus.timeout_s for station in self._stations)
        client = await connect(self._bus, slowest_s + 1)
        self._answers = 0
        self._unanswered.clear()
        if not self._is_silent:  # else whose turn it is must not begin anew with the connection
            for station in self._stations:
                station.silences, station.due = 0, self._clock.boottime()
        self._is_silent = False
        try:
            while True:
                heed_cancellation()
                station = min(self._stations, key=lambda one: one.due)
                wait_ns = station.due - self._clock.boottime()
                wait_s = max(self._gap_s, wait_ns / NS_PER_S)
                self._turn_within(wait_s + station.poll_at_most_s)
                await self._clock.sleep(wait_s)
                await self._poll(client, station)
        except _BusLost as lost:
            self._is_silent = isinstance(lost, _BusSilent)
            raise await self._reason(lost) from lost
        finally:
            client.close()

    def _turn_within(self, seconds: float) -> None:
        for station in self._stations:
            station.feed.turning.within(seconds)

    async def _reason(self, lost: _BusLost) -> LinkError:
        """Look closer at a server that hung up at once: under TLS it may not accept the hub."""
        if isinstance(self._bus, SerialBus) or self._bus.tls is None or self._answers:
            return lost
        return await why_not(self._bus) or lost

    async def _poll(self, client: Client, station: Station) -> None:
        """Read every block of one station; a silent or refusing station leaves the others be."""
        feed = station.feed
        answers, problem = await self._read(client, station)
        station.silences = station.silences + 1 if isinstance(problem, _NoAnswer) else 0
        station.schedule(self._clock.boottime())
        if answers and not feed.status.connected:
            feed.connected()
        for channel, payload in answers:
            feed.receive(payload, channel)
        if problem is None:
            return
        if answers and not isinstance(problem, _NoAnswer):
            feed.complained(str(problem))  # one block is refused, the others are read
        else:
            feed.failed(str(problem))

    async def _read(
        self, client: Client, station: Station
    ) -> tuple[list[tuple[str, bytes]], LinkError | None]:
        """Ask for every block; return what was answered, and the last problem there was."""
        answers: list[tuple[str, bytes]] = []
        problem: LinkError | None = None
        if station.is_suspect:
            first = await self._ask(client, station, station.modbus.blocks[0])
            if isinstance(first, _NoAnswer):
                return answers, first
            await self._clock.sleep(station.rest_s)
        station.is_suspect = False
        for block in station.modbus.blocks:
            answer = await self._ask(client, station, block)
            if isinstance(answer, bytes):
                answers.append((block.name, answer))
            else:
                problem = answer
                if isinstance(answer, _NoAnswer):
                    break
            await self._clock.sleep(self._gap_s)
        return answers, problem

    async def _ask(
        self, client: Client, station: Station, block: RegisterBlock
    ) -> bytes | LinkError:
        """Return what the station answers, or why that is of no use.

        :raises _BusLost: the connection or the port has gone.
        """
        thing = f"sensor {station.feed.sensor} (unit {station.unit} on {self.name})"
        try:
            async with asyncio.timeout(station.modbus.timeout_s):
                answer = await question(client, station.unit, block)
        except TimeoutError:
            await self._silence(client, station)
            step = "Check power, wiring, unit address and line settings"
            return _NoAnswer(thing, "no answer", step)
        except ConnectionException as error:
            raise self._lost() from error
        except ModbusException as error:
            if not client.connected:
                raise self._lost() from error
            return LinkError(thing, str(error), "Check the register map")
        self._answers += 1
        self._unanswered.clear()
        return _payload(answer, station.unit, block, thing)

    async def _silence(self, client: Client, station: Station) -> None:
        """Let a late answer come and go before the next request on the same wires.

        :raises _BusLost: the whole bus is silent, and that is no fault of one station.
        """
        if not client.connected:
            raise self._lost()
        if isinstance(self._bus, SerialBus):
            station.is_suspect = True
            await self._clock.sleep(station.rest_s)
            return
        self._unanswered.append(station)
        asked = len(self._unanswered)
        everybody = {id(one) for one in self._unanswered} == {id(one) for one in self._stations}
        if everybody and asked >= _UNANSWERED_UNTIL_RECONNECT:
            reason = f"no answer to {asked} requests in a row, and none from any sensor on it"
            raise _BusSilent(f"bus {self.name}", reason, "Check the gateway; it is connected anew")

    def _lost(self) -> _BusLost:
        return _BusLost(f"bus {self.name}", "connection lost", "Check the cable")


def _payload(answer: ModbusPDU, unit: int, block: RegisterBlock, thing: str) -> bytes | LinkError:
    """Return the octets of an answer that is the answer to this very request."""
    if isinstance(answer, ExceptionResponse):
        code = answer.exception_code
        reason, step = _EXCEPTIONS.get(code, (f"exception {code}", _CHECK_PROFILE))
        return (_NoAnswer if code in _NOBODY_THERE else LinkError)(thing, reason, step)
    has_inputs = block.function == 2
    items = answer.bits if has_inputs else answer.registers
    # Inputs come in whole octets of eight.
    expected = -(-block.count // 8) * 8 if has_inputs else block.count
    asked = (unit, block.function, expected)
    got = (answer.dev_id, answer.function_code, len(items))
    if got != asked:
        reason = f"answer (unit, function, count) {got} to request {asked}"
        return LinkError(thing, reason, "The answer is dropped")
    width = 1 if has_inputs else 2
    return b"".join(item.to_bytes(width, "big") for item in items[: block.count])
