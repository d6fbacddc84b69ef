"""A bed with an early warning: readings in, alarms out, both clocks in the test's hands."""

import json

from edge_agent.model import Boottime, Event, EventKind, Observation, Phase
from edge_agent.pipeline import Pipeline
from edge_agent.warning.early_warning import EarlyWarning, WarningSettings
from edge_agent.warning.rules import warning_rules

S = 10**9
NEW_YEAR_S = 1_767_225_600.0  # 2026-01-01T00:00Z


class Bed:
    """Time is seconds since the start; the wall clock is UTC and may be stepped."""

    def __init__(self, *, start_s=0.0, utc_s=NEW_YEAR_S + 12 * 3600, **settings):
        self.settings = WarningSettings(**settings)
        self.now_s, self.utc_ahead_s = start_s, utc_s - start_s
        self.alarms, self.events, self.told = [], [], []
        self.begin()

    def begin(self):
        self.warning = EarlyWarning(self.settings)
        news2 = self.settings.news2
        rules = warning_rules(news2=news2)
        self.pipeline = Pipeline(rules, self.now, warning=self.warning)
        added = self.pipeline.summary.add

        def add(one):
            (self.events if isinstance(one, Event) else self.told).append(one)
            added(one)

        self.pipeline.summary.add = add

    @property
    def now(self):
        return Boottime(round(self.now_s * S))

    @property
    def utc_ns(self):
        return round((self.now_s + self.utc_ahead_s) * S)

    def give(self, code, value, sensor="s", **kwargs):
        one = Observation(code=code, value=value, at=self.now, sensor=sensor, **kwargs)
        self.alarms += self.pipeline.take(one, self.now)

    def wait(self, seconds, each=None, step_s=1.0):
        """Let time pass; ``each`` is called before every tick with the seconds passed."""
        end_s = self.now_s + seconds
        begun_s = self.now_s
        while self.now_s < end_s:
            self.now_s += step_s
            if each is not None:
                each(self.now_s - begun_s)
            self.alarms += self.pipeline.tick(self.now, self.utc_ns)
        return self

    def steady(self, values, seconds, step_s=1.0, **kwargs):
        """Have each quantity measured every step."""

        def each(_):
            for code, value in values.items():
                self.give(code, value, **kwargs)

        return self.wait(seconds, each, step_s)

    def restart(self, *, away_s=60.0, keep=True):
        """Boot time begins anew; what is kept goes through JSON."""
        engine = json.loads(json.dumps(self.pipeline.alarms.state(self.now)))
        kept = json.loads(json.dumps(self.warning.state(self.now, self.utc_ns)))
        utc_s = self.now_s + self.utc_ahead_s + away_s
        self.now_s = 1000.0
        self.utc_ahead_s = utc_s - self.now_s
        self.begin()
        self.pipeline.alarms.restore(engine, self.now)
        if keep:
            self.warning.restore(kept, self.now, self.utc_ns)
        active = self.pipeline.alarms.active
        self.warning.adopt(one.rule for one in active if one.phase is not Phase.LATCHED)
        return self

    @property
    def standing(self):
        return {alarm.rule for alarm in self.pipeline.alarms.active}

    @property
    def steps(self):
        return self.steps_of("news2-")

    def steps_of(self, begin):
        """What became of the alarms of rules that begin so, besides being said again."""
        return [
            (alarm.rule, alarm.phase.value)
            for alarm in self.alarms
            if alarm.rule.startswith(begin) and alarm.phase in {Phase.RAISED, Phase.CLEARED}
        ]

    def findings(self):
        return [
            (event.detail["finding"], event.detail["standing"])
            for event in self.events
            if event.kind is EventKind.FINDING and event.detail["finding"] != "news2"
        ]
