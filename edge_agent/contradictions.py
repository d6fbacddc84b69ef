"""What is wrong with a configuration whose keys are each well formed: they can't stand together."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from edge_agent.errors import Problem
from edge_agent.typed_toml import meant
from edge_agent.warning.clock_time import zone_of

if TYPE_CHECKING:
    from edge_agent.config import PageSettings, SensorSettings, Settings, SubjectSettings

NOBODY = "0" * 32
"""The pseudonym in the example configuration: it would merge different people's records."""


def contradictions(settings: Settings) -> Iterator[Problem]:
    """Find keys that are each well formed and can't stand together."""
    yield from _sensor_problems(settings)
    yield from _subject_problems(settings)
    if settings.collector is not None:
        yield from _url_problems(settings.collector.url)
    if settings.page is not None:
        yield from _page_problems(settings.page)


def _sensor_problems(settings: Settings) -> Iterator[Problem]:
    """Find sensors that can't be told apart, polls that would never do, and beds there aren't."""
    seen: dict[str, int] = {}
    beds = {one.bed for one in settings.subject}
    for index, sensor in enumerate(settings.sensor):
        if sensor.name in seen:
            reason = f"{sensor.name!r} is also the name of sensor[{seen[sensor.name]}]"
            yield Problem(f"sensor[{index}].name", reason, "give each sensor a name of its own")
        seen.setdefault(sensor.name, index)
        if sensor.stale_after_s and sensor.poll_s and sensor.stale_after_s < 2 * sensor.poll_s:
            reason = f"{sensor.stale_after_s:g} s is less than two polls of {sensor.poll_s:g} s"
            yield Problem(f"sensor[{index}].stale_after_s", reason, "raise it, or poll more often")
        yield from _tls_problems(f"sensor[{index}]", sensor)
        for bed in sensor.beds:
            if bed not in beds:
                reason = f"there is no bed {bed!r}"
                yield Problem(f"sensor[{index}].bed", reason, meant(bed, beds, "beds"))
        if len(beds) > 1 and not sensor.beds:
            whom = f"say whom it watches: {', '.join(sorted(beds))}"
            yield Problem(f"sensor[{index}].bed", "missing", whom)


def _subject_problems(settings: Settings) -> Iterator[Problem]:
    """Find persons who can't be told apart, and limits that cross."""
    several = len(settings.subject) > 1
    beds: dict[str, int] = {}
    people: dict[str, int] = {}
    for index, one in enumerate(settings.subject):
        path = f"subject[{index}]"
        if one.pseudonym == NOBODY:
            expected = "give each person one: openssl rand -hex 16"
            yield Problem(f"{path}.pseudonym", "is the example's, which is nobody's", expected)
        if one.pseudonym in people:
            reason = f"is also that of subject[{people[one.pseudonym]}]"
            yield Problem(f"{path}.pseudonym", reason, "their records would be merged")
        people.setdefault(one.pseudonym, index)
        if several and not one.bed:
            yield Problem(f"{path}.bed", "missing", "with several persons each needs a bed")
        if one.bed in beds:
            reason = f"{one.bed!r} is also that of subject[{beds[one.bed]}]"
            yield Problem(f"{path}.bed", reason, "give each bed a name of its own")
        beds.setdefault(one.bed, index)
        yield from _limit_problems(path, one, several=several)


def _limit_problems(path: str, one: SubjectSettings, *, several: bool) -> Iterator[Problem]:
    """Find limits that cross; they are told where a single person's usually stand."""
    prefix = f"{path}." if several else ""
    alarms, rhythm = one.alarms, one.rhythm
    if alarms.heart_rate_low_per_min >= alarms.heart_rate_high_per_min:
        reason = f"{alarms.heart_rate_low_per_min:g} is not below heart_rate_high_per_min"
        key = f"{prefix}alarms.heart_rate_low_per_min"
        yield Problem(key, reason, "lower it, or raise the other")
    if rhythm.asystole_s < rhythm.pause_s:
        reason = f"{rhythm.asystole_s:g} s is shorter than pause_s"
        key = f"{prefix}rhythm.asystole_s"
        yield Problem(key, reason, "a standstill is at least as long as a pause")
    try:
        zone_of(one.warning.timezone)
    except ValueError as error:
        key = f"{prefix}warning.timezone"
        yield Problem(key, str(error), "expected Europe/Berlin, UTC or +05:30")


def _page_problems(page: PageSettings) -> Iterator[Problem]:
    """Beyond this machine the page shows a person's values to a network: only over TLS."""
    if (page.certificate is None) != (page.key is None):
        given, missing = ("key", "certificate") if page.key else ("certificate", "key")
        expected = f"give {missing!r} too: the two belong together"
        yield Problem(f"page.{given}", f"is of no use without {missing!r}", expected)
    elif page.certificate is None and not is_loopback(page.host):
        expected = "give certificate and key, or 127.0.0.1"
        yield Problem("page.host", f"{page.host!r} is the network, and has no TLS", expected)


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
    elif parts.scheme == "http" and not is_loopback(host):
        reason = f"plain http to {host!r} crosses the network"
        yield Problem("collector.url", reason, "use https; http is for loopback only")
    elif parts.username or parts.password or parts.query or parts.fragment:
        expected = "expected https://host[:port][/path], without user, password or query"
        yield Problem("collector.url", "says more than where the collector is", expected)


def is_loopback(host: str) -> bool:
    """Whether ``host`` is this machine itself, by its name or number."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
