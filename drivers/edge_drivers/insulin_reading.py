"""What a pump's answers and records say, as readings."""

from __future__ import annotations

from edge_agent.codes import (
    INSULIN_BASAL_RATE,
    INSULIN_BOLUS,
    INSULIN_ON_BOARD,
    INSULIN_RESERVOIR,
    INSULIN_TOTAL_DAILY,
)
from edge_agent.model import Boottime, Observation, State
from edge_drivers.insulin_delivery_codec import Status
from edge_drivers.insulin_history import Dated
from edge_drivers.insulin_history_codec import (
    BasalRateChanged,
    BolusDelivered,
    DayDelivered,
    ReservoirChanged,
)
from edge_drivers.insulin_reader_codec import (
    Answer,
    BasalRate,
    OnBoard,
    TemporaryBasal,
    TotalDaily,
)
from edge_drivers.sensor_time import Placed

_NS_PER_S = 10**9


def of_status(status: Status, at: Boottime, sensor: str) -> Observation:
    """Return what is left in the reservoir."""
    state = State.MEASURED if status.is_reservoir_attached else State.NOT_ATTACHED
    here = Placed(at=at)
    return here.observation(INSULIN_RESERVOIR, status.reservoir_iu, sensor, state=state)


def of_answer(answer: Answer, at: Boottime, sensor: str) -> Observation | None:
    """Return the quantity that an answer gives; some give none."""
    match answer:
        case OnBoard(insulin_iu=value):
            code = INSULIN_ON_BOARD
        case TotalDaily(total_iu=value):
            code = INSULIN_TOTAL_DAILY
        case BasalRate(temporary=None, profile_iu_h=value):
            code = INSULIN_BASAL_RATE
        case BasalRate(temporary=TemporaryBasal.ABSOLUTE, adjustment=value):
            code = INSULIN_BASAL_RATE
        case BasalRate():
            # What a relative rate is relative by is not covered: no number, no guess.
            return Observation(
                code=INSULIN_BASAL_RATE,
                value=None,
                at=at,
                sensor=sensor,
                state=State.QUESTIONABLE,
                quality=0.0,
            )
        case _:
            return None
    return Placed(at=at).observation(code, value, sensor)


def of_record(record: Dated, at: Boottime, sensor: str) -> Observation | None:
    """Return the quantity that a record of the history gives."""
    match record.content:
        case BolusDelivered(fast_iu=fast, extended_iu=extended):
            code, value = INSULIN_BOLUS, fast + extended
        case BasalRateChanged(new_iu_h=value):
            code = INSULIN_BASAL_RATE
        case DayDelivered(bolus_iu=bolus, basal_iu=basal):
            code, value = INSULIN_TOTAL_DAILY, bolus + basal
        case ReservoirChanged(reservoir_iu=value):
            code = INSULIN_RESERVOIR
        case _:
            return None
    device_ns = (record.local_s - record.offset_s) * _NS_PER_S
    placed = Placed(at=at, device_ns=device_ns, backfilled=True)
    return placed.observation(code, value, sensor)
