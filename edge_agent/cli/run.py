"""``edge-agent run``: the hub itself."""

from __future__ import annotations

import asyncio
import faulthandler
import os
from pathlib import Path

import click


@click.command("run")
@click.option(
    "--config", "config_file", type=click.Path(path_type=Path), required=True,
    help="The hub's configuration (TOML).",
)  # fmt: skip
@click.option("--log-level", default="info", show_default=True,
              type=click.Choice(["debug", "info", "warning", "error"]))  # fmt: skip
def command(config_file: Path, log_level: str) -> None:
    """Run the hub until SIGTERM or Ctrl-C.

    Ends with exit code 78 when the configuration can't be used; nothing is started then.

    \b
    Example:
      edge-agent run --config /etc/edge-agent/hub.toml
    """
    # The hub's arrays are short: a pool of linear-algebra threads would only cost memory.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

    from edge_agent.agent import Agent
    from edge_agent.clock import SystemClock
    from edge_agent.journal import set_up
    from edge_agent.plan import plan

    set_up(log_level)
    # What SIGABRT, the end of a hang, has to show: where each thread stands.
    faulthandler.enable()
    planned = plan(config_file)
    asyncio.run(Agent(planned, SystemClock()).run_until_signal())
