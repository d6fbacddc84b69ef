"""What a configuration amounts to: settings, sensors with their drivers, the collector's key.

``edge-agent config check`` and ``edge-agent run`` make the same plan, so what passes the one
starts with the other.
"""

from __future__ import annotations

import ssl
from dataclasses import dataclass
from pathlib import Path

from edge_agent import config
from edge_agent.alarms.rule_file import RuleBook
from edge_agent.config import CollectorSettings, Settings, SubjectSettings
from edge_agent.errors import ConfigError, EdgeError, Problem, SealError
from edge_agent.store.keys import Recipient
from edge_agent.store.recipients import Recipients
from edge_agent.subject_limits import rule_book
from edge_agent.sync.credentials import Credentials
from edge_agent.wiring import Sensor, match


@dataclass(frozen=True, slots=True)
class PlannedBed:
    """One person: their settings, the rules about them, and the sensors that watch them."""

    subject: SubjectSettings
    rules: RuleBook
    sensors: list[Sensor]


@dataclass(frozen=True, slots=True)
class Plan:
    """Everything a hub needs to start; ``recipients`` is ``None`` when nothing is to be kept."""

    settings: Settings
    sensors: list[Sensor]
    recipients: Recipients | None
    beds: list[PlannedBed]
    file: Path

    @property
    def state_dir(self) -> Path:
        """Where the hub keeps its identity and its outbox."""
        return Path(self.settings.hub.state_dir)

    @property
    def control_socket(self) -> Path:
        """Where the hub answers ``edge-agent status``."""
        return Path(self.settings.hub.control_socket)


def plan(file: Path) -> Plan:
    """Read a configuration, find the sensors' drivers and load the collector's public key.

    :raises ConfigError: with everything that is wrong.
    """
    settings = config.load(file)
    sensors, problems = match(settings.sensor)
    recipients = None
    if settings.collector is not None:
        credentials = Credentials.of(Path(settings.hub.state_dir))
        recipients = _recipients(settings.collector, credentials, problems)
        problems += _trust_problems(settings.collector.ca)
    beds: list[PlannedBed] = []
    for subject in settings.subject:
        theirs = [one for one in sensors if subject.bed in one.settings.beds]
        watching = theirs if len(settings.subject) > 1 else sensors
        try:
            rules = rule_book(subject.alarms, subject.rhythm)
        except ConfigError as error:
            problems += [one for one in _rule_problems(error) if one not in problems]
            continue
        beds.append(PlannedBed(subject, rules, watching))
    if problems:
        raise ConfigError(file, tuple(problems))
    return Plan(settings, sensors, recipients, beds, file)


def _recipients(
    collector: CollectorSettings, credentials: Credentials | None, problems: list[Problem]
) -> Recipients | None:
    """Load the public keys that records are sealed to; what is wrong goes into ``problems``."""
    enrolled = "" if credentials is None else str(credentials.recipient_file)
    file = collector.recipient or enrolled
    if not file:
        reason = "the hub is not enrolled, and no key is named"
        step = f"run: edge-agent enroll {collector.url} TOKEN --config FILE"
        problems.append(Problem("collector.recipient", reason, step))
        return None
    clinic = _public_key("collector.recipient", file, collector.suite, problems)
    recovery = None
    if collector.recovery is not None:
        recovery = _public_key("collector.recovery", collector.recovery, collector.suite, problems)
    if clinic is None:
        return None
    try:
        return Recipients(clinic, recovery)
    except SealError as error:
        problems.append(Problem("collector.recovery", error.reason, error.next_step))
        return None


def _public_key(key: str, file: str, suite: str, problems: list[Problem]) -> Recipient | None:
    try:
        recipient = Recipient.load(Path(file))
    except EdgeError as error:
        problems.append(Problem(key, f"{error.thing}: {error.reason}"))
        return None
    if recipient.suite.label != suite:
        reason = f"{file}: is of suite {recipient.suite.label}, and collector.suite is {suite}"
        problems.append(Problem(key, reason, "ask the clinic which of them is meant"))
        return None
    return recipient


def _rule_problems(error: ConfigError) -> list[Problem]:
    """Say where the rules of a bed go wrong; several beds may share a file."""
    return [
        Problem(f"alarms.rules ({error.file}): {one.path}", one.reason, one.expected)
        for one in error.problems
    ]


def _trust_problems(ca: str | None) -> list[Problem]:
    """Find out now, not at the first delivery, whether the authority's certificate can be used."""
    if ca is None:
        return []
    try:
        ssl.create_default_context(cafile=ca)
    except (OSError, ssl.SSLError) as error:
        reason = f"{ca}: {error.strerror or error}"
        return [Problem("collector.ca", reason, "give a file of PEM certificates")]
    return []
