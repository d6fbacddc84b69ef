"""Mock sensors of Wellue and Viatom: an ECG recorder and an oximeter ring, which speak when asked.

They take questions in pieces of 20 octets and cut their replies to what the link carries.
"""

from __future__ import annotations

import asyncio
import random
from abc import ABC, abstractmethod
from typing import Final, Self

import numpy as np

from edge_agent.errors import FrameError
from edge_drivers import viatom_er, viatom_frames, viatom_o2ring
from edge_drivers.viatom_er import Flag, RealTime, Run
from edge_drivers.viatom_frames import Frame
from edge_drivers.viatom_o2ring import RingReading
from edge_mocks.bluez import Characteristic, Peripheral, Service
from edge_mocks.ecg import EcgSource, SyntheticEcg
from edge_mocks.shelf import BleMock
from edge_mocks.tasks import Tasks
from edge_mocks.traces import SimulatedOximetry

_ATT_HEADER: Final = 3
_KEPT_S: Final = 4.0
_BEATS_PER_RATE: Final = 8


class FrameSensor(ABC):
    """A sensor that answers questions which begin with the octet ``start``.

    Faults: while ``is_stuck`` it answers nothing; ``answer_delay_s`` makes it slow to answer;
    ``cuts_link_after`` pieces of the next reply it drops the link; ``lose_replies`` is how many
    replies get lost on the way.
    """

    def __init__(
        self, rng: random.Random, *, address: str, name: str, start: int, mtu: int
    ) -> None:
        self.is_stuck, self.answer_delay_s, self.lose_replies = False, 0.0, 0
        self.cuts_link_after: int | None = None
        self.battery_percent, self.attached = 88, True
        self.questions = 0
        self._start, self._begun = start, b""
        self._tasks = Tasks()
        self.question = Characteristic(
            uuid=viatom_frames.WRITE,
            flags=("write", "write-without-response"),
            on_write=self._asked,
        )
        self.reply = Characteristic(uuid=viatom_frames.NOTIFY, flags=("notify",))
        self.peripheral = Peripheral(
            address=address,
            name=name,
            services=(
                Service(uuid=viatom_frames.SERVICE, characteristics=(self.question, self.reply)),
            ),
            rng=rng,
            advertises=(viatom_frames.SERVICE,),
            mtu=mtu,
            on_disconnect=self._forget,
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._tasks.close()

    @abstractmethod
    def answer(self, question: Frame) -> Frame | None:
        """Return the reply to ``question``, if it is one that the sensor knows."""

    def _forget(self) -> None:
        self._begun = b""

    def _asked(self, piece: bytes) -> None:
        try:
            self._begun, question = viatom_frames.join(self._begun, piece, self._start)
        except FrameError:
            return  # a real sensor says nothing to what it can't read
        if question is not None:
            self.questions += 1
            self._tasks.spawn(self._reply(question))

    async def _reply(self, question: Frame) -> None:
        await asyncio.sleep(self.answer_delay_s)
        reply = None if self.is_stuck else self.answer(question)
        if reply is None:
            return
        if self.lose_replies:
            self.lose_replies -= 1
            return
        octets, size = reply.to_bytes(), self.peripheral.mtu - _ATT_HEADER
        for number, begin in enumerate(range(0, len(octets), size)):
            if number == self.cuts_link_after:
                self.cuts_link_after = None
                self.peripheral.drop_link()
                return
            self.reply.notify(octets[begin : begin + size])


class EcgRecorder(FrameSensor):
    """A recorder on a chest whose ECG comes from ``source``, 125 samples a second.

    While ``attached`` is false its leads are off; ``poor_signal`` makes it doubt what it measures;
    ``blanks`` is how many samples at the end of each reply have no value.
    """

    def __init__(
        self,
        source: EcgSource,
        rng: random.Random,
        *,
        address: str = "C0:14:00:00:00:05",
        mtu: int = 247,
    ) -> None:
        super().__init__(
            rng, address=address, name="ER1 0005", start=viatom_frames.REQUEST, mtu=mtu
        )
        self.source, self.poor_signal, self.blanks = source, False, 0
        self._begun_at = self._told_s = 0.0

    async def __aenter__(self) -> Self:
        self._begun_at = asyncio.get_running_loop().time()
        return await super().__aenter__()

    def answer(self, question: Frame) -> Frame | None:
        """Return the ECG since the last answer; the recorder keeps no more than a few seconds."""
        if question.code != viatom_er.REAL_TIME:
            return None
        now_s = asyncio.get_running_loop().time() - self._begun_at
        fresh = round((now_s - self._told_s) * viatom_er.RATE_HZ)
        self._told_s += fresh / viatom_er.RATE_HZ
        microvolts = self.source.read(fresh)[-round(_KEPT_S * viatom_er.RATE_HZ) :]
        counts = np.rint(microvolts / viatom_er.MICROVOLT_PER_COUNT).astype(np.int32)
        blank = len(counts) if not self.attached else min(self.blanks, len(counts))
        counts[len(counts) - blank :] = viatom_er.NO_SAMPLE
        one = RealTime(
            heart_rate_per_min=self._heart_rate(),
            flags=Flag.POOR_SIGNAL if self.poor_signal else 0,
            battery_percent=self.battery_percent,
            recorded_s=int(now_s),
            run=Run.RECORDING if self.attached else Run.LEAD_OFF,
            before=Run.PREPARING,
            counts=counts,
        )
        number = viatom_er.REPLY | question.number & 0xFF00
        return Frame(
            start=viatom_frames.REQUEST,
            code=question.code,
            number=number,
            payload=one.to_bytes(),
        )

    def _heart_rate(self) -> int:
        beats = self.source.beat_times[-_BEATS_PER_RATE - 1 :]
        if len(beats) < 2 or not self.attached:
            return 0
        return round(60 * (len(beats) - 1) / float(beats[-1] - beats[0]))


class OximeterRing(FrameSensor):
    """A ring on a finger with the truth ``trace``; ``attached`` false is a ring taken off."""

    def __init__(
        self,
        trace: SimulatedOximetry,
        rng: random.Random,
        *,
        address: str = "C0:14:00:00:00:06",
        mtu: int = 23,
    ) -> None:
        super().__init__(
            rng, address=address, name="O2Ring 0006", start=viatom_frames.REQUEST_OLD, mtu=mtu
        )
        self.trace, self.is_searching = trace, False

    def answer(self, question: Frame) -> Frame | None:
        """Return what the ring measures now."""
        if question != viatom_o2ring.QUESTION:
            return None
        now_s = asyncio.get_running_loop().time()
        measures = self.attached and not self.is_searching
        one = RingReading(
            spo2_percent=round(self.trace.spo2_percent(now_s)) if measures else 0,
            pulse_per_min=round(self.trace.pulse_per_min(now_s)) if measures else 0,
            battery_percent=self.battery_percent,
            perfusion_tenths=35 if measures else 0,
            worn=self.attached,
        )
        return Frame(start=viatom_frames.REPLY_OLD, code=0, payload=one.to_bytes())


def _recorder(rng: random.Random) -> EcgRecorder:
    source = SyntheticEcg(rng, rate_hz=viatom_er.RATE_HZ, heart_rate_per_min=72.0)
    return EcgRecorder(source, rng)


def _ring(rng: random.Random) -> OximeterRing:
    return OximeterRing(SimulatedOximetry(rng.randrange(1 << 16)), rng)


MOCK_ER = BleMock(title="Viatom ECG recorder on a chest", make=_recorder)
MOCK_O2RING = BleMock(title="Viatom oximeter ring", make=_ring)
