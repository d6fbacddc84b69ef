"""What a file of alarm rules may say, as types: the schema, and nothing else.

A number may be given as such, or as the key path of a setting of the subject in the hub's
configuration (``"alarms.spo2_low_percent"``); it then follows that setting.
"""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta, Struct

from edge_agent.alarms.life import Policy

Setting = Annotated[str, Meta(pattern=r"^(alarms|rhythm)[.][a-z0-9_]+$")]
Number = float | Setting
Switch = bool | Setting
Name = Annotated[str, Meta(pattern=r"^[a-z0-9][a-z0-9-]{0,31}$")]
Title = Annotated[str, Meta(min_length=3, max_length=60)]
Advice = Annotated[str, Meta(min_length=20, max_length=240)]
Wait = Annotated[float, Meta(gt=0, le=86_400)]


class Entry(Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    """What every rule says: its name, what is told, how urgent it is, how it is kept in sight.

    ``title`` is what is the matter in a few words; ``advice`` says in a sentence or two, to
    somebody who is no clinician, what to do. A ``latching`` alarm stays until it is acknowledged.
    The waits are in seconds: ``escalate_after_s`` unseen it becomes more urgent by one, once;
    ``repeat_after_s`` unseen it is said again; ``realarm_after_s`` it is said again though it was
    seen, because it lasts.
    """

    name: Name
    title: Title
    advice: Advice
    priority: Literal["low", "medium", "high"]
    enabled: Switch = True
    latching: Switch = False
    escalate_after_s: Wait | None = None
    repeat_after_s: Wait | None = None
    realarm_after_s: Wait | None = None

    def policy(self, *, latching: bool) -> Policy:
        """Return how an alarm of this rule is kept before people's eyes."""
        return Policy(
            latching=latching,
            escalate_after_s=self.escalate_after_s,
            repeat_after_s=self.repeat_after_s,
            realarm_after_s=self.realarm_after_s,
        )


class LimitEntry(Entry, frozen=True, kw_only=True):
    """A quantity ``below`` or ``above`` a limit (one of the two), for ``delay_s`` seconds.

    ``quantity`` is a reference id of IEEE 11073-10101, as ``edge-agent status --json`` shows it;
    limits are in its unit. The alarm ends when the value has come back by ``hysteresis``. With
    ``at_once_beyond`` the delay shrinks with the depth, to none so far beyond the limit.
    """

    quantity: str
    below: Number | None = None
    above: Number | None = None
    delay_s: Number = 0.0
    hysteresis: Annotated[float, Meta(ge=0)] = 0.0
    at_once_beyond: Annotated[float, Meta(gt=0)] | None = None


class FindingEntry(Entry, frozen=True, kw_only=True):
    """Something the hub has found in a signal, by the ``finding``'s name.

    ``limit`` is what it met, for the evidence; a ``technical`` one speaks of the sensor. While one
    that ``covers_silence`` stands, the sensor's other values being unusable is no second alarm.
    """

    finding: str
    limit: Number | None = None
    technical: bool = False
    covers_silence: bool = False


class StaleEntry(Entry, frozen=True, kw_only=True):
    """A sensor that gives nothing usable for too long, by the hub's own clock.

    It is about every sensor that measures one of ``quantities``; the first entry that fits is the
    sensor's, and one without any fits every sensor. ``{sensor}`` in ``title`` is its name. How long
    is too long the sensor's driver knows; ``stale_after_s`` in the sensor's configuration says
    otherwise.
    """

    quantities: list[str] = []


class RuleFile(Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    """A file of alarm rules. A rule with the name of a shipped one changes what it says of it."""

    limit: list[LimitEntry] = []
    finding: list[FindingEntry] = []
    stale: list[StaleEntry] = []
