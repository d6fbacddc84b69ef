"""Heart rate under exercise: a chest strap's ECG against what a second strap says."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge_agent.validate import drawing
from edge_agent.validate.ecg.bench import EcgBench, missing_set
from edge_agent.validate.ecg.detectors import OURS, refined, run
from edge_agent.validate.ecg.polar import Ride, rides, strap_beats
from edge_agent.validate.section import Cell, Outcome, Plot, Section, Table, Verdict, best_peer

NOMINAL_HZ = 130.0
WINDOW_S = 10.0
ERROR_BAR_PER_MIN = 1.1

_LOST_PER_MIN = 10.0
_LONGEST_LAG_S = 600

Series = NDArray[np.float64]


def measure(bench: EcgBench) -> Outcome:
    """Compare heart rates second by second, and count the beats of straps that count their own."""
    outcome = Outcome(
        summary="The heart rate at a second is the median of 60/RR over the intervals that ended"
        f" in the {WINDOW_S:g} s around it (centred), or before it (trailing: a hub can't look"
        " ahead, and is late by half the window). The second strap rounds to whole beats per"
        " minute and smooths in a way it does not tell, so part of the error is its own. A minute"
        f" is lost when half of its seconds have no rate, or one off by over {_LOST_PER_MIN:g}.",
        notes=[
            "The hub's peaks lie between samples, as it uses them; peers give whole samples.",
            "The bar is held against the trailing window, the harder one: it is what a hub shows.",
        ],
    )
    folder = bench.folder("polar_h10")
    all_rides = rides(folder) if folder.is_dir() else []
    straps = strap_beats(folder) if folder.is_dir() else []
    if not all_rides:
        outcome.missing.append(missing_set("polar_h10"))
    errors: dict[str, dict[str, float]] = {}
    lost: dict[str, dict[str, int]] = {}
    for ride in all_rides:
        beats = _beats(bench, ride)
        lag_s = ride.lag_s
        if lag_s is None:
            lag_s = best_lag(ride, beats[OURS])
            outcome.notes.append(f"{ride.name}: the lag of {lag_s} s was found by the least error.")
        tallies = {name: compare(ride, one, lag_s) for name, one in beats.items()}
        outcome.tables.append(_table(ride, lag_s, tallies))
        outcome.plots.append(_plot(ride, lag_s, tallies))
        errors[ride.name] = {name: one.trailing for name, one in tallies.items()}
        lost[ride.name] = {name: one.lost_minutes for name, one in tallies.items()}
        outcome.figures[ride.name] = {
            "lag_s": lag_s,
            "rate_hz": ride.rate_hz,
            "mean_error_trailing_per_min": errors[ride.name],
            "mean_error_centred_per_min": {n: one.centred for n, one in tallies.items()},
            "lost_minutes": lost[ride.name],
        }
    if straps:
        outcome.tables.append(_strap_table(bench, outcome.figures))
    outcome.verdicts = _verdicts(errors, lost)
    return outcome


class Comparison:
    """Heart rates of one detector beside the second strap's, second by second."""

    def __init__(self, ride: Ride, beats_s: Series, lag_s: int) -> None:
        seconds = np.arange(ride.heart_rate.size, dtype=np.float64) + lag_s
        inside = seconds < ride.signal_mV.size / ride.rate_hz
        self.seconds = seconds[inside]
        self.truth = ride.heart_rate[inside]
        self.rate = heart_rate(beats_s, self.seconds - 0.5 * WINDOW_S)
        self.centred = _mean_error(self.rate, self.truth)
        self.trailing = _mean_error(heart_rate(beats_s, self.seconds - WINDOW_S), self.truth)

    @property
    def lost_minutes(self) -> int:
        """Minutes without a usable rate in half of their seconds."""
        bad = ~(np.abs(self.rate - self.truth) <= _LOST_PER_MIN) & ~np.isnan(self.truth)
        minutes = bad[: bad.size // 60 * 60].reshape(-1, 60)
        return int(np.sum(minutes.mean(axis=1) >= 0.5))

    @property
    def within_5(self) -> float:
        """Share of the seconds that are off by at most 5 per minute, in percent."""
        known = ~np.isnan(self.truth)
        return 100.0 * float(np.mean(np.abs(self.rate - self.truth)[known] <= 5.0))


def compare(ride: Ride, beats_s: Series, lag_s: int) -> Comparison:
    """Compare the heart rate of ``beats_s`` (s) with the second strap's."""
    return Comparison(ride, beats_s, lag_s)


def heart_rate(beats_s: Series, from_s: Series) -> Series:
    """Return the median of 60/RR in each window of 10 s that begins at ``from_s``, or NaN."""
    ends, rates = beats_s[1:], 60.0 / np.diff(beats_s)
    firsts = np.searchsorted(ends, from_s, side="right").tolist()
    lasts = np.searchsorted(ends, from_s + WINDOW_S, side="right").tolist()
    windows = zip(firsts, lasts, strict=True)
    return np.array([np.median(rates[i:j]) if j > i else np.nan for i, j in windows])


def best_lag(ride: Ride, beats_s: Series) -> int:
    """Return the lag (whole seconds) with the least median error, by the hub's own detector."""
    longest = int(ride.signal_mV.size / ride.rate_hz)
    every = heart_rate(beats_s, np.arange(longest, dtype=np.float64) - 0.5 * WINDOW_S)

    def error(lag_s: int) -> float:
        truth = ride.heart_rate[: max(0, longest - lag_s)]
        apart = np.abs(every[lag_s : lag_s + truth.size] - truth)
        known = apart[~np.isnan(apart)]
        return float(np.median(known)) if known.size > longest // 4 else np.inf

    return min(range(min(_LONGEST_LAG_S, longest)), key=error)


def _beats(bench: EcgBench, ride: Ride) -> dict[str, Series]:
    found = {}
    for detector in bench.detectors:
        bench.tell(f"{ride.name}: {detector.name}")
        if detector.name == OURS:
            found[OURS] = refined(ride.signal_mV, NOMINAL_HZ) / ride.rate_hz
        else:
            found[detector.name] = run(detector, ride.signal_mV, NOMINAL_HZ).peaks / ride.rate_hz
    return found


def _mean_error(rate: Series, truth: Series) -> float:
    apart = np.abs(rate - truth)
    known = apart[~np.isnan(apart)]
    return float(known.mean()) if known.size else float("nan")


def _table(ride: Ride, lag_s: int, tallies: Mapping[str, Comparison]) -> Table:
    rows: list[list[Cell]] = [
        [name, one.centred, one.trailing, one.within_5, int(np.isnan(one.rate).sum()),
         one.lost_minutes]
        for name, one in sorted(tallies.items(), key=lambda item: (item[1].lost_minutes,
                                                                   item[1].centred))
    ]  # fmt: skip
    minutes = next(iter(tallies.values())).seconds.size / 60.0
    return Table(
        title=f"{ride.name}, {minutes:.0f} min, {ride.rate_hz:.2f} Hz, lag {lag_s} s",
        columns=("detector", "error, centred, 1/min", "error, trailing, 1/min",
                 "within 5/min, %", "seconds without a rate", "lost minutes"),
        rows=rows,
        digits={"error, centred, 1/min": 2, "error, trailing, 1/min": 2, "within 5/min, %": 1},
        note="Errors are the mean over the seconds with a rate.",
    )  # fmt: skip


def _strap_table(bench: EcgBench, figures: dict[str, Any]) -> Table:
    rows: list[list[Cell]] = []
    for strap in strap_beats(bench.folder("polar_h10")):
        mean_ms = float(strap.rr_ms.mean())
        rows.append([strap.name, "the strap itself", strap.rr_ms.size, mean_ms])
        counts = {}
        for detector in bench.detectors:
            peaks = run(detector, strap.signal_mV, NOMINAL_HZ).peaks
            rr_ms = 1000.0 * np.diff(peaks) / strap.rate_hz
            counts[detector.name] = int(rr_ms.size)
            rows.append([strap.name, detector.name, rr_ms.size,
                         float(rr_ms.mean()) if rr_ms.size else None])  # fmt: skip
        figures[strap.name] = {"strap": int(strap.rr_ms.size), "intervals": counts}
    return Table(
        title="Number of intervals beside the strap's own count",
        columns=("recording", "by", "intervals", "mean ms"),
        rows=rows,
        digits={"mean ms": 1},
        note="No annotations: a count to compare, not a score.",
    )


def _plot(ride: Ride, lag_s: int, tallies: Mapping[str, Comparison]) -> Plot:
    def draw(figure: Any) -> None:  # noqa: ANN401
        upper, lower = figure.subplots(2, 1, sharex=True, height_ratios=(2, 1))
        ours = tallies[OURS]
        minutes = ours.seconds / 60.0
        upper.plot(minutes, ours.truth, color=drawing.GREY, linewidth=2.4, alpha=0.5,
                   label="second strap")  # fmt: skip
        upper.plot(minutes, ours.rate, color=drawing.OUR_COLOUR, linewidth=0.9, label=OURS)
        upper.set_ylabel("heart rate, 1/min")
        lower.plot(minutes, ours.rate - ours.truth, color=drawing.OUR_COLOUR, linewidth=0.7)
        lower.set_ylabel("difference, 1/min")
        lower.set_xlabel("minutes of ECG")
        drawing.legend(upper)

    return Plot(
        name=f"ride-{ride.name}",
        caption=f"{ride.name}: heart rate beside the second strap's (lag {lag_s} s)",
        draw=draw,
        size=(7.2, 4.6),
    )


def _verdicts(
    errors: Mapping[str, Mapping[str, float]], lost: Mapping[str, Mapping[str, int]]
) -> list[Verdict]:
    if not errors:
        return [
            Verdict(what="heart rate on a ride, mean error", unit="1/min", measured=None,
                    at_most=ERROR_BAR_PER_MIN, remark="data set missing"),
            Verdict(what="heart rate on a ride, lost minutes", measured=None, at_most=0.0,
                    remark="data set missing"),
        ]  # fmt: skip
    verdicts = []
    for name, figures in errors.items():
        peer, best = best_peer(dict(figures), ours=OURS, largest=False)
        verdicts.append(
            Verdict(
                what=f"heart rate, {name}, mean error (trailing window)", unit="1/min",
                at_most=ERROR_BAR_PER_MIN, measured=figures[OURS], peer=peer, peer_measured=best,
            )
        )  # fmt: skip
        minutes = {one: float(count) for one, count in lost[name].items()}
        peer, best = best_peer(minutes, ours=OURS, largest=False)
        verdicts.append(
            Verdict(
                what=f"heart rate, {name}, lost minutes", at_most=0.0, digits=0,
                measured=minutes[OURS], peer=peer, peer_measured=best,
            )
        )  # fmt: skip
    return verdicts


SECTION = Section(name="ride", title="Heart rate on a ride", measure=measure)
