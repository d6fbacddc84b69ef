"""``make deb-test``: the Debian package in a Debian. Elsewhere nothing here is collected."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.deb.chroot import Chroot

WANTED = "DEB_TEST" in os.environ
RELEASE = os.environ.get("DEB_RELEASE", "trixie")

collect_ignore_glob = [] if WANTED else ["test_*.py"]


def pytest_collection_modifyitems(items):
    if WANTED and os.geteuid() != 0:
        for one in items:
            one.add_marker(pytest.mark.skip(reason="a chroot needs root: sudo make deb-test"))


@pytest.fixture(scope="session")
def built(tmp_path_factory):
    """The package as ``make deb`` builds it for this machine."""
    arch = subprocess.check_output(["dpkg", "--print-architecture"], text=True).strip()
    out = tmp_path_factory.mktemp("debs")
    made = subprocess.run(
        [sys.executable, "debian/deb.py", "--release", RELEASE, "--arch", arch, "--out", out],
        check=True, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    return Path(made.stdout.strip())


@pytest.fixture(scope="session")
def another(built, tmp_path_factory):
    """Make a package like the one that was built, of another version, with something changed."""

    def make(version, change=None):
        tree = tmp_path_factory.mktemp("tree") / "tree"
        subprocess.run(["dpkg-deb", "--raw-extract", built, tree], check=True)
        control = tree / "DEBIAN/control"
        lines = control.read_text().splitlines()
        control.write_text(
            "\n".join(f"Version: {version}" if one.startswith("Version:") else one for one in lines)
            + "\n"
        )
        (init,) = tree.glob("opt/edge-agent/lib/python*/site-packages/edge_agent/__init__.py")
        text = init.read_text()
        init.write_text(
            "\n".join(
                f'__version__ = "{version}"' if line.startswith("__version__") else line
                for line in text.splitlines()
            )
            + "\n"
        )
        if change:
            change(init.parent)
        package = tree.parent / f"edge-agent_{version}.deb"
        subprocess.run(
            ["dpkg-deb", "-Zgzip", "-z1", "--root-owner-group", "--build", tree, package],
            check=True, stdout=subprocess.PIPE,
        )  # fmt: skip
        shutil.rmtree(tree)
        return package

    return make


@pytest.fixture
def debian(tmp_path):
    return Chroot(tmp_path / "debian", RELEASE)
