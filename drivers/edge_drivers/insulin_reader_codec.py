"""Questions to a pump's status reader (0x2B24) and its answers, in both directions.

The status reader answers questions about what goes on; one of its opcodes (reset status) changes
what other listeners see, and a hub does not use it. Insulin in IU, rates in IU/h, times in min.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from enum import IntEnum

from edge_agent.driver import FrameError
from edge_drivers.fields import Fields
from edge_drivers.ieee11073 import encode_sfloat
from edge_drivers.insulin_delivery_codec import protected, unprotected

_FRAME = "insulin status reader"


class Question(IntEnum):
    """What a hub asks. None of them changes anything in the pump."""

    ACTIVE_BOLUS_IDS = 0x0330
    ACTIVE_BASAL_RATE = 0x0365
    TOTAL_DAILY_INSULIN = 0x0395
    INSULIN_ON_BOARD = 0x03F3


class Refusal(IntEnum):
    """Why a question was not answered; success is for procedures without an answer."""

    SUCCESS = 0x0F
    OPCODE_UNSUPPORTED = 0x70
    OPERAND_INVALID = 0x71
    NOT_COMPLETED = 0x72
    OUT_OF_RANGE = 0x73
    NOT_APPLICABLE = 0x74


class TemporaryBasal(IntEnum):
    """How a temporary basal rate is given; what unit a relative one has is not covered here."""

    ABSOLUTE = 0x33
    RELATIVE = 0x3C


class _Reply(IntEnum):
    """Opcodes of the answers."""

    REFUSED = 0x0303
    ACTIVE_BOLUS_IDS = 0x033F
    ACTIVE_BASAL_RATE = 0x036A
    TOTAL_DAILY_INSULIN = 0x039A
    INSULIN_ON_BOARD = 0x03FC


_BASAL_TEMPORARY, _BASAL_TEMPLATE, _BASAL_CONTEXT = 0x01, 0x02, 0x04
_HAS_DURATION = 0x01


@dataclass(frozen=True, slots=True)
class Refused:
    """A question that the pump does not answer now."""

    question: int
    reason: int


@dataclass(frozen=True, slots=True)
class ActiveBoluses:
    """The numbers of the boluses that are being delivered."""

    ids: tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class BasalRate:
    """The basal rate of the active profile, and the temporary one that replaces it, if any.

    ``temporary`` is a :class:`TemporaryBasal` or another number, ``adjustment`` what goes with it.
    """

    template: int
    profile_iu_h: float
    temporary: int | None = None
    adjustment: float = 0.0
    programmed_min: int = 0
    remaining_min: int = 0
    temporary_template: int | None = None
    context: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TotalDaily:
    """Insulin delivered since midnight, by the pump's clock."""

    bolus_iu: float
    basal_iu: float
    total_iu: float


@dataclass(frozen=True, slots=True, kw_only=True)
class OnBoard:
    """Insulin that still acts, and for how long, where the pump says so."""

    insulin_iu: float
    remaining_min: int | None = None


Answer = Refused | ActiveBoluses | BasalRate | TotalDaily | OnBoard


def question_to_bytes(question: Question, counter: int | None) -> bytes:
    """Encode a question; ``counter`` is ``None`` without end-to-end protection."""
    return protected(struct.pack("<H", question), counter)


def question_from_bytes(data: bytes, *, e2e: bool) -> int:
    """Decode a question, as a pump does; return its opcode.

    :raises FrameError: a wrong length or CRC.
    """
    body, _ = unprotected(data, _FRAME, e2e=e2e)
    if len(body) != 2:
        raise FrameError(_FRAME, "expected an opcode and nothing else", len(body))
    return int.from_bytes(body, "little")


def answer_from_bytes(data: bytes, *, e2e: bool) -> tuple[Answer, int]:
    """Decode an answer; return it with its counter (0 without protection).

    :raises FrameError: an opcode that is no answer, a wrong length or CRC.
    """
    body, counter = unprotected(data, _FRAME, e2e=e2e)
    if len(body) < 2:
        raise FrameError(_FRAME, "no opcode", len(body))
    operand = Fields(body[2:], _FRAME)
    match int.from_bytes(body[:2], "little"):
        case _Reply.REFUSED:
            answer: Answer = Refused(operand.u16(), operand.u8())
        case _Reply.ACTIVE_BOLUS_IDS:
            answer = ActiveBoluses(tuple(operand.u16() for _ in range(operand.u8())))
        case _Reply.ACTIVE_BASAL_RATE:
            answer = _basal_rate(operand)
        case _Reply.TOTAL_DAILY_INSULIN:
            bolus, basal, total = operand.sfloat(), operand.sfloat(), operand.sfloat()
            answer = TotalDaily(bolus_iu=bolus, basal_iu=basal, total_iu=total)
        case _Reply.INSULIN_ON_BOARD:
            flags, insulin = operand.u8(), operand.sfloat()
            remaining = operand.u16() if flags & _HAS_DURATION else None
            answer = OnBoard(insulin_iu=insulin, remaining_min=remaining)
        case opcode:
            raise FrameError(_FRAME, f"opcode 0x{opcode:04x} is no answer that was asked for")
    operand.end()
    return answer, counter


def answer_to_bytes(answer: Answer, counter: int | None) -> bytes:
    """Encode an answer, as a pump does."""
    match answer:
        case Refused(question, reason):
            body = struct.pack("<HHB", _Reply.REFUSED, question, reason)
        case ActiveBoluses(ids):
            body = struct.pack(f"<HB{len(ids)}H", _Reply.ACTIVE_BOLUS_IDS, len(ids), *ids)
        case BasalRate():
            body = struct.pack("<H", _Reply.ACTIVE_BASAL_RATE) + _basal_rate_to_bytes(answer)
        case TotalDaily(bolus_iu=bolus, basal_iu=basal, total_iu=total):
            body = struct.pack(
                "<H3H", _Reply.TOTAL_DAILY_INSULIN, *map(encode_sfloat, (bolus, basal, total))
            )
        case OnBoard(insulin_iu=insulin, remaining_min=remaining):
            body = struct.pack(
                "<HBH", _Reply.INSULIN_ON_BOARD, remaining is not None, encode_sfloat(insulin)
            )
            body += b"" if remaining is None else struct.pack("<H", remaining)
    return protected(body, counter)


def _basal_rate(operand: Fields) -> BasalRate:
    flags, template, profile = operand.u8(), operand.u8(), operand.sfloat()
    temporary: int | None = None
    adjustment, programmed, remaining = 0.0, 0, 0
    if flags & _BASAL_TEMPORARY:
        temporary, adjustment = operand.u8(), operand.sfloat()
        programmed, remaining = operand.u16(), operand.u16()
    return BasalRate(
        template=template,
        profile_iu_h=profile,
        temporary=temporary,
        adjustment=adjustment,
        programmed_min=programmed,
        remaining_min=remaining,
        temporary_template=operand.u8() if flags & _BASAL_TEMPLATE else None,
        context=operand.u8() if flags & _BASAL_CONTEXT else None,
    )


def _basal_rate_to_bytes(rate: BasalRate) -> bytes:
    flags = _BASAL_TEMPORARY * (rate.temporary is not None)
    flags |= _BASAL_TEMPLATE * (rate.temporary_template is not None)
    flags |= _BASAL_CONTEXT * (rate.context is not None)
    body = struct.pack("<BBH", flags, rate.template, encode_sfloat(rate.profile_iu_h))
    if rate.temporary is not None:
        adjustment = encode_sfloat(rate.adjustment)
        durations = (rate.programmed_min, rate.remaining_min)
        body += struct.pack("<BHHH", rate.temporary, adjustment, *durations)
    for octet in (rate.temporary_template, rate.context):
        body += b"" if octet is None else bytes([octet])
    return body
