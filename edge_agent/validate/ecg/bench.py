"""What the sections of the ECG report share: recordings, detectors, switches."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from edge_agent.validate.ecg.detectors import OUR_DETECTOR, PEERS, Detector
from edge_agent.validate.ecg.recordings import Recording, read, record_names

QUICK_RECORDS = {"mitdb": 3, "cpsc2019": 8, "cpsc2021": 3, "cinc2017": 30}
"""Records of each set in a quick run; elsewhere all."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EcgBench:
    """Recordings under ``data``, the ``peers`` that run beside the hub's detector, and how.

    ``tell`` is told what is being measured.
    """

    data: Path
    peers: tuple[Detector, ...] = ()
    quick: bool = False
    seed: int = 1
    tell: Callable[[str], None] = lambda _: None

    @property
    def detectors(self) -> tuple[Detector, ...]:
        """The hub's own first, then the peers."""
        return (OUR_DETECTOR, *self.peers)

    def folder(self, data_set: str) -> Path:
        """Folder of a data set, whether it exists or not."""
        return self.data / data_set

    def every(self, data_set: str, *, annotated: bool = True) -> list[str]:
        """Names of all records of a set, in a quick run too."""
        folder = self.folder(data_set)
        return record_names(folder, annotated=annotated) if folder.is_dir() else []

    def recording(self, data_set: str, name: str) -> Recording:
        """One record of a set."""
        return read(self.folder(data_set), name)

    def names(self, data_set: str, *, annotated: bool = True) -> list[str]:
        """Names of a set's records; none when the set is missing. A quick run takes a few."""
        names = self.every(data_set, annotated=annotated)
        wanted = QUICK_RECORDS.get(data_set, len(names)) if self.quick else len(names)
        if len(names) <= wanted:
            return names
        return [names[k * len(names) // wanted] for k in range(wanted)]

    def recordings(self, data_set: str) -> Iterator[Recording]:
        """Annotated records of a set, one after the other."""
        for name in self.names(data_set):
            yield self.recording(data_set, name)


def missing_set(data_set: str) -> str:
    """Say that a data set is not there."""
    return f"{data_set}: no records found, not measured"


def installed(*, quick: bool) -> tuple[tuple[Detector, ...], list[str]]:
    """Return the peers that can run, and a line for each that can't."""
    ready = tuple(one for one in PEERS if one.version is not None and (one.quick or not quick))
    lacking = [f"{one.name}: not installed: {one.install}" for one in PEERS if one.version is None]
    return ready, lacking
