"""Starts the FHIR test server, and speaks to it."""

import shutil
import subprocess
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.fhir_server.phd_profiles import PACKAGES, write_profiles

FOLDER = Path(__file__).parent


class FhirServer:
    """A running server; ``base`` is where FHIR is spoken."""

    def __init__(self, port: int) -> None:
        self.root = f"http://127.0.0.1:{port}"
        self.base = f"{self.root}/fhir"


@contextmanager
def fhir_server(profiles: Path, *more_profiles: Path):
    """Run a server that knows the profiles of the guide; without node, skip with the reason."""
    node = shutil.which("node")
    if node is None:
        pytest.skip("node is not installed: no FHIR server to test against")
    if not PACKAGES.exists():
        pytest.skip("the FHIR server's packages are not installed: run make test")
    write_profiles(profiles)
    process = subprocess.Popen(
        [node, FOLDER / "server.cjs", *(more_profiles or (profiles,))],
        stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        line = process.stdout.readline().split()
        assert line[:1] == ["ready"], line
        yield FhirServer(int(line[1]))
    finally:
        process.kill()
        process.wait()
        process.stdout.close()
