"""The way of a reading through one subject's hub: signal processing, twin, alarms, summary.

No I/O and no clock of its own: readings and the present time come in, alarms come out at once,
and everything else gathers in the summary until it is taken.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable

from edge_agent import codes
from edge_agent.alarm_events import (
    alarm_acknowledged,
    alarm_figures,
    audio_paused,
    audio_resumed,
    meal_told,
)
from edge_agent.alarms.engine import AlarmEngine
from edge_agent.alarms.rules import Rule
from edge_agent.dsp.glucose import Forecaster
from edge_agent.dsp.oximetry import Saturation
from edge_agent.dsp.rhythm import DEFAULT_LIMITS, RhythmLimits
from edge_agent.ecg_lead import EcgLead
from edge_agent.glucose_channel import GlucoseForecast, expected, look_ahead, with_reasons
from edge_agent.glycaemia_watch import GlycaemiaWatch
from edge_agent.model import (
    Alarm,
    Boottime,
    Event,
    Observation,
    Reading,
    Waveform,
)
from edge_agent.oximeter_watch import OximeterWatch
from edge_agent.rhythm_events import FibrillationFollower
from edge_agent.rr_channel import RrChannel
from edge_agent.summary import Summary
from edge_agent.twin.state import Twin
from edge_agent.warning.crisis import Foreseen
from edge_agent.warning.early_warning import EarlyWarning

_NS_PER_S = 1_000_000_000
_DERIVED_RULES_NS = 5 * _NS_PER_S
_LATE_BOLUS_NS = 30 * 60 * _NS_PER_S
LARGEST_MEAL_G = 300.0


class Pipeline:
    """One subject's signal processing, twin, alarms and summary."""

    def __init__(
        self,
        rules: Iterable[Rule],
        started_at: Boottime,
        rhythm: RhythmLimits = DEFAULT_LIMITS,
        warning: EarlyWarning | None = None,
        glycaemia: GlycaemiaWatch | None = None,
        *,
        pause_at_most_s: float = 600.0,
    ) -> None:
        self._warning = warning
        self.glycaemia = glycaemia or GlycaemiaWatch()
        self._rhythm = rhythm
        self.twin = Twin()
        self.listeners: list[Callable[[Reading], None]] = []
        """Told of every observation and block of ECG, measured or worked out."""
        self.alarms = AlarmEngine(rules, started_at, pause_at_most_s=pause_at_most_s)
        self.summary = Summary()
        self.forecasts: tuple[GlucoseForecast, ...] = ()
        self._foreseen: Foreseen | None = None
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
        return self.pass_time(now) + self.work_out(now, utc_ns)

    def pass_time(self, now: Boottime) -> list[Alarm]:
        """Find what has gone stale, and alarms that wait: what rests on nothing else."""
        before = self.alarms.paused
        alarms = self.alarms.tick(now)
        if before is not None and self.alarms.paused is None:
            self.summary.add(audio_resumed("the time is over", now))
        return self._counted(alarms)

    def work_out(self, now: Boottime, utc_ns: int | None = None) -> list[Alarm]:
        """Work out what follows from time alone: nights, days of glucose, the early warning."""
        alarms = self._take_derived(self.oximeters.tick(now), now)
        if utc_ns is not None:
            alarms += self._take_derived(self.glycaemia.tick(now, utc_ns), now)
        if self._warning is not None and utc_ns is not None:
            found = self._warning.look(self.twin, self._foreseen, now, utc_ns)
            alarms += self._take_derived(found, now)
        return self._counted(alarms)

    def acknowledge(self, episode: str, by: str, now: Boottime) -> list[Alarm]:
        """Note that ``by`` has seen the alarm ``episode``; the record keeps who it was."""
        steps = self.alarms.acknowledge(episode, now, by)
        for step in steps:
            self.summary.add(alarm_acknowledged(step))
        return steps

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
        self._tell(judged)
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
            self._tell(one)
            if isinstance(one, Event):
                alarms += self.alarms.judge(one, now)
                continue
            self.beats += one.code == codes.RR_INTERVAL
            alarms += self._note(one, now) + self._take_derived(self.oximeters.take(one), now)
        return alarms

    def _tell(self, reading: Reading) -> None:
        for listener in self.listeners:
            listener(reading)

    def _take_observation(self, one: Observation, now: Boottime) -> list[Alarm]:
        self.summary.add(one)
        self._tell(one)
        if one.code == codes.GLUCOSE:
            found = self._take_derived(self.glycaemia.take(one), now)
            return found + self._note(one, now) + self._forecast(one, now)
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
        ahead = look_ahead(forecaster, one)
        self.forecasts, self._foreseen = ahead.forecasts, ahead.foreseen or self._foreseen
        for made in ahead.forecasts:
            self.twin.assimilate(expected(one, made))
            if not one.backfilled:
                self.summary.add_forecast(
                    codes.GLUCOSE, one.at, made.horizon_min, made.forecast.mean,
                    made.forecast.low90, made.forecast.high90,
                )  # fmt: skip
        if ahead.judged is None:
            return []
        judged = self.alarms.judge(ahead.judged, now)
        return [with_reasons(alarm, one, ahead) for alarm in judged]

    def note_meal(self, carbs_g: float, by: str, now: Boottime) -> None:
        """Tell the forecasters of a meal just begun; the record keeps who said so.

        :raises ValueError: no amount that a person eats at once.
        """
        if not 0.0 < carbs_g <= LARGEST_MEAL_G:
            raise ValueError(
                f"{carbs_g:g} g of carbohydrate: 1 to {LARGEST_MEAL_G:g} g is expected"
            )
        for forecaster in self.forecasters.values():
            forecaster.add_dose(carbs_g=carbs_g)
        self.summary.add(meal_told(carbs_g, by, now))

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
