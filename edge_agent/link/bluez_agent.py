"""The pairing agent: answers ``bluetoothd`` for the person who pairs a sensor.

Without an agent BlueZ pairs nothing, not even sensors that ask nothing; on a hub without a desktop
nobody else registers one. Ours exists only while one device is being paired, and refuses whatever
concerns another one or does not come from ``bluetoothd`` itself.

Methods and errors: org.bluez.Agent(5), https://bluez.readthedocs.io/en/latest/agent-api/
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Final, Protocol

from dbus_fast import Message, MessageType

from edge_agent.link.bluez import BluezBus, BluezError

AGENT: Final = "org.bluez.Agent1"
MANAGER: Final = "org.bluez.AgentManager1"
CAPABILITY: Final = "KeyboardDisplay"
"""The person can read, type and say yes: every way of pairing that there is."""

_BLUEZ_PATH: Final = "/org/bluez"
_PATH: Final = "/org/bedside/agent"
_REJECTED: Final = "org.bluez.Error.Rejected"

_Answer = tuple[str, list[object]]
_NOTHING: Final[_Answer] = ("", [])


class Dialogue(Protocol):
    """The person who pairs. Each question may take its time, and may be cancelled."""

    async def passkey(self) -> int | None:
        """Return the number (0 to 999999) that the sensor shows; ``None`` refuses."""

    async def pin(self) -> str | None:
        """Return the PIN of the sensor, 1 to 16 characters; ``None`` refuses."""

    async def show(self, code: str) -> None:
        """Show what must be typed on the sensor."""

    async def compare(self, code: str) -> bool:
        """Tell whether the sensor shows the same six digits."""


class _Refused(Exception):
    """The person, or the agent for the person, does not agree."""


class Agent:
    """Answers what is asked about the device with the object path ``device``."""

    def __init__(self, bus: BluezBus, device: str, daemon: str, dialogue: Dialogue) -> None:
        self._bus, self._device, self._daemon, self._dialogue = bus, device, daemon, dialogue
        self._asked: set[asyncio.Task[None]] = set()
        self._questions: dict[str, Callable[[list[object]], Awaitable[_Answer]]] = {
            "RequestPinCode": self._request_pin,
            "DisplayPinCode": self._display_pin,
            "RequestPasskey": self._request_passkey,
            "DisplayPasskey": self._display_passkey,
            "RequestConfirmation": self._request_confirmation,
            "RequestAuthorization": self._agree,
            "AuthorizeService": self._agree,
        }

    @contextlib.asynccontextmanager
    async def registered(self) -> AsyncIterator[None]:
        """Be the agent of this connection, which is what BlueZ asks about its own ``Pair``.

        :raises BluezError: the daemon takes no agent.
        """
        self._bus.listen(self._hear)
        register = ("os", [_PATH, CAPABILITY])
        await self._bus.call(_BLUEZ_PATH, MANAGER, "RegisterAgent", *register)
        try:
            yield
        finally:
            self._cancel()
            with contextlib.suppress(BluezError):  # a daemon that is gone has forgotten it
                await self._bus.call(_BLUEZ_PATH, MANAGER, "UnregisterAgent", "o", [_PATH])

    def _hear(self, message: Message) -> bool:
        """Take a call of the agent; the answer is sent when the person has given it."""
        if message.message_type is not MessageType.METHOD_CALL or message.interface != AGENT:
            return False
        task = asyncio.ensure_future(self._reply(message))
        if message.member in self._questions:
            self._asked.add(task)
            task.add_done_callback(self._asked.discard)
        return True

    async def _reply(self, message: Message) -> None:
        try:
            signature, body = await self._answer(message)
        except (_Refused, asyncio.CancelledError) as refusal:
            reason = str(refusal) or "cancelled"
            self._bus.answer(Message.new_error(message, _REJECTED, reason))
        else:
            self._bus.answer(Message.new_method_return(message, signature, body))

    async def _answer(self, message: Message) -> _Answer:
        if message.sender != self._daemon or message.path != _PATH:
            raise _Refused("only bluetoothd may ask")
        if message.member in {"Cancel", "Release"}:
            self._cancel()
            return _NOTHING
        question = self._questions.get(message.member or "")
        if question is None:
            raise _Refused(f"no method {message.member}")
        device, *rest = message.body
        if device != self._device:
            raise _Refused("another device is being paired")
        return await question(rest)

    def _cancel(self) -> None:
        for task in self._asked:
            task.cancel()

    async def _request_pin(self, _: list[object]) -> _Answer:
        return "s", [_given(await self._dialogue.pin())]

    async def _display_pin(self, rest: list[object]) -> _Answer:
        await self._dialogue.show(str(rest[0]))
        return _NOTHING

    async def _request_passkey(self, _: list[object]) -> _Answer:
        return "u", [_given(await self._dialogue.passkey())]

    async def _display_passkey(self, rest: list[object]) -> _Answer:
        """Show the passkey once; BlueZ calls again for every digit that has been typed."""
        passkey, entered = rest
        if not entered:
            await self._dialogue.show(f"{passkey:06}")
        return _NOTHING

    async def _request_confirmation(self, rest: list[object]) -> _Answer:
        if not await self._dialogue.compare(f"{rest[0]:06}"):
            raise _Refused("the person says no")
        return _NOTHING

    async def _agree(self, _: list[object]) -> _Answer:
        """Agree without a question: to pair this very device is what the person asked for."""
        return _NOTHING


def _given(answer: object) -> object:
    if answer is None:
        raise _Refused("the person gave no answer")
    return answer
