"""The history of a mock insulin pump: records in order, with a reference time every hour."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

from edge_drivers.ieee11073 import DateTime
from edge_drivers.insulin_history_codec import (
    BolusDelivered,
    Content,
    HistoryRecord,
    Recording,
    RecordsOperator,
    RecordsRequest,
    RecordType,
    ReferenceTime,
)

_REFERENCE_EVERY_S = 3600
_FAST = 0x33
_FIRST_SEQUENCE = 100


class PumpHistory:
    """``records`` is what the pump remembers, oldest first."""

    def __init__(self) -> None:
        self.records: list[HistoryRecord] = []
        self._reference_s = 0
        self._boluses = 0

    def add_bolus(self, insulin_iu: float, at_s: float) -> None:
        """Record a bolus delivered at once, ``at_s`` seconds after 1970."""
        if at_s - self._reference_s > _REFERENCE_EVERY_S:
            self._reference_s = round(at_s)
            reference = ReferenceTime(
                recording=Recording.PERIODIC, clock=clock(at_s), zone_quarter_hours=0, dst=0
            )
            self._append(RecordType.REFERENCE_TIME, reference, 0)
        self._boluses += 1
        bolus = BolusDelivered(
            bolus=self._boluses, kind=_FAST, fast_iu=insulin_iu, extended_iu=0.0, duration_min=0
        )
        self._append(RecordType.BOLUS_DELIVERED, bolus, round(at_s) - self._reference_s)

    def chosen(self, request: RecordsRequest) -> Sequence[HistoryRecord]:
        """Return the records that a request is about."""
        match request:
            case RecordsRequest(operator=RecordsOperator.LAST):
                return self.records[-1:]
            case RecordsRequest(operator=RecordsOperator.FROM, bounds=(first,)):
                return [one for one in self.records if one.sequence >= first]
            case RecordsRequest(operator=RecordsOperator.RANGE, bounds=(first, last)):
                return [one for one in self.records if first <= one.sequence <= last]
        return self.records

    def _append(self, kind: RecordType, content: Content, offset_s: int) -> None:
        self.records.append(
            HistoryRecord(
                type=kind,
                sequence=_FIRST_SEQUENCE + len(self.records),
                offset_s=offset_s,
                content=content,
            )
        )


def clock(at_s: float) -> DateTime:
    """Return the date and time in UTC, ``at_s`` seconds after 1970."""
    return DateTime(*dt.datetime.fromtimestamp(at_s, tz=dt.UTC).timetuple()[:6])
