"""Glucose forecast: begins with what other people have taught, and learns one person.

For 15, 30 and 60 min the change of glucose is predicted by recursive least squares on the last
hour, slow means, the time of day, and the carbohydrate and insulin still at work; other horizons
lie between these. Its weights begin with those of a population, learnt offline, and become the
person's own within days. Where the trend leads low the forecast follows it further than the mean
would. The 90 % interval follows the errors that were made, and leaves out most of its tenth above:
a low that comes must not fall outside. Apart from that a model of its own foresees lows
(:mod:`~edge_agent.dsp.glucose_alarm`).

``edge-agent validate glucose`` measures all of it. A forecast informs; a low one may raise a
warning of its own, but none may clear an alarm about what was measured.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from edge_agent.dsp.glucose_alarm import AlarmSwitch, LowAlarm
from edge_agent.dsp.glucose_expert import LOW_MGDL, Expert, Outlook, within_range
from edge_agent.dsp.glucose_features import LONGEST_GAP_MIN, History
from edge_agent.dsp.glucose_population import ALARM_MIN, HORIZONS_MIN, Population, Vector
from edge_agent.dsp.glucose_weights import POPULATIONS

LONGEST_HORIZON_MIN = 60.0

LEAST_READINGS = 3
"""So many readings within an hour are needed for a forecast."""

FASTEST_MGDL_PER_MIN = 6.0
"""What changes faster is the sensor: somebody lies on it, or it was calibrated.

Such a reading is believed as far as glucose can have gone, and teaches nothing.
"""

_TREND_MIN = 15.0
_SLOW_SENSOR_MIN = 8.0
_PACE_MEMORY = 30.0  # readings
_TO_SLOW, _TO_FAST = 0.6, 0.4
_REFUSED_BEFORE_RESET = 3  # readings in turn that contradict the last hour
_OLD_BEFORE_RESET = 12  # or lie before it: more may be a sensor's own memory, sent late
_HOLE_MIN = 4.0
_SAME_MIN = 0.5
_STEP_MIN = 5.0
_NOISE_SHARE = 0.4  # of the width at 15 min, at the present moment
_STATE_VERSION = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Forecast:
    """Expected glucose and its 90 % interval, in mg/dL (20 to 600).

    ``deviation`` is the standard deviation of the normal distribution that fits best (mg/dL).
    """

    mean: float
    low90: float
    high90: float
    deviation: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Crossing:
    """How likely glucose crosses a threshold, and when: ``in_min`` after the last reading.

    ``in_min`` is when the forecast crosses or, if it does not, when it comes nearest; ``None``
    when a crossing is less likely than one in a hundred.
    """

    probability: float
    in_min: float | None


class Forecaster:
    """Forecasts the glucose of one person from one sensor, learning as readings come.

    Between readings glucose is taken to run straight. Memory is bounded by the readings and the
    outlooks of an hour. ``populations`` are where it begins, one for each pace of sensor.
    """

    def __init__(self, populations: tuple[Population, Population] = POPULATIONS) -> None:
        self._populations = populations
        self._experts: list[Expert | None] = [None, None]
        self._history = History()
        self._alarm = AlarmSwitch()
        self._pace = 0
        self._slow_share = 0.5
        self._intervals = 0
        self._refused: list[float] = []
        self._carbs_g = self._insulin_u = 0.0
        self.is_doubtful = False
        """Whether the last reading changed faster than glucose can."""

    @property
    def trend_per_min(self) -> float | None:
        """Slope of the last 15 min of readings in mg/dL/min, but of three readings at least.

        ``None`` while there are too few readings.
        """
        times = self._history.times
        if len(times) < LEAST_READINGS:
            return None
        count = max(LEAST_READINGS, sum(at >= times[-1] - _TREND_MIN for at in times))
        at, values = np.array(times[-count:]), np.array(self._history.values[-count:])
        at -= at.mean()
        return float(at @ values / (at @ at))

    def update(
        self, at_s: float, mgdl: float, *, carbs_g: float = 0.0, insulin_u: float = 0.0
    ) -> None:
        """Take in a reading (mg/dL) at ``at_s``, and what was eaten and injected since the last.

        A reading that is not later than the last fills a hole in the last hour or is ignored; food
        and insulin never are. When several in turn are early, the clock was set back: the last
        hour is forgotten then.

        :raises ValueError: a number that is not finite, a glucose that is not positive.
        """
        if not all(map(math.isfinite, (at_s, mgdl, carbs_g, insulin_u))) or mgdl <= 0.0:
            raise ValueError(f"glucose {mgdl} mg/dL at {at_s} s: not finite; leave it out")
        at_min, times = at_s / 60.0, self._history.times
        self._carbs_g += carbs_g
        self._insulin_u += insulin_u
        if times and at_min <= times[-1]:
            if not self._is_set_back(at_min, mgdl):
                return
            self._start_anew()
        self._refused.clear()
        self._read(at_min, mgdl)

    def add_dose(self, *, carbs_g: float = 0.0, insulin_u: float = 0.0) -> None:
        """Take in what was eaten or injected since the last reading; the next one counts it.

        :raises ValueError: a number that is not finite.
        """
        if not (math.isfinite(carbs_g) and math.isfinite(insulin_u)):
            raise ValueError(f"{carbs_g} g, {insulin_u} U: not finite; leave it out")
        self._carbs_g += carbs_g
        self._insulin_u += insulin_u

    def forecast(self, horizon_min: float) -> Forecast | None:
        """Forecast for ``horizon_min`` minutes after the last reading (0 < horizon <= 60).

        ``None`` while there are too few readings since the start or the last long gap. How old
        the last reading is, the caller knows.

        :raises ValueError: another horizon.
        """
        if not 0.0 < horizon_min <= LONGEST_HORIZON_MIN:
            raise ValueError(f"horizon {horizon_min} min: outside 0 to {LONGEST_HORIZON_MIN:g} min")
        ahead = self._ahead(np.array([horizon_min]))
        if ahead is None:
            return None
        mean, below, above, deviation = (float(one[0]) for one in ahead)
        return Forecast(
            mean=within_range(mean), low90=within_range(mean - below),
            high90=within_range(mean + above), deviation=deviation,
        )  # fmt: skip

    def _ahead(self, at_min: Vector) -> tuple[Vector, Vector, Vector, Vector] | None:
        """Return mean, both half widths of the interval and deviation at ``at_min``, shape (n,)."""
        outlooks = self._outlooks()
        if not outlooks:
            return None
        grid, now = (0.0, *HORIZONS_MIN), self._history.values[-1]
        mean = np.interp(at_min, grid, (now, *(one.mean for one in outlooks)))
        below, above, deviation = (
            np.interp(at_min, grid, (_NOISE_SHARE * widths[0], *widths))
            for widths in (
                [one.below for one in outlooks],
                [one.above for one in outlooks],
                [one.deviation for one in outlooks],
            )
        )
        return mean, below, above, deviation

    def crossing(self, threshold_mgdl: float, within_min: float) -> Crossing | None:
        """Return how likely and when glucose leaves its side of ``threshold_mgdl``.

        ``None`` while there is no forecast. What lies on the other side already has crossed.

        :raises ValueError: as :meth:`forecast` for ``within_min``.
        """
        if not 0.0 < within_min <= LONGEST_HORIZON_MIN:
            raise ValueError(f"{within_min} min: outside 0 to {LONGEST_HORIZON_MIN:g} min")
        steps = np.append(np.arange(_STEP_MIN, within_min, _STEP_MIN), within_min)
        ahead = self._ahead(steps)
        if ahead is None:
            return None
        mean, _, _, deviation = ahead
        side = 1.0 if self._history.values[-1] >= threshold_mgdl else -1.0
        depth = side * (threshold_mgdl - mean) / (math.sqrt(2.0) * deviation)
        beyond = [
            (at, 0.5 * math.erfc(-each))
            for at, each in zip(steps.tolist(), depth.tolist(), strict=True)
        ]
        likeliest = max(chance for _, chance in beyond)
        power = self._populations[self._pace].crossing_power
        probability = 1.0 - (1.0 - likeliest) ** power
        if probability < 0.01:
            return Crossing(probability=probability, in_min=None)
        enough = min(0.5, likeliest)
        return Crossing(
            probability=probability,
            in_min=next(at for at, chance in beyond if chance >= enough),
        )

    @property
    def low_alarm(self) -> LowAlarm | None:
        """The low-glucose alarm after the last reading; ``None`` while nothing is foreseen."""
        expert = self._experts[self._pace]
        if expert is None or expert.least_mgdl is None or not self._outlooks():
            return None
        now = self._history.values[-1]
        crossing = self.crossing(LOW_MGDL, ALARM_MIN) if now >= LOW_MGDL else None
        return LowAlarm(
            is_on=self._alarm.is_on,
            probability=1.0 if now < LOW_MGDL else expert.low_probability(),
            in_min=crossing.in_min if crossing else 0.0,
            least_mgdl=expert.least_mgdl,
            level_mgdl=expert.least_mgdl * LOW_MGDL / expert.population.alarm_low_mgdl,
        )

    def state(self) -> dict[str, Any]:
        """Return everything as plain values (JSON keeps them exactly)."""
        history = self._history
        return {
            "version": _STATE_VERSION,
            "experts": [one and one.state() for one in self._experts],
            "times": list(history.times), "values": list(history.values),
            "means": history.means.tolist(), "carbs": history.carbs.amounts.tolist(),
            "insulin": history.insulin.amounts.tolist(), "alarm": self._alarm.state(),
            "pace": self._pace, "slow_share": self._slow_share, "intervals": self._intervals,
            "refused": list(self._refused), "doses": [self._carbs_g, self._insulin_u],
            "is_doubtful": self.is_doubtful,
        }  # fmt: skip

    def restore(self, state: Mapping[str, Any]) -> None:
        """Take up what :meth:`state` gave: forecasts go on as if nothing had been.

        :raises ValueError: a state of another version or size.
        """
        if state["version"] != _STATE_VERSION:
            raise ValueError(f"state of version {state['version']}, not {_STATE_VERSION}")
        experts: list[Expert | None] = [None, None]
        for number, kept in enumerate(state["experts"]):
            if kept is not None:
                expert = Expert(self._populations[number])
                expert.restore(kept)
                experts[number] = expert
        self._experts = experts
        history = History()
        history.times, history.values = list(state["times"]), list(state["values"])
        history.means = np.array(state["means"], dtype=np.float64)
        history.carbs.amounts = np.array(state["carbs"], dtype=np.float64)
        history.insulin.amounts = np.array(state["insulin"], dtype=np.float64)
        self._history = history
        self._alarm.restore(state["alarm"])
        self._pace, self._slow_share = int(state["pace"]), float(state["slow_share"])
        self._intervals, self._refused = int(state["intervals"]), list(state["refused"])
        self._carbs_g, self._insulin_u = state["doses"]
        self.is_doubtful = bool(state["is_doubtful"])

    def forget_recent(self) -> None:
        """Forget the last hour, as after a long gap: time has begun anew. What was learnt stays."""
        self._start_anew()
        self._start_anew_experts()

    def _read(self, at_min: float, mgdl: float) -> None:
        history = self._history
        before = (history.times[-1], history.values[-1]) if history.times else None
        waited = at_min - before[0] if before else math.inf
        believed = mgdl
        if before is not None and waited <= LONGEST_GAP_MIN:
            furthest = FASTEST_MGDL_PER_MIN * max(waited, _STEP_MIN)
            believed = min(max(mgdl, before[1] - furthest), before[1] + furthest)
        history.push(at_min, believed)
        if before is None or waited > LONGEST_GAP_MIN:
            self._start_anew_experts()
            self.is_doubtful = False
        else:
            self.is_doubtful = believed != mgdl
            self._follow_pace(waited)
            for expert in self._experts:
                if expert is not None:
                    expert.learn(before, (at_min, believed), doubt=self.is_doubtful)
        history.carbs.add(self._carbs_g)
        history.insulin.add(self._insulin_u)
        self._carbs_g = self._insulin_u = 0.0
        if len(history.times) >= LEAST_READINGS:
            expert = self._experts[self._pace]
            if expert is None:
                expert = self._experts[self._pace] = Expert(self._populations[self._pace])
            expert.look(history)
            if expert.least_mgdl is not None:
                raising = expert.population.alarm_low_mgdl
                self._alarm.see(at_min, expert.least_mgdl, raising)

    def _outlooks(self) -> tuple[Outlook, ...]:
        expert = self._experts[self._pace]
        if expert is None or len(self._history.times) < LEAST_READINGS:
            return ()
        return expert.outlooks

    def _follow_pace(self, waited_min: float) -> None:
        """Choose the expert by how far apart readings mostly are."""
        self._intervals += 1
        share = 1.0 / min(self._intervals, _PACE_MEMORY)
        self._slow_share += share * (float(waited_min > _SLOW_SENSOR_MIN) - self._slow_share)
        if self._slow_share > _TO_SLOW:
            self._pace = 1
        elif self._slow_share < _TO_FAST:
            self._pace = 0

    def _is_set_back(self, at_min: float, mgdl: float) -> bool:
        """Take a reading that is not the latest; tell whether it is of a clock set back."""
        times, values = self._history.times, self._history.values
        nearest = min(range(len(times)), key=lambda one: abs(at_min - times[one]))
        apart = abs(at_min - times[nearest])
        if apart < _SAME_MIN and mgdl == values[nearest]:
            return False
        if apart >= _HOLE_MIN and times[-1] - LONGEST_GAP_MIN <= at_min:
            self._history.fill(at_min, mgdl)
            return False
        if self._refused and at_min <= self._refused[-1]:
            self._refused.clear()
        self._refused.append(at_min)
        is_old = at_min < times[0]
        return len(self._refused) >= (_OLD_BEFORE_RESET if is_old else _REFUSED_BEFORE_RESET)

    def _start_anew(self) -> None:
        self._history.clear()
        self._refused.clear()

    def _start_anew_experts(self) -> None:
        self._alarm.reset()
        for expert in self._experts:
            if expert is not None:
                expert.forget_open()
                expert.outlooks = ()
