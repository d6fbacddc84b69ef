"""Sensor drivers: one file per device family, each a codec in both directions and a DRIVER."""
