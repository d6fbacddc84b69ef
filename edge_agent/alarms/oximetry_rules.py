"""The rule about an oximeter that contradicts the ECG."""

from __future__ import annotations

from edge_agent.alarms.rules import FindingRule
from edge_agent.model import Priority


def oximetry_rules() -> tuple[FindingRule, ...]:
    """Return the rules about findings of oximeters."""
    return (
        FindingRule(
            name="pulse-disagreement", title="pulse and heart rate disagree",
            finding="pulse-disagreement", priority=Priority.LOW, technical=True,
            advice="The oximeter's pulse is not the heart rate of the ECG: one of them is wrong, "
            "and the SpO2 is not to be relied on. Warm the hand, place the finger anew, look at "
            "the electrodes. An irregular heart can do it too: not every beat reaches the finger.",
        ),
    )  # fmt: skip
