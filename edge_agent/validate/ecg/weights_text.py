"""Learnt weights as the text of the module that ships them."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

from edge_agent.dsp.logistic import Logistic
from edge_agent.dsp.qrs_likelihood import Network

_WIDTH = 100
_DIGITS = 5  # what more digits would say is less than what another seed says


def logistic_module(docstring: str, name: str, model: Logistic, features: Sequence[str]) -> str:
    """Return a module that defines ``name``, each weight beside its feature."""
    weights = [
        f"        {_number(weight)},  # {feature}"
        for weight, feature in zip(model.weights, features, strict=True)
    ]
    lines = [
        *_head(docstring),
        "from edge_agent.dsp.logistic import Logistic",
        "",
        f"{name} = Logistic(",
        f"    {_number(model.intercept)},",
        "    (",
        *weights,
        "    ),",
        ")",
    ]
    return "\n".join(lines) + "\n"


def network_module(docstring: str, name: str, network: Network) -> str:
    """Return a module that defines ``name``, one row of numbers for each hidden unit."""
    rows = [line for row in network.hidden for line in _row(row, " " * 12)]
    lines = [
        *_head(docstring),
        "from numpy import array",
        "",
        "from edge_agent.dsp.qrs_likelihood import Network",
        "",
        "# fmt: off",
        f"{name} = Network(",
        "    hidden=array(",
        "        [",
        *rows,
        "        ]",
        "    ),",
        f"    offsets=array(\n{chr(10).join(_row(network.offsets, ' ' * 8))}\n    ),",
        f"    out=array(\n{chr(10).join(_row(network.out, ' ' * 8))}\n    ),",
        f"    bias={_number(network.bias)},",
        ")",
        "# fmt: on",
    ]
    return "\n".join(lines) + "\n"


def _head(docstring: str) -> list[str]:
    title, _, rest = docstring.partition("\n")
    lines = [f'"""{title}', ""]
    for paragraph in rest.strip().split("\n\n"):
        lines += [*textwrap.wrap(paragraph, _WIDTH, break_on_hyphens=False), ""]
    return [*lines[:-1], '"""', ""]


def _row(values: ArrayLike, indent: str) -> list[str]:
    """Return a list of numbers, wrapped, with a comma after it."""
    numbers = ", ".join(_number(float(value)) for value in np.asarray(values).ravel())
    wrapped = textwrap.wrap(f"[{numbers}],", _WIDTH - len(indent) - 1)
    return [f"{indent}{'' if count == 0 else ' '}{line}" for count, line in enumerate(wrapped)]


def _number(value: float) -> str:
    return repr(float(f"{value:.{_DIGITS}g}"))
