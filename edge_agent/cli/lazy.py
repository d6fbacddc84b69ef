"""A group of commands whose modules are loaded when they are called: ``--help`` stays instant."""

from __future__ import annotations

import importlib
import keyword
from collections.abc import Mapping
from typing import Any

import click


class LazyGroup(click.Group):
    """Offers ``offered`` (name and one line of help); the module is ``prefix`` and the name.

    A name that is a keyword of Python has a module that ends in an underscore.
    """

    def __init__(self, *args: Any, offered: Mapping[str, str], prefix: str, **more: Any) -> None:  # noqa: ANN401
        super().__init__(*args, **more)
        self._offered, self._prefix = offered, prefix

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names in order."""
        return sorted(self._offered)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Load a command."""
        if cmd_name not in self._offered:
            return None
        module = f"{cmd_name}_" if keyword.iskeyword(cmd_name) else cmd_name
        found: click.Command = importlib.import_module(self._prefix + module).command
        return found

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the commands without loading any."""
        with formatter.section("Commands"):
            formatter.write_dl(sorted(self._offered.items()))
