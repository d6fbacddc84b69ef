"""Fits a sensor's own clock to boot time, from nothing but when its frames arrive.

A frame can arrive late but never early. Over the frames of the last minutes, the line below which
no arrival lies and which lies closest to them all is therefore the best guess of how the two clocks
run, whatever the radio does to single frames: the lower convex hull of ``arrival - device time``
over device time, and of it the edge over the middle of the window (the minimum-delay line of
one-way clock measurement: Moon, Skelly and Towsley 1999, doi:10.1109/INFCOM.1999.749287). Its slope
follows a crystal that is tens of ppm off. What no such measurement can tell is the shortest delay
itself: a link that holds every frame back by 30 ms places all samples 30 ms late.
"""

from __future__ import annotations

from collections import deque
from itertools import pairwise

from edge_agent.model import Boottime

_NS_PER_S = 1_000_000_000
_WINDOW_S, _SLOT_S = 600.0, 5.0
_SLOPE_AFTER_NS = 60 * _NS_PER_S
_SLOPE_LIMIT = 250e-6
"""No crystal in a sensor is worse; a steeper line would be one of delays."""
_BACK_NS = 5 * _NS_PER_S
"""Streams of one sensor overtake each other by less; a clock that falls further was set back."""
_STEP_NS = _NS_PER_S
_STALL_AT_MOST_NS = 20 * _NS_PER_S
_LATE_NS = 50_000_000
_LATE_FRAMES = 60
"""Of frames that come up to 0.2 s late a quarter comes earlier than 50 ms: never so many do not."""
_AHEAD_NS = 20_000_000
"""No frame comes so much earlier than the line once that has been learnt."""

_Point = tuple[int, int]


class DeviceClock:
    """The fit of one sensor's clock; :attr:`resets` counts how often it had to begin anew.

    It begins anew when the clock goes back by more than 5 s (a reset, or a counter that wraps),
    when it leaps ahead by more than a second (20 ms once the line is known), and when every frame
    of 20 s comes late: by more than a second, or, where there were 60 of them, by more than 50 ms.
    A radio that stalls delivers what it held back all at once.
    """

    def __init__(self) -> None:
        self.resets = 0
        self._slots: deque[tuple[int, _Point]] = deque(maxlen=round(_WINDOW_S / _SLOT_S))
        self._newest_ns = 0
        self._late_since: Boottime | None = None
        self._late_frames = self._least_late_ns = 0
        self._at_ns, self._offset_ns, self._slope = 0, 0.0, 0.0

    def align(self, device_ns: int, arrival: Boottime) -> Boottime:
        """Return the hub time of ``device_ns``, learning from its ``arrival``."""
        if self._slots and self._has_stepped(device_ns, arrival):
            self.restart()
            self.resets += 1
        self._newest_ns = max(self._newest_ns, device_ns)
        self._learn(device_ns, arrival)
        return Boottime(device_ns + round(self._line(device_ns)))

    def restart(self) -> None:
        """Forget the line: the sensor itself has told that its clock begins anew."""
        self._slots.clear()
        self._late_since = None
        self._newest_ns = 0

    def _line(self, device_ns: int) -> float:
        """Return the shortest ``arrival - device time`` to be expected at ``device_ns``."""
        return self._offset_ns + self._slope * (device_ns - self._at_ns)

    def _has_stepped(self, device_ns: int, arrival: Boottime) -> bool:
        if device_ns < self._newest_ns - _BACK_NS:
            return True
        late_ns = arrival - device_ns - round(self._line(device_ns))
        if late_ns < _LATE_NS:
            self._late_since = None
            is_learnt = self._newest_ns - self._slots[0][1][0] > _SLOPE_AFTER_NS
            return late_ns < -(_AHEAD_NS if is_learnt else _STEP_NS)
        if self._late_since is None:
            self._late_since, self._late_frames, self._least_late_ns = arrival, 0, late_ns
        self._late_frames += 1
        self._least_late_ns = min(self._least_late_ns, late_ns)
        if arrival - self._late_since <= _STALL_AT_MOST_NS:
            return False
        return self._least_late_ns > _STEP_NS or self._late_frames >= _LATE_FRAMES

    def _learn(self, device_ns: int, arrival: Boottime) -> None:
        """Keep the promptest frame of every slot; fit again only when it changed."""
        slot, point = int(arrival // (_SLOT_S * _NS_PER_S)), (device_ns, arrival - device_ns)
        if not self._slots or self._slots[-1][0] != slot:
            self._slots.append((slot, point))
        elif point[1] < self._slots[-1][1][1]:
            self._slots[-1] = (slot, point)
        else:
            return
        self._fit()

    def _fit(self) -> None:
        points = sorted(point for _, point in self._slots)
        first, last = points[0][0], points[-1][0]
        self._at_ns, self._offset_ns = min(points, key=lambda one: one[1])
        self._slope = 0.0
        if last - first < _SLOPE_AFTER_NS:
            return
        middle = (first + last) // 2
        for left, right in pairwise(_lower_hull(points)):
            if left[0] <= middle <= right[0]:
                slope = (right[1] - left[1]) / (right[0] - left[0])
                if abs(slope) <= _SLOPE_LIMIT:
                    self._at_ns, self._offset_ns, self._slope = left[0], left[1], slope
                return


def _lower_hull(points: list[_Point]) -> list[_Point]:
    """Return the lower convex hull of points sorted by device time (Andrew's monotone chain)."""
    hull: list[_Point] = []
    for point in points:
        while len(hull) > 1 and _turns_up_too_late(hull[-2], hull[-1], point):
            hull.pop()
        if hull and hull[-1][0] == point[0]:
            continue
        hull.append(point)
    return hull


def _turns_up_too_late(a: _Point, b: _Point, c: _Point) -> bool:
    """Whether ``b`` lies on or above the line from ``a`` to ``c``."""
    return (b[0] - a[0]) * (c[1] - a[1]) <= (b[1] - a[1]) * (c[0] - a[0])
