"""Sensors that speak the Bluetooth Generic Health Sensor service (service 1.0).

One service for whatever a sensor measures: each observation says by its MDC code what it is. The
hub takes those it has a quantity for; it tells once of each other kind that it has let it pass.

After connecting, the hub asks for what the sensor has stored and then for live observations. Stored
records bear numbers that only grow. Where the hub holds the newest already, it asks for that one
again and all after it: if it does not come, the sensor has begun to count anew.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from edge_agent.codes import BATTERY
from edge_agent.driver import Decoder, Driver, FrameError, Gatt, Output, Read, Request, Write
from edge_agent.model import Boottime, Event, EventKind, Observation, State
from edge_drivers.annunciation import told
from edge_drivers.elapsed_time import ELAPSED_TIME, ElapsedTime
from edge_drivers.gatt import BATTERY_LEVEL, battery_level
from edge_drivers.ghs_codec import (
    CONTROL,
    LIVE,
    SERVICE,
    STORED,
    Bundle,
    Compound,
    Discrete,
    DiscreteSet,
    HealthObservation,
    Numeric,
    StatusBit,
)
from edge_drivers.ghs_quantities import BY_TYPE, QUANTITIES, converted
from edge_drivers.ghs_segments import Segments
from edge_drivers.ghs_stored import StoredRecords
from edge_drivers.racp import RACP, RacpReply
from edge_drivers.sensor_time import Placed

START_LIVE, STOP_LIVE = b"\x01", b"\x02"
CONTROL_SUCCESS = 0x80

_RECORD_NUMBER_OCTETS = 4
_NAMED_AT_MOST = 64
_NO_VALUE = StatusBit.INVALID | StatusBit.NOT_AVAILABLE
_DOUBTFUL = (
    StatusBit.QUESTIONABLE
    | StatusBit.CALIBRATING
    | StatusBit.TEST_DATA
    | StatusBit.EARLY_ESTIMATE
    | StatusBit.MANUALLY_ENTERED
    | StatusBit.SETTING
)


class HealthSensorDecoder(Decoder):
    """The conversation with one health sensor."""

    def __init__(self, sensor: str) -> None:
        super().__init__(sensor)
        self._segments = {LIVE: Segments(), STORED: Segments()}
        self._stored = StoredRecords(sensor)
        self._now: tuple[ElapsedTime, Boottime] | None = None
        self._said: dict[str, str] = {}
        self._patients: set[int] = set()
        self._untold: list[Output] = []

    def open(self, at: Boottime) -> Iterable[Request]:
        """Read the sensor's clock, then ask for stored and for live observations."""
        self._segments = {LIVE: Segments(), STORED: Segments()}
        reads = (Read(ELAPSED_TIME), Read(BATTERY_LEVEL))
        return (*reads, self._stored.begin(at), Write(CONTROL, START_LIVE))

    def poll(self, at: Boottime) -> Iterable[Request]:
        """Look after a report that has fallen silent."""
        due = self._stored.due(at)
        self._untold += [one for one in due if isinstance(one, Event)]
        return tuple(one for one in due if isinstance(one, Read | Write))

    def close(self) -> Iterable[Request]:
        """Let the sensor rest."""
        return (Write(CONTROL, STOP_LIVE),)

    def feed(self, data: bytes, at: Boottime, channel: str = LIVE) -> Iterable[Output]:
        """Decode one notification, indication or answer of ``channel``."""
        outputs = [*self._take(data, at, channel), *self._stored.due(at)]
        untold, self._untold = self._untold, []
        return (*untold, *outputs)

    def _take(self, data: bytes, at: Boottime, channel: str) -> list[Output]:
        outputs: list[Output] = []
        match channel:
            case _ if channel in self._segments:
                outputs = self._segment(data, at, channel)
            case _ if channel == RACP:
                outputs = self._stored.replied(RacpReply.from_bytes(data), at)
            case _ if channel == CONTROL:
                outputs = self._controlled(data, at)
            case _ if channel == ELAPSED_TIME:
                self._now = (ElapsedTime.from_bytes(data), at)
            case _ if channel == BATTERY_LEVEL:
                outputs = [battery_level(data, at, self.sensor)]
            case _:
                raise FrameError(f"channel {channel}", "not one of this driver's")
        return outputs

    def _controlled(self, data: bytes, at: Boottime) -> list[Output]:
        if len(data) != 1:
            raise FrameError("health sensor control", "expected one octet", len(data))
        if data[0] == CONTROL_SUCCESS:
            return []
        detail = {"reason": f"no live observations (result 0x{data[0]:02x})"}
        return [Event(kind=EventKind.STREAM_REFUSED, at=at, sensor=self.sensor, detail=detail)]

    def _segment(self, data: bytes, at: Boottime, channel: str) -> list[Output]:
        before = self._segments[channel]
        after = before.with_segment(data)
        outputs: list[Output] = []
        if before.collected is not None and Segments.is_first(data):
            outputs.append(self._cut_short(at))
        if Segments.is_last(data):
            message = after.collected or b""
            outputs += (
                self._stored_message(message, at) if channel == STORED else self._live(message, at)
            )
            after = Segments()
        self._segments[channel] = after
        return outputs

    def _cut_short(self, at: Boottime) -> Event:
        detail = {"reason": "an observation was cut short"}
        return Event(kind=EventKind.GAP, at=at, sensor=self.sensor, detail=detail)

    def _live(self, message: bytes, at: Boottime) -> list[Output]:
        one = HealthObservation.from_bytes(message)
        device_ns = None if one.time is None else one.time.utc_ns
        return self._outputs(one, Placed(at=at, device_ns=device_ns))

    def _stored_message(self, message: bytes, at: Boottime) -> list[Output]:
        if len(message) < _RECORD_NUMBER_OCTETS:
            raise FrameError("stored health observation", "no record number", len(message))
        number = int.from_bytes(message[:_RECORD_NUMBER_OCTETS], "little")
        one = HealthObservation.from_bytes(message[_RECORD_NUMBER_OCTETS:])
        device_ns = None if one.time is None else one.time.utc_ns
        placed = Placed(at=self._when(one.time, at), device_ns=device_ns, backfilled=True)
        outputs = self._outputs(one, placed)
        return outputs if self._stored.is_new(number, message, at) else []

    def _when(self, time: ElapsedTime | None, at: Boottime) -> Boottime:
        """Place a time stamp in the hub's time, where the sensor has told what its clock shows."""
        if time is None or self._now is None:
            return at
        now, read_at = self._now
        age_ns = time.age_ns(now)
        return at if age_ns is None or age_ns < 0 else Boottime(read_at - age_ns)

    def _outputs(self, one: HealthObservation, placed: Placed) -> list[Output]:
        readings = list(self._readings(one, placed))
        # Only when the whole observation has been understood is anything of it remembered.
        return [*readings, *self._remarks(one, placed)]

    def _readings(self, one: HealthObservation, placed: Placed) -> Iterator[Observation]:
        match one.value:
            case Numeric() as numeric:
                yield from self._reading(one.type, numeric, one.status, placed)
            case Compound(components):
                for kind, numeric in components:
                    yield from self._reading(kind, numeric, one.status, placed)
            case Bundle(members):
                for member in inherited(one, members):
                    yield from self._readings(member, placed)

    def _reading(
        self, kind: int | None, numeric: Numeric, status: int | None, placed: Placed
    ) -> Iterator[Observation]:
        code = None if kind is None else BY_TYPE.get(kind)
        if code is None:
            return
        bits = StatusBit(status or 0)
        state = State.MEASURED
        if bits & _NO_VALUE:
            state = State.SENSOR_FAULT
        elif bits & _DOUBTFUL:
            state = State.QUESTIONABLE
        yield placed.observation(code, converted(code, numeric), self.sensor, state=state)

    def _remarks(self, one: HealthObservation, placed: Placed) -> Iterator[Event]:
        """Tell, once per change, what an observation says that is no reading."""
        if one.patient is not None and one.patient not in self._patients:
            self._patients.add(one.patient)
            if len(self._patients) == 2:
                yield told("several-users", "on", placed.at, self.sensor)
        if isinstance(one.value, Bundle):
            for member in inherited(one, one.value.members):
                yield from self._remarks(member, placed)
        elif not placed.backfilled:
            for name, state in _remarked(one):
                yield from self._say(name, state, placed)

    def _say(self, name: str, state: str, placed: Placed) -> Iterator[Event]:
        if self._said.get(name) == state:
            return
        if len(self._said) >= _NAMED_AT_MOST:
            del self._said[next(iter(self._said))]
        self._said[name] = state
        yield told(name, state, placed.at, self.sensor)


def _remarked(one: HealthObservation) -> Iterator[tuple[str, str]]:
    """Name what an observation says besides readings, and what of it the hub does not use."""
    match one.value:
        case Discrete(code):
            yield f"mdc-{one.type}", str(code)
        case DiscreteSet(codes):
            yield f"mdc-{one.type}", " ".join(map(str, codes)) or "none"
        case Compound(components):
            yield from (
                (f"mdc-{kind}", "not used") for kind, _ in components if kind not in BY_TYPE
            )
        case Numeric() if one.type in BY_TYPE:
            return
        case _:
            of = "untyped" if one.type is None else f"mdc-{one.type}"
            yield f"{of} of class {one.kind}", "not used"


def inherited(
    bundle: HealthObservation, members: Iterable[HealthObservation]
) -> Iterator[HealthObservation]:
    """Give the members of a bundle with the fields that they take over from it."""
    for one in members:
        yield HealthObservation(
            kind=one.kind,
            value=one.value,
            type=bundle.type if one.type is None else one.type,
            time=one.time or bundle.time,
            status=bundle.status if one.status is None else one.status,
            patient=bundle.patient if one.patient is None else one.patient,
        )


DRIVER = Driver(
    name="ghs",
    title="Health sensor of any kind (Bluetooth Generic Health Sensor service)",
    link=Gatt(
        service=SERVICE,
        notify=(LIVE,),
        optional=(STORED, RACP, CONTROL, ELAPSED_TIME, BATTERY_LEVEL),
        writable=(RACP, CONTROL),
        silence_s=600.0,
        pair=True,
        poll_s=30.0,
    ),
    decoder=HealthSensorDecoder,
    measures=(),  # it may be any sensor
    also=(*QUANTITIES, BATTERY),
    advice=(
        "Pair it before it is used. As it may be any sensor, the hub can't tell what is missing: "
        "nothing warns that it has stopped giving a quantity, only that it is silent."
    ),
)
