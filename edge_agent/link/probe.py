"""What speaks on a serial line: every setting a driver wants is tried, every driver asked.

A line tells neither its rate nor its protocol. At each distinct setting the probe listens, then
sends the start requests of the drivers that have any, and lets every driver say what share of the
octets it would take for valid frames.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import serial

from edge_agent.clock import NS_PER_S, Clock
from edge_agent.driver import Driver, Request, Serial, Write
from edge_agent.errors import LinkError
from edge_agent.link.serial import as_link_error, framing, name_that_stays, open_port

RECOGNISED_SHARE = 0.5
"""From this share of valid frames on, a protocol is recognised."""

_ALIKE_SHARE = 0.1
_READ_EVERY_S = 0.05
_READ_AT_MOST = 65_536
_SAMPLE_OCTETS = 16


class Port(Protocol):
    """An open port; reading waits for nothing."""

    def read(self) -> bytes:
        """Return what has arrived since the last call."""

    def write(self, octets: bytes) -> None:
        """Send."""

    def close(self) -> None:
        """Hang up."""


Opener = Callable[[str, Serial], Port]


class SystemPort:
    """A port of this machine, opened with the settings of ``line``.

    :raises LinkError: when it can't be opened, and later when it goes away.
    """

    def __init__(self, path: str, line: Serial) -> None:
        self._path, self._port = path, open_port("port", path, line)

    def read(self) -> bytes:
        """Return what has arrived since the last call."""
        try:
            return bytes(self._port.read(_READ_AT_MOST))
        except OSError as error:
            raise as_link_error(error, "port", self._path) from error

    def write(self, octets: bytes) -> None:
        """Send, waiting for a second at the most."""
        try:
            self._port.write(octets)
        except serial.SerialException as error:
            raise as_link_error(error, "port", self._path) from error

    def close(self) -> None:
        """Hang up."""
        self._port.close()


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """What was heard at one setting, ``asked`` by the start request of this driver or unasked.

    ``shares`` tells for every driver the share of ``octets`` that are valid frames of it.
    ``sample`` are the first octets. ``error`` says why the port did not take the setting.
    """

    line: Serial
    asked: str = ""
    octets: int = 0
    sample: bytes = b""
    shares: Mapping[str, float]
    error: str = ""

    @property
    def best(self) -> str:
        """The driver with the highest share, or nothing when none knows a single frame."""
        name = max(self.shares, key=lambda one: self.shares[one], default="")
        return name if self.shares.get(name) else ""

    @property
    def setting(self) -> str:
        """The setting as the field writes it: ``9600 8N1``."""
        return f"{self.line.baud} {framing(self.line)}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Match:
    """A driver that knows what was heard on ``line``; ``share`` of the octets are its frames."""

    driver: Driver
    line: Serial
    share: float

    @property
    def is_at_home(self) -> bool:
        """Whether the line is set as the driver expects it."""
        own = self.driver.link
        return isinstance(own, Serial) and _setting(own) == _setting(self.line)

    def configuration(self, port: str) -> str:
        """Return what to write in the configuration of the sensor."""
        keys = {"driver": f'"{self.driver.name}"', "port": f'"{port}"'}
        own = self.driver.link
        if isinstance(own, Serial) and own.baud != self.line.baud:
            keys["baud"] = str(self.line.baud)
        if isinstance(own, Serial) and own.parity != self.line.parity:
            keys["parity"] = f'"{self.line.parity}"'
        return ", ".join(f"{key} = {value}" for key, value in keys.items())


@dataclass(frozen=True, slots=True, kw_only=True)
class Probing:
    """What came of a probe: the trials, and the drivers that fit, best first.

    Several fit when their formats can't be told apart by the octets.
    """

    port: str
    trials: tuple[Trial, ...]
    matches: tuple[Match, ...]

    @property
    def advice(self) -> str:
        """One line for the person who asked: what to write, or what to check."""
        if not self.matches:
            return self._what_to_check()
        port = name_that_stays(self.port) or self.port
        lines = [match.configuration(port) for match in self.matches]
        if len(lines) == 1:
            return f"Write in the configuration: {lines[0]}"
        names = " and ".join(match.driver.name for match in self.matches)
        choice = "; or ".join(lines)
        return f"{names} can't be told apart by their octets; take what you have: {choice}"

    def _what_to_check(self) -> str:
        heard = [trial for trial in self.trials if trial.octets]
        if not heard:
            settings = dict.fromkeys(one.setting for one in self.trials if not one.error)
            return (
                f"Silence at {', '.join(settings)}. Check that the sensor is on and measures, that "
                "its serial output is switched on, and the cable: crossed or not, TTL or RS-232"
            )
        most = max(heard, key=lambda trial: trial.octets)
        return (
            f"Nothing known: {most.octets} octets at {most.setting}, beginning with "
            f"{most.sample.hex(' ')}. The sensor may have another rate, parity or output format; "
            "compare its settings with those of: edge-agent drivers"
        )


async def probe(
    port: str,
    drivers: Sequence[Driver],
    clock: Clock,
    *,
    seconds: float = 3.0,
    listen_only: bool = False,
    opener: Opener = SystemPort,
) -> Probing:
    """Try ``port`` at every setting of ``drivers``, ``seconds`` for each trial.

    A start request is sent only where listening alone has recognised nothing, and followed by the
    driver's own stop request. Drivers that can't recognise anything are left out.

    :raises LinkError: the port can't be opened at any setting, or goes away.
    """
    able = [one for one in drivers if isinstance(one.link, Serial) and one.recognise is not None]
    trials: list[Trial] = []
    refusals: list[LinkError] = []
    for line, at_home in _settings(able).items():
        try:
            here = opener(port, line)
        except LinkError as error:
            refusals.append(error)
            trials.append(Trial(line=line, shares={}, error=error.reason))
            continue
        ask = [] if listen_only else at_home
        try:
            trials += await _trials(here, line, ask, able, clock, seconds)
        finally:
            here.close()
    if refusals and len(refusals) == len(trials):
        raise refusals[0]
    return Probing(port=port, trials=tuple(trials), matches=_matches(able, trials))


def _settings(drivers: Iterable[Driver]) -> dict[Serial, list[Driver]]:
    """Return the distinct settings of the drivers' lines, each with its drivers."""
    settings: dict[Serial, list[Driver]] = {}
    for driver in drivers:
        if isinstance(driver.link, Serial):
            settings.setdefault(_setting(driver.link), []).append(driver)
    return dict(sorted(settings.items(), key=lambda item: item[0].baud))


def _setting(line: Serial) -> Serial:
    """Return ``line`` without what is no matter of the port."""
    return Serial(
        baud=line.baud, bytesize=line.bytesize, parity=line.parity, stopbits=line.stopbits
    )


async def _trials(
    port: Port,
    line: Serial,
    ask: Iterable[Driver],
    drivers: Sequence[Driver],
    clock: Clock,
    seconds: float,
) -> list[Trial]:
    """Listen; while nothing is recognised, ask for one driver after the other and listen again."""
    trials = [_judged(line, "", await _heard(port, clock, seconds), drivers)]
    for driver in ask:
        decoder = driver.decoder("probe")
        start = _payloads(decoder.open(clock.boottime()))
        if not start or max(trials[-1].shares.values(), default=0.0) >= RECOGNISED_SHARE:
            continue
        try:
            for octets in start:
                port.write(octets)
            heard = await _heard(port, clock, seconds)
        finally:
            for octets in _payloads(decoder.close()):
                port.write(octets)
        trials.append(_judged(line, driver.name, heard, drivers))
    return trials


def _payloads(requests: Iterable[Request]) -> list[bytes]:
    return [request.payload for request in requests if isinstance(request, Write)]


async def _heard(port: Port, clock: Clock, seconds: float) -> bytes:
    heard = bytearray()
    until = clock.boottime() + round(seconds * NS_PER_S)
    while clock.boottime() < until and len(heard) < _READ_AT_MOST:
        await clock.sleep(_READ_EVERY_S)
        heard += port.read()
    return bytes(heard)


def _judged(line: Serial, asked: str, octets: bytes, drivers: Iterable[Driver]) -> Trial:
    shares = {one.name: one.recognise(octets) for one in drivers if one.recognise is not None}
    return Trial(
        line=line,
        asked=asked,
        octets=len(octets),
        sample=octets[:_SAMPLE_OCTETS],
        shares=shares,
    )


def _matches(drivers: Iterable[Driver], trials: Iterable[Trial]) -> tuple[Match, ...]:
    """Choose the drivers that know most of what was heard, each at its best setting.

    Of drivers that know about the same, those whose own setting the line has are meant.
    """
    known = [
        Match(driver=driver, line=trial.line, share=trial.shares[driver.name])
        for driver in drivers
        for trial in trials
        if trial.shares.get(driver.name, 0.0) >= RECOGNISED_SHARE
    ]
    known.sort(key=lambda one: (one.is_at_home, one.share), reverse=True)
    best = {one.driver.name: one for one in reversed(known)}
    top = max((one.share for one in best.values()), default=0.0)
    alike = [one for one in best.values() if one.share >= top - _ALIKE_SHARE]
    at_home = [one for one in alike if one.is_at_home]
    return tuple(sorted(at_home or alike, key=lambda one: one.driver.name))
