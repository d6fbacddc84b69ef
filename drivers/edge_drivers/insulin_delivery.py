"""Insulin pumps that speak the Bluetooth Insulin Delivery service, read only (service 1.0.2).

The hub reads what the pump is and does, asks its status reader, and follows its history. It can't
do anything else: the pump's command characteristics (0x2B25, 0x2B26) are not on this driver's
list, so the link refuses to touch them, and of the status reader's opcodes only questions are
known here. Nor does it reset the pump's "what has changed" bits: another listener may need them.

Where a pump has a clock that can be read (0x2A2B), records of its history are placed in the hub's
time by it; where not, they bear the pump's time alone.
"""

from __future__ import annotations

from collections.abc import Iterable

from edge_agent.codes import (
    BATTERY,
    INSULIN_BASAL_RATE,
    INSULIN_BOLUS,
    INSULIN_ON_BOARD,
    INSULIN_RESERVOIR,
    INSULIN_TOTAL_DAILY,
)
from edge_agent.driver import Decoder, Driver, FrameError, Gatt, Output, Read, Request, Write
from edge_agent.model import Boottime, Event
from edge_drivers.annunciation import told
from edge_drivers.gatt import BATTERY_LEVEL, battery_level
from edge_drivers.insulin_delivery_codec import (
    ANNUNCIATION,
    FEATURES,
    HISTORY,
    READER,
    RECORDS,
    SERVICE,
    STATUS,
    STATUS_CHANGED,
    Annunciation,
    AnnunciationState,
    AnnunciationType,
    Change,
    FeatureBit,
    Features,
    Operation,
    Status,
    StatusChanged,
    Therapy,
)
from edge_drivers.insulin_history import Dated, History, Step
from edge_drivers.insulin_history_codec import HistoryRecord, RecordsReply
from edge_drivers.insulin_reader_codec import (
    ActiveBoluses,
    Answer,
    Question,
    Refusal,
    Refused,
    answer_from_bytes,
    question_to_bytes,
)
from edge_drivers.insulin_reading import of_answer, of_record, of_status
from edge_drivers.procedure import Questions
from edge_drivers.sensor_time import CURRENT_TIME, CurrentTime

_NS_PER_S = 10**9
_OLDEST_S = 366 * 24 * 3600
_QUESTIONS = {
    Question.INSULIN_ON_BOARD: (FeatureBit.INSULIN_ON_BOARD, Change.ACTIVE_BOLUS),
    Question.ACTIVE_BASAL_RATE: (FeatureBit.BASAL_RATE, Change.BASAL_RATE),
    Question.TOTAL_DAILY_INSULIN: (None, Change.TOTAL_DAILY),
    Question.ACTIVE_BOLUS_IDS: (None, Change.ACTIVE_BOLUS),
}


class InsulinDeliveryDecoder(Decoder):
    """The conversation with one pump."""

    def __init__(self, sensor: str) -> None:
        super().__init__(sensor)
        self._features: Features | None = None
        self._questions = Questions[Question]()
        self._history = History(sensor)
        self._sent_counter = self._heard_counter = 0
        self._said: dict[str, str] = {}
        self._clock: tuple[int, Boottime] | None = None
        self._is_open = False
        self._untold: list[Output] = []

    @property
    def _e2e(self) -> bool:
        return self._features is not None and self._features.e2e

    def open(self, at: Boottime) -> Iterable[Request]:
        """Read what the pump is and does; its state starts the questions."""
        self._questions.link_made()
        self._history.link_made()
        self._sent_counter = self._heard_counter = 0
        self._is_open = False
        reads = (FEATURES, CURRENT_TIME, BATTERY_LEVEL, ANNUNCIATION, STATUS)
        return tuple(Read(channel) for channel in reads)

    def poll(self, at: Boottime) -> Iterable[Request]:
        """Read the state anew: a bit that nobody resets is not indicated twice."""
        outputs = self._history.due(at)
        self._untold += [one for one in outputs if isinstance(one, Event)]
        requests = [one for one in outputs if isinstance(one, Read | Write)]
        unknown = () if self._features is not None else (Read(FEATURES),)
        return (*requests, *unknown, Read(ANNUNCIATION), Read(STATUS))

    def feed(self, data: bytes, at: Boottime, channel: str = STATUS) -> Iterable[Output]:
        """Decode one notification, indication or answer of ``channel``."""
        outputs = [*self._take(data, at, channel), *self._history.due(at)]
        untold, self._untold = self._untold, []
        return (*untold, *outputs)

    def _take(self, data: bytes, at: Boottime, channel: str) -> list[Output]:
        outputs: list[Output] = []
        match channel:
            case _ if channel == STATUS:
                outputs = self._stands(Status.from_bytes(data, e2e=self._e2e), at)
            case _ if channel == STATUS_CHANGED:
                outputs = self._changed(data, at)
            case _ if channel == ANNUNCIATION:
                outputs = self._announced(Annunciation.from_bytes(data, e2e=self._e2e), at)
            case _ if channel == READER:
                outputs = self._answered(data, at)
            case _ if channel == HISTORY:
                record = HistoryRecord.from_bytes(data, e2e=self._e2e)
                outputs = self._of_the_past(self._history.take(record, at), at)
            case _ if channel == RECORDS:
                reply = RecordsReply.from_bytes(data)
                outputs = self._of_the_past(self._history.replied(reply, at), at)
            case _ if channel == FEATURES:
                self._features = Features.from_bytes(data)
            case _ if channel == CURRENT_TIME:
                self._set_clock(data, at)
            case _ if channel == BATTERY_LEVEL:
                outputs = [battery_level(data, at, self.sensor)]
            case _:
                raise FrameError(f"channel {channel}", "not one of this driver's")
        return outputs

    def _set_clock(self, data: bytes, at: Boottime) -> None:
        local_s = CurrentTime.from_bytes(data).date_time.utc_s()
        self._clock = None if local_s is None else (local_s, at)

    def _stands(self, status: Status, at: Boottime) -> list[Output]:
        outputs: list[Output] = []
        for name, kind, number in (
            ("therapy", Therapy, status.therapy),
            ("operation", Operation, status.operation),
        ):
            outputs += self._say(name, _name(kind, number), at)
        outputs.append(of_status(status, at, self.sensor))
        self._is_open = True
        return [*outputs, *self._ask(_QUESTIONS, at), *self._history.look(at)]

    def _changed(self, data: bytes, at: Boottime) -> list[Output]:
        """Ask for what has changed.

        An indication may overtake the first reads. Whether it has a checksum is not known then,
        and everything will be asked for anyway.
        """
        if not self._is_open:
            return []
        changes = StatusChanged.from_bytes(data, e2e=self._e2e).changes
        outputs: list[Output] = []
        if changes & (Change.THERAPY | Change.OPERATION | Change.RESERVOIR):
            outputs.append(Read(STATUS))
        if changes & Change.ANNUNCIATION:
            outputs.append(Read(ANNUNCIATION))
        outputs += self._ask([one for one, (_, bit) in _QUESTIONS.items() if changes & bit], at)
        return [*outputs, *(self._history.look(at) if changes & Change.HISTORY else [])]

    def _announced(self, one: Annunciation | None, at: Boottime) -> list[Output]:
        if one is None:
            return []
        state = _name(AnnunciationState, one.state)
        name = _name(AnnunciationType, one.type)
        return self._say(name, state, at, key=f"{name} {one.instance}", instance=one.instance)

    def _say(
        self, name: str, state: str, at: Boottime, *, key: str = "", **figures: float
    ) -> list[Output]:
        """Tell a state once per change; only the last few annunciations are remembered."""
        key = key or name
        if self._said.get(key) == state:
            return []
        if len(self._said) > 64:
            del self._said[next(iter(self._said))]
        self._said[key] = state
        return [told(name, state, at, self.sensor, **figures)]

    def _ask(self, questions: Iterable[Question], at: Boottime) -> list[Output]:
        if self._features is None:
            return []
        features = self._features
        possible = []
        for question in questions:
            bit, _ = _QUESTIONS[question]
            if bit is None or features.has(bit):
                possible.append(question)
        return self._written(self._questions.ask(possible, at))

    def _written(self, question: Question | None) -> list[Output]:
        if question is None:
            return []
        counter: int | None = None
        if self._e2e:
            counter = self._sent_counter = self._sent_counter % 255 + 1
        return [Write(READER, question_to_bytes(question, counter))]

    def _answered(self, data: bytes, at: Boottime) -> list[Output]:
        answer, counter = answer_from_bytes(data, e2e=self._e2e)
        if counter != 0 and counter == self._heard_counter:
            raise FrameError("insulin status reader", "the counter of the answer before")
        self._heard_counter = counter
        if isinstance(answer, Refused) and answer.reason == Refusal.OPCODE_UNSUPPORTED:
            return self._written(self._questions.refused(at))
        reading = of_answer(answer, at, self.sensor)
        said = self._boluses(answer, at) if reading is None else [reading]
        return [*said, *self._written(self._questions.answered(at))]

    def _boluses(self, answer: Answer, at: Boottime) -> list[Output]:
        match answer:
            case ActiveBoluses(ids):
                return self._say("boluses", "active" if ids else "none", at, count=len(ids))
            case Refused(Question.ACTIVE_BOLUS_IDS, _):
                return self._say("boluses", "none", at, count=0)
        return []

    def _of_the_past(self, step: Step, at: Boottime) -> list[Output]:
        readings = (of_record(one, self._when(one, at), self.sensor) for one in step.said)
        return [*filter(None, readings), *step.outputs]

    def _when(self, one: Dated, at: Boottime) -> Boottime:
        """Place a record in the hub's time by the pump's clock, where it has told that."""
        if self._clock is None:
            return at
        local_s, read_at = self._clock
        age_s = local_s - one.local_s
        return Boottime(read_at - age_s * _NS_PER_S) if 0 <= age_s <= _OLDEST_S else at


def _name(
    kind: type[Therapy | Operation | AnnunciationType | AnnunciationState], number: int
) -> str:
    """Return a number's name, or the number where it has none."""
    try:
        return kind(number).name.lower().replace("_", "-")
    except ValueError:
        return f"0x{number:04x}"


DRIVER = Driver(
    name="insulin-delivery",
    title="Insulin pump (Bluetooth Insulin Delivery service, read only)",
    link=Gatt(
        service=SERVICE,
        notify=(STATUS_CHANGED, READER, HISTORY, RECORDS),
        optional=(FEATURES, STATUS, ANNUNCIATION, CURRENT_TIME, BATTERY_LEVEL),
        writable=(READER, RECORDS),
        silence_s=10 * 60.0,
        pair=True,
        poll_s=60.0,
    ),
    decoder=InsulinDeliveryDecoder,
    measures=(INSULIN_RESERVOIR,),
    also=(
        INSULIN_ON_BOARD,
        INSULIN_BASAL_RATE,
        INSULIN_TOTAL_DAILY,
        INSULIN_BOLUS,
        BATTERY,
    ),
    advice=(
        "Allow pairing in the pump's own menu and compare the number it shows. The hub only reads; "
        "pumps that encrypt by a vendor's method of their own are not understood."
    ),
)
