"""What flows through the hub: readings, the alarms they raise, and whom they belong to.

Everything here is frozen, slotted and free of I/O. Three habits keep the types small:

* A quantity has *one* unit inside the hub, the unit of its :class:`Code`. Drivers convert at the
  door, so no later room can mix mmol/L with mg/dL.
* Unreliable is a value: a reading always says in which :class:`State` it was taken, and a sensor
  that can give no number gives ``None`` with the reason, never a magic number.
* Order is :data:`Boottime`. Wall-clock time is an attribute that is corrected later.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import IntEnum, StrEnum
from typing import NewType

import numpy as np
from numpy.typing import NDArray

Boottime = NewType("Boottime", int)
"""Nanoseconds of ``CLOCK_BOOTTIME`` in this epoch: the only order inside the hub."""

RELIABLE_QUALITY = 0.5
"""Below this quality (0 to 1) a number informs a person but never clears an alarm."""


class Unit(StrEnum):
    """Units in UCUM notation (https://ucum.org)."""

    ONE = "1"
    PERCENT = "%"
    PER_MINUTE = "/min"
    PER_HOUR = "/h"
    HOUR = "h"
    PERCENT_MINUTE_PER_HOUR = "%.min/h"
    MILLISECOND = "ms"
    MICROVOLT = "uV"
    MILLIGRAM_PER_DECILITRE = "mg/dL"
    MILLIGRAM_PER_DECILITRE_PER_MINUTE = "mg/dL/min"
    CELSIUS = "Cel"
    PPM = "[ppm]"
    PPB = "[ppb]"
    MICROGRAM_PER_CUBIC_METRE = "ug/m3"
    MILLIMETRE_OF_MERCURY = "mm[Hg]"
    KILOGRAM = "kg"
    KILOGRAM_PER_SQUARE_METRE = "kg/m2"
    CENTIMETRE = "cm"
    MILLI_STANDARD_GRAVITY = "m[g]"
    INSULIN_UNIT = "[IU]"
    INSULIN_UNIT_PER_HOUR = "[IU]/h"
    DECIBEL = "dB"
    LUX = "lx"
    WATT = "W"
    KILOWATT_HOUR = "kW.h"


class State(StrEnum):
    """How a reading was taken. Only ``MEASURED`` may ever support an all-clear."""

    MEASURED = "measured"
    BELOW_RANGE = "below-range"
    """The sensor reports that the quantity lies below what it can measure ("LO")."""
    ABOVE_RANGE = "above-range"
    """The sensor reports that the quantity lies above what it can measure ("HI")."""
    NOT_ATTACHED = "not-attached"
    """Lead off, no finger, no skin contact."""
    SEARCHING = "searching"
    """The sensor is attached and has not found a usable signal yet."""
    QUESTIONABLE = "questionable"
    """The sensor gives a number and doubts it itself, or the number is not plausible."""
    SENSOR_FAULT = "sensor-fault"

    @property
    def is_measurement(self) -> bool:
        """Whether the sensor was measuring: a number, or "below" or "above" what it can give."""
        return self is State.MEASURED or self is State.BELOW_RANGE or self is State.ABOVE_RANGE


@dataclass(frozen=True, slots=True, kw_only=True)
class Code:
    """A measured quantity: its standard names, its one unit, and what is plausible.

    ``mdc`` is the context-free ISO/IEEE 11073-10101 code (partition * 65536 + term), ``refid``
    its reference id, ``loinc`` the LOINC code where one is used upstream. ``low`` and ``high``
    bound what a sensor can plausibly report, in ``unit``; they are not clinical limits.
    """

    mdc: int
    refid: str
    title: str
    unit: Unit
    low: float
    high: float
    loinc: str | None = None

    def is_plausible(self, value: float) -> bool:
        """Tell whether ``value`` (in ``unit``) lies within the plausible range."""
        return self.low <= value <= self.high


@dataclass(frozen=True, slots=True, kw_only=True)
class Observation:
    """One measured value of one quantity.

    ``value`` is in ``code.unit``, or ``None`` when ``state`` says why there is no number.
    ``at`` is when the value was true, by the hub's clock; ``device_ns`` is the sensor's own clock
    (nanoseconds in the sensor's epoch) where it has one. ``quality`` runs from 0 to 1.
    ``backfilled`` marks a value fetched later from the sensor's memory: it fills the record and
    never raises an alarm as if it were live.
    """

    code: Code
    value: float | None
    at: Boottime
    sensor: str
    state: State = State.MEASURED
    quality: float = 1.0
    device_ns: int | None = None
    backfilled: bool = False

    @property
    def unit(self) -> Unit:
        """The unit of ``value``: always the unit of the quantity."""
        return self.code.unit

    @property
    def is_reliable(self) -> bool:
        """Whether this reading may support an all-clear."""
        return (
            self.state is State.MEASURED
            and self.value is not None
            and self.quality >= RELIABLE_QUALITY
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Waveform:
    """A block of equally spaced samples.

    ``samples`` has shape ``(n,)``, dtype int32, in counts; ``unit_per_count`` turns a count into
    ``code.unit``. ``rate_hz`` is the sampling rate. ``start`` is the hub's time of the first
    sample and ``device_ns`` the sensor's own time of it. ``follows_gap`` says that samples are
    missing between the previous block of this sensor and this one.
    """

    code: Code
    samples: NDArray[np.int32]
    unit_per_count: float
    rate_hz: float
    start: Boottime
    sensor: str
    state: State = State.MEASURED
    device_ns: int | None = None
    follows_gap: bool = False

    @property
    def values(self) -> NDArray[np.float64]:
        """Samples in ``code.unit``, shape ``(n,)``."""
        return self.samples.astype(np.float64) * self.unit_per_count

    @property
    def end(self) -> Boottime:
        """Hub time one sample period after the last sample: where the next block begins."""
        return Boottime(self.start + round(len(self.samples) * 1e9 / self.rate_hz))


class EventKind(StrEnum):
    """What can happen to a sensor besides giving values."""

    CONNECTED = "connected"
    DISCONNECTED = "disconnected"
    LINK_FAILED = "link-failed"
    FRAME_REJECTED = "frame-rejected"
    DROPPED = "dropped"
    GAP = "gap"
    """Samples or records are missing; ``detail`` says how many or for how long."""
    OVERLAP = "overlap"
    """Samples came twice, or a sensor's clock gives two of them one time."""
    CLOCK_RESET = "clock-reset"
    """The sensor's own clock jumped, wrapped or began again."""
    STREAM_REFUSED = "stream-refused"
    FINDING = "finding"
    """The hub has found something in a signal, or that it is over; ``detail`` says what."""
    ANNUNCIATION = "annunciation"
    """The sensor itself reports something about it: a battery, an occlusion, a calibration due."""
    TOLD = "told"
    """A person at the bed has told the hub what only a person sees; ``detail`` says what."""
    NOT_BONDED = "not-bonded"
    """The sensor wants an encrypted link and this hub has never been paired with it."""
    BOND_REFUSED = "bond-refused"
    """A paired sensor no longer knows this hub: reset, exchanged, or somebody else's. Audited."""
    ALARM_ACKNOWLEDGED = "alarm-acknowledged"
    """Somebody has seen an alarm; ``detail`` says who, and which. Audited."""
    AUDIO_PAUSED = "audio-paused"
    """Somebody has silenced alarms for a while; ``detail`` says who, and how long. Audited."""
    AUDIO_RESUMED = "audio-resumed"
    """Alarms are said aloud again: the time is over, or somebody wants it so. Audited."""
    ALARM_FIGURES = "alarm-figures"
    """How many alarms there have been, and what became of them; ``detail`` holds the figures."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """Something that happened to a sensor or its link, with its particulars in ``detail``."""

    kind: EventKind
    at: Boottime
    sensor: str
    detail: Mapping[str, str | float] = field(default_factory=dict)


Reading = Observation | Waveform | Event


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """The person a hub watches: a random pseudonym and a bed, never a name."""

    pseudonym: str
    bed: str = ""


class Priority(IntEnum):
    """Alarm priorities of IEC 60601-1-8."""

    LOW = 1
    MEDIUM = 2
    HIGH = 3


class Phase(StrEnum):
    """Where an alarm episode stands."""

    RAISED = "raised"
    REPEATED = "repeated"
    """Said again: nobody has seen to it, or its condition has lasted or come back."""
    ESCALATED = "escalated"
    """Of a higher priority now: nobody has seen to it for too long."""
    ACKNOWLEDGED = "acknowledged"
    LATCHED = "latched"
    """The condition has gone; the alarm stays until somebody has seen it."""
    CLEARED = "cleared"


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """One reason behind an alarm: the value that met the rule, and the limit it met.

    ``value`` and ``limit`` are in ``unit`` (UCUM); ``at`` is the hub's time of the value.
    """

    quantity: str
    value: float | None
    unit: str
    sensor: str
    at: Boottime
    limit: float | None = None
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Alarm:
    """One step in the life of an alarm episode, with its evidence.

    ``episode`` is the same for every step of one episode. ``technical`` alarms speak of the
    sensors, the others of the person (IEC 60601-1-8: technical and physiological). ``advice`` says
    what to do; ``silent`` that a pause of the audio covers this step: it is shown, not said aloud.
    ``by`` is who has acknowledged it; ``is_over`` that its condition has gone.
    """

    rule: str
    episode: str
    title: str
    priority: Priority
    technical: bool
    phase: Phase
    at: Boottime
    evidence: tuple[Evidence, ...]
    advice: str = ""
    silent: bool = False
    by: str = ""
    is_over: bool = False
