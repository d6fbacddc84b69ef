"""``edge-agent validate ecg``: what the ECG rooms are worth, section by section."""
