"""What stands on the shelf: every installed driver in the words of a person who looks for one."""

from __future__ import annotations

from msgspec import Struct

from edge_agent import registry
from edge_agent.driver import Driver, Gatt, Modbus, ProfiledDriver, Serial
from edge_agent.errors import EdgeError
from edge_agent.shared_files import shared_file


class Family(Struct, frozen=True, kw_only=True):
    """One sensor family. Quantities are titles of codes; ``profiles`` are its register maps."""

    name: str
    title: str
    link: str
    measures: list[str]
    also: list[str] = []
    profiles: list[str] = []
    advice: str = ""

    @property
    def yields(self) -> list[str]:
        """Every quantity a sensor of this family may give."""
        return [*self.measures, *self.also]


def families() -> list[Family]:
    """Return every installed driver, sorted by name."""
    return [_family_or_fault(name) for name in registry.names()]


def _family_or_fault(name: str) -> Family:
    try:
        return family(name)
    except EdgeError as error:
        return Family(name=name, title=f"can't be used: {error.reason}", link="", measures=[])


def family(name: str) -> Family:
    """Return the driver ``name``.

    :raises DriverError: it is not installed.
    """
    found = registry.find(name)
    if isinstance(found, ProfiledDriver):
        return _profiled(found)
    return Family(
        name=found.name,
        title=found.title,
        link=_link(found),
        measures=[code.title for code in found.measures],
        also=[code.title for code in found.also],
        advice=found.advice,
    )


def _profiled(found: ProfiledDriver) -> Family:
    """Describe a family by the profiles that are shipped with it, if any are."""
    files = sorted(shared_file(found.profiles).glob("*.toml")) if found.profiles else []
    drivers = {file.stem: registry.resolve(found.name, file) for file in files}
    yields = dict.fromkeys(code.title for driver in drivers.values() for code in driver.yields)
    return Family(
        name=found.name,
        title=found.title,
        link="Modbus RTU, TCP or TLS",
        measures=list(yields),
        profiles=list(drivers),
        advice="Give its register map as profile: "
        + ("one of those shipped, or the path of your own." if files else "the path of your own."),
    )


def _link(driver: Driver) -> str:
    match driver.link:
        case Gatt(pair=pair):
            return "Bluetooth LE, paired" if pair else "Bluetooth LE"
        case Serial(baud=baud, bytesize=bits, parity=parity, stopbits=stop):
            return f"serial, {baud} {bits}{parity}{stop}"
        case Modbus():
            return "Modbus"


def markdown(shown: list[Family]) -> str:
    """Return the section of the README that lists ``shown``."""
    lines = ["| Driver | Sensor | Link | Gives |", "| --- | --- | --- | --- |"]
    lines += [
        f"| `{one.name}` | {one.title} | {one.link} | {', '.join(one.yields)} |" for one in shown
    ]
    for one in shown:
        if one.profiles:
            shipped = ", ".join(f"`{profile}`" for profile in one.profiles)
            lines += ["", f"Register maps of `{one.name}`: {shipped}."]
    lines += [""] + [f"- `{one.name}`: {_one_line(one.advice)}" for one in shown if one.advice]
    return "\n".join(lines) + "\n"


def _one_line(text: str) -> str:
    return " ".join(text.split())
