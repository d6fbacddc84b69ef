"""The populations as the text of the module that ships them."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

from edge_agent.dsp.glucose_features import FIVE_MIN
from edge_agent.dsp.glucose_population import Population

_WIDTH = 100
_DIGITS = 6


def weights_module(origin: str, populations: Sequence[Population]) -> str:
    """Return the module; ``origin`` says what was learnt from."""
    lines = ['"""Learnt weights: where glucose forecasts begin.', ""]
    lines += [*textwrap.wrap(origin, _WIDTH, break_on_hyphens=False), '"""', ""]
    lines += [
        "from numpy import array", "",
        "from edge_agent.dsp.glucose_features import FIVE_MIN, QUARTER_HOUR",
        "from edge_agent.dsp.glucose_population import Population, symmetric", "",
        "# fmt: off", "POPULATIONS = (",
    ]  # fmt: skip
    for one in populations:
        lines += _population(one)
    return "\n".join([*lines, ")", "# fmt: on", ""])


def _population(one: Population) -> list[str]:
    rows, columns = np.triu_indices(one.pace.base)
    lines = ["    Population("]
    lines.append(f"        pace={'FIVE_MIN' if one.pace == FIVE_MIN else 'QUARTER_HOUR'},")
    lines += _array("weights", one.weights)
    lines.append("        moments=symmetric(")
    lines += _row(one.moments[rows, columns], " " * 12, "[", "],")
    lines.append("        ),")
    for name in ("scale", "below", "above", "deviation"):
        lines += _array(name, getattr(one, name))
    odds = ", ".join(_number(value) for value in one.low_odds)
    lines += [
        f"        alarm_low_mgdl={_number(one.alarm_low_mgdl)},",
        f"        low_odds=({odds}),",
        f"        crossing_power={_number(one.crossing_power)},",
        "    ),",
    ]
    return lines


def _array(name: str, values: ArrayLike) -> list[str]:
    lines = [f"        {name}=array(", "            ["]
    for row in np.asarray(values):
        lines += _row(row, " " * 16, "[", "],")
    return [*lines, "            ],", "        ),"]


def _row(values: ArrayLike, indent: str, begin: str, end: str) -> list[str]:
    numbers = ", ".join(_number(float(one)) for one in np.asarray(values).ravel())
    return textwrap.wrap(
        begin + numbers + end, _WIDTH, initial_indent=indent, subsequent_indent=indent + " "
    )


def _number(value: float) -> str:
    return repr(float(f"{value:.{_DIGITS}g}"))
