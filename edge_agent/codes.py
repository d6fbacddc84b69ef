"""Every quantity the hub knows: IEEE 11073 name, LOINC, UCUM unit and plausible range.

Codes are context-free ISO/IEEE 11073-10101 codes. Quantities of the room, and figures that the
hub computes and the nomenclature lacks, use the private range of their partition (terms from
0xF000) and a reference id that begins with ``MDCX_EDGE_``.
"""

from __future__ import annotations

from types import MappingProxyType

from edge_agent.model import Code, Unit

_SCADA_PRIVATE = (2 << 16) + 0xF000

ECG = Code(
    mdc=131328, refid="MDC_ECG_ELEC_POTL", title="ECG",
    unit=Unit.MICROVOLT, low=-200_000, high=200_000,
)  # fmt: skip
HEART_RATE = Code(
    mdc=147842, refid="MDC_ECG_HEART_RATE", title="heart rate",
    unit=Unit.PER_MINUTE, low=15, high=300, loinc="8867-4",
)  # fmt: skip
RR_INTERVAL = Code(
    mdc=147240, refid="MDC_ECG_TIME_PD_RR_GL", title="RR interval",
    unit=Unit.MILLISECOND, low=200, high=4000,
)  # fmt: skip
SPO2 = Code(
    mdc=150456, refid="MDC_PULS_OXIM_SAT_O2", title="SpO2",
    unit=Unit.PERCENT, low=0, high=100, loinc="59408-5",
)  # fmt: skip
PULSE_RATE = Code(
    mdc=149530, refid="MDC_PULS_OXIM_PULS_RATE", title="pulse rate",
    unit=Unit.PER_MINUTE, low=15, high=325,
)  # fmt: skip
PLETH = Code(
    mdc=150452, refid="MDC_PULS_OXIM_PLETH", title="pleth",
    unit=Unit.ONE, low=0, high=65_535,
)  # fmt: skip
GLUCOSE = Code(
    mdc=160212, refid="MDC_CONC_GLU_ISF", title="glucose",
    unit=Unit.MILLIGRAM_PER_DECILITRE, low=10, high=1000, loinc="99504-3",
)  # fmt: skip
BATTERY = Code(
    mdc=67996, refid="MDC_ATTR_VAL_BATT_CHARGE", title="battery",
    unit=Unit.PERCENT, low=0, high=100,
)  # fmt: skip
ROOM_TEMPERATURE = Code(
    mdc=188508, refid="MDC_TEMP_ROOM", title="room temperature",
    unit=Unit.CELSIUS, low=-40, high=80,
)  # fmt: skip
GLUCOSE_TREND = Code(
    mdc=_SCADA_PRIVATE + 1, refid="MDCX_EDGE_CONC_GLU_ISF_RATE", title="glucose trend",
    unit=Unit.MILLIGRAM_PER_DECILITRE_PER_MINUTE, low=-20, high=20,
)  # fmt: skip
ROOM_HUMIDITY = Code(
    mdc=_SCADA_PRIVATE + 2, refid="MDCX_EDGE_ROOM_HUMIDITY", title="room humidity",
    unit=Unit.PERCENT, low=0, high=100,
)  # fmt: skip
ROOM_CO2 = Code(
    mdc=_SCADA_PRIVATE + 3, refid="MDCX_EDGE_ROOM_CO2", title="room CO2",
    unit=Unit.PPM, low=300, high=10_000,
)  # fmt: skip
SDNN = Code(
    mdc=_SCADA_PRIVATE + 4, refid="MDCX_EDGE_HRV_SDNN", title="SDNN",
    unit=Unit.MILLISECOND, low=0, high=2000,
)  # fmt: skip
RMSSD = Code(
    mdc=_SCADA_PRIVATE + 5, refid="MDCX_EDGE_HRV_RMSSD", title="RMSSD",
    unit=Unit.MILLISECOND, low=0, high=2000,
)  # fmt: skip
PNN50 = Code(
    mdc=_SCADA_PRIVATE + 6, refid="MDCX_EDGE_HRV_PNN50", title="pNN50",
    unit=Unit.PERCENT, low=0, high=100,
)  # fmt: skip
GLUCOSE_IN_15_MIN = Code(
    mdc=_SCADA_PRIVATE + 7, refid="MDCX_EDGE_CONC_GLU_ISF_IN_15_MIN", title="glucose in 15 min",
    unit=Unit.MILLIGRAM_PER_DECILITRE, low=10, high=1000,
)  # fmt: skip
GLUCOSE_IN_30_MIN = Code(
    mdc=_SCADA_PRIVATE + 8, refid="MDCX_EDGE_CONC_GLU_ISF_IN_30_MIN", title="glucose in 30 min",
    unit=Unit.MILLIGRAM_PER_DECILITRE, low=10, high=1000,
)  # fmt: skip

ALL: tuple[Code, ...] = (
    ECG, HEART_RATE, RR_INTERVAL, SPO2, PULSE_RATE, PLETH, GLUCOSE, BATTERY, ROOM_TEMPERATURE,
    GLUCOSE_TREND, ROOM_HUMIDITY, ROOM_CO2, SDNN, RMSSD, PNN50, GLUCOSE_IN_15_MIN,
    GLUCOSE_IN_30_MIN,
)  # fmt: skip

BY_REFID = MappingProxyType({code.refid: code for code in ALL})
"""Reference id -> code, for register maps and stored records."""
