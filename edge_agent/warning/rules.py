"""The rules that make alarms of the early warning's findings: how urgent, what to do."""

from __future__ import annotations

from collections.abc import Iterator

from edge_agent.alarms.life import Policy
from edge_agent.alarms.rules import FindingRule
from edge_agent.model import Priority
from edge_agent.warning import crisis, trend
from edge_agent.warning.combinations import COMBINATIONS
from edge_agent.warning.combined import blind_name

_MINUTE_S = 60.0

# Responses after Royal College of Physicians, NEWS2 (2017), chart 4, for a home and a ward.
SCORE_RULES = (
    FindingRule(
        name="news2-single-3", title="NEWS2: one vital sign far from normal",
        finding="news2-single-3", priority=Priority.LOW, limit=3,
        policy=Policy(escalate_after_s=30 * _MINUTE_S),
        advice="NEWS2 response: a nurse reviews the person urgently and decides whether care must "
        "be stepped up; observe at least every hour. At home: call the clinic within the hour.",
    ),
    FindingRule(
        name="news2-urgent", title="NEWS2 5 or more: urgent", finding="news2-urgent",
        priority=Priority.MEDIUM, limit=5, policy=Policy(escalate_after_s=30 * _MINUTE_S),
        advice="NEWS2 response: urgent assessment by a clinician who is competent in acute "
        "illness; think of sepsis; observe at least every hour. At home: call the clinic now.",
    ),
    FindingRule(
        name="news2-emergency", title="NEWS2 7 or more: emergency", finding="news2-emergency",
        priority=Priority.HIGH, limit=7, policy=Policy(repeat_after_s=5 * _MINUTE_S),
        advice="NEWS2 response: emergency assessment by a team with critical-care competencies; "
        "continuous monitoring. At home: look at the person and call the emergency number.",
    ),
)  # fmt: skip

TREND_RULE = FindingRule(
    name=trend.FINDING, title="slowly getting worse over days", finding=trend.FINDING,
    priority=Priority.LOW,
    advice="Ask about breathlessness, cough, swollen legs, sleep and medication, and tell the "
    "clinic today. This says that something has changed, not what.",
)  # fmt: skip

CRISIS_RULES = (
    FindingRule(
        name=crisis.LOW.finding, title="glucose may soon be dangerously low",
        finding=crisis.LOW.finding, priority=Priority.MEDIUM,
        advice="Measure with a finger prick. If the person is awake and can swallow, be ready to "
        "give 15 g of sugar; no insulin now. If they can't be woken, call for help.",
    ),
    FindingRule(
        name=crisis.HIGH.finding, title="glucose may soon be very high",
        finding=crisis.HIGH.finding, priority=Priority.LOW,
        advice="Measure with a finger prick and check pump and insulin. With vomiting, deep "
        "breathing or drowsiness, test for ketones and call for help.",
    ),
)  # fmt: skip


def warning_rules(*, news2: bool = True) -> tuple[FindingRule, ...]:
    """Return every rule of the early warning; without ``news2`` those of the score are left out."""
    scores = SCORE_RULES if news2 else ()
    return (*scores, TREND_RULE, *CRISIS_RULES, *_combined())


def _combined() -> Iterator[FindingRule]:
    for one in COMBINATIONS:
        yield FindingRule(
            name=one.name,
            title=one.title,
            finding=one.name,
            priority=one.priority,
            technical=one.technical,
            advice=one.advice,
            limit=float(one.needs),
        )
        yield FindingRule(
            name=blind_name(one),
            title=f"can't be judged any more: {one.title}",
            finding=blind_name(one),
            priority=Priority.LOW,
            technical=True,
            advice="Look at the person, then at the sensors.",
        )
