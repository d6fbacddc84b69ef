"""``python -m tests.hil_truth``: the hardware-in-loop scenarios on real BlueZ, in a guest.

The product's own links and drivers and the mock sensors run in an emulated PC with the kernel and
the ``bluetoothd`` of a Debian release; only the radio is simulated. Takes minutes, and is meant
for the days on which the mock of BlueZ changes, and for releases.
"""

import argparse
import platform
import shutil
import sys
import tempfile
from pathlib import Path

from edge_agent.errors import EdgeError
from tests.hil_truth.image import RELEASES, image
from tests.hil_truth.machine import run

_PROGRAMS = {
    "qemu-system-x86_64": "qemu-system-x86",
    "mmdebstrap": "mmdebstrap",
    "genext2fs": "genext2fs",
}


def main() -> int:
    """Run the scenarios and return pytest's status."""
    parser = argparse.ArgumentParser(prog="python -m tests.hil_truth", description=__doc__)
    parser.add_argument("--debian", choices=RELEASES, default=RELEASES[-1], help="the guest")
    parser.add_argument(
        "--accel",
        default="tcg,thread=multi",
        help="QEMU's accelerator; kvm is ten times faster where it works",
    )
    parser.add_argument("pytest", nargs="*", help="arguments of pytest, after --")
    chosen = parser.parse_args()
    try:
        _check_host()
        results = Path(tempfile.mkdtemp(prefix="hil-truth-"))
        arguments = chosen.pytest or ["tests/hil_truth"]
        status = run(image(chosen.debian), results, arguments, chosen.accel)
    except EdgeError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    if status:
        sys.stdout.write(f"logs: {results}\n")
    else:
        shutil.rmtree(results)
    return status


def _check_host() -> None:
    if platform.machine() != "x86_64":
        raise EdgeError(
            "guest", f"an x86-64 one, on {platform.machine()}", "Run it on an x86-64 machine"
        )
    missing = [package for name, package in _PROGRAMS.items() if not shutil.which(name)]
    if missing:
        step = f"Install them: apt install {' '.join(missing)}"
        raise EdgeError("guest", f"not installed here: {', '.join(missing)}", step)


if __name__ == "__main__":
    sys.exit(main())
