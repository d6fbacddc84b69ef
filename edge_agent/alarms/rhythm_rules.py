"""The rules about the rhythm of the heart: what is said, how urgent it is, what to do."""

from __future__ import annotations

from edge_agent.alarms.life import Policy
from edge_agent.alarms.rules import FindingRule
from edge_agent.model import Priority

_ESCALATE_AFTER_S = 30.0
_REPEAT_AFTER_S = 60.0


def rhythm_rules(
    *,
    pause_s: float,
    asystole_s: float,
    extreme_bradycardia_per_min: float,
    extreme_tachycardia_per_min: float,
    fibrillation: bool = True,
    latching: bool = False,
) -> tuple[FindingRule, ...]:
    """Return the rules about rhythm findings, with the limits that the findings were made with.

    A standstill, a ventricular tachycardia and a flutter stay until somebody has seen them, also
    when the heart goes on by itself. A line that goes flat is first taken for a lead that is off,
    which it is most often, and becomes urgent when nobody looks.
    """
    grave = Policy(latching=True, repeat_after_s=_REPEAT_AFTER_S)
    plain = Policy(latching=latching)
    flat = Policy(latching=latching, escalate_after_s=_ESCALATE_AFTER_S)
    rules = (
        FindingRule(
            name="asystole", title="no heartbeat", finding="asystole", priority=Priority.HIGH,
            limit=asystole_s, policy=grave,
            advice="No heartbeat is seen though the electrodes are on. Look at the person now: if "
            "they do not answer, call for help and begin resuscitation.",
        ),
        FindingRule(
            name="pause", title="heartbeat pauses", finding="pause", priority=Priority.MEDIUM,
            limit=pause_s, policy=plain,
            advice="The heart has left out beats. Look at the person: are they dizzy, pale or "
            "faint? Have them lie down, and tell the clinic.",
        ),
        FindingRule(
            name="flat-line", title="ECG line is flat, the heart is not watched",
            finding="flat-line", priority=Priority.MEDIUM, technical=True, policy=flat,
            advice="The line is flat after beats were seen: an electrode is off, or the heart "
            "stands still. Look at the person first, then at the electrodes.",
        ),
        FindingRule(
            name="extreme-bradycardia", title="heart extremely slow",
            finding="extreme-bradycardia", priority=Priority.HIGH,
            limit=extreme_bradycardia_per_min, policy=plain,
            advice="The heart beats far too slowly. Look at the person now: if they are faint, "
            "confused or do not answer, call for help.",
        ),
        FindingRule(
            name="extreme-tachycardia", title="heart extremely fast",
            finding="extreme-tachycardia", priority=Priority.HIGH,
            limit=extreme_tachycardia_per_min, policy=plain,
            advice="The heart races. Look at the person: with chest pain, breathlessness or "
            "faintness, call for help. After exertion, have them rest and look again.",
        ),
        FindingRule(
            name="ventricular-tachycardia", title="ventricular tachycardia",
            finding="ventricular-tachycardia", priority=Priority.HIGH, policy=grave,
            advice="A fast run of beats from the lower heart. Look at the person now: if they do "
            "not answer, call for help and begin resuscitation.",
        ),
        FindingRule(
            name="ventricular-flutter", title="ventricular flutter or fibrillation suspected",
            finding="ventricular-flutter", priority=Priority.HIGH, policy=grave,
            advice="Large waves and no countable heartbeat, though the electrodes are on. Look at "
            "the person now: if they do not answer, call for help and begin resuscitation. "
            "Shaking and chest compressions can look the same.",
        ),
    )  # fmt: skip
    if not fibrillation:
        return rules
    return (
        *rules,
        FindingRule(
            name="atrial-fibrillation", title="atrial fibrillation",
            finding="atrial-fibrillation", priority=Priority.LOW, policy=plain,
            advice="The heartbeat is irregular as in atrial fibrillation. Tell the clinic; call "
            "for help with chest pain, breathlessness, faintness or signs of a stroke.",
        ),
    )  # fmt: skip
