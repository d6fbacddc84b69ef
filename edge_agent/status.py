"""What a running hub says of itself over its control socket, as ``edge-agent status`` shows it."""

from __future__ import annotations

from msgspec import Struct


class VariableStatus(Struct, frozen=True, kw_only=True):
    """One variable of the twin: value in ``unit``, age in seconds, quality from 0 to 1."""

    code: str
    title: str
    domain: str
    sensor: str
    value: float | None
    unit: str
    state: str
    quality: float
    age_s: float
    stale: bool


class ForecastStatus(Struct, frozen=True, kw_only=True):
    """A forecast of a quantity: the expected value and its 90 % interval, in ``unit``."""

    code: str
    horizon_min: float
    mean: float
    low90: float
    high90: float
    unit: str
    age_s: float


class SensorStatus(Struct, frozen=True, kw_only=True):
    """One sensor and its link since the hub started."""

    name: str
    driver: str
    connected: bool
    connections: int
    failures: int
    frames: int
    rejected: int
    readings: int
    gaps: int
    overlaps: int
    clock_resets: int
    last_frame_age_s: float | None
    last_error: str


class AlarmStatus(Struct, frozen=True, kw_only=True):
    """An alarm that stands, and the evidence that raised it, in words.

    ``age_s`` counts from its raising, ``phase_age_s`` from its latest step. ``message`` is what is
    told of it, with what to do; ``silent`` that a pause covers it; ``by`` is who has acknowledged
    it.
    """

    rule: str
    episode: str
    title: str
    priority: str
    phase: str
    technical: bool
    age_s: float
    phase_age_s: float
    evidence: list[str]
    message: str = ""
    advice: str = ""
    silent: bool = False
    by: str = ""


class PauseStatus(Struct, frozen=True, kw_only=True):
    """The audio of the alarms is paused: by whom, since when, for how long still."""

    by: str
    age_s: float
    left_s: float


class FatigueStatus(Struct, frozen=True, kw_only=True):
    """Alarms of the newest days of watching, and what became of them (docs/alarms.md)."""

    bed_days: float
    alarms: int
    per_day: dict[str, float]
    technical_per_day: float
    actionable_share: float | None
    longest_s: float
    longest_rule: str
    top_rule: str
    top_rule_share: float


class QueueStatus(Struct, frozen=True, kw_only=True):
    """A bounded queue: how full it is, how full it has been, what it had to drop."""

    name: str
    length: int
    longest: int
    capacity: int
    dropped: dict[str, int]


class StoreStatus(Struct, frozen=True, kw_only=True):
    """The outbox of sealed records; the counts are 0 while it is not open."""

    is_open: bool
    buffered: int
    buffered_bytes: int
    sealed: int
    delivered: int
    evicted: int
    last_error: str
    recovered: str


class UplinkStatus(Struct, frozen=True, kw_only=True):
    """The way to the collector; on a metered one only alarms go."""

    url: str
    connected: bool
    is_metered: bool
    sent: int
    duplicates: int
    refused: int
    last_error: str
    last_success_age_s: float | None


class PersonStatus(Struct, frozen=True, kw_only=True):
    """How much was imported about the person; ``error`` says why it can't be read."""

    results: int
    medications: int
    genotypes: int
    error: str


class ScorePart(Struct, frozen=True, kw_only=True):
    """One parameter of NEWS2: its points (``None``: not known), and what they rest on in words."""

    name: str
    points: int | None
    words: str


class WarningStatus(Struct, frozen=True, kw_only=True):
    """What the early warning says now; what it can't say yet is ``None``.

    ``total`` is ``None`` while any part is missing; ``at_least`` is what is known of it. ``index``
    and ``running_sum`` are those of the last night that could be judged.
    """

    total: int | None
    at_least: int | None
    risk_at_least: str | None
    parts: list[ScorePart]
    index: float | None
    running_sum: float | None


class GlycaemiaStatus(Struct, frozen=True, kw_only=True):
    """Glucose over the last ``hours``: shares of readings in percent, mean in mg/dL."""

    hours: float
    readings: int
    below_percent: float
    in_range_percent: float
    above_percent: float
    mean_mgdl: float
    cv_percent: float | None
    gmi_percent: float


class ProfileStatus(Struct, frozen=True, kw_only=True):
    """An hour of the ambulatory glucose profile, which begins at ``hour``: percentiles in mg/dL."""

    hour: float
    p5: float
    p25: float
    p50: float
    p75: float
    p95: float
    readings: int


class BedStatus(Struct, frozen=True, kw_only=True):
    """One bed: what is known of the person and the room, and the alarms.

    ``sensors`` are the names of those that watch it; ``person`` is what was imported, ``None`` when
    nothing was.
    """

    bed: str
    pseudonym: str
    sensors: list[str]
    beats: int
    alarms_raised: int
    variables: list[VariableStatus]
    forecasts: list[ForecastStatus]
    alarms: list[AlarmStatus]
    person: PersonStatus | None
    pause: PauseStatus | None
    fatigue: FatigueStatus
    warning: WarningStatus
    glycaemia: list[GlycaemiaStatus]
    profile: list[ProfileStatus]


class ServiceStatus(Struct, frozen=True, kw_only=True):
    """The hub as a service: what makes no progress, and how the last reload went.

    ``refused`` says why the file that is there now can't be used; ``needs_restart`` names what of
    it is not in force yet.
    """

    stuck: list[str]
    reloads: int
    refused: str
    needs_restart: list[str]


class Status(Struct, frozen=True, kw_only=True):
    """The whole hub at one moment."""

    version: str
    hub: str
    pid: int
    started_at_ns: int
    """Boot time at which the agent was made, after its imports."""
    uptime_s: float
    resident_mib: float
    peak_resident_mib: float
    first_reading_after_s: float | None
    first_delivery_after_s: float | None
    beds: list[BedStatus]
    sensors: list[SensorStatus]
    queues: list[QueueStatus]
    store: StoreStatus | None
    uplink: UplinkStatus | None
    service: ServiceStatus

    @property
    def alarms(self) -> list[AlarmStatus]:
        """The alarms of every bed."""
        return [alarm for bed in self.beds for alarm in bed.alarms]
