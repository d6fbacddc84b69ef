"""``edge-agent validate``: what the signal processing is worth, measured on recordings."""

from __future__ import annotations

import click

from edge_agent.cli.lazy import LazyGroup

_COMMANDS = {
    "alarms": "Measure the alarms on seeded episodes, a made-up month and known answers.",
    "glucose": "Score the glucose forecast and its alarm on CGM traces.",
    "ecg": "Score the ECG processing on annotated recordings and write one report.",
    "learn": "Learn the weights that the hub ships anew.",
    "oximetry": "Measure indices, alarms and artefact gating of oximetry.",
}


@click.group("validate", cls=LazyGroup, offered=_COMMANDS, prefix="edge_agent.cli.validate_")
def command() -> None:
    """Measure what the signal processing is worth, on recordings, beside other software.

    \b
    Examples:
      edge-agent validate ecg --data recordings --out report
      edge-agent validate alarms --data tables
      edge-agent validate glucose --data traces --predictions forecasts
      edge-agent validate learn ventricular --data recordings
      edge-agent validate oximetry --data tables
    """
