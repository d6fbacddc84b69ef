"""The stories that compete about which candidates were beats: the likeliest, the lost, the agreed.

How they begin, go on and end is told in :mod:`~edge_agent.dsp.qrs_decision`.
"""

from __future__ import annotations

from dataclasses import dataclass

from edge_agent.dsp.qrs_energy import Candidate

FAR_BEHIND = 5.0  # log-likelihood
_MOST = 10


@dataclass(slots=True)
class Story:
    """Log-likelihood, the last beat (index, size) and the beats that are not settled yet."""

    likelihood: float
    last: int
    last_size: float
    beats: tuple[Candidate, ...]


def likeliest(stories: list[Story]) -> Story:
    """Return the likeliest story."""
    return stories[0] if len(stories) == 1 else max(stories, key=lambda one: one.likelihood)


def pruned(stories: list[Story]) -> list[Story]:
    """Return the stories that are not far behind, the likeliest first and at 0; ten at most."""
    ranked = sorted(stories, key=lambda one: -one.likelihood)[:_MOST]
    top = ranked[0].likelihood
    left = [one for one in ranked if one.likelihood > top - FAR_BEHIND]
    for one in left:
        one.likelihood -= top
    return left


def agreed(stories: list[Story]) -> Candidate | None:
    """Return the beat that every story begins with, if there is one."""
    if not all(one.beats for one in stories):
        return None
    first = stories[0].beats[0]
    return None if any(one.beats[0] is not first for one in stories) else first
