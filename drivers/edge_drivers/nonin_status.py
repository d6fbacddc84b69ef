"""What Nonin's data formats share: how a missing number is told, the second status octet, limits.

Sources: Nonin OEM III module specification; for the second status octet mattjlewis/NoninPulseOx and
drphrozen/javautilityclasses (GitHub).
"""

from __future__ import annotations

from enum import IntFlag

NO_RATE, NO_SATURATION = 511, 127


class Status2(IntFlag):
    """The second status octet: frame 8 of a packet, octet 4 of data format 8."""

    NONE = 0x00
    BATTERY_LOW = 0x01
    """Less than half an hour is left."""
    BATTERY_CRITICAL = 0x02
    SPOT_CHECK = 0x04
    SENSOR_FAULT = 0x08
    SMARTPOINT = 0x20
    """The measurement has passed the sensor's own test of quality."""


BATTERY = Status2.BATTERY_LOW | Status2.BATTERY_CRITICAL
"""What is told of the battery."""


def saturation(octet: int) -> int | None:
    """Decode an SpO2 in percent (seven bits), 127 for none."""
    value = octet & 0x7F
    return None if value == NO_SATURATION else value


def pulse_rate(msb: int, lsb: int) -> int | None:
    """Decode a pulse rate per minute (two high bits, seven low ones), 511 for none."""
    value = (msb & 0x03) << 7 | lsb & 0x7F
    return None if value == NO_RATE else value


def saturation_octet(value: int | None) -> int:
    """Encode an SpO2 in percent."""
    return NO_SATURATION if value is None else value


def pulse_rate_octets(value: int | None) -> tuple[int, int]:
    """Encode a pulse rate per minute as high and low octet."""
    rate = NO_RATE if value is None else value
    return rate >> 7, rate & 0x7F
