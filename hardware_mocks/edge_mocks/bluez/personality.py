"""In what the versions of BlueZ differ that a client can see.

Both were watched with a real ``bluetoothd`` and a simulated radio: 5.66 is that of Debian 12, 5.82
that of Debian 13 and of today's Raspberry Pi OS.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Personality:
    """How one version announces things.

    ``disconnects_in_one_signal``: ``Connected`` and ``ServicesResolved`` change together.
    ``uuids_when_resolved``: ``UUIDs`` comes in the signal of ``ServicesResolved``, not before it.
    ``lists_generic_access``: the service 0x1800 has objects of its own.
    ``battery_after_resolved``: ``Battery1`` appears after ``ServicesResolved``, not before the
    services.
    ``restarts_after_crash``: the unit that comes with it has ``Restart=on-failure``, and the new
    daemon reports links of its predecessor as disconnected.
    ``says_why_it_hung_up``: the signal ``Disconnected`` of ``Device1`` gives a reason. Neither of
    the two below has it; it is described in the manual page org.bluez.Device(5) of later ones.
    """

    version: str
    disconnects_in_one_signal: bool
    uuids_when_resolved: bool
    lists_generic_access: bool
    battery_after_resolved: bool
    restarts_after_crash: bool
    says_why_it_hung_up: bool = False


BLUEZ_5_66 = Personality(
    version="5.66",
    disconnects_in_one_signal=False,
    uuids_when_resolved=False,
    lists_generic_access=False,
    battery_after_resolved=False,
    restarts_after_crash=False,
)
BLUEZ_5_82 = Personality(
    version="5.82",
    disconnects_in_one_signal=True,
    uuids_when_resolved=True,
    lists_generic_access=True,
    battery_after_resolved=True,
    restarts_after_crash=True,
)
