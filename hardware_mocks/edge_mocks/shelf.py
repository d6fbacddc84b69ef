"""Every mock on the shelf, found through the entry-point group ``edge_agent.mocks``.

A mock bears the name of the driver that reads it. ``edge-agent mock NAME`` runs one on its own,
and the hardware-in-loop tests run each one against the product's own link.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from importlib.metadata import entry_points
from typing import Protocol, Self

from edge_mocks.bluez import Peripheral
from edge_mocks.serial_line import SerialLine

GROUP = "edge_agent.mocks"


class BleSensor(Protocol):
    """A mock Bluetooth LE sensor: it lives, and sends, between enter and exit."""

    peripheral: Peripheral

    async def __aenter__(self) -> Self:
        """Begin to measure."""

    async def __aexit__(self, *_: object) -> None:
        """Stop."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BleMock:
    """How to make a Bluetooth LE mock: seeded, measuring something plausible, first value soon."""

    title: str
    make: Callable[[random.Random], BleSensor]


@dataclass(frozen=True, slots=True, kw_only=True)
class SerialMock:
    """How to make a mock on a serial line; it lives, and writes, between enter and exit."""

    title: str
    make: Callable[[SerialLine, random.Random], AbstractAsyncContextManager[object]]


Mock = BleMock | SerialMock


def names() -> tuple[str, ...]:
    """Return the names of every mock, sorted."""
    return tuple(sorted(point.name for point in entry_points(group=GROUP)))


def find(name: str) -> Mock:
    """Load the mock ``name``.

    :raises KeyError: there is none of this name.
    """
    point = next(iter(entry_points(group=GROUP, name=name)), None)
    if point is None:
        raise KeyError(name)
    mock = point.load()
    if not isinstance(mock, BleMock | SerialMock):
        raise TypeError(f"{point.value} is no mock")
    return mock
