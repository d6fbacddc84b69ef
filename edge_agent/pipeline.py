"""The way of a reading through one subject's hub: signal processing, twin, alarms, summary.

No I/O and no clock of its own: readings and the present time come in, alarms come out at once,
and everything else gathers in the summary until it is taken.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from dataclasses import dataclass

from edge_agent import codes
from edge_agent.alarm_events import alarm_figures, audio_paused, audio_resumed
from edge_agent.alarms.engine import AlarmEngine
from edge_agent.alarms.rules import Rule
from edge_agent.dsp.glucose import Forecast, Forecaster
from edge_agent.dsp.glucose_alarm import LowAlarm
from edge_agent.dsp.oximetry import Saturation
from edge_agent.dsp.rhythm import DEFAULT_LIMITS, RhythmLimits
from edge_agent.ecg_lead import EcgLead
from edge_agent.model import (
    Alarm,
    Boottime,
    Code,
    Event,
    Evidence,
    Observation,
    Reading,
    Unit,
    Waveform,
)
from edge_agent.oximeter_watch import OximeterWatch
from edge_agent.rhythm_events import FibrillationFollower
from edge_agent.rr_channel import RrChannel
from edge_agent.summary import Summary
from edge_agent.twin.state import Twin
from edge_agent.warning.crisis import Ahead
from edge_agent.warning.early_warning import EarlyWarning

_NS_PER_S = 1_000_000_000
_DERIVED_RULES_NS = 5 * _NS_PER_S
_LATE_BOLUS_NS = 30 * 60 * _NS_PER_S

_HORIZONS = ((15.0, codes.GLUCOSE_IN_15_MIN), (30.0, codes.GLUCOSE_IN_30_MIN))


@dataclass(frozen=True, slots=True, kw_only=True)
class GlucoseForecast:
    """A forecast of glucose (mg/dL) made at ``at`` for ``horizon_min`` minutes later."""

    code: Code
    at: Boottime
    horizon_min: float
    forecast: Forecast


class Pipeline:
    """One subject's signal processing, twin, alarms and summary."""

    def __init__(
        self,
        rules: Iterable[Rule],
        started_at: Boottime,
        rhythm: RhythmLimits = DEFAULT_LIMITS,
        warning: EarlyWarning | None = None,
        *,
        pause_at_most_s: float = 600.0,
    ) -> None:
        self._warning = warning
        self._rhythm = rhythm
        self.twin = Twin()
        self.alarms = AlarmEngine(rules, started_at, pause_at_most_s=pause_at_most_s)
        self.summary = Summary()
        self.forecasts: tuple[GlucoseForecast, ...] = ()
        self.beats = 0
        self.alarms_raised = 0
        self._ecg: dict[str, EcgLead] = {}
        self._rr: dict[str, RrChannel] = {}
        self.forecasters: dict[str, Forecaster] = {}
        self._saturation: dict[str, Saturation] = {}
        self.oximeters = OximeterWatch()
        self._ecg_rate_at: Boottime | None = None
        self._counted_before: tuple[float | None, ...] = ()

    def go_by(self, rhythm: RhythmLimits) -> None:
        """Find rhythms by other limits from now on; each lead is watched anew for that."""
        if rhythm != self._rhythm:
            self._rhythm = rhythm
            self._ecg.clear()

    def take(self, reading: Reading, now: Boottime) -> list[Alarm]:
        """Take in one reading; return the alarms that it raises or clears."""
        match reading:
            case Waveform():
                alarms = self._take_waveform(reading, now)
            case Observation():
                alarms = self._take_observation(reading, now)
            case Event():
                self.summary.add(reading)
                alarms = self.alarms.judge(reading, now)
        return self._counted(alarms)

    def tick(self, now: Boottime, utc_ns: int | None = None) -> list[Alarm]:
        """Let time pass: find what has gone stale. To be called about once a second.

        The early warning follows the day, and needs the wall clock ``utc_ns``, right or wrong.
        """
        before = self.alarms.paused
        alarms = self._take_derived(self.oximeters.tick(now), now)
        alarms += self.alarms.tick(now)
        if before is not None and self.alarms.paused is None:
            self.summary.add(audio_resumed("the time is over", now))
        if self._warning is not None and utc_ns is not None:
            aheads = tuple(_ahead(one) for one in self.forecasts)
            alarms += self._take_derived(self._warning.look(self.twin, aheads, now, utc_ns), now)
        return self._counted(alarms)

    def pause_audio(self, for_s: float, by: str, now: Boottime) -> None:
        """Pause the alarms' audio, as ``by`` wants; the record keeps who did it.

        :raises ValueError: longer than the bound.
        """
        self.alarms.pause(for_s, by, now)
        self.summary.add(audio_paused(for_s, by, now))

    def resume_audio(self, by: str, now: Boottime) -> list[Alarm]:
        """End a pause, as ``by`` wants; return the alarms that are said again."""
        if self.alarms.paused is None:
            return []
        alarms = self._counted(self.alarms.resume(now))
        self.summary.add(audio_resumed(by, now))
        return alarms

    def sum_up_alarms(self, now: Boottime) -> None:
        """Put the alarms' figures into the summary, if alarms have come or ended since."""
        figures = self.alarms.figures
        counted = (figures.alarms, figures.actionable_share, figures.longest_s)
        if figures.alarms and counted != self._counted_before:
            self.summary.add(alarm_figures(figures, now))
        self._counted_before = counted

    def _take_waveform(self, block: Waveform, now: Boottime) -> list[Alarm]:
        if block.code != codes.ECG:
            if self._warning is not None:
                self._warning.note(block)
            return self.alarms.judge(block, now)
        lead = self._ecg.get(block.sensor)
        if lead is None:
            lead = self._ecg[block.sensor] = EcgLead(block.sensor, self._rhythm)
        judged, derived = lead.push(block)
        alarms = self.alarms.judge(judged, now)
        for one in derived:
            if isinstance(one, Observation) and one.state.is_measurement:
                self._note_ecg(one, now)
        return alarms + self._take_derived(derived, now)

    def _note_ecg(self, one: Observation, now: Boottime) -> None:
        """Note that a rate, or a beat, is known from an ECG: no other sensor need tell it."""
        if one.code == codes.HEART_RATE:
            self._ecg_rate_at = now
        elif one.code == codes.RR_INTERVAL:
            for strap in self._rr.values():
                strap.yield_to_ecg(one.at)

    def _take_derived(self, derived: Iterable[Observation | Event], now: Boottime) -> list[Alarm]:
        """Take in what the hub itself has found."""
        alarms: list[Alarm] = []
        for one in derived:
            self.summary.add(one)
            if isinstance(one, Event):
                alarms += self.alarms.judge(one, now)
                continue
            self.beats += one.code == codes.RR_INTERVAL
            alarms += self._note(one, now) + self._take_derived(self.oximeters.take(one), now)
        return alarms

    def _take_observation(self, one: Observation, now: Boottime) -> list[Alarm]:
        self.summary.add(one)
        if one.code == codes.GLUCOSE:
            return self._note(one, now) + self._forecast(one, now)
        is_second = self._is_second_to_ecg(one, now)
        found = [] if is_second else self._take_derived(self.oximeters.take(one), now)
        if one.code == codes.SPO2:
            return found + self._note(self._smoothed(one), now)
        if one.code == codes.INSULIN_BOLUS:
            self._note_bolus(one, now)
        alarms = found + self._note(one, now, judge=not is_second)
        if one.code == codes.RR_INTERVAL:
            strap = self._rr.get(one.sensor)
            if strap is None:
                strap = RrChannel(one.sensor, (FibrillationFollower(one.sensor),))
                self._rr[one.sensor] = strap
            alarms += self._take_derived(strap.push(one), now)
        return alarms

    def _smoothed(self, one: Observation) -> Observation:
        """Return the saturation that twin and alarms go by: the median of the reliable seconds.

        The summary keeps what the sensor said.
        """
        saturation = self._saturation.setdefault(one.sensor, Saturation())
        smooth = saturation.update(
            one.at / _NS_PER_S,
            one.value,
            None,
            reliable=one.is_reliable,
        )
        if not one.is_reliable:
            return one
        quality = min(one.quality, smooth.reliable_share)
        return dataclasses.replace(one, value=smooth.spo2_percent, quality=quality)

    def _is_second_to_ecg(self, one: Observation, now: Boottime) -> bool:
        """Whether a sensor's own heart rate yields to the one worked out from the ECG.

        Two rates that differ by a beat would otherwise raise and clear one alarm in turns.
        """
        fresh = self._ecg_rate_at is not None and now - self._ecg_rate_at < _DERIVED_RULES_NS
        return one.code == codes.HEART_RATE and fresh

    def _forecast(self, one: Observation, now: Boottime) -> list[Alarm]:
        """Learn from a glucose value and look ahead; the forecast is judged only when live."""
        if not one.is_reliable or one.value is None:
            return []
        forecaster = self.forecasters.setdefault(one.sensor, Forecaster())
        forecaster.update(one.at / _NS_PER_S, one.value)
        alarms: list[Alarm] = []
        made: list[GlucoseForecast] = []
        for horizon_min, code in _HORIZONS:
            forecast = forecaster.forecast(horizon_min)
            if forecast is None:
                continue
            made.append(
                GlucoseForecast(code=code, at=one.at, horizon_min=horizon_min, forecast=forecast)
            )
            ahead = Observation(
                code=code,
                value=forecast.mean,
                at=one.at,
                sensor=one.sensor,
                quality=one.quality,
                backfilled=one.backfilled,
            )
            self.twin.assimilate(ahead)
            if code == codes.GLUCOSE_IN_30_MIN:
                alarms += self._judge_low(ahead, one, forecast, now)
            if not one.backfilled:
                self.summary.add_forecast(
                    codes.GLUCOSE, one.at, horizon_min, forecast.mean, forecast.low90,
                    forecast.high90,
                )  # fmt: skip
        self.forecasts = tuple(made)
        return alarms

    def _judge_low(
        self, ahead: Observation, measured: Observation, forecast: Forecast, now: Boottime
    ) -> list[Alarm]:
        """Judge the limit of a low to come by the low-glucose alarm's level, not by the mean.

        The mean shrinks towards the usual and would come late.
        """
        low = self.forecasters[measured.sensor].low_alarm
        if low is None:
            return []
        judged = dataclasses.replace(ahead, value=low.level_mgdl)
        return [
            _with_reasons(alarm, measured, forecast, low)
            for alarm in self.alarms.judge(judged, now)
        ]

    def _note_bolus(self, one: Observation, now: Boottime) -> None:
        """Tell the forecasters of insulin that a pump has delivered lately.

        A pump tells of it from its memory, so it may come a little late.
        """
        if one.is_reliable and one.value is not None and now - one.at < _LATE_BOLUS_NS:
            for forecaster in self.forecasters.values():
                forecaster.add_dose(insulin_u=one.value)

    def _note(self, one: Observation, now: Boottime, *, judge: bool = True) -> list[Alarm]:
        self.twin.assimilate(one)
        if self._warning is not None:
            self._warning.note(one)
        return self.alarms.judge(one, now) if judge else []

    def _counted(self, alarms: list[Alarm]) -> list[Alarm]:
        self.alarms_raised += sum(alarm.phase == "raised" for alarm in alarms)
        return alarms


def _ahead(one: GlucoseForecast) -> Ahead:
    forecast = one.forecast
    return Ahead(
        code=one.code,
        horizon_min=one.horizon_min,
        mean=forecast.mean,
        low90=forecast.low90,
        high90=forecast.high90,
        at=one.at,
        sensor="glucose-forecast",
    )


def _with_reasons(
    alarm: Alarm, measured: Observation, forecast: Forecast, foreseen: LowAlarm
) -> Alarm:
    """Add to an alarm about the future what was measured, and how sure the forecast is."""
    now = Evidence(
        quantity=measured.code.refid,
        value=measured.value,
        unit=measured.unit,
        sensor=measured.sensor,
        at=measured.at,
        note="measured",
    )
    low = Evidence(
        quantity="lower end of the 90 % interval",
        value=forecast.low90,
        unit=measured.unit,
        sensor=measured.sensor,
        at=measured.at,
    )
    chance = Evidence(
        quantity="probability of a low within 40 min",
        value=round(100.0 * foreseen.probability, 1),
        unit=Unit.PERCENT,
        sensor=measured.sensor,
        at=measured.at,
        note="" if foreseen.in_min is None else f"in about {foreseen.in_min:.0f} min",
    )
    return dataclasses.replace(alarm, evidence=(*alarm.evidence, now, low, chance))
