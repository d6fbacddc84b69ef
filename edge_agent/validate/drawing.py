"""Plots that repeat: one look for the whole report. matplotlib draws them, without pyplot."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge_agent.validate.section import Plot
from edge_agent.validate.software import quiet

OUR_COLOUR = "#c2185b"
SECOND_COLOUR = "#1f6f8b"
GREY = "#555555"
PEER_COLOURS = ("#1f6f8b", "#e08e0b", "#4c8c4a", "#7a5195", "#8d6e63", "#3f51b5", "#9e9d24",
                "#00838f", "#b0413e")  # fmt: skip
PEER_LINES = ("-", "--", "-.", ":")

_DOTS_PER_INCH = 130


def save(plot: Plot, folder: Path) -> Path:
    """Draw ``plot`` into ``folder`` and return the file."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    with quiet():
        figure = Figure(figsize=plot.size, layout="constrained")
        FigureCanvasAgg(figure)
        plot.draw(figure)
        for axes in figure.axes:
            _tidy(axes)
        path = folder / f"{plot.name}.png"
        figure.savefig(path, dpi=_DOTS_PER_INCH, metadata={"Software": None})
    return path


def _tidy(axes: Any) -> None:  # noqa: ANN401 - matplotlib is loaded where it draws
    axes.spines[["top", "right"]].set_visible(False)
    axes.tick_params(labelsize=8, colors=GREY)
    axes.xaxis.label.set(size=9, color=GREY)
    axes.yaxis.label.set(size=9, color=GREY)
    axes.title.set(size=10)
    axes.set_axisbelow(True)
    axes.grid(visible=True, color="#dddddd", linewidth=0.6)


def style(name: str, ours: str, names: Sequence[str]) -> dict[str, Any]:
    """Colour and line of one software among ``names``: the hub's own stands out."""
    if name == ours:
        return {"color": OUR_COLOUR, "linewidth": 2.4, "zorder": 5, "label": name}
    place = [one for one in names if one != ours].index(name)
    return {
        "color": PEER_COLOURS[place % len(PEER_COLOURS)],
        "linestyle": PEER_LINES[place % len(PEER_LINES)],
        "linewidth": 1.2,
        "alpha": 0.9,
        "label": name,
    }


def dots(
    axes: Any,  # noqa: ANN401
    values: Mapping[str, tuple[float, float]],
    *,
    labels: tuple[str, str],
    ours: str,
    axis: str,
) -> None:
    """Two figures of each name on one logarithmic line, the smallest first."""
    names = sorted(values, key=lambda name: _last_if_nan(values[name][0]), reverse=True)
    for row, name in enumerate(names):
        colour = OUR_COLOUR if name == ours else SECOND_COLOUR
        first, second = (max(value, 0.05) for value in values[name])
        axes.plot([first, second], [row, row], color=colour, linewidth=1.0, alpha=0.5)
        axes.plot(first, row, "o", color=colour, markersize=7)
        axes.plot(second, row, "o", color=colour, markersize=7, markerfacecolor="white")
    axes.plot([], [], "o", color=GREY, label=labels[0])
    axes.plot([], [], "o", color=GREY, markerfacecolor="white", label=labels[1])
    axes.set_xscale("log")
    _plain_logarithms(axes)
    axes.set_yticks(range(len(names)), names)
    axes.set_xlabel(axis)
    legend(axes)


def shares(
    axes: Any,  # noqa: ANN401
    values: Mapping[str, NDArray[np.float64]],
    *,
    ours: str,
    upto: float = 25.0,
) -> None:
    """Cumulative share (%) of each name's values, up to ``upto``."""
    names = list(values)
    at = np.linspace(0.0, upto, 251)
    for name in names:
        if values[name].size:
            share = np.searchsorted(np.sort(values[name]), at, side="right") / values[name].size
            axes.plot(at, 100.0 * share, **style(name, ours, names))
    axes.set_xlim(0.0, upto)
    axes.set_ylim(0.0, 101.0)
    legend(axes)


def columns(
    axes: Any,  # noqa: ANN401
    groups: Mapping[str, NDArray[np.float64]],
    *,
    axis: str,
) -> None:
    """Every value of every group as a dot in the group's column; the median as a line."""
    scatter = np.random.default_rng(0)
    for place, values in enumerate(groups.values()):
        beside = place + scatter.uniform(-0.25, 0.25, values.size)
        axes.plot(beside, values, "o", color=PEER_COLOURS[place], markersize=3.5, alpha=0.6)
        if values.size:
            middle = float(np.median(values))
            axes.plot([place - 0.35, place + 0.35], [middle, middle], color=GREY, linewidth=2.0)
    axes.set_xticks(range(len(groups)), [f"{name} ({len(one)})" for name, one in groups.items()])
    axes.set_ylabel(axis)


def bland_altman(
    axes: Any,  # noqa: ANN401
    means: NDArray[np.float64],
    differences: NDArray[np.float64],
    *,
    unit: str,
) -> None:
    """Difference against mean with bias and limits of agreement (1.96 SD).

    J. M. Bland and D. G. Altman, Lancet 1 (1986) 307-310, doi 10.1016/S0140-6736(86)90837-8.
    """
    axes.plot(means, differences, "o", color=OUR_COLOUR, markersize=4, alpha=0.7)
    bias, spread = float(np.mean(differences)), float(np.std(differences, ddof=1))
    for level, line in ((bias, "-"), (bias + 1.96 * spread, "--"), (bias - 1.96 * spread, "--")):
        axes.axhline(level, color=GREY, linewidth=0.8, linestyle=line)
    axes.set_xlabel(f"mean of both, {unit}")
    axes.set_ylabel(f"difference, {unit}")


def legend(axes: Any) -> None:  # noqa: ANN401
    """Name the lines above the axes, where they cover nothing."""
    labels = axes.get_legend_handles_labels()
    axes.figure.legend(*labels, loc="outside upper center", ncols=4, fontsize=7, frameon=False)


def _plain_logarithms(axes: Any) -> None:  # noqa: ANN401
    from matplotlib.ticker import LogLocator, NullFormatter

    axes.xaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
    axes.xaxis.set_major_formatter(lambda value, _: f"{value:g}")
    axes.xaxis.set_minor_formatter(NullFormatter())


def _last_if_nan(value: float) -> float:
    return float("inf") if np.isnan(value) else value
