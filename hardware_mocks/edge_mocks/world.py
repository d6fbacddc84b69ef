"""Everything at once: a person, a room and five sensors on private ground.

The bus, the serial lines and the TCP port belong to the world alone; nothing of the machine's own
Bluetooth or serial ports is touched.
"""

from __future__ import annotations

import asyncio
import random
import tempfile
from collections.abc import Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self

from edge_agent.model import Code
from edge_mocks.bluez import BLUEZ_5_82, Bluez, Personality
from edge_mocks.bus import PrivateBus
from edge_mocks.cgm import CgmSensor
from edge_mocks.ecg import EcgSource, SyntheticEcg
from edge_mocks.modbus import (
    RtuRoomSensor,
    TcpRoomSensor,
    profile_path,
    read_profile,
    room_values,
)
from edge_mocks.nonin import NoninOximeter
from edge_mocks.polar import PolarStrap
from edge_mocks.recording import RecordedEcg
from edge_mocks.serial_line import SerialLine
from edge_mocks.traces import (
    GlucoseTrace,
    RoomAir,
    SimulatedGlucose,
    SimulatedOximetry,
    SimulatedRoom,
)

_SESSION_BEGAN_MIN: Final = 4.5 * 60
"""The simulated session began at half past four in the morning: breakfast lies behind."""
_ECG_RATE_HZ: Final = 130.1
_HEART_RATE_PER_MIN: Final = 66.0
_RTU_PROFILE, _RTU_UNIT = "jxct-air", 1
_TCP_PROFILE, _TCP_UNIT = "wb-msw", 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Truth:
    """What is true now; ``None`` where nobody can know it (a recording without beats)."""

    heart_rate_per_min: float | None
    spo2_percent: float
    pulse_per_min: float
    glucose_mgdl: float | None
    room: RoomAir


class MockWorld:
    """Five mock sensors of one bed, started and stopped together.

    ``seed`` fixes everything random. ``recording`` is the ``.hea`` file of a WFDB record to play
    in place of the synthetic ECG, ``glucose`` a trace in place of the simulated one. The first
    live glucose record comes ``first_glucose_after_s`` after the start, then one a minute. The
    glucose sensor is already bonded, as one that has been set up before.

    Faults are set on the mocks themselves: :attr:`strap`, :attr:`cgm`, :attr:`oximeter`,
    :attr:`room`, :attr:`room_tcp` and :attr:`bluez`.
    """

    def __init__(
        self,
        seed: int = 1,
        recording: Path | None = None,
        *,
        glucose: GlucoseTrace | None = None,
        first_glucose_after_s: float = 10.0,
        personality: Personality = BLUEZ_5_82,
    ) -> None:
        self.seed, self.recording = seed, recording
        self._glucose = glucose or _since_dawn(SimulatedGlucose(seed))
        self._first_glucose_after_s = first_glucose_after_s
        self._personality = personality
        self._room = SimulatedRoom(seed)
        self._exits = AsyncExitStack()
        self._began_s = 0.0

    @property
    def bus_address(self) -> str:
        """What the hub's process needs as ``DBUS_SYSTEM_BUS_ADDRESS``."""
        return self._bus.address

    @property
    def sensors(self) -> list[dict[str, object]]:
        """Every sensor as a table of the hub's configuration."""
        return [
            {
                "name": "ecg-patch",
                "driver": "polar-pmd",
                "address": self.strap.peripheral.address,
            },
            {"name": "cgm", "driver": "cgm", "address": self.cgm.peripheral.address},
            {"name": "oximeter", "driver": "nonin-2", "port": str(self.oximeter.line.path)},
            {
                "name": "room",
                "driver": "modbus-room",
                "port": str(self.room.line.path),
                "unit": _RTU_UNIT,
                "profile": str(profile_path(_RTU_PROFILE)),
            },
            {
                "name": "room-tcp",
                "driver": "modbus-room",
                "host": self.room_tcp.host,
                "tcp_port": self.room_tcp.port,
                "unit": _TCP_UNIT,
                "profile": str(profile_path(_TCP_PROFILE)),
            },
        ]

    def truth(self) -> Truth:
        """Tell what is true now, to hold against what the hub says."""
        return Truth(
            heart_rate_per_min=self.strap.heart_rate_per_min(),
            spo2_percent=self.oximeter.trace.spo2_percent(self.oximeter.time_s),
            pulse_per_min=self.oximeter.trace.pulse_per_min(self.oximeter.time_s),
            glucose_mgdl=self.cgm.glucose_mgdl(),
            room=self._room.at(self._elapsed_s()),
        )

    async def __aenter__(self) -> Self:
        async with self._exits as exits:
            await self._start(exits)
            self._exits = exits.pop_all()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._exits.aclose()

    async def _start(self, exits: AsyncExitStack) -> None:
        folder = Path(exits.enter_context(tempfile.TemporaryDirectory(prefix="edge-mocks-")))
        self._began_s = asyncio.get_running_loop().time()
        self._bus = exits.enter_context(PrivateBus())
        self.bluez = Bluez(
            self._bus.address, rng=self._random("bluez"), personality=self._personality
        )
        await exits.enter_async_context(self.bluez)
        self.strap = PolarStrap(self._ecg(), self._random("strap"))
        self.cgm = CgmSensor(
            self._glucose,
            self._random("cgm"),
            first_after_s=self._first_glucose_after_s,
            bonded=True,
        )
        self.bluez.add(self.strap.peripheral)
        self.bluez.add(self.cgm.peripheral)
        line = SerialLine(folder / "usb-Mock_Oximeter-if00-port0")
        line.replug()
        exits.callback(line.unplug)
        self.oximeter = NoninOximeter(line, SimulatedOximetry(self.seed))
        self.room = RtuRoomSensor(
            folder / "usb-Mock_RS485-if00-port0",
            read_profile(_RTU_PROFILE),
            _RTU_UNIT,
            self._air_values,
        )
        self.room_tcp = TcpRoomSensor(read_profile(_TCP_PROFILE), _TCP_UNIT, self._air_values)
        for mock in (self.strap, self.cgm, self.oximeter, self.room, self.room_tcp):
            await exits.enter_async_context(mock)

    def _ecg(self) -> EcgSource:
        if self.recording is not None:
            return RecordedEcg(self.recording, rate_hz=_ECG_RATE_HZ)
        return SyntheticEcg(
            self._random("ecg"), rate_hz=_ECG_RATE_HZ, heart_rate_per_min=_HEART_RATE_PER_MIN
        )

    def _random(self, purpose: str) -> random.Random:
        """Return a generator of its own for each mock, so that they do not disturb each other."""
        return random.Random(f"{self.seed}/{purpose}")

    def _elapsed_s(self) -> float:
        return asyncio.get_running_loop().time() - self._began_s

    def _air_values(self) -> Mapping[Code, float]:
        return room_values(self._room.at(self._elapsed_s()))


def _since_dawn(day: SimulatedGlucose) -> GlucoseTrace:
    return lambda minute: day(minute + _SESSION_BEGAN_MIN)
