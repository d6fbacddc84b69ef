"""Talks to systemd: readiness, liveness, status (sd_notify(3)); silent where there is none."""

from __future__ import annotations

import logging
import os
import socket
import time

log = logging.getLogger(__name__)

_ADDRESS = "NOTIFY_SOCKET"
_WATCHDOG = "WATCHDOG_USEC"


def notify(state: str) -> bool:
    """Send ``state`` (such as ``"READY=1"``) to the service manager; tell whether it went.

    A manager that is gone or does not read must hold up neither the hub nor its end.
    """
    address = os.environ.get(_ADDRESS)
    if not address:
        return False
    if address.startswith("@"):
        address = "\0" + address[1:]
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as channel:
        channel.settimeout(0)
        try:
            channel.sendto(state.encode(), address)
        except OSError as error:
            log.debug("service manager not told %s: %s", state, error)
            return False
    return True


def reloading() -> bool:
    """Tell the service manager that the configuration is read anew; ``READY=1`` ends it.

    The time lets the manager tell this reload from an earlier one (systemd.service(5),
    ``Type=notify-reload``).
    """
    return notify(
        f"RELOADING=1\nMONOTONIC_USEC={time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000}"
    )


def watchdog_interval_s() -> float | None:
    """Return how often to report liveness (half of systemd's limit), or ``None`` when not asked."""
    limit_us = os.environ.get(_WATCHDOG)
    return int(limit_us) / 2e6 if limit_us and limit_us.isdigit() else None
