"""What every oximeter tells, whatever its wire format: numbers with a state, and a pulse wave."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from edge_agent.codes import PERFUSION_INDEX, PLETH, PULSE_RATE, SPO2
from edge_agent.model import Boottime, Code, Observation, State, Waveform

LOW_PERFUSION_QUALITY = 0.6
"""Quality of a number the sensor stands by although the pulse is weak: still reliable."""
MARGINAL_PERFUSION_QUALITY = 0.8

_WITHOUT_NUMBER = frozenset({State.NOT_ATTACHED, State.SEARCHING, State.SENSOR_FAULT})
_LATE_NS = 2_000_000_000
_STEER_S = 10.0
_STEER_AT_MOST = 0.05


@dataclass(frozen=True, slots=True, kw_only=True)
class Oximetry:
    """One set of numbers: SpO2 and perfusion index in percent, pulse rate per minute.

    ``None`` means that the sensor gives no number. ``quality`` (0 to 1) counts only while the state
    is ``MEASURED``. ``device_ns`` and ``backfilled`` are those of an observation.
    """

    spo2_percent: float | None
    pulse_per_min: float | None
    perfusion_percent: float | None = None
    state: State = State.MEASURED
    quality: float = 1.0
    device_ns: int | None = None
    backfilled: bool = False

    def observations(self, at: Boottime, sensor: str) -> Iterator[Observation]:
        """Give SpO2 and pulse rate, and the perfusion index where there is one.

        A number that the sensor holds from before the finger was pulled out is left away, a missing
        one means a search, and one that is not plausible is questionable.
        """
        yield self._observation(SPO2, self.spo2_percent, at, sensor)
        yield self._observation(PULSE_RATE, self.pulse_per_min, at, sensor)
        if self.perfusion_percent is not None and self.state not in _WITHOUT_NUMBER:
            yield self._observation(PERFUSION_INDEX, self.perfusion_percent, at, sensor)

    def _observation(
        self, code: Code, value: float | None, at: Boottime, sensor: str
    ) -> Observation:
        state = self.state
        if state in _WITHOUT_NUMBER:
            value = None
        elif value is None:
            state = State.SEARCHING
        elif not code.is_plausible(value):
            state = State.QUESTIONABLE
        return Observation(
            code=code,
            value=None if value is None else float(value),
            at=at,
            sensor=sensor,
            state=state,
            quality=self.quality if state is State.MEASURED else 0.0,
            device_ns=self.device_ns,
            backfilled=self.backfilled,
        )


class PlethTime:
    """Places blocks of a pulse wave that carries no time of its own.

    Blocks that come in one read arrive at one moment, and their samples did not: each begins where
    the one before it ends. The rate is the nominal one, steered every 10 s by at most 5 % so that
    the wave keeps up with its arrival, for some sensors sample a few percent off. Blocks never
    overlap. Where octets were lost, or a block comes more than two seconds late, a gap is left.
    """

    def __init__(self, sensor: str, rate_hz: float) -> None:
        self._sensor, self._nominal_hz, self._rate_hz = sensor, rate_hz, rate_hz
        self._due: Boottime | None = None
        self._samples, self._blocks, self._ahead_ns = 0, 0, 0

    def block(
        self, samples: Sequence[int], state: State, at: Boottime, *, is_cut: bool
    ) -> Waveform:
        """Give ``samples``, the last of which arrived at ``at``, as a block."""
        due, follows_gap = self._due, False
        start = Boottime(at - round((len(samples) - 1) * 1e9 / self._rate_hz))
        if due is not None:
            ahead_ns = due - start
            follows_gap = is_cut or ahead_ns < -_LATE_NS
            start = max(start, due) if follows_gap else due
            if follows_gap:
                self._begin_stretch()
            else:
                self._steer(ahead_ns, len(samples))
        wave = Waveform(
            code=PLETH,
            samples=np.array(samples, np.int32),
            unit_per_count=1.0,
            rate_hz=self._rate_hz,
            start=start,
            sensor=self._sensor,
            state=state,
            follows_gap=follows_gap,
        )
        self._due = wave.end
        return wave

    def _steer(self, ahead_ns: int, count: int) -> None:
        """Every 10 s, choose the rate that brings the wave to its mean arrival in 10 s."""
        self._samples, self._blocks = self._samples + count, self._blocks + 1
        self._ahead_ns += ahead_ns
        if self._samples < _STEER_S * self._nominal_hz:
            return
        off = self._ahead_ns / self._blocks / 1e9 / _STEER_S
        self._rate_hz = self._nominal_hz * (1 + max(-_STEER_AT_MOST, min(off, _STEER_AT_MOST)))
        self._begin_stretch()

    def _begin_stretch(self) -> None:
        self._samples, self._blocks, self._ahead_ns = 0, 0, 0


class SampleBySample:
    """Gathers readings of a sensor that sends its numbers anew with every sample of the pulse wave.

    A block ends when it is full or when the state changes, so that one block has one state. The
    numbers are those that came with its last sample.
    """

    def __init__(self, sensor: str, rate_hz: float, samples_per_block: int) -> None:
        self._sensor, self._full = sensor, samples_per_block
        self._time = PlethTime(sensor, rate_hz)
        self._samples: list[int] = []
        self._is_cut = False
        self._one, self._at = Oximetry(spo2_percent=None, pulse_per_min=None), Boottime(0)

    def drop(self) -> None:
        """Forget the block that has begun."""
        self._samples = []

    def add(
        self, sample: int, one: Oximetry, at: Boottime, *, is_cut: bool
    ) -> Iterable[Observation | Waveform]:
        """Take one sample and the numbers that came with it; give the blocks that end."""
        outputs: list[Observation | Waveform] = []
        if self._samples and (is_cut or one.state != self._one.state):
            outputs += self._block()
        self._is_cut |= is_cut
        self._samples.append(sample)
        self._one, self._at = one, at
        if len(self._samples) >= self._full:
            outputs += self._block()
        return outputs

    def _block(self) -> Iterator[Observation | Waveform]:
        samples, self._samples = self._samples, []
        is_cut, self._is_cut = self._is_cut, False
        yield from self._one.observations(self._at, self._sensor)
        yield self._time.block(samples, self._one.state, self._at, is_cut=is_cut)
