"""What the alarms are worth: the sections of ``edge-agent validate alarms``."""
