"""Mock Contec oximeters: the newer protocol, which wants to be asked, and the older one."""

from __future__ import annotations

import asyncio

from edge_drivers import contec_old
from edge_drivers.contec import KEEP_ALIVE, RATE_HZ, START, STOP, RealTime
from edge_mocks.bci import BciOximeter
from edge_mocks.serial_line import SerialLine
from edge_mocks.serial_oximeter import OximetryTrace, SerialOximeter, oximeter_mock

_FREE = bytes([0x0C, 0x80])
_COMMAND_OCTETS = len(START)
_PLETH_HIGHEST, _SWING = 127, 90
_PERFUSION_CENTIPERCENT, _WEAK_CENTIPERCENT = 340, 25


class ContecOximeter(SerialOximeter):
    """Sends once it is asked, and stops after ``patience_s`` seconds without a sign of life.

    ``heard`` are the commands that came. How long a real device is patient is not documented.
    """

    period_s = 0.05

    def __init__(self, line: SerialLine, trace: OximetryTrace, *, patience_s: float = 15.0) -> None:
        super().__init__(line, trace)
        self.patience_s = patience_s
        self.heard: list[bytes] = []
        self.is_sending = False
        self._pending = b""
        self._last_sign_s = 0.0

    def _hear(self, octets: bytes) -> None:
        self._pending += octets
        while len(self._pending) >= _COMMAND_OCTETS:
            one, self._pending = self._pending[:_COMMAND_OCTETS], self._pending[_COMMAND_OCTETS:]
            self.heard.append(one)
            if one == START:
                self.is_sending = True
            elif one == STOP:
                self.is_sending = False
                self.line.write(_FREE)
            if one in {START, KEEP_ALIVE}:
                self._last_sign_s = asyncio.get_running_loop().time()

    def _said(self) -> bytes:
        self._hear(self.line.read())
        if asyncio.get_running_loop().time() - self._last_sign_s > self.patience_s:
            self.is_sending = False
        if not self.is_sending:
            return b""
        count = round(self.period_s * RATE_HZ)
        return b"".join(self._packet(wave) for wave in self._wave(count, RATE_HZ))

    def _packet(self, wave: float) -> bytes:
        perfusion = _WEAK_CENTIPERCENT if self.weak else _PERFUSION_CENTIPERCENT
        return RealTime(
            spo2_percent=self.spo2_percent,
            pulse_per_min=self.pulse_per_min,
            pleth=min(round(_SWING * wave), _PLETH_HIGHEST),
            perfusion_centipercent=perfusion if self.spo2_percent is not None else None,
            signal=2 if self.weak else 7,
            bar=min(round(15 * wave), 15),
            searching=not self.tracking,
            probe_error=not self.attached,
        ).to_bytes()


class ContecOldOximeter(BciOximeter):
    """The older protocol: the BCI frame, 60 a second, with flags of its own."""

    rate_hz = 60.0

    def _flags(self) -> int:
        flags = 0 if self.attached else contec_old.Flag.FINGER_OUT
        return flags if self.tracking else flags | contec_old.Flag.SEARCHING


MOCK = oximeter_mock("Contec oximeter, newer protocol", ContecOximeter)
MOCK_OLD = oximeter_mock("Contec oximeter, older protocol", ContecOldOximeter)
