"""A small Debian in a folder, to install the package into; made once for each release."""

import os
import shutil
import subprocess
import tempfile
from pathlib import Path

_PACKAGES = "python3,systemd"
_BUILD_S, _RUN_S = 900, 300
_ENTER = (
    'mount --rbind /dev "$0/dev" && mount -t proc proc "$0/proc" && exec chroot "$0" sh -ec "$1"'
)


def base(release):
    """Return the archive of a bare Debian, built by mmdebstrap if there is none yet."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    archive = cache / "bedside-edge-agent" / "deb-test" / f"{release}.tar"
    if not archive.exists():
        archive.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=archive.parent) as name:
            fresh = Path(name) / "base.tar"
            subprocess.run(
                ["mmdebstrap", "--quiet", "--variant=minbase", f"--include={_PACKAGES}",
                 release, str(fresh)],
                check=True, timeout=_BUILD_S,
            )  # fmt: skip
            fresh.rename(archive)
    return archive


class Chroot:
    """A Debian of its own. Mounts end with each command; one that ends in exec is its process."""

    def __init__(self, folder, release):
        self.root = folder
        folder.mkdir()
        subprocess.run(["tar", "-xf", str(base(release)), "-C", str(folder)], check=True)

    def command(self, script):
        return ["unshare", "--mount", "sh", "-ec", _ENTER, str(self.root), script]

    def run(self, script, *, check=True):
        """Run a shell script in it; return what it said and its status."""
        done = subprocess.run(
            self.command(script), capture_output=True, text=True, timeout=_RUN_S, check=False
        )
        assert not check or done.returncode == 0, f"{script}\n{done.stdout}{done.stderr}"
        return done

    def put(self, file, place="/tmp"):
        """Copy a file in; return its path as seen from inside."""
        shutil.copy(file, self.root / place.lstrip("/"))
        return f"{place}/{Path(file).name}"

    def path(self, inside):
        return self.root / inside.lstrip("/")
