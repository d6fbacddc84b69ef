"""``edge-agent demo``: a hub against mock sensors, with a collector and an outage."""

from __future__ import annotations

import re
from pathlib import Path

import click

_UNITS_S = {"": 1.0, "s": 1.0, "m": 60.0, "min": 60.0, "h": 3600.0}


class Duration(click.ParamType[float]):
    """A span of time such as ``90``, ``90s``, ``2m``, ``1h``; gives seconds."""

    name = "duration"

    def convert(
        self,
        value: object,
        param: click.Parameter | None,
        ctx: click.Context | None,
    ) -> float:
        """Return the seconds, or fail in click's way."""
        if isinstance(value, float):
            return value
        found = re.fullmatch(r"(\d+(?:\.\d+)?)\s*(s|m|min|h|)", str(value).strip())
        if found is None:
            self.fail(f"{value!r} is no span of time; write 90s, 2m or 1h", param, ctx)
        return float(found[1]) * _UNITS_S[found[2]]


@click.command("demo")
@click.option("--for", "duration_s", type=Duration(), help="Run unattended for this long.")
@click.option("--outage", "outage_s", type=Duration(),
              help="How long the link stays cut.  [default: 15s, or a third of --for]")  # fmt: skip
@click.option("--kill", is_flag=True, help="Kill the hub with SIGKILL in the outage.")
@click.option("--recording", type=click.Path(path_type=Path, exists=True),
              help="Play this ECG (a WFDB header) instead of a synthetic one.")  # fmt: skip
@click.option("--report", "report_file", type=click.Path(path_type=Path),
              help="Write the account of the run as JSON.")  # fmt: skip
@click.option("--seed", default=1, show_default=True, help="Seed of everything random.")
def command(
    duration_s: float | None,
    outage_s: float | None,
    kill: bool,
    recording: Path | None,
    report_file: Path | None,
    seed: int,
) -> None:
    """Run a real hub against mock sensors, with a collector and a link that is cut.

    The hub is `edge-agent run` in a process of its own, with its real Bluetooth, serial and
    Modbus clients. Ends with Ctrl-C, or with --for; then exit code 1 means that a record was
    lost or duplicated.

    \b
    Examples:
      edge-agent demo
      edge-agent demo --for 60s --outage 20s --kill --report report.json
    """
    import asyncio

    from edge_agent.demo.play import run_demo
    from edge_agent.demo.script import Script

    if outage_s is None:
        outage_s = 15.0 if duration_s is None else min(15.0, duration_s / 3)
    if duration_s is not None and outage_s > duration_s * 2 / 3:
        raise click.BadParameter("must leave a third of --for before it", param_hint="--outage")
    if kill and not outage_s:
        raise click.BadParameter("needs an outage to happen in", param_hint="--kill")
    if report_file is not None and not report_file.absolute().parent.is_dir():
        raise click.BadParameter(f"there is no folder {report_file.parent}", param_hint="--report")
    script = Script(duration_s=duration_s, outage_s=outage_s, kill=kill)
    report = asyncio.run(run_demo(script, seed=seed, recording=recording))
    if report_file is not None:
        import msgspec

        report_file.write_bytes(msgspec.json.format(msgspec.json.encode(report), indent=2) + b"\n")
    if report.lost or report.duplicated:
        raise SystemExit(1)
