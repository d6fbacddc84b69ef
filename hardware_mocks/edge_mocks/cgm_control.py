"""The specific ops control point of a mock glucose sensor: it answers, and changes nothing."""

from __future__ import annotations

import asyncio

from edge_agent.errors import FrameError
from edge_drivers.cgm_control_codec import CONTROL, Control, ControlMessage, ControlResult, Done
from edge_mocks.bluez import Characteristic, att_error

_CCCD_NOT_SET, _CRC_WRONG = 0xFD, 0x81
_LEVELS_MGDL = {
    Control.GET_PATIENT_HIGH: 180.0,
    Control.GET_PATIENT_LOW: 70.0,
    Control.GET_HYPO: 55.0,
}


class ControlPoint:
    """Tells an interval of ``interval_min`` minutes; ``requests`` is all that was written."""

    def __init__(self, interval_min: int) -> None:
        self.requests: list[Control] = []
        self._interval_min = interval_min
        self.characteristic = Characteristic(
            uuid=CONTROL, flags=("write", "indicate"), encrypted=True, on_write=self._written
        )

    def _written(self, data: bytes) -> None:
        if not self.characteristic.subscribed:
            raise att_error(_CCCD_NOT_SET)
        try:
            request = ControlMessage.from_bytes(data, crc=True)
        except FrameError as error:
            raise att_error(_CRC_WRONG) from error
        self.requests.append(request.opcode)
        answer = self._answer(request.opcode).to_bytes(crc=True)
        # It comes after the answer to the write, as it does on the air.
        asyncio.get_running_loop().call_soon(self.characteristic.notify, answer)

    def _answer(self, question: Control) -> ControlMessage:
        if question is Control.GET_INTERVAL:
            return ControlMessage(Control.INTERVAL_TOLD, self._interval_min)
        if question in _LEVELS_MGDL:
            return ControlMessage(Control(question + 1), _LEVELS_MGDL[question])
        return ControlMessage(Control.DONE, Done(question, ControlResult.UNSUPPORTED))
