"""Software from elsewhere: is it installed, which version, and how it is kept quiet."""

from __future__ import annotations

import contextlib
import importlib.metadata
import io
import sys
import warnings
from collections.abc import Iterator, Sequence
from types import ModuleType
from typing import Any

import numpy as np

from edge_agent.errors import EdgeError

INSTALL = "pip install 'bedside-edge-agent[bench]'"


def version_of(distribution: str) -> str | None:
    """Return the version of an installed distribution, or ``None``."""
    try:
        return importlib.metadata.version(distribution)
    except importlib.metadata.PackageNotFoundError:
        return None


def require(distributions: Sequence[str]) -> None:
    """Make sure that all of these are installed.

    :raises EdgeError: naming what is missing and how to install it.
    """
    missing = [one for one in distributions if version_of(one) is None]
    if missing:
        raise EdgeError(" and ".join(missing), "not installed", f"Install them: {INSTALL}")


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Let software from elsewhere run without its warnings and prints.

    They are about its own code, not about what is measured.
    """
    with (
        warnings.catch_warnings(),
        np.errstate(all="ignore"),
        contextlib.redirect_stdout(io.StringIO()),
        contextlib.redirect_stderr(io.StringIO()),
    ):
        warnings.simplefilter("ignore")
        yield


def hrv_analysis() -> Any:  # noqa: ANN401 - it has no types
    """Return the module ``hrvanalysis``.

    It imports nolds for its sample entropy, and nolds 0.6.3 can't be imported on Python 3.11
    (it asks importlib for the resources of a module). Nothing of nolds is used here, so an empty
    module stands in for it where its own import fails.
    """
    with quiet():
        try:
            import hrvanalysis
        except TypeError:
            sys.modules["nolds"] = ModuleType("nolds")
            try:
                import hrvanalysis
            finally:
                del sys.modules["nolds"]
        return hrvanalysis
