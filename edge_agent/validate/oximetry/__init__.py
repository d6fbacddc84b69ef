"""What the oximetry is worth: indices, alarms, artefact gating, pulse against heart rate."""
