"""The kernel's routes: whether the network has changed, and whether it is one that costs.

They are read from ``/proc/self/net``, which takes no privilege and no traffic and stays visible to
a service that is shut off from everything else there.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path

PROC_NET = Path("/proc/self/net")

_UP = 0x1


@dataclass(frozen=True, slots=True)
class Route:
    """A route that is up. ``destination`` and ``gateway`` are as the kernel writes them."""

    device: str
    destination: str
    gateway: str
    metric: int
    is_default: bool


def routes(proc_net: Path = PROC_NET) -> frozenset[Route]:
    """Return the routes that are up, but those of the loopback; none where there is no /proc."""
    return frozenset(
        one
        for one in (*_ipv4(_lines(proc_net / "route")), *_ipv6(_lines(proc_net / "ipv6_route")))
        if one.device != "lo"
    )


def is_metered(patterns: Iterable[str], known: Iterable[Route]) -> bool:
    """Tell whether what is sent leaves by a device that one of ``patterns`` (``wwan*``) names.

    It leaves by the default route of the lowest metric.
    """
    defaults = sorted((one for one in known if one.is_default), key=lambda one: one.metric)
    return any(fnmatchcase(one.device, pattern) for one in defaults[:1] for pattern in patterns)


def _ipv4(lines: list[list[str]]) -> Iterator[Route]:
    """Columns: device, destination, gateway, flags, references, use, metric, mask and more."""
    for device, destination, gateway, flags, _, _, metric, mask, *_ in lines[1:]:
        if int(flags, 16) & _UP:
            is_default = int(destination, 16) == int(mask, 16) == 0
            yield Route(device, f"{destination}/{mask}", gateway, int(metric), is_default)


def _ipv6(lines: list[list[str]]) -> Iterator[Route]:
    """Columns: destination and length, source and length, next hop, metric, counts, flags, device.

    Numbers are hexadecimal.
    """
    for destination, length, _, _, gateway, metric, _, _, flags, device in lines:
        if int(flags, 16) & _UP:
            is_default = length == "00"
            yield Route(device, f"{destination}/{length}", gateway, int(metric, 16), is_default)


def _lines(file: Path) -> list[list[str]]:
    try:
        return [line.split() for line in file.read_text(encoding="ascii").splitlines() if line]
    except OSError:  # no Linux, or no IPv6
        return []
