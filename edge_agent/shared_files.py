"""Finds the files that come with the project: configuration examples, register maps, the unit."""

from __future__ import annotations

import sys
from pathlib import Path

from edge_agent.errors import EdgeError

_DISTRIBUTION = "bedside-edge-agent"


def shared_file(name: str) -> Path:
    """Return the path of a shipped file such as ``config/hub.toml``.

    In a checkout it stands beside the package, in an installation under
    ``share/bedside-edge-agent`` of the environment.

    :raises EdgeError: the installation is incomplete.
    """
    checkout = Path(__file__).resolve().parents[1]
    roots = (checkout, Path(sys.prefix) / "share" / _DISTRIBUTION)
    for root in roots:
        if (root / name).exists():
            return root / name
    places = " or ".join(str(root) for root in roots)
    raise EdgeError(name, f"not found in {places}", f"Install {_DISTRIBUTION} again")
