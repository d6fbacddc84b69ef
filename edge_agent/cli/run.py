"""``edge-agent run``: the hub itself."""

from __future__ import annotations

import asyncio
import logging
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
    logging.basicConfig(level=log_level.upper(), format="%(levelname)s %(name)s: %(message)s")
    # pymodbus reports every time-out at error level with a dump of frames; the link says it better.
    logging.getLogger("pymodbus").setLevel(logging.CRITICAL)
    # The hub's arrays are short: a pool of linear-algebra threads would only cost memory.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

    from edge_agent.agent import Agent
    from edge_agent.clock import SystemClock
    from edge_agent.plan import plan

    planned = plan(config_file)
    asyncio.run(Agent(planned, SystemClock()).run_until_signal())
