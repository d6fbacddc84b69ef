"""Which QRS candidates are beats: several stories are kept until one of them wins.

A story (hypothesis) says which candidates were beats so far. Every candidate continues each story
in two ways, as a beat or as none, at the price of the log-odds that
:mod:`~edge_agent.dsp.qrs_likelihood` gives it after that story's last beat. Of the stories in which
the candidate is a beat only the best goes on, since from there on they tell the same; stories that
have fallen far behind end. What all stories agree on is settled: the Viterbi algorithm (A. J.
Viterbi, IEEE Trans Inf Theory 13 (1967) 260-269, doi 10.1109/TIT.1967.1054010) over a Markov model
conditioned on what is observed, decided at the latest after ``_LONGEST_DOUBT_S``.

In a quiet signal nearly every candidate is obviously a beat or obviously none, there is one story,
and a beat is settled at once. What happens when *no* candidate comes (a doubt has lasted too long,
nothing was a beat for seconds) is bound to sample indices too, never to the arrival of blocks.

Levels that proved too high are learnt again, downward, so that a transient can't blind the
detector. Noise and P waves in a standstill must not be learnt as beats: a candidate has to stand
out from the quiet before it, and at first from a fifth of the beats known so far.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Iterable
from statistics import median

from edge_agent.dsp.qrs_energy import Candidate, Later
from edge_agent.dsp.qrs_intervals import Intervals
from edge_agent.dsp.qrs_levels import (
    FORGET_FLOOR,
    FORGET_NOISE,
    FORGET_SIGNAL,
    LARGEST_COUNT,
    Levels,
)
from edge_agent.dsp.qrs_likelihood import Context, Network, evidence
from edge_agent.dsp.qrs_stories import FAR_BEHIND, Story, agreed, likeliest, pruned
from edge_agent.dsp.qrs_weights import NETWORK

_REFRACTORY_S = 0.18
_LONGEST_DOUBT_S = 2.0
_IMPOSSIBLE = -20.0
_CERTAIN = 30.0

# Beyond doubt, in logarithms of sizes relative to the usual beat's.
_TINY_NARROW, _TINY_WIDE = -1.5, -0.7
_MINUTE_NARROW, _MINUTE_WIDE = -2.2, -1.4  # none even when a beat is overdue
_ALIKE_NARROW, _ALIKE_WIDE = 0.7, 0.9
_QUIET = -1.5
_ISOLATED_NARROW, _ISOLATED_WIDE = -0.8, -0.4
_NOT_EARLY, _OVERDUE = 0.5, 1.5  # usual intervals
_AFTER_T_WAVE_S = 0.4
_T_WAVE_NARROW, _T_WAVE_WIDE, _T_WAVE_BEFORE = -1.0, 0.0, 0.7  # small, and a QRS before it

_EVIDENT = 6.0  # log-odds
_EVIDENT_SIZE, _EVIDENT_BEFORE, _EVIDENT_NOISE = -0.4, -0.3, -1.3

_SMALL = -0.7  # in a silence, what is smaller than this has to stand out

_LEARN_S = 3.0
_LEARN_AGAIN_S = 1.5
_STANDS_OUT = -0.9
_LEAST_SHARE = math.log(0.2)
_DISTRUST_S = 10.0
_KEPT_CANDIDATES = 64  # more than _LEARN_S can hold

Told = Callable[[int, list[float]], None]
"""Called with a candidate's index and its evidence in the best story: how examples are gathered."""


class BeatDecision:
    """Turns candidates, whose indices count at ``rate_hz``, into beats.

    ``later`` tells what follows a candidate, or ``None`` while that is not known yet; ``soon`` the
    first of it, by which most of what is in doubt is decided. ``told`` is for learning.
    """

    def __init__(
        self,
        rate_hz: float,
        later: Callable[[Candidate], Later | None],
        *,
        soon: Callable[[Candidate], Later | None] | None = None,
        network: Network = NETWORK,
        told: Told | None = None,
    ) -> None:
        self._rate_hz = rate_hz
        self._later, self._network, self._told = later, network, told
        self._soon = soon
        self._doubted: int | None = None
        self._refractory = round(_REFRACTORY_S * rate_hz)
        self._doubt = round(_LONGEST_DOUBT_S * rate_hz)
        self._after_t_wave = round(_AFTER_T_WAVE_S * rate_hz)
        self._queue: deque[Candidate] = deque()
        self._rejected: deque[Candidate] = deque(maxlen=_KEPT_CANDIDATES)
        self._levels: Levels | None = None
        self._stories = [Story(0.0, -round(rate_hz), 0.0, ())]
        self._settled: Candidate | None = None
        self._intervals = Intervals(rate_hz)
        self._learn_at = round(_LEARN_S * rate_hz)
        self._beats: list[Candidate] = []

    @property
    def usual_size(self) -> float | None:
        """Usual size (logarithm, narrow scale) of a beat; ``None`` before there is one."""
        return None if self._settled is None or self._levels is None else self._levels.signal_n

    @property
    def last_settled(self) -> int | None:
        """Index of the last settled beat."""
        return None if self._settled is None else self._settled[0]

    @property
    def waiting(self) -> tuple[int, ...]:
        """Indices of the beats of the likeliest story that are not settled yet."""
        return tuple(one[0] for one in likeliest(self._stories).beats)

    def push(self, candidates: Iterable[Candidate], horizon: int) -> list[Candidate]:
        """Take in candidates and the index below which no more will come; return settled beats.

        Candidates, deadlines and settled beats are dealt with in the order of their indices,
        which is why the arrival of blocks does not matter.
        """
        self._queue.extend(candidates)
        while True:
            if self._levels is not None and len(self._stories) == 1:
                self._take_obvious(self._levels, self._stories[0])
            until = self._queue[0][0] if self._queue else horizon
            if self._deadline() < until:
                self._meet_deadline()
            elif not self._queue or not self._take(self._queue[0]):
                break
        beats, self._beats = self._beats, []
        return beats

    def flush(self, horizon: int) -> list[Candidate]:
        """Return the beats that still waited; the stream ends at index ``horizon``."""
        if self._levels is None:
            self._learn(horizon)
        beats = self.push((), horizon)
        for one in likeliest(self._stories).beats:
            self._settle(one)
        self._stories = [
            Story(0.0, likeliest(self._stories).last, likeliest(self._stories).last_size, ())
        ]
        rest, self._beats = self._beats, []
        return beats + rest

    # ------------------------------------------------------------------ deadlines

    def _deadline(self) -> int:
        """Index at which something happens even if no candidate comes."""
        doubted = self._oldest_doubt()
        if doubted is None:
            return self._learn_at
        return min(self._learn_at, doubted[0] + self._doubt)

    def _oldest_doubt(self) -> Candidate | None:
        """Return the first candidate that is a beat in some story and none in another."""
        if len(self._stories) == 1:
            return None
        first = [one.beats[0] for one in self._stories if one.beats]
        return min(first, default=None)

    def _meet_deadline(self) -> None:
        doubted = self._oldest_doubt()
        if doubted is not None and doubted[0] + self._doubt < self._learn_at:
            is_beat = doubted in likeliest(self._stories).beats
            self._stories = [one for one in self._stories if (doubted in one.beats) == is_beat]
            self._settle_agreed()
        else:
            self._learn(self._learn_at)

    def _learn(self, now: int) -> None:
        """Set the levels from the recently rejected, and judge these again."""
        self._learn_at = now + round(_LEARN_AGAIN_S * self._rate_hz)
        if likeliest(self._stories).beats:
            return
        oldest = now - round(_LEARN_S * self._rate_hz)
        last = likeliest(self._stories).last
        recent = [one for one in self._rejected if one[0] >= oldest and one[0] > last]
        if not recent or not self._may_be_beats(recent, now):
            return
        self._levels = Levels.of_beats_among(recent)
        last = recent[0][0] - round(self._rate_hz) if self._settled is None else self._settled[0]
        size = self._levels.signal_n if self._settled is None else self._settled[1]
        self._stories = [Story(0.0, last, size, ())]
        self._rejected.clear()
        self._queue.extendleft(reversed(recent))

    def _may_be_beats(self, recent: list[Candidate], now: int) -> bool:
        if self._levels is None or self._settled is None:
            return True
        largest = sorted(recent, key=lambda one: one[1], reverse=True)[:LARGEST_COUNT]
        distrusted = (
            self._intervals.are_known and now - self._settled[0] < _DISTRUST_S * self._rate_hz
        )
        if distrusted and largest[0][1] < self._levels.signal_n + _LEAST_SHARE:
            return False
        return median(one[3] for one in largest) < _STANDS_OUT

    # ------------------------------------------------------------------ candidates

    def _take_obvious(self, levels: Levels, story: Story) -> None:
        """Deal with the candidates that leave no doubt, while there is one story only.

        Nearly all of a quiet signal ends here, so it is one loop without calls.
        """
        queue, overdue = self._queue, _OVERDUE * self._intervals.usual
        while queue:
            one = queue[0]
            at, narrow, wide, before_n, before_w = one
            above_n, above_w = narrow - levels.signal_n, wide - levels.signal_w
            since = at - story.last
            if at > self._learn_at:
                return
            if (above_n < _TINY_NARROW and above_w < _TINY_WIDE) or (
                since < self._after_t_wave
                and above_n < _T_WAVE_NARROW
                and above_w < _T_WAVE_WIDE
                and before_n > _T_WAVE_BEFORE
            ):
                minute = above_n < _MINUTE_NARROW and above_w < _MINUTE_WIDE
                if since > overdue and not minute:
                    return
                levels.noise_n += FORGET_NOISE * (narrow - levels.noise_n)
                levels.noise_w += FORGET_NOISE * (wide - levels.noise_w)
                self._rejected.append(one)
            elif since <= self._after_t_wave or above_n >= _ALIKE_NARROW or above_w >= _ALIKE_WIDE:
                return
            else:
                noise = levels.noise_n - levels.signal_n
                isolated = (
                    before_n < _ISOLATED_NARROW
                    and before_w < _ISOLATED_WIDE
                    and above_n > -_ALIKE_NARROW
                    and above_w > -_ALIKE_WIDE
                    and since > _NOT_EARLY * self._intervals.usual
                    and noise < _QUIET
                )
                if not isolated and not (
                    above_n > _EVIDENT_SIZE
                    and above_w > _EVIDENT_SIZE
                    and before_n < _EVIDENT_BEFORE
                    and since < overdue
                    and noise < _EVIDENT_NOISE
                ):
                    return
                levels.signal_n += FORGET_SIGNAL * above_n
                levels.signal_w += FORGET_SIGNAL * above_w
                story.last, story.last_size = at, narrow
                self._settle(one)
                overdue = _OVERDUE * self._intervals.usual
            levels.floor_n += FORGET_FLOOR * (before_n + narrow - levels.floor_n)
            levels.floor_w += FORGET_FLOOR * (before_w + wide - levels.floor_w)
            queue.popleft()

    def _take(self, one: Candidate) -> bool:
        """Deal with the first in the queue; ``False`` when it has to wait for what follows."""
        levels = self._levels
        if levels is None:
            self._rejected.append(one)
        elif not self._is_taken_soon(one, levels):
            later = self._later(one)
            if later is None:
                return False
            self._weigh(one, later, levels)
        self._queue.popleft()
        return True

    def _is_taken_soon(self, one: Candidate, levels: Levels) -> bool:
        """Deal with a candidate by the first that follows it, if that leaves hardly a doubt."""
        if self._soon is None or len(self._stories) > 1 or self._doubted == one[0]:
            return False
        soon = self._soon(one)
        if soon is None:
            return False
        story = self._stories[0]
        odds = self._odds(one, soon, self._known(levels), story, tell=False)
        if abs(odds) < FAR_BEHIND:
            self._doubted = one[0]
            return False
        self._accept_or_leave(one, story, odds, levels)
        return True

    def _weigh(self, one: Candidate, later: Later, levels: Levels) -> None:
        """Continue every story with the candidate as a beat and as none."""
        known = self._known(levels)
        best = likeliest(self._stories)
        odds = self._odds(one, later, known, best)
        if len(self._stories) == 1 and abs(odds) > FAR_BEHIND:
            self._accept_or_leave(one, best, odds, levels)
            return
        self._continue_stories(one, later, known, best, odds)
        self._stories = pruned(self._stories)
        self._settle_agreed()
        levels.learn(one, odds)
        self._rejected.append(one)

    def _accept_or_leave(self, one: Candidate, story: Story, odds: float, levels: Levels) -> None:
        """Go on with the only story in one way: the other would be too far behind."""
        if odds > 0.0:
            story.last, story.last_size = one[0], one[1]
            self._settle(one)
        levels.learn(one, odds)
        self._rejected.append(one)

    def _known(self, levels: Levels) -> Context:
        return Context(
            (levels.signal_n, levels.signal_w), (levels.noise_n, levels.noise_w),
            (levels.floor_n, levels.floor_w),
            self._intervals.usual / self._rate_hz, self._intervals.regularity,
        )  # fmt: skip

    def _continue_stories(
        self, one: Candidate, later: Later, known: Context, best: Story, best_odds: float
    ) -> None:
        ahead, ahead_likelihood = best, -math.inf
        for story in self._stories:
            odds = best_odds if story is best else self._odds(one, later, known, story, tell=False)
            price = math.log1p(math.exp(odds))
            if story.likelihood + odds - price > ahead_likelihood:
                ahead, ahead_likelihood = story, story.likelihood + odds - price
            story.likelihood -= price
        self._stories.append(Story(ahead_likelihood, one[0], one[1], (*ahead.beats, one)))

    def _odds(
        self, one: Candidate, later: Later, known: Context, story: Story, *, tell: bool = True
    ) -> float:
        """Return the log-odds, between what is impossible and what is certain."""
        since = one[0] - story.last
        if since < self._refractory:
            return _IMPOSSIBLE
        if (
            since > _OVERDUE * self._intervals.usual
            and one[1] - known.signal[0] < _SMALL
            and one[3] > _STANDS_OUT
        ):
            return _IMPOSSIBLE
        told = evidence(
            (one[1], one[2]), (one[3], one[4]), later, known, since / self._rate_hz, story.last_size
        )
        if tell and self._told is not None:
            self._told(one[0], told)
        odds = max(min(self._network.log_odds(told), _CERTAIN), _IMPOSSIBLE)
        return max(odds, _EVIDENT) if self._is_evident(one, known, since) else odds

    def _is_evident(self, one: Candidate, known: Context, since: int) -> bool:
        """Tell whether a candidate is a beat even if the network has met nothing of the kind.

        It is early or wide, and nearly as large as the usual beat at both scales, while the noise
        is not: the ventricular beats of a person that nobody has learnt from.
        """
        return (
            self._after_t_wave < since < _OVERDUE * self._intervals.usual
            and one[1] - known.signal[0] > _EVIDENT_SIZE
            and one[2] - known.signal[1] > _EVIDENT_SIZE
            and one[3] < _EVIDENT_BEFORE
            and known.noise[0] - known.signal[0] < _EVIDENT_NOISE
        )

    # ------------------------------------------------------------------ stories

    def _settle_agreed(self) -> None:
        """Settle the beats that every story begins with."""
        while (first := agreed(self._stories)) is not None:
            self._settle(first)
            for one in self._stories:
                one.beats = one.beats[1:]

    def _settle(self, one: Candidate) -> None:
        self._beats.append(one)
        if self._settled is not None:
            self._intervals.note(one[0] - self._settled[0])
        self._settled = one
        self._learn_at = one[0] + round(_LEARN_S * self._rate_hz)
