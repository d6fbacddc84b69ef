"""What a hub asks of a CGM sensor's control point, and what it makes of the answers.

Only questions are ever asked: how often the sensor measures, and at which levels it alarms by
itself. To calibrate a sensor, to set its levels, to start or stop a session (which erases its
memory) is for the person who wears it and the app that was approved for it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from edge_agent.driver import Write
from edge_agent.model import Boottime, Event
from edge_drivers.annunciation import told
from edge_drivers.cgm_codec import Feature, FeatureBit
from edge_drivers.cgm_control_codec import (
    CONTROL,
    FASTEST,
    NOT_PERIODIC,
    Control,
    ControlMessage,
    ControlResult,
    Done,
)
from edge_drivers.procedure import Questions

QUESTIONS: dict[Control, FeatureBit | None] = {
    Control.GET_INTERVAL: None,
    Control.GET_PATIENT_HIGH: FeatureBit.PATIENT_LEVELS,
    Control.GET_PATIENT_LOW: FeatureBit.PATIENT_LEVELS,
    Control.GET_HYPO: FeatureBit.HYPO_LEVEL,
    Control.GET_HYPER: FeatureBit.HYPER_LEVEL,
    Control.GET_FALL: FeatureBit.RATE_LEVELS,
    Control.GET_RISE: FeatureBit.RATE_LEVELS,
}
"""All that a hub ever asks, and the feature that a sensor must have to be asked."""

_LEVELS = {
    Control.PATIENT_HIGH_TOLD: ("patient-high-level", "mgdl"),
    Control.PATIENT_LOW_TOLD: ("patient-low-level", "mgdl"),
    Control.HYPO_TOLD: ("hypo-level", "mgdl"),
    Control.HYPER_TOLD: ("hyper-level", "mgdl"),
    Control.FALL_TOLD: ("fall-rate-level", "mgdl_per_min"),
    Control.RISE_TOLD: ("rise-rate-level", "mgdl_per_min"),
}


class Inquiry:
    """Asks a sensor's control point, once per connection."""

    def __init__(self, sensor: str) -> None:
        self.interval_min: int | None = None
        self._sensor = sensor
        self._has_crc = False
        self._questions = Questions[Control]()
        self._levels: dict[Control, float] = {}

    def link_made(self) -> None:
        """Drop what was left to ask."""
        self._questions.link_made()

    def begin(self, feature: Feature, at: Boottime) -> list[Write]:
        """Return the first question to a sensor with these features."""
        self._has_crc = feature.has_crc
        known = [one for one, bit in QUESTIONS.items() if bit is None or feature.has(bit)]
        return self._writes(self._questions.ask(known, at))

    def answered(self, message: ControlMessage, at: Boottime) -> Sequence[Event | Write]:
        """Take an answer; return what it says, if that is new, and the next question."""
        events: list[Event] = []
        match message.operand:
            case int() as minutes if message.opcode is Control.INTERVAL_TOLD:
                periodic = minutes not in {FASTEST, NOT_PERIODIC}
                self.interval_min = minutes if periodic else None
            case float() as level if message.opcode in _LEVELS and math.isfinite(level):
                if self._levels.get(message.opcode) != level:
                    name, unit = _LEVELS[message.opcode]
                    events.append(told(name, "set", at, self._sensor, **{unit: level}))
                self._levels[message.opcode] = level
            case Done(_, ControlResult.UNSUPPORTED):
                return self._writes(self._questions.refused(at))
        return [*events, *self._writes(self._questions.answered(at))]

    def _writes(self, question: Control | None) -> list[Write]:
        if question is None:
            return []
        return [Write(CONTROL, ControlMessage(question).to_bytes(crc=self._has_crc))]
