"""The files that make the hub a service of systemd, and where they belong.

An administrator's copies lie under ``/etc`` and win over a package's under ``/usr/lib``
(systemd.unit(5), sysusers.d(5), tmpfiles.d(5), udev(7)).
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from edge_agent.errors import EdgeError
from edge_agent.shared_files import shared_file

UNIT = "edge-agent.service"
PACKAGED_PROGRAM = "/opt/edge-agent/bin/edge-agent"
"""Where the unit looks for the program as it is shipped."""


class ServiceFileError(EdgeError):
    """A service's file that can't be put into place, or taken away."""


@dataclass(frozen=True, slots=True)
class ServiceFile:
    """One file: its name in ``systemd/``, and its places below ``/etc`` and ``/usr/lib``."""

    name: str
    admin: str
    package: str


SERVICE_FILES = (
    ServiceFile(UNIT, f"etc/systemd/system/{UNIT}", f"usr/lib/systemd/system/{UNIT}"),
    ServiceFile("sysusers.conf", "etc/sysusers.d/edge-agent.conf",
                "usr/lib/sysusers.d/edge-agent.conf"),
    ServiceFile("tmpfiles.conf", "etc/tmpfiles.d/edge-agent.conf",
                "usr/lib/tmpfiles.d/edge-agent.conf"),
    ServiceFile("70-edge-agent.rules", "etc/udev/rules.d/70-edge-agent.rules",
                "usr/lib/udev/rules.d/70-edge-agent.rules"),
    ServiceFile("bluetooth.conf", "etc/systemd/system/bluetooth.service.d/edge-agent.conf",
                "usr/lib/systemd/system/bluetooth.service.d/edge-agent.conf"),
)  # fmt: skip


def text_of(file: ServiceFile, program: str = PACKAGED_PROGRAM) -> str:
    """Return what ``file`` holds, for a hub whose command is ``program``."""
    text = shared_file(f"systemd/{file.name}").read_text(encoding="utf-8")
    return text.replace(PACKAGED_PROGRAM, program)


def install(root: Path, program: str) -> list[Path]:
    """Write the administrator's copies below ``root``; return those that have changed.

    :raises ServiceFileError: a package has brought the unit already, or a file can't be written.
    """
    packaged = root / SERVICE_FILES[0].package
    if packaged.exists():
        reason = "the Debian package has brought the service"
        raise ServiceFileError(str(packaged), reason, "Use it, or remove the package first")
    written = []
    for file in SERVICE_FILES:
        path, text = root / file.admin, text_of(file, program)
        try:
            if path.exists() and path.read_text(encoding="utf-8") == text:
                continue
            path.parent.mkdir(parents=True, exist_ok=True, mode=0o755)
            path.write_text(text, encoding="utf-8")
            path.chmod(0o644)
        except OSError as error:
            raise _refused(path, error) from error
        written.append(path)
    return written


def remove(root: Path) -> list[Path]:
    """Take the administrator's copies away below ``root``; return those that were there.

    :raises ServiceFileError: one can't be removed.
    """
    removed = []
    for file in SERVICE_FILES:
        path = root / file.admin
        try:
            path.unlink()
        except FileNotFoundError:
            continue
        except OSError as error:
            raise _refused(path, error) from error
        removed.append(path)
    return removed


def _refused(path: Path, error: OSError) -> ServiceFileError:
    reason = error.strerror or type(error).__name__
    return ServiceFileError(str(path), reason, "Try it with sudo, or give another --root")
