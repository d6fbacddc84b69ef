"""``make deb``: the Debian package, a ready environment under /opt/edge-agent.

Everything is a wheel from the hash-pinned lock, chosen for the hub's own Debian and architecture,
so that a hub compiles nothing and asks nobody: ``make deb DEB='--release trixie --arch arm64'``
works on any machine.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from packaging.requirements import Requirement

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from edge_agent import __version__  # noqa: E402 - the checkout's, not an installed one's
from edge_agent.service_files import SERVICE_FILES, text_of  # noqa: E402

NAME = "bedside-edge-agent"
HOME = Path("opt/edge-agent")
PYTHONS = {"bookworm": "3.11", "trixie": "3.13"}
MACHINES = {"amd64": "x86_64", "arm64": "aarch64"}
_GLIBCS = ("2_34", "2_31", "2_28", "2_27", "2_26", "2_24", "2_17")
"""Wheels for these and older C libraries run on both releases (2.36 and 2.41)."""
_BUILD_ONLY = frozenset(
    {"hatchling", "editables", "packaging", "pathspec", "pluggy", "trove-classifiers"}
)
"""What the lock holds to link a checkout into an environment; no hub needs it."""
_PIN = re.compile(r"^(?P<name>[A-Za-z0-9_.-]+)==[^\\]*")


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """For which hubs a package is."""

    release: str
    arch: str
    version: str

    @property
    def python(self) -> str:
        """The release's Python, as in ``3.13``."""
        return PYTHONS[self.release]

    @property
    def file_name(self) -> str:
        """The name of the package's file."""
        return f"{NAME}_{self.version}_{self.release}_{self.arch}.deb"


def main() -> int:
    """Build the package that the arguments ask for, and print where it is."""
    parser = argparse.ArgumentParser(prog="make deb", description=__doc__)
    parser.add_argument("--release", choices=PYTHONS, default="trixie")
    parser.add_argument("--arch", choices=MACHINES, default="arm64")
    parser.add_argument("--version", default=__version__, help="as the package is to call itself")
    parser.add_argument("--out", type=Path, default=ROOT / "dist")
    chosen = parser.parse_args()
    target = Target(release=chosen.release, arch=chosen.arch, version=chosen.version)
    sys.stdout.write(f"{build(target, chosen.out)}\n")
    return 0


def build(target: Target, out: Path) -> Path:
    """Build a package into the folder ``out``; return its path."""
    out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="edge-agent-deb-") as name:
        tree = Path(name) / "tree"
        _environment(tree / HOME, target, Path(name))
        for file in SERVICE_FILES:
            _write(tree / file.package, text_of(file))
        for page in ("README.md", "CHANGELOG.md", "SECURITY.md"):
            _write(tree / "usr/share/doc" / NAME / page, (ROOT / page).read_text(encoding="utf-8"))
        _control(tree, target)
        for path in (tree, *tree.rglob("*")):
            if not path.is_symlink():
                path.chmod(0o755 if path.is_dir() or os.access(path, os.X_OK) else 0o644)
        package = out / target.file_name
        _run("dpkg-deb", "--root-owner-group", "--build", str(tree), str(package))
    return package


def _environment(home: Path, target: Target, work: Path) -> None:
    """Lay out a virtual environment as ``python -m venv`` would, for another machine's Python."""
    site = home / "lib" / f"python{target.python}" / "site-packages"
    site.mkdir(parents=True)
    pins = work / "pins.txt"
    pins.write_text("\n".join(_pins(target)) + "\n", encoding="utf-8")
    pip = (sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check")
    into = ("--no-deps", "--no-compile", "--target", str(site))
    platforms = [f"--platform=manylinux_{glibc}_{MACHINES[target.arch]}" for glibc in _GLIBCS] + [
        f"--platform=manylinux2014_{MACHINES[target.arch]}"
    ]
    chosen = (*platforms, "--implementation=cp", f"--python-version={target.python}")
    # The lock has chosen; pip would ask for this machine's own Python.
    wheels = ("--only-binary=:all:", "--require-hashes", "--ignore-requires-python")
    _run(*pip, "install", *into, *chosen, *wheels, "--requirement", str(pins))
    _run(*pip, "wheel", "--no-deps", "--no-build-isolation", "-w", str(work), str(ROOT))
    (own,) = work.glob("*.whl")
    _run(*pip, "install", "--upgrade", *into, str(own))
    shutil.move(site / "share", home / "share")  # what pip --target puts beside the modules
    shutil.rmtree(site / "bin", ignore_errors=True)
    _write(
        home / "pyvenv.cfg",
        f"home = /usr/bin\ninclude-system-site-packages = false\nversion = {target.python}\n",
    )
    program = home / "bin" / "edge-agent"
    _write(
        program,
        f"#!/{HOME}/bin/python -I\nfrom edge_agent.cli import main\n\nmain()\n",
    )
    program.chmod(0o755)
    (home / "bin" / "python").symlink_to(f"/usr/bin/python{target.python}")
    (home / "bin" / "python3").symlink_to("python")


def _pins(target: Target) -> Iterator[str]:
    """Give the lock's entries for the target; pip would judge markers by this machine's Python."""
    environment = {
        "python_version": target.python,
        "python_full_version": f"{target.python}.0",
        "implementation_name": "cpython",
        "platform_python_implementation": "CPython",
        "platform_machine": MACHINES[target.arch],
        "platform_system": "Linux",
        "sys_platform": "linux",
        "os_name": "posix",
        "extra": "",
    }
    wanted = False
    for line in (ROOT / "requirements.lock").read_text(encoding="utf-8").splitlines():
        if pin := _PIN.match(line):
            marker = Requirement(pin.group().strip()).marker
            fits = marker is None or marker.evaluate(environment)
            wanted = fits and pin["name"].lower() not in _BUILD_ONLY
            if wanted:  # the marker has been judged
                yield line.split(";")[0].rstrip().rstrip("\\").rstrip() + " \\"
        elif wanted and line.lstrip().startswith("--hash"):
            yield line


def _control(tree: Path, target: Target) -> None:
    major, minor = target.python.split(".")
    octets = sum(path.stat().st_size for path in tree.rglob("*") if path.is_file())
    _write(
        tree / "DEBIAN/control",
        f"""Package: {NAME}
Version: {target.version}
Architecture: {target.arch}
Maintainer: {NAME} <maintainer@example.invalid>
Installed-Size: {octets // 1024}
Section: misc
Priority: optional
Depends: python3 (>= {major}.{minor}~), python3 (<< {major}.{int(minor) + 1}~), systemd
Recommends: bluez
Description: edge gateway agent for bedside and home hubs
 Reads sensors over Bluetooth LE, serial lines and Modbus, watches over a person,
 warns, and keeps sealed summaries until the clinic's collector has them.
 Not a medical device.
""",
    )
    for name in ("postinst", "prerm", "postrm"):
        script = tree / "DEBIAN" / name
        _write(script, (Path(__file__).parent / name).read_text(encoding="utf-8"))
        script.chmod(0o755)


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


def _run(*command: str) -> None:
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)


if __name__ == "__main__":
    sys.exit(main())
