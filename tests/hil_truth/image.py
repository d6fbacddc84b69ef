"""The guest's disk: a small Debian with BlueZ, and this project's locked packages.

It is built once for each Debian release and lock file, by mmdebstrap, without rights beyond the
user's own, and never written to afterwards.
"""

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from edge_agent.errors import EdgeError

ROOT = Path(__file__).parents[2]
_LOCK = Path("requirements-dev.lock")
_FIRST_STEPS = Path("tests/hil_truth/first_steps.sh")
_CERTIFICATES = Path("/etc/ssl/certs/ca-certificates.crt")
_BUILD_S = 1800

RELEASES = ("bookworm", "trixie")  # BlueZ 5.66 and 5.82
_PACKAGES = (
    "bluez",
    "ca-certificates",
    "dbus",
    "initramfs-tools",
    "kmod",
    "linux-image-amd64",
    "python3-venv",
    "systemd-sysv",
    "udev",
)
_MODULES = ("9p", "9pnet_virtio", "ext4", "virtio_blk", "virtio_pci")
_LOCKED = "--require-hashes --only-binary :all:"
_LEFT_OUT = ("/usr/share/doc/*", "/usr/share/locale/*", "/usr/share/man/*")


@dataclass(frozen=True)
class Image:
    """What QEMU boots: a disk, and the kernel and first file system that lie on it."""

    folder: Path

    @property
    def disk(self) -> Path:
        """The root file system, ext2, without partitions."""
        return self.folder / "disk.ext2"

    @property
    def kernel(self) -> Path:
        """The release's own kernel."""
        return next(self.folder.glob("vmlinuz-*"))

    @property
    def initrd(self) -> Path:
        """What the kernel needs to find its disk."""
        return next(self.folder.glob("initrd.img-*"))


def image(release: str) -> Image:
    """Return the guest's disk for a Debian release, built now if there is none yet.

    :raises EdgeError: mmdebstrap fails; the message ends with what it said last.
    """
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    folder = cache / "bedside-edge-agent" / "hil-truth" / f"{release}-{_recipe(release)}"
    if not folder.exists():
        folder.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder.parent, prefix="building-") as name:
            _build(release, Path(name) / "image")
            for outdated in folder.parent.glob(f"{release}-*"):
                shutil.rmtree(outdated)
            (Path(name) / "image").rename(folder)
    return Image(folder)


def _recipe(release: str) -> str:
    """Return a name for everything the disk is made from, so that a change makes a new one."""
    command = "\n".join(_command(release, Path("disk")))
    parts = (command.encode(), *((ROOT / one).read_bytes() for one in (_LOCK, _FIRST_STEPS)))
    return hashlib.sha256(b"\0".join(parts)).hexdigest()[:12]


def _build(release: str, folder: Path) -> None:
    folder.mkdir()
    sys.stdout.write(f"building a guest of {release}; this takes some minutes, once\n")
    log = folder.with_suffix(".log")
    with log.open("wb") as output:
        try:
            subprocess.run(
                _command(release, folder),
                cwd=ROOT,
                stdout=output,
                stderr=output,
                timeout=_BUILD_S,
                check=True,
            )
        except subprocess.SubprocessError as error:
            last = "\n".join(log.read_text(errors="replace").splitlines()[-15:])
            step = "It needs the network, and user namespaces (or root)"
            raise EdgeError(f"guest of {release}", f"{error}\n{last}\n", step) from error


def _command(release: str, folder: Path) -> list[str]:
    modules = "\\n".join(_MODULES)
    hooks = [
        'echo MODULES=list >"$1/etc/initramfs-tools/conf.d/guest"',
        f'printf "{modules}\\n" >"$1/etc/initramfs-tools/modules"',
        'chroot "$1" update-initramfs -u',
        f"copy-in {_FIRST_STEPS} /",
        f'chmod 755 "$1/{_FIRST_STEPS.name}"',
        f"copy-in {_LOCK} /root",
        'chroot "$1" python3 -m venv /opt/venv',
        f'chroot "$1" /opt/venv/bin/pip install --no-cache-dir {_LOCKED} -r /root/{_LOCK}',
        f"copy-out /vmlinuz /initrd.img {folder}",
    ]
    if _CERTIFICATES.exists():
        hooks.insert(0, f"copy-in {_CERTIFICATES} {_CERTIFICATES.parent}")  # trust as the host does
    return [
        shutil.which("mmdebstrap") or "mmdebstrap",
        "--variant=minbase",
        f"--include={','.join(_PACKAGES)}",
        *(f"--dpkgopt=path-exclude={pattern}" for pattern in _LEFT_OUT),
        *(f"--customize-hook={hook}" for hook in hooks),
        "--format=ext2",
        release,
        str(folder / "disk.ext2"),
    ]
