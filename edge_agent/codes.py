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
PERFUSION_INDEX = Code(
    mdc=150488, refid="MDC_BLD_PERF_INDEX", title="perfusion index",
    unit=Unit.PERCENT, low=0, high=100, loinc="61006-3",
)  # fmt: skip
RESPIRATION_RATE = Code(
    mdc=151562, refid="MDC_RESP_RATE", title="respiration rate",
    unit=Unit.PER_MINUTE, low=2, high=120, loinc="9279-1",
)  # fmt: skip
SYSTOLIC = Code(
    mdc=150021, refid="MDC_PRESS_BLD_NONINV_SYS", title="systolic pressure",
    unit=Unit.MILLIMETRE_OF_MERCURY, low=20, high=330, loinc="8480-6",
)  # fmt: skip
DIASTOLIC = Code(
    mdc=150022, refid="MDC_PRESS_BLD_NONINV_DIA", title="diastolic pressure",
    unit=Unit.MILLIMETRE_OF_MERCURY, low=10, high=250, loinc="8462-4",
)  # fmt: skip
MEAN_PRESSURE = Code(
    mdc=150023, refid="MDC_PRESS_BLD_NONINV_MEAN", title="mean pressure",
    unit=Unit.MILLIMETRE_OF_MERCURY, low=10, high=300, loinc="8478-0",
)  # fmt: skip
CUFF_PULSE_RATE = Code(
    mdc=149546, refid="MDC_PULS_RATE_NON_INV", title="pulse rate of the cuff",
    unit=Unit.PER_MINUTE, low=15, high=325, loinc="8867-4",
)  # fmt: skip
BODY_TEMPERATURE = Code(
    mdc=150364, refid="MDC_TEMP_BODY", title="body temperature",
    unit=Unit.CELSIUS, low=20, high=46, loinc="8310-5",
)  # fmt: skip
BODY_WEIGHT = Code(
    mdc=188736, refid="MDC_MASS_BODY_ACTUAL", title="body weight",
    unit=Unit.KILOGRAM, low=0.5, high=450, loinc="29463-7",
)  # fmt: skip
BODY_HEIGHT = Code(
    mdc=188740, refid="MDC_LEN_BODY_ACTUAL", title="body height",
    unit=Unit.CENTIMETRE, low=20, high=280, loinc="8302-2",
)  # fmt: skip
BODY_MASS_INDEX = Code(
    mdc=188752, refid="MDC_RATIO_MASS_BODY_LEN_SQ", title="body mass index",
    unit=Unit.KILOGRAM_PER_SQUARE_METRE, low=5, high=120, loinc="39156-5",
)  # fmt: skip
CAPILLARY_GLUCOSE = Code(
    mdc=160184, refid="MDC_CONC_GLU_CAPILLARY_WHOLEBLOOD", title="capillary glucose",
    unit=Unit.MILLIGRAM_PER_DECILITRE, low=10, high=1000, loinc="2339-0",
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
GLUCOSE_IN_60_MIN = Code(
    mdc=_SCADA_PRIVATE + 88, refid="MDCX_EDGE_CONC_GLU_ISF_IN_60_MIN", title="glucose in 60 min",
    unit=Unit.MILLIGRAM_PER_DECILITRE, low=10, high=1000,
)  # fmt: skip
GLUCOSE_IN_30_MIN = Code(
    mdc=_SCADA_PRIVATE + 8, refid="MDCX_EDGE_CONC_GLU_ISF_IN_30_MIN", title="glucose in 30 min",
    unit=Unit.MILLIGRAM_PER_DECILITRE, low=10, high=1000,
)  # fmt: skip
INSULIN_RESERVOIR = Code(
    mdc=_SCADA_PRIVATE + 9, refid="MDCX_EDGE_INSULIN_RESERVOIR", title="insulin in the reservoir",
    unit=Unit.INSULIN_UNIT, low=0, high=1000,
)  # fmt: skip
INSULIN_ON_BOARD = Code(
    mdc=_SCADA_PRIVATE + 10, refid="MDCX_EDGE_INSULIN_ON_BOARD", title="insulin on board",
    unit=Unit.INSULIN_UNIT, low=0, high=300,
)  # fmt: skip
INSULIN_BOLUS = Code(
    mdc=_SCADA_PRIVATE + 11, refid="MDCX_EDGE_INSULIN_BOLUS", title="insulin bolus delivered",
    unit=Unit.INSULIN_UNIT, low=0, high=100,
)  # fmt: skip
INSULIN_BASAL_RATE = Code(
    mdc=_SCADA_PRIVATE + 12, refid="MDCX_EDGE_INSULIN_BASAL_RATE", title="basal insulin rate",
    unit=Unit.INSULIN_UNIT_PER_HOUR, low=0, high=50,
)  # fmt: skip
INSULIN_TOTAL_DAILY = Code(
    mdc=_SCADA_PRIVATE + 13, refid="MDCX_EDGE_INSULIN_TOTAL_DAILY", title="insulin of the day",
    unit=Unit.INSULIN_UNIT, low=0, high=500,
)  # fmt: skip
ACCELERATION_X = Code(
    mdc=_SCADA_PRIVATE + 14, refid="MDCX_EDGE_ACCELERATION_X", title="acceleration x",
    unit=Unit.MILLI_STANDARD_GRAVITY, low=-16_000, high=16_000,
)  # fmt: skip
ACCELERATION_Y = Code(
    mdc=_SCADA_PRIVATE + 15, refid="MDCX_EDGE_ACCELERATION_Y", title="acceleration y",
    unit=Unit.MILLI_STANDARD_GRAVITY, low=-16_000, high=16_000,
)  # fmt: skip
ACCELERATION_Z = Code(
    mdc=_SCADA_PRIVATE + 16, refid="MDCX_EDGE_ACCELERATION_Z", title="acceleration z",
    unit=Unit.MILLI_STANDARD_GRAVITY, low=-16_000, high=16_000,
)  # fmt: skip
ROOM_PM2_5 = Code(
    mdc=_SCADA_PRIVATE + 17, refid="MDCX_EDGE_ROOM_PM2_5", title="room PM2.5",
    unit=Unit.MICROGRAM_PER_CUBIC_METRE, low=0, high=1000,
)  # fmt: skip
ROOM_PM10 = Code(
    mdc=_SCADA_PRIVATE + 18, refid="MDCX_EDGE_ROOM_PM10", title="room PM10",
    unit=Unit.MICROGRAM_PER_CUBIC_METRE, low=0, high=2000,
)  # fmt: skip
ROOM_VOC = Code(
    mdc=_SCADA_PRIVATE + 19, refid="MDCX_EDGE_ROOM_VOC", title="room VOC",
    unit=Unit.PPB, low=0, high=60_000,
)  # fmt: skip
ROOM_CO = Code(
    mdc=_SCADA_PRIVATE + 20, refid="MDCX_EDGE_ROOM_CO", title="room CO",
    unit=Unit.PPM, low=0, high=1000,
)  # fmt: skip
ROOM_ILLUMINANCE = Code(
    mdc=_SCADA_PRIVATE + 21, refid="MDCX_EDGE_ROOM_ILLUMINANCE", title="room light",
    unit=Unit.LUX, low=0, high=200_000,
)  # fmt: skip
ROOM_SOUND = Code(
    mdc=_SCADA_PRIVATE + 22, refid="MDCX_EDGE_ROOM_SOUND", title="room sound level",
    unit=Unit.DECIBEL, low=0, high=140,
)  # fmt: skip
ROOM_MOTION = Code(
    mdc=_SCADA_PRIVATE + 23, refid="MDCX_EDGE_ROOM_MOTION", title="motion in the room",
    unit=Unit.ONE, low=0, high=65_535,
)  # fmt: skip
CONTACT_CLOSED = Code(
    mdc=_SCADA_PRIVATE + 24, refid="MDCX_EDGE_CONTACT_CLOSED", title="contact closed",
    unit=Unit.ONE, low=0, high=1,
)  # fmt: skip
CONTACT_COUNT = Code(
    mdc=_SCADA_PRIVATE + 25, refid="MDCX_EDGE_CONTACT_COUNT", title="times the contact closed",
    unit=Unit.ONE, low=0, high=4_294_967_295,
)  # fmt: skip
BED_OCCUPIED = Code(
    mdc=_SCADA_PRIVATE + 26, refid="MDCX_EDGE_BED_OCCUPIED", title="bed occupied",
    unit=Unit.ONE, low=0, high=1,
)  # fmt: skip
POWER = Code(
    mdc=_SCADA_PRIVATE + 27, refid="MDCX_EDGE_POWER", title="electrical power",
    unit=Unit.WATT, low=-100_000, high=100_000,
)  # fmt: skip
ENERGY = Code(
    mdc=_SCADA_PRIVATE + 28, refid="MDCX_EDGE_ENERGY", title="electrical energy",
    unit=Unit.KILOWATT_HOUR, low=0, high=100_000_000,
)  # fmt: skip
AF_BURDEN = Code(
    mdc=_SCADA_PRIVATE + 29, refid="MDCX_EDGE_ECG_AF_BURDEN", title="atrial fibrillation burden",
    unit=Unit.PERCENT, low=0, high=100,
)  # fmt: skip
VENTRICULAR_LOAD = Code(
    mdc=_SCADA_PRIVATE + 30, refid="MDCX_EDGE_ECG_V_BEAT_LOAD", title="ventricular beats",
    unit=Unit.PERCENT, low=0, high=100,
)  # fmt: skip
ECG_QUALITY = Code(
    mdc=_SCADA_PRIVATE + 31, refid="MDCX_EDGE_ECG_QUALITY", title="ECG signal quality",
    unit=Unit.PERCENT, low=0, high=100,
)  # fmt: skip
NEWS2 = Code(
    mdc=_SCADA_PRIVATE + 64, refid="MDCX_EDGE_NEWS2", title="NEWS2",
    unit=Unit.ONE, low=0, high=20,
)  # fmt: skip
NEWS2_AT_LEAST = Code(
    mdc=_SCADA_PRIVATE + 65, refid="MDCX_EDGE_NEWS2_AT_LEAST", title="NEWS2, at least",
    unit=Unit.ONE, low=0, high=20,
)  # fmt: skip
DETERIORATION_INDEX = Code(
    mdc=_SCADA_PRIVATE + 66, refid="MDCX_EDGE_DETERIORATION_INDEX",
    title="night, in spreads from usual", unit=Unit.ONE, low=-100, high=100,
)  # fmt: skip
DETERIORATION_SUM = Code(
    mdc=_SCADA_PRIVATE + 67, refid="MDCX_EDGE_DETERIORATION_SUM",
    title="slow deterioration, running sum", unit=Unit.ONE, low=0, high=100,
)  # fmt: skip
HEART_RATE_VERSUS_USUAL = Code(
    mdc=_SCADA_PRIVATE + 68, refid="MDCX_EDGE_HEART_RATE_VERSUS_USUAL",
    title="heart rate, in spreads from usual at this hour", unit=Unit.ONE, low=-100, high=100,
)  # fmt: skip

# A night under an oximeter: private terms from 80 on. LOINC has one code for the index, whatever
# depth a desaturation is counted from; the reference id tells it.
ODI3 = Code(
    mdc=_SCADA_PRIVATE + 80, refid="MDCX_EDGE_PULS_OXIM_ODI3", title="desaturations of 3 % (ODI3)",
    unit=Unit.PER_HOUR, low=0, high=360, loinc="90567-9",
)  # fmt: skip
ODI4 = Code(
    mdc=_SCADA_PRIVATE + 81, refid="MDCX_EDGE_PULS_OXIM_ODI4", title="desaturations of 4 % (ODI4)",
    unit=Unit.PER_HOUR, low=0, high=360, loinc="90567-9",
)  # fmt: skip
T90 = Code(
    mdc=_SCADA_PRIVATE + 82, refid="MDCX_EDGE_PULS_OXIM_T90", title="time under 90 % SpO2 (T90)",
    unit=Unit.PERCENT, low=0, high=100,
)  # fmt: skip
SPO2_NADIR = Code(
    mdc=_SCADA_PRIVATE + 83, refid="MDCX_EDGE_PULS_OXIM_SAT_O2_NADIR", title="lowest SpO2",
    unit=Unit.PERCENT, low=0, high=100,
)  # fmt: skip
SPO2_NIGHT_MEAN = Code(
    mdc=_SCADA_PRIVATE + 84, refid="MDCX_EDGE_PULS_OXIM_SAT_O2_NIGHT_MEAN",
    title="mean SpO2 of the night", unit=Unit.PERCENT, low=0, high=100,
)  # fmt: skip
PULSE_NIGHT_MEAN = Code(
    mdc=_SCADA_PRIVATE + 85, refid="MDCX_EDGE_PULS_OXIM_PULS_RATE_NIGHT_MEAN",
    title="mean pulse rate of the night", unit=Unit.PER_MINUTE, low=15, high=325,
)  # fmt: skip
OXIMETRY_HOURS = Code(
    mdc=_SCADA_PRIVATE + 86, refid="MDCX_EDGE_PULS_OXIM_USABLE_TIME",
    title="time with usable SpO2", unit=Unit.HOUR, low=0, high=24,
)  # fmt: skip
DESATURATION_AREA = Code(
    mdc=_SCADA_PRIVATE + 87, refid="MDCX_EDGE_PULS_OXIM_DESATURATION_AREA",
    title="area of desaturations (%.min per hour)", unit=Unit.PERCENT_MINUTE_PER_HOUR,
    low=0, high=6000,
)  # fmt: skip

# A day of glucose, and the indicator of two weeks: private terms from 89 on.
GLUCOSE_IN_RANGE = Code(
    mdc=_SCADA_PRIVATE + 89, refid="MDCX_EDGE_GLU_TIME_IN_RANGE",
    title="glucose in range (70 to 180 mg/dL)", unit=Unit.PERCENT, low=0, high=100,
)  # fmt: skip
GLUCOSE_TIME_BELOW = Code(
    mdc=_SCADA_PRIVATE + 90, refid="MDCX_EDGE_GLU_TIME_BELOW_RANGE",
    title="glucose below range (under 70 mg/dL)", unit=Unit.PERCENT, low=0, high=100,
)  # fmt: skip
GLUCOSE_TIME_ABOVE = Code(
    mdc=_SCADA_PRIVATE + 91, refid="MDCX_EDGE_GLU_TIME_ABOVE_RANGE",
    title="glucose above range (over 180 mg/dL)", unit=Unit.PERCENT, low=0, high=100,
)  # fmt: skip
GLUCOSE_MEAN = Code(
    mdc=_SCADA_PRIVATE + 92, refid="MDCX_EDGE_GLU_DAY_MEAN", title="mean glucose of the day",
    unit=Unit.MILLIGRAM_PER_DECILITRE, low=10, high=1000, loinc="97507-8",
)  # fmt: skip
GLUCOSE_CV = Code(
    mdc=_SCADA_PRIVATE + 93, refid="MDCX_EDGE_GLU_CV", title="variation of glucose (CV)",
    unit=Unit.PERCENT, low=0, high=300,
)  # fmt: skip
LBGI = Code(
    mdc=_SCADA_PRIVATE + 94, refid="MDCX_EDGE_GLU_LBGI", title="low glucose risk (LBGI)",
    unit=Unit.ONE, low=0, high=100,
)  # fmt: skip
HBGI = Code(
    mdc=_SCADA_PRIVATE + 95, refid="MDCX_EDGE_GLU_HBGI", title="high glucose risk (HBGI)",
    unit=Unit.ONE, low=0, high=100,
)  # fmt: skip
MAGE = Code(
    mdc=_SCADA_PRIVATE + 96, refid="MDCX_EDGE_GLU_MAGE", title="swings of glucose (MAGE)",
    unit=Unit.MILLIGRAM_PER_DECILITRE, low=0, high=1000,
)  # fmt: skip
GMI = Code(
    mdc=_SCADA_PRIVATE + 97, refid="MDCX_EDGE_GLU_GMI",
    title="glucose management indicator (GMI)", unit=Unit.PERCENT, low=3, high=30, loinc="97506-0",
)  # fmt: skip

ALL: tuple[Code, ...] = (
    ECG, HEART_RATE, RR_INTERVAL, SPO2, PULSE_RATE, PLETH, GLUCOSE, BATTERY, ROOM_TEMPERATURE,
    GLUCOSE_TREND, ROOM_HUMIDITY, ROOM_CO2, SDNN, RMSSD, PNN50, GLUCOSE_IN_15_MIN,
    GLUCOSE_IN_30_MIN, GLUCOSE_IN_60_MIN, PERFUSION_INDEX, RESPIRATION_RATE, SYSTOLIC, DIASTOLIC,
    MEAN_PRESSURE, CUFF_PULSE_RATE, BODY_TEMPERATURE, BODY_WEIGHT, BODY_HEIGHT, BODY_MASS_INDEX,
    CAPILLARY_GLUCOSE, INSULIN_RESERVOIR, INSULIN_ON_BOARD, INSULIN_BOLUS, INSULIN_BASAL_RATE,
    INSULIN_TOTAL_DAILY, ACCELERATION_X, ACCELERATION_Y, ACCELERATION_Z, ROOM_PM2_5, ROOM_PM10,
    ROOM_VOC, ROOM_CO, ROOM_ILLUMINANCE, ROOM_SOUND, ROOM_MOTION, CONTACT_CLOSED, CONTACT_COUNT,
    BED_OCCUPIED, POWER, ENERGY, AF_BURDEN, VENTRICULAR_LOAD, ECG_QUALITY,
    NEWS2, NEWS2_AT_LEAST, DETERIORATION_INDEX, DETERIORATION_SUM, HEART_RATE_VERSUS_USUAL,
    ODI3, ODI4, T90, SPO2_NADIR, SPO2_NIGHT_MEAN, PULSE_NIGHT_MEAN, OXIMETRY_HOURS,
    DESATURATION_AREA, GLUCOSE_IN_RANGE, GLUCOSE_TIME_BELOW, GLUCOSE_TIME_ABOVE, GLUCOSE_MEAN,
    GLUCOSE_CV, LBGI, HBGI, MAGE, GMI,
)  # fmt: skip

BY_REFID = MappingProxyType({code.refid: code for code in ALL})
"""Reference id -> code, for register maps and stored records."""
