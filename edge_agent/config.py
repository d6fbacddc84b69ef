"""The hub's configuration: TOML into typed settings, every problem with its key path.

:func:`load` either returns complete :class:`Settings` or raises one
:class:`~edge_agent.errors.ConfigError` that lists everything wrong with the file, so that nobody
mends a file one error at a time. A hub with a problem in its file does not start.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import urlsplit

import msgspec
from msgspec import Meta, Struct

from edge_agent.alarms.bounds import (
    GLUCOSE_MGDL,
    LONGEST_DELAY_S,
    LONGEST_PAUSE_MIN,
    RATE_PER_MIN,
    SPO2_PERCENT,
)
from edge_agent.errors import ConfigError, Problem
from edge_agent.typed_toml import misfits, read_toml
from edge_agent.warning.clock_time import zone_of

Name = Annotated[str, Meta(pattern=r"^[a-z0-9][a-z0-9-]{0,31}$")]
Pseudonym = Annotated[str, Meta(pattern=r"^[0-9a-f]{32}$")]
BluetoothAddress = Annotated[str, Meta(pattern=r"^([0-9A-F]{2}:){5}[0-9A-F]{2}$")]
Seconds = Annotated[float, Meta(gt=0, le=86_400)]
PerMinute = Annotated[float, Meta(ge=RATE_PER_MIN.low, le=RATE_PER_MIN.high)]
Percent = Annotated[float, Meta(ge=SPO2_PERCENT.low, le=SPO2_PERCENT.high)]
Delay = Annotated[float, Meta(ge=0, le=LONGEST_DELAY_S)]
Glucose = Annotated[float, Meta(ge=GLUCOSE_MGDL.low, le=GLUCOSE_MGDL.high)]


MODBUS_PORT, MODBUS_TLS_PORT = 502, 802
NOBODY = "0" * 32
"""The pseudonym in the example configuration: it would merge different people's records."""


class Hub(Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    """The box itself. Relative paths are taken from the folder of the configuration file."""

    state_dir: str = "/var/lib/edge-agent"
    control_socket: str = "/run/edge-agent/control.sock"
    summary_interval_s: Annotated[float, Meta(ge=1, le=3600)] = 60.0
    store_quota_mib: Annotated[int, Meta(ge=4, le=65536)] = 256


class SubjectSettings(Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    """Whom the hub watches: a random pseudonym (32 hexadecimal digits), never a name."""

    pseudonym: Pseudonym
    bed: str = ""


class CollectorSettings(Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    """Where sealed records go, and the public key they are sealed to."""

    url: str
    recipient: str
    ca: str | None = None
    timeout_s: Seconds = 10.0


class TlsSettings(Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    """TLS to a network host: whom to trust (else the system's authorities), and the hub's own."""

    ca: str | None = None
    certificate: str | None = None
    key: str | None = None


class SensorSettings(Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    """One sensor: its driver, and where it is (one of address, port, host)."""

    name: Name
    driver: str
    address: BluetoothAddress | None = None
    port: str | None = None
    host: str | None = None
    tcp_port: Annotated[int, Meta(ge=1, le=65535)] | None = None
    tls: TlsSettings | None = None
    unit: Annotated[int, Meta(ge=1, le=255)] = 1
    profile: str | None = None
    baud: Annotated[int, Meta(ge=300, le=1_000_000)] | None = None
    parity: Literal["N", "E", "O"] | None = None
    poll_s: Seconds | None = None
    stale_after_s: Seconds | None = None

    @property
    def network_port(self) -> int:
        """The TCP port of ``host``: the one given, or that of Modbus/TCP without and with TLS."""
        return self.tcp_port or (MODBUS_PORT if self.tls is None else MODBUS_TLS_PORT)


class AlarmSettings(Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    """Alarm limits of the subject; the allowed spans are the safe bounds.

    ``rules`` is a file of this hub's own rules, laid over those it ships.
    """

    heart_rate_low_per_min: PerMinute = 45.0
    heart_rate_high_per_min: PerMinute = 130.0
    spo2_low_percent: Percent = 90.0
    glucose_low_mgdl: Glucose = 70.0
    delay_s: Delay = 5.0
    spo2_delay_s: Delay = 20.0
    latching: bool = False
    pause_at_most_min: Annotated[float, Meta(gt=0, le=LONGEST_PAUSE_MIN)] = 10.0
    rules: str | None = None


class RhythmSettings(Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    """When the rhythm of an ECG becomes an alarm; the allowed spans are the safe bounds.

    A heart is extremely slow or fast when its rate is beyond the limit over so many beats in a row.
    """

    pause_s: Annotated[float, Meta(ge=2, le=6)] = 3.0
    asystole_s: Annotated[float, Meta(ge=3, le=10)] = 4.0
    extreme_bradycardia_per_min: Annotated[float, Meta(ge=20, le=50)] = 40.0
    extreme_bradycardia_beats: Annotated[int, Meta(ge=3, le=10)] = 5
    extreme_tachycardia_per_min: Annotated[float, Meta(ge=100, le=250)] = 140.0
    extreme_tachycardia_beats: Annotated[int, Meta(ge=5, le=40)] = 17
    fibrillation: bool = True


class EarlyWarningSettings(Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    """Early warning of the subject: the NEWS2 score, nights against the usual, combined findings.

    ``news2`` is not for persons under 16 or in pregnancy. ``spo2_scale`` 2 is for those whose
    clinician has set a target of 88 to 92 %. ``consciousness`` and ``oxygen`` say what holds for
    good where nobody tells otherwise (``edge-agent observe``); left out they are not known.
    ``timezone`` is an IANA name, or an offset from UTC such as +05:30.
    """

    news2: bool = True
    spo2_scale: Literal[1, 2] = 1
    consciousness: Literal["A", "C", "V", "P", "U"] | None = None
    oxygen: bool | None = None
    timezone: str = "UTC"


class Settings(Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    """Everything a hub is told."""

    subject: SubjectSettings
    hub: Hub = Hub()
    collector: CollectorSettings | None = None
    sensor: list[SensorSettings] = []
    alarms: AlarmSettings = AlarmSettings()
    rhythm: RhythmSettings = RhythmSettings()
    warning: EarlyWarningSettings = EarlyWarningSettings()


def load(file: Path) -> Settings:
    """Read and check the configuration ``file``.

    :raises ConfigError: unreadable file, invalid TOML, unknown keys, missing keys, bad values;
        all of them at once.
    """
    raw = read_toml(file)
    if problems := tuple(misfits(raw, Settings, "")):
        raise ConfigError(file, problems)
    settings = _anchored(msgspec.convert(raw, Settings), file.absolute().parent)
    if problems := tuple(_contradictions(settings)):
        raise ConfigError(file, problems)
    return settings


def is_path(profile: str) -> bool:
    """Tell whether ``profile`` is a path, or the name of a register map that is shipped."""
    return "/" in profile or profile.endswith(".toml")


def _anchored(settings: Settings, folder: Path) -> Settings:
    """Make every path absolute, relative to the folder of the configuration file."""

    def anchor(path: str) -> str:
        return str(folder / path)

    def tls(files: TlsSettings) -> TlsSettings:
        given = {key: anchor(file) for key, file in msgspec.structs.asdict(files).items() if file}
        return TlsSettings(**given)

    def device(sensor: SensorSettings) -> SensorSettings:
        return msgspec.structs.replace(
            sensor,
            tls=sensor.tls and tls(sensor.tls),
            port=anchor(sensor.port) if sensor.port else None,
            profile=anchor(sensor.profile)
            if sensor.profile and is_path(sensor.profile)
            else sensor.profile,
        )

    replace = msgspec.structs.replace
    hub, collector, alarms = settings.hub, settings.collector, settings.alarms
    return replace(
        settings,
        hub=replace(
            hub, state_dir=anchor(hub.state_dir), control_socket=anchor(hub.control_socket)
        ),
        collector=collector
        and replace(
            collector,
            recipient=anchor(collector.recipient),
            ca=anchor(collector.ca) if collector.ca else None,
        ),
        sensor=[device(sensor) for sensor in settings.sensor],
        alarms=replace(alarms, rules=anchor(alarms.rules) if alarms.rules else None),
    )


def _contradictions(settings: Settings) -> Iterator[Problem]:
    """Find keys that are each well formed and can't stand together."""
    seen: dict[str, int] = {}
    for index, sensor in enumerate(settings.sensor):
        if sensor.name in seen:
            reason = f"{sensor.name!r} is also the name of sensor[{seen[sensor.name]}]"
            yield Problem(f"sensor[{index}].name", reason, "give each sensor a name of its own")
        seen.setdefault(sensor.name, index)
        if sensor.stale_after_s and sensor.poll_s and sensor.stale_after_s < 2 * sensor.poll_s:
            reason = f"{sensor.stale_after_s:g} s is less than two polls of {sensor.poll_s:g} s"
            yield Problem(f"sensor[{index}].stale_after_s", reason, "raise it, or poll more often")
        yield from _tls_problems(f"sensor[{index}]", sensor)
    if settings.subject.pseudonym == NOBODY:
        expected = "give each person one: openssl rand -hex 16"
        yield Problem("subject.pseudonym", "is the example's, which is nobody's", expected)
    alarms = settings.alarms
    if alarms.heart_rate_low_per_min >= alarms.heart_rate_high_per_min:
        reason = f"{alarms.heart_rate_low_per_min:g} is not below heart_rate_high_per_min"
        yield Problem("alarms.heart_rate_low_per_min", reason, "lower it, or raise the other")
    rhythm = settings.rhythm
    if rhythm.asystole_s < rhythm.pause_s:
        reason = f"{rhythm.asystole_s:g} s is shorter than pause_s"
        yield Problem("rhythm.asystole_s", reason, "a standstill is at least as long as a pause")
    try:
        zone_of(settings.warning.timezone)
    except ValueError as error:
        yield Problem("warning.timezone", str(error), "expected Europe/Berlin, UTC or +05:30")
    if settings.collector is not None:
        yield from _url_problems(settings.collector.url)


def _tls_problems(path: str, sensor: SensorSettings) -> Iterator[Problem]:
    """Find keys of a host where there is none, and half an identity."""
    if sensor.host is None and sensor.tcp_port is not None:
        yield Problem(f"{path}.tcp_port", "is of no use without a host", "give 'host'")
    if sensor.tls is None:
        return
    if sensor.host is None:
        yield Problem(
            f"{path}.tls", "only a network host speaks TLS", "give 'host', or leave it out"
        )
    if (sensor.tls.certificate is None) != (sensor.tls.key is None):
        given, missing = ("key", "certificate") if sensor.tls.key else ("certificate", "key")
        expected = f"give {missing!r} too: the two belong together"
        yield Problem(f"{path}.tls.{given}", f"is of no use without {missing!r}", expected)


def _url_problems(url: str) -> Iterator[Problem]:
    """Plain HTTP would show record sizes and times to the network: only loopback may use it."""
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError as error:
        yield Problem("collector.url", f"{url!r}: {error}", "expected https://host[:port]")
        return
    if host is None or parts.scheme not in {"http", "https"}:
        yield Problem("collector.url", f"{url!r} is not a web address", "expected https://host")
    elif parts.scheme == "http" and not _is_loopback(host):
        reason = f"plain http to {host!r} crosses the network"
        yield Problem("collector.url", reason, "use https; http is for loopback only")
    elif parts.username or parts.password or parts.query or parts.fragment:
        expected = "expected https://host[:port][/path], without user, password or query"
        yield Problem("collector.url", "says more than where the collector is", expected)


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
