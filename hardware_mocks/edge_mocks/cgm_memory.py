"""What a mock glucose sensor finds in its memory, and how it packs it."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence

from edge_drivers.cgm_codec import Measurement
from edge_drivers.racp import RacpOpcode, RacpOperator, RacpRequest, RacpResult

_BOUNDS = {RacpOperator.UP_TO: 1, RacpOperator.FROM: 1, RacpOperator.RANGE: 2}


class Refused(Exception):
    """A request that the sensor answers with something else than success."""

    def __init__(self, result: RacpResult) -> None:
        self.result = result
        super().__init__(result.name)


def chosen_records(
    records: Mapping[int, Measurement], request: RacpRequest, operators: Collection[RacpOperator]
) -> Sequence[Measurement]:
    """Return the records (by minute) that a request is about, oldest first.

    :raises Refused: the sensor, which knows ``operators``, can't do it.
    """
    if request.opcode not in {RacpOpcode.REPORT, RacpOpcode.COUNT}:
        raise Refused(RacpResult.OPCODE_UNSUPPORTED)
    if request.operator == RacpOperator.NONE:
        raise Refused(RacpResult.OPERATOR_INVALID)
    if request.operator not in operators:
        raise Refused(RacpResult.OPERATOR_UNSUPPORTED)
    operator, bounds = RacpOperator(request.operator), request.bounds
    if len(bounds) != _BOUNDS.get(operator, 0) or list(bounds) != sorted(bounds):
        raise Refused(RacpResult.OPERAND_INVALID)
    stored = [records[minute] for minute in sorted(records)]
    match operator:
        case RacpOperator.FIRST:
            return stored[:1]
        case RacpOperator.LAST:
            return stored[-1:]
        case RacpOperator.UP_TO:
            return [one for one in stored if one.offset_min <= bounds[0]]
        case RacpOperator.FROM:
            return [one for one in stored if one.offset_min >= bounds[0]]
        case RacpOperator.RANGE:
            return [one for one in stored if bounds[0] <= one.offset_min <= bounds[1]]
    return stored


def packed(records: Sequence[Measurement], room: int) -> Iterator[bytes]:
    """Put as many whole records into a notification as fit ``room`` octets, at least one."""
    notification = b""
    for record in records:
        octets = record.to_bytes()
        if notification and len(notification) + len(octets) > room:
            yield notification
            notification = b""
        notification += octets
    if notification:
        yield notification
