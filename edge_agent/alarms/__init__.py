"""Alarms: rules with evidence, delays, hysteresis, latching and staleness."""
