"""The hub's configuration: TOML into typed settings, every problem with its key path.

:func:`load` either returns complete :class:`Settings` or raises one
:class:`~edge_agent.errors.ConfigError` that lists everything wrong with the file, so that nobody
mends a file one error at a time. A hub with a problem in its file does not start.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Literal

import msgspec
from msgspec import Meta, Struct

from edge_agent.alarms.bounds import (
    GLUCOSE_MGDL,
    LONGEST_DELAY_S,
    LONGEST_PAUSE_MIN,
    RATE_PER_MIN,
    SPO2_PERCENT,
)
from edge_agent.contradictions import contradictions
from edge_agent.errors import ConfigError, EdgeError, Problem
from edge_agent.typed_toml import meant, misfits, read_toml

Name = Annotated[str, Meta(pattern=r"^[a-z0-9][a-z0-9-]{0,31}$")]
Pseudonym = Annotated[str, Meta(pattern=r"^[0-9a-f]{32}$")]
BluetoothAddress = Annotated[str, Meta(pattern=r"^([0-9A-F]{2}:){5}[0-9A-F]{2}$")]
Bed = Annotated[str, Meta(max_length=32, pattern=r"^[^\x00-\x1f\x7f]*$")]
Seconds = Annotated[float, Meta(gt=0, le=86_400)]
PerMinute = Annotated[float, Meta(ge=RATE_PER_MIN.low, le=RATE_PER_MIN.high)]
Percent = Annotated[float, Meta(ge=SPO2_PERCENT.low, le=SPO2_PERCENT.high)]
Delay = Annotated[float, Meta(ge=0, le=LONGEST_DELAY_S)]
Glucose = Annotated[float, Meta(ge=GLUCOSE_MGDL.low, le=GLUCOSE_MGDL.high)]


MODBUS_PORT, MODBUS_TLS_PORT = 502, 802
_PER_SUBJECT = ("alarms", "rhythm", "warning")


class BedError(EdgeError):
    """A bed that is not there, or was not named."""


class Hub(Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    """The box itself. Relative paths are taken from the folder of the configuration file."""

    state_dir: str = "/var/lib/edge-agent"
    control_socket: str = "/run/edge-agent/control.sock"
    summary_interval_s: Annotated[float, Meta(ge=1, le=3600)] = 60.0
    store_quota_mib: Annotated[int, Meta(ge=4, le=65536)] = 256


class CollectorSettings(Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    """Where sealed records go, and the public keys they are sealed to.

    ``recipient`` (the clinic's key) and ``ca`` (whom to trust) come with the enrolment; given here,
    they count instead.
    ``recovery`` is that of a key which lies in a safe. ``suite`` is the one both keys must be of: a
    hub never falls back to the shorter one by itself. ``metered`` says that volume is paid for, or
    names the network devices of which that is true (``wwan*``): only alarms are sent there.
    """

    url: str
    recipient: str | None = None
    recovery: str | None = None
    suite: Literal["x-wing", "x25519"] = "x-wing"
    ca: str | None = None
    timeout_s: Seconds = 10.0
    metered: bool | list[str] = False


class MetricsSettings(Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    """The hub's health for Prometheus, at a TCP port of the loopback; no values of the person."""

    port: Annotated[int, Meta(ge=1, le=65535)] = 9464


class TlsSettings(Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    """TLS to a network host: whom to trust (else the system's authorities), and the hub's own."""

    ca: str | None = None
    certificate: str | None = None
    key: str | None = None


class SensorSettings(Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    """One sensor: its driver, and where it is (one of address, port, host).

    ``bed`` names whom it watches, or several of them (a room's air); with one subject it is theirs.
    """

    name: Name
    driver: str
    bed: str | list[str] | None = None  # as the subjects spell theirs; no pattern: msgspec 0.22
    # breaks its memory over a pattern beside a list
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
    def beds(self) -> tuple[str, ...]:
        """The beds it was given to; empty for a hub's only one."""
        if self.bed is None:
            return ()
        return (self.bed,) if isinstance(self.bed, str) else tuple(self.bed)

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


class SubjectSettings(Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    """Whom the hub watches: a random pseudonym (32 hexadecimal digits), never a name.

    ``alarms``, ``rhythm`` and ``warning`` are this person's own; a key that is left out there is as
    in the table of the same name for the whole hub.
    """

    pseudonym: Pseudonym
    bed: Bed = ""
    alarms: AlarmSettings = AlarmSettings()
    rhythm: RhythmSettings = RhythmSettings()
    warning: EarlyWarningSettings = EarlyWarningSettings()

    @property
    def title(self) -> str:
        """How a person tells the bed from the others."""
        return self.bed or self.pseudonym[:8]


class PageSettings(Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    """Where the bedside page is served; beyond this machine only over TLS."""

    host: str = "127.0.0.1"
    port: Annotated[int, Meta(ge=0, le=65535)] = 8480
    certificate: str | None = None
    key: str | None = None


class Settings(Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    """Everything a hub is told."""

    subject: list[SubjectSettings]
    hub: Hub = Hub()
    collector: CollectorSettings | None = None
    page: PageSettings | None = None
    metrics: MetricsSettings | None = None
    sensor: list[SensorSettings] = []
    alarms: AlarmSettings = AlarmSettings()
    rhythm: RhythmSettings = RhythmSettings()
    warning: EarlyWarningSettings = EarlyWarningSettings()

    def subject_at(self, bed: str | None) -> SubjectSettings:
        """Return whom the hub watches at ``bed``; it may be left out where there is one bed.

        :raises BedError: there is no such bed, or it was left out and there are several.
        """
        beds = {one.bed: one for one in self.subject}
        if bed is None and len(beds) == 1:
            return self.subject[0]
        if bed is None:
            raise BedError("bed", "this hub watches several", f"Say which: {', '.join(beds)}")
        if bed not in beds:
            raise BedError(f"bed {bed!r}", "this hub has none of this name", meant(bed, beds))
        return beds[bed]


def load(file: Path) -> Settings:
    """Read and check the configuration ``file``.

    :raises ConfigError: unreadable file, invalid TOML, unknown keys, missing keys, bad values;
        all of them at once.
    """
    raw = read_toml(file)
    alone = isinstance(raw.get("subject"), dict)
    if alone:  # [subject] says the same as [[subject]] written once
        raw["subject"] = [raw["subject"]]
    empty = [Problem("subject", "is empty", "write [[subject]] for each person")]
    nobody = empty if raw.get("subject") == [] else []
    if problems := _as_written([*misfits(raw, Settings, ""), *nobody], alone=alone):
        raise ConfigError(file, problems)
    for subject in raw["subject"]:
        for table in _PER_SUBJECT:
            subject[table] = raw.get(table, {}) | subject.get(table, {})
    settings = _anchored(msgspec.convert(raw, Settings), file.absolute().parent)
    if problems := _as_written(contradictions(settings), alone=alone):
        raise ConfigError(file, problems)
    return settings


def _as_written(problems: Iterable[Problem], *, alone: bool) -> tuple[Problem, ...]:
    """Return the problems, with the key paths of a single [subject] as its writer knows them."""
    return tuple(
        dataclasses.replace(one, path=one.path.replace("subject[0]", "subject", 1))
        if alone and one.path.startswith("subject[0]")
        else one
        for one in problems
    )


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
    hub, collector = settings.hub, settings.collector

    def limits(alarms: AlarmSettings) -> AlarmSettings:
        return replace(alarms, rules=anchor(alarms.rules) if alarms.rules else None)

    return replace(
        settings,
        hub=replace(
            hub, state_dir=anchor(hub.state_dir), control_socket=anchor(hub.control_socket)
        ),
        collector=collector
        and replace(
            collector,
            recipient=anchor(collector.recipient) if collector.recipient else None,
            recovery=anchor(collector.recovery) if collector.recovery else None,
            ca=anchor(collector.ca) if collector.ca else None,
        ),
        page=settings.page
        and replace(
            settings.page,
            certificate=anchor(settings.page.certificate) if settings.page.certificate else None,
            key=anchor(settings.page.key) if settings.page.key else None,
        ),
        sensor=[device(sensor) for sensor in settings.sensor],
        subject=[replace(one, alarms=limits(one.alarms)) for one in settings.subject],
        alarms=limits(settings.alarms),
    )
