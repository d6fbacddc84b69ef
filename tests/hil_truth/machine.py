"""The guest: an emulated PC without network, which runs the scenarios and switches itself off."""

import contextlib
import shlex
import shutil
import subprocess
import sys
import time
from pathlib import Path

from edge_agent.errors import EdgeError
from edge_mocks.children import dies_with_us
from tests.hil_truth.image import ROOT, Image

_POLL_S = 0.5
_RUN_S = 3600
_INSTALL_S = 300
_MEMORY_MIB, _CORES = 1536, 2
_KERNEL_LINE = (
    "root=/dev/vda rw console=ttyS0 quiet systemd.journald.forward_to_console "
    "systemd.run=/first_steps.sh "
    "systemd.run_success_action=poweroff systemd.run_failure_action=poweroff"
)


def run(image: Image, results: Path, arguments: list[str], accelerator: str) -> int:
    """Run pytest with ``arguments`` in the guest; show what it says; return its status.

    ``results`` is an empty folder that the guest writes to: ``output``, ``bluetoothd.log`` and
    ``console.log`` stay there.

    :raises EdgeError: the guest does not come as far as a status, or takes more than an hour.
    """
    _install_project(results / "site")
    (results / "arguments").write_text(shlex.join(arguments), encoding="utf-8")
    with (results / "qemu.log").open("wb") as complaints:
        guest = subprocess.Popen(
            [*dies_with_us(), *_command(image, results, accelerator)],
            stdin=subprocess.DEVNULL,
            stdout=complaints,
            stderr=complaints,
            start_new_session=True,
        )
    try:
        _follow(guest, results / "output")
    finally:
        guest.kill()
        guest.wait()
    with contextlib.suppress(FileNotFoundError):
        return int((results / "status").read_text())
    said = (results / "qemu.log").read_text(errors="replace").strip()
    raise EdgeError(
        "guest",
        f"ended without a status {said}".strip(),
        f"Read {results / 'console.log'}",
    )


def _install_project(site: Path) -> None:
    """Put the project's own wheel into the guest's reach: its code and its entry points."""
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-compile"]
    command = [*pip, "--no-build-isolation", "--target", str(site), str(ROOT)]
    try:
        subprocess.run(command, check=True, timeout=_INSTALL_S)
    except subprocess.SubprocessError as error:
        step = "Read what pip says above"
        raise EdgeError("the project's wheel", str(error), step) from error


def _follow(guest: subprocess.Popen[bytes], output: Path) -> None:
    """Pass on what the guest writes until it switches itself off."""
    deadline, shown = time.monotonic() + _RUN_S, 0
    running = True
    while running:
        if time.monotonic() > deadline:
            raise EdgeError("guest", f"still running after {_RUN_S} s", f"Read {output}")
        running = guest.poll() is None
        if output.exists():
            with output.open("rb") as file:
                file.seek(shown)
                fresh = file.read()
            shown += len(fresh)
            sys.stdout.write(fresh.decode(errors="replace"))
            sys.stdout.flush()
        if running:
            time.sleep(_POLL_S)


def _command(image: Image, results: Path, accelerator: str) -> list[str]:
    share = "local,security_model=none"
    return [
        shutil.which("qemu-system-x86_64") or "qemu-system-x86_64",
        *("-accel", accelerator, "-cpu", "max", "-smp", str(_CORES), "-m", str(_MEMORY_MIB)),
        *("-nodefaults", "-nic", "none", "-display", "none", "-no-reboot"),
        *("-serial", f"file:{results / 'console.log'}"),
        *("-kernel", str(image.kernel), "-initrd", str(image.initrd), "-append", _KERNEL_LINE),
        *("-drive", f"file={image.disk},format=raw,if=virtio,snapshot=on"),
        *("-virtfs", f"{share},path={ROOT},mount_tag=checkout,readonly=on"),
        *("-virtfs", f"{share},path={results},mount_tag=results"),
    ]
