"""The walls that import contracts can't see: no I/O, no clock and no unseeded chance in the pure
rooms. They are read from the source, so that an import inside a function counts as well."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
DRIVERS = ROOT / "drivers" / "edge_drivers"
PURE = (DRIVERS, ROOT / "edge_agent" / "dsp", ROOT / "edge_agent" / "twin",
        ROOT / "edge_agent" / "warning")  # fmt: skip

NO_IO = {"asyncio", "bleak", "pymodbus", "serial", "socket", "sqlite3", "threading"}
CONTRACTS = {"edge_agent.model", "edge_agent.codes", "edge_agent.driver"}
NO_CLOCK = {
    *(f"time.{name}{unit}" for name in ("time", "monotonic", "perf_counter", "clock_gettime")
      for unit in ("", "_ns")),
    "time.sleep", "time.localtime", "time.gmtime",
    "datetime.datetime.now", "datetime.datetime.utcnow", "datetime.datetime.today",
    "datetime.date.today",
}  # fmt: skip
CHANCE = ("random.", "numpy.random.")
TYPES = {"random.Random", "numpy.random.Generator"}
SEEDED = {"random.Random", "numpy.random.default_rng"}


def modules(*folders):
    return sorted(path for folder in folders for path in folder.rglob("*.py"))


def imported(tree):
    """Return local name -> dotted name of everything that is imported anywhere."""
    table = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                top = alias.name.partition(".")[0]
                table[alias.asname or alias.name] = alias.name
                table.setdefault(alias.asname or top, alias.name if alias.asname else top)
        elif isinstance(node, ast.ImportFrom):
            # A relative import stays inside its own room, which is read as well.
            package = "." * node.level + (node.module or "")
            table |= {one.asname or one.name: f"{package}.{one.name}" for one in node.names}
    return table


def dotted(node, table):
    """Return the dotted name that an expression stands for; empty when nothing imported."""
    if isinstance(node, ast.Name):
        return table.get(node.id, "")
    if isinstance(node, ast.Attribute):
        owner = dotted(node.value, table)
        return f"{owner}.{node.attr}" if owner else ""
    return ""


def seeds(node, table):
    """Tell whether a node is a call that makes a generator from a seed."""
    if not isinstance(node, ast.Call) or dotted(node.func, table) not in SEEDED:
        return False
    given = [*node.args, *(keyword.value for keyword in node.keywords)]
    return any(not (isinstance(one, ast.Constant) and one.value is None) for one in given)


def offences(source):
    """List what a source does that no pure module may do."""
    tree = ast.parse(source)
    table = imported(tree)
    nodes = list(ast.walk(tree))
    found = {name for name in table.values() if name.partition(".")[0] in NO_IO}
    used = {name for node in nodes if (name := dotted(node, table))}
    found |= used & NO_CLOCK
    found |= {name for name in used if name.startswith(CHANCE)} - TYPES - SEEDED
    for node in nodes:
        if isinstance(node, ast.Call) and not seeds(node, table):
            found |= {dotted(node.func, table)} & SEEDED
    return found


@pytest.mark.parametrize("path", modules(*PURE), ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_pure_module_does_no_io_reads_no_clock_and_draws_nothing_unseeded(path):
    assert not offences(path.read_text(encoding="utf-8"))


@pytest.mark.parametrize("path", modules(DRIVERS), ids=lambda path: path.stem)
def test_driver_knows_only_the_contracts_of_the_hub(path):
    table = imported(ast.parse(path.read_text(encoding="utf-8")))
    known = {name for name in table.values() if name.partition(".")[0] == "edge_agent"}
    assert {name for name in known if ".".join(name.split(".")[:2]) not in CONTRACTS} == set()


def test_every_pure_room_is_read():
    for folder in PURE:
        assert len(modules(folder)) > 1, folder


@pytest.mark.parametrize(
    "source",
    [
        "import asyncio",
        "import serial.tools.list_ports",
        "from socket import socket",
        "def late():\n    import sqlite3",
        "import time\ntime.time()",
        "import time as clock\nnow = clock.monotonic_ns",
        "from time import time\ntime()",
        "import datetime as dt\ndt.datetime.now(dt.UTC)",
        "from datetime import date\ndate.today()",
        "import random\nrandom.random()",
        "from random import shuffle\nshuffle([])",
        "import random\nrandom.Random()",
        "import random\nrandom.Random(None)",
        "import numpy as np\nnp.random.normal()",
        "import numpy as np\nnp.random.seed(1)",
        "import numpy as np\nnp.random.default_rng()",
        "from numpy.random import default_rng\ndefault_rng()",
        "import numpy.random\nnumpy.random.default_rng(seed=None)",
    ],
)
def test_offence_is_seen(source):
    assert offences(source)


@pytest.mark.parametrize(
    "source",
    [
        "import datetime as dt\ndt.datetime(2026, 1, 1, tzinfo=dt.UTC)",
        "import random\nrandom.Random(3).random()",
        "import random\ndef draw(rng: random.Random): return rng.random()",
        "import numpy as np\nnp.random.default_rng(seed)",
        "import numpy as np\ndef draw(rng: np.random.Generator): return rng.normal()",
        "from dataclasses import dataclass\ntime = 3\ntime",
    ],
)
def test_innocent_source_passes(source):
    assert not offences(source)
