"""What a driver is: a decoder without I/O, and a description of the link it needs.

A driver never opens a port. The link (``edge_agent.link``) connects, subscribes and polls as the
driver's :data:`LinkDescription` says, hands every frame to the :class:`Decoder`, and carries out
the requests that come back. The same decoder therefore runs against hardware, a mock, a capture
or a fuzzer.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

from edge_agent.errors import FrameError
from edge_agent.model import Boottime, Code, Reading

__all__ = [
    "Decoder", "Driver", "FrameError", "Gatt", "LinkDescription", "Modbus", "Output",
    "ProfiledDriver", "Read", "RegisterBlock", "Request", "Serial", "Write",
]  # fmt: skip


@dataclass(frozen=True, slots=True)
class Write:
    """Ask the link to write ``payload`` to ``channel`` (a GATT characteristic UUID).

    The link refuses a channel that the driver's description does not list as writable. With
    ``response`` the sensor confirms the write; without, it is sent and nobody knows.
    """

    channel: str
    payload: bytes
    response: bool = True


@dataclass(frozen=True, slots=True)
class Read:
    """Ask the link to read ``channel`` once; the answer comes back through ``Decoder.feed``."""

    channel: str


Request = Write | Read
Output = Reading | Request


class Decoder(ABC):
    """One conversation with one sensor, without I/O.

    A link makes a new decoder for each sensor and keeps it over reconnections, so that a decoder
    can drop records it has already given and ask for those it has missed.
    """

    def __init__(self, sensor: str) -> None:
        self.sensor = sensor

    def open(self, at: Boottime) -> Iterable[Request]:
        """Return what to read and write, in order, once the link is up and subscribed."""
        return ()

    @abstractmethod
    def feed(self, data: bytes, at: Boottime, channel: str = "") -> Iterable[Output]:
        """Take the bytes that arrived on ``channel`` at ``at``; give readings and requests.

        ``channel`` is a characteristic UUID (GATT), the name of a register block (Modbus), or
        empty (serial). On a serial link ``data`` is any piece of the byte stream and the decoder
        finds the frames; elsewhere it is exactly one frame.

        :raises FrameError: when a whole frame is not valid; nothing of it has been used, and the
            decoder is ready for the next. Nothing else is ever raised, whatever the bytes.
        """

    def poll(self, at: Boottime) -> Iterable[Request]:
        """Return what to write every ``poll_s`` seconds: a question, or a sign of life.

        Called only where the link's description has a ``poll_s``.
        """
        return ()

    def close(self) -> Iterable[Request]:
        """Return what to write before the hub hangs up, so that the sensor can rest."""
        return ()

    def ended(self, at: Boottime) -> Iterable[Output]:
        """Give what was kept back for an answer that will not come: the connection has ended.

        Called at the end of every Bluetooth connection, whoever ended it. Requests come to nothing.
        """
        return ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Gatt:
    """A Bluetooth LE link.

    ``service`` is the service UUID by which an advertisement is recognised and that must be there
    after connecting. ``notify`` are the characteristics to subscribe, in this order; those in
    ``optional`` are subscribed or read only where the sensor has them. ``writable`` is the
    complete list of characteristics that may be written. A link with no notification for
    ``silence_s`` seconds is taken for dead and made anew. ``pair`` says that the sensor gives
    nothing without an encrypted, bonded link. ``poll_s`` is how often ``Decoder.poll`` is asked.

    ``continuous``, where it is given, is the one among the optional characteristics that streams. A
    sensor without it speaks only now and then, and its silence says nothing of the link.

    An ``episodic`` sensor shows itself when it has something to tell (a cuff, a scale, a
    thermometer) and hangs up afterwards: its absence is no failure and its data never go stale.
    """

    service: str
    notify: tuple[str, ...]
    optional: tuple[str, ...] = ()
    writable: tuple[str, ...] = ()
    silence_s: float = 10.0
    pair: bool = False
    poll_s: float | None = None
    continuous: str = ""
    episodic: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Serial:
    """A serial line: rate in baud, framing, and how long it may be silent (seconds).

    ``poll_s`` is how often ``Decoder.poll`` is asked what to write, ``None`` for never.
    """

    baud: int = 9600
    bytesize: Literal[7, 8] = 8
    parity: Literal["N", "E", "O"] = "N"
    stopbits: Literal[1, 2] = 1
    silence_s: float = 2.0
    poll_s: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RegisterBlock:
    """One contiguous read: ``function`` code, 0-based wire ``address``, ``count`` of items.

    Functions 3 and 4 read registers, 2 reads discrete inputs (contacts). The link hands registers
    to the decoder as ``2 * count`` octets, high octet first, and inputs as ``count`` octets of 0
    or 1, with ``name`` as channel.
    """

    name: str
    function: Literal[2, 3, 4]
    address: int
    count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Modbus:
    """A Modbus sensor: what to read how often, and the line it speaks on when it is serial.

    ``timeout_s`` must exceed the sensor's slowest answer: RTU answers carry no transaction
    number, so an answer that comes late is taken for the answer to the next request.
    """

    blocks: tuple[RegisterBlock, ...]
    poll_s: float = 5.0
    timeout_s: float = 1.0
    silence_s: float = 30.0
    line: Serial = Serial()


LinkDescription = Gatt | Serial | Modbus


@dataclass(frozen=True, slots=True, kw_only=True)
class Driver:
    """A sensor family: ``decoder`` makes a decoder for the sensor with the given name.

    ``measures`` are the quantities the sensor is worn or mounted for. Whether a sensor has gone
    stale is judged on them, so that a battery report never hides an electrode that fell off.
    ``also`` are quantities that some sensors of the family give besides, or now and then.
    ``advice`` is what the person who sets the sensor up must know, in a sentence or two.

    ``recognise`` (serial drivers) tells how much of a stretch of a line's octets is this
    protocol's: the share, 0 to 1, of octets that lie in valid frames, wherever the stretch begins.
    ``scrub`` replaces what identifies a device or a person in the octets of a channel (serial
    numbers, user names) by zeros of the same length, before a capture leaves the hub.
    """

    name: str
    title: str
    link: LinkDescription
    decoder: Callable[[str], Decoder]
    measures: tuple[Code, ...]
    also: tuple[Code, ...] = ()
    advice: str = ""
    recognise: Callable[[bytes], float] | None = None
    scrub: Callable[[bytes, str], bytes] | None = None

    @property
    def yields(self) -> tuple[Code, ...]:
        """Every quantity a sensor of this family may give."""
        return (*self.measures, *self.also)


@dataclass(frozen=True, slots=True, kw_only=True)
class ProfiledDriver:
    """A family whose members differ by a table: ``complete`` makes a driver from the table.

    The table is a parsed TOML file, such as the register map of one Modbus sensor. ``complete``
    raises :class:`ValueError` with the key and what is wrong with it. ``profiles`` is the folder of
    the tables that the hub ships for it, empty where it ships none.
    """

    name: str
    title: str
    complete: Callable[[Mapping[str, object]], Driver]
    profiles: str = ""
