"""Every installed driver with its captures: what the conformance tests and the fuzzer run over."""

import tomllib
from dataclasses import dataclass
from pathlib import Path

from edge_agent import registry
from edge_agent.capture import Action, parse
from edge_agent.driver import Driver, Gatt, Modbus
from edge_agent.model import Boottime

ROOT = Path(__file__).parents[1]
CAPTURES, PROFILES = ROOT / "tests" / "captures", ROOT / "config" / "modbus"
ZERO = Boottime(10**15)
SENSOR = "under-test"


@dataclass(frozen=True)
class Step:
    """One step of a capture: octets on a channel, or ``open`` or ``close``."""

    at: Boottime
    action: str
    channel: str = ""
    octets: bytes = b""


@dataclass(frozen=True)
class UnderTest:
    """A driver, completed by a profile where it needs one, and its captures."""

    name: str
    driver: Driver
    folder: Path

    @property
    def cases(self):
        return sorted(path.parent for path in self.folder.rglob("input.hex"))

    @property
    def channels(self):
        match self.driver.link:
            case Gatt(notify=notify, optional=optional):
                return (*notify, *optional)
            case Modbus(blocks=blocks):
                return tuple(block.name for block in blocks)
        return ("",)

    def decoder(self):
        return self.driver.decoder(SENSOR)


def _subjects():
    for name in registry.names():
        found = registry.find(name)
        if isinstance(found, Driver):
            yield UnderTest(name, found, CAPTURES / name)
            continue
        for path in sorted(PROFILES.glob("*.toml")):
            driver = found.complete(tomllib.loads(path.read_text(encoding="utf-8")))
            yield UnderTest(f"{name}/{path.stem}", driver, CAPTURES / name / path.stem)


def steps(case):
    """Read ``input.hex``; what the hub sent is the decoder's to say, not the capture's."""
    file = case / "input.hex"
    for step in parse(file.read_text(encoding="utf-8"), str(file)).steps:
        if step.action is not Action.SENT:
            yield Step(Boottime(ZERO + step.at_ns), step.action, step.channel, step.octets)


SUBJECTS = list(_subjects())
CASES = [(subject, case) for subject in SUBJECTS for case in subject.cases]
