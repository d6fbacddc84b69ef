"""Finds drivers through the entry-point group ``edge_agent.drivers``.

Registration is data in ``pyproject.toml``, not an import's side effect: a driver's module is
loaded only when a sensor names it.
"""

from __future__ import annotations

import difflib
import logging
import tomllib
from collections.abc import Iterator, Mapping
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path

from edge_agent.driver import Driver, ProfiledDriver
from edge_agent.errors import EdgeError

log = logging.getLogger(__name__)

GROUP = "edge_agent.drivers"


class DriverError(EdgeError):
    """A driver that is not there, or a profile that does not fit it."""


def names() -> tuple[str, ...]:
    """Return the names of every installed driver, sorted."""
    return tuple(sorted(point.name for point in entry_points(group=GROUP)))


def find(name: str) -> Driver | ProfiledDriver:
    """Load the driver ``name``.

    :raises DriverError: when no installed driver has this name, or it can't be loaded.
    """
    point: EntryPoint | None = next(iter(entry_points(group=GROUP, name=name)), None)
    if point is None:
        near = difflib.get_close_matches(name, names(), n=1)
        hint = f"Did you mean {near[0]!r}?" if near else f"Installed: {', '.join(names())}"
        raise DriverError(f"driver {name!r}", "not installed", hint)
    try:
        driver = point.load()
    except Exception as error:  # whatever somebody's package does: it is one driver, not all
        reason = f"can't be loaded: {type(error).__name__}: {error}"
        raise DriverError(f"driver {name!r}", reason, "Mend or remove its package") from error
    if not isinstance(driver, Driver | ProfiledDriver):
        raise DriverError(f"driver {name!r}", f"{point.value} is no Driver", "Mend its package")
    return driver


def usable() -> Iterator[Driver | ProfiledDriver]:
    """Load every installed driver that can be loaded; a broken one costs only itself."""
    for name in names():
        try:
            yield find(name)
        except DriverError as error:
            log.warning("%s", error)


def resolve(name: str, profile: Path | None = None) -> Driver:
    """Load the driver ``name``, completed by the TOML file ``profile`` where it needs one.

    :raises DriverError: unknown driver, a profile missing, superfluous, unreadable or unfit.
    """
    driver = find(name)
    if isinstance(driver, Driver):
        if profile is not None:
            raise DriverError(f"driver {name!r}", "takes no profile", "Remove the key 'profile'")
        return driver
    if profile is None:
        raise DriverError(
            f"driver {name!r}", "needs a profile", "Give 'profile', the path of a TOML file"
        )
    try:
        return driver.complete(_read(profile))
    except ValueError as error:
        raise DriverError(f"profile {profile}", str(error), "Mend the file") from error


def _read(profile: Path) -> Mapping[str, object]:
    try:
        return tomllib.loads(profile.read_text(encoding="utf-8"))
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise DriverError(f"profile {profile}", reason, "Check the path") from error
