"""Pairing and encryption of one device, without the cryptography: who is asked what, and when."""

from __future__ import annotations

import asyncio
from typing import ClassVar, Final, Protocol

from dbus_fast import Message

from edge_mocks.bluez.agents import Agent, AgentManager1
from edge_mocks.bluez.objects import BluezError, ObjectTree, Reply
from edge_mocks.bluez.peripheral import Pairing, Peripheral, att_error
from edge_mocks.bluez.personality import Personality

_KEY_MISSING: Final = ("org.bluez.Reason.Authentication", "authentication failure")


class SecuredDevice(Protocol):
    """What security needs of the device."""

    name: ClassVar[str]
    tree: ObjectTree
    path: str
    peripheral: Peripheral

    async def connect(self) -> None:
        """Bring the link up, if it is not up yet."""

    def link_lost(self) -> None:
        """Drop the link."""

    def changed(self, *names: str) -> None:
        """Announce the present values of properties."""


class Security:
    """How the link to one device is encrypted, and how the keys for it come about."""

    def __init__(
        self, device: SecuredDevice, agents: AgentManager1, personality: Personality
    ) -> None:
        self._device, self._agents, self._personality = device, agents, personality
        self._bonding = asyncio.Lock()
        self._pairing: tuple[asyncio.Task[None], Agent | None] | None = None

    async def pair(self, message: Message) -> Reply:
        """Serve ``Pair``.

        :raises BluezError: the names that BlueZ gives the ways in which it can fail.
        """
        if self._device.peripheral.bonded:
            raise BluezError("AlreadyExists", "Already Exists")
        if self._pairing is not None:
            raise BluezError("InProgress", "In Progress")
        client = message.sender or ""
        agent = self._agents.agent_for(client)
        self._pairing = (asyncio.ensure_future(self._pair_now(client)), agent)
        try:
            await asyncio.wait({self._pairing[0]})
            if self._pairing[0].cancelled():
                raise BluezError("AuthenticationCanceled", "Authentication Canceled")
            self._pairing[0].result()
        finally:
            self._pairing[0].cancel()
            self._pairing = None
        return None

    async def _pair_now(self, client: str) -> None:
        try:
            await self._device.connect()
        except BluezError as error:
            raise BluezError("ConnectionAttemptFailed", "Page Timeout") from error
        await self._bond(client, asked_for=True)

    async def cancel(self, _: Message) -> Reply:
        """Serve ``CancelPairing``.

        :raises BluezError: nothing is being paired.
        """
        if self._pairing is None:
            raise BluezError("DoesNotExist", "Does Not Exist")
        task, agent = self._pairing
        task.cancel()
        if agent is not None:
            await agent.tell("Cancel")
        self._device.link_lost()
        return None

    async def encrypt(self, client: str) -> None:
        """Encrypt the link before a protected operation, pairing by itself where needed.

        Without an agent this never returns, as has been seen with BlueZ 5.66 and 5.82.

        :raises BluezError: pairing failed, or the sensor no longer has the key.
        """
        if self._device.peripheral.bonded and self._device.peripheral.bond_is_lost:
            if self._personality.says_why_it_hung_up:
                self._device.tree.signal(
                    self._device.path, self._device.name, "Disconnected", "ss", _KEY_MISSING
                )
            self._device.link_lost()
            raise att_error(0x0E)
        if self._device.peripheral.bonded:
            return
        if self._agents.agent_for(client) is None:
            await asyncio.Event().wait()
        await self._bond(client, asked_for=False)

    async def _bond(self, client: str, *, asked_for: bool) -> None:
        async with self._bonding:
            if self._device.peripheral.bonded:
                return  # another client's call has paired meanwhile
            await asyncio.sleep(self._device.peripheral.pairing_delay_s)
            try:
                await self._authenticate(client, asked_for=asked_for)
            except BluezError:
                self._device.link_lost()
                raise
            self._device.peripheral.bonded, self._device.peripheral.bond_is_lost = True, False
            self._device.changed("Bonded", "Paired")

    async def _authenticate(self, client: str, *, asked_for: bool) -> None:
        agent, far = self._agents.agent_for(client), self._device.peripheral
        failed = BluezError("AuthenticationFailed", "Authentication Failed")
        if agent is None:
            raise failed
        match far.pairing:
            case Pairing.REFUSED:
                raise BluezError("AuthenticationRejected", "Authentication Rejected")
            case Pairing.PASSKEY:
                right = agent.types_digits and await self._typed_here(agent)
            case Pairing.TYPES_PASSKEY:
                right = agent.shows_digits and await self._typed_there(agent)
            case Pairing.COMPARE:
                right = agent.says_yes and await self._compared(agent)
            case Pairing.JUST_WORKS:
                right = True
                if not asked_for:
                    await agent.request_authorization(self._device.path)
        if not right:
            raise failed

    async def _typed_here(self, agent: Agent) -> bool:
        return await agent.request_passkey(self._device.path) == self._device.peripheral.passkey

    async def _typed_there(self, agent: Agent) -> bool:
        passkey = self._device.peripheral.rng.randrange(1_000_000)
        await agent.display_passkey(self._device.path, passkey)
        return self._device.peripheral.typed in {None, passkey}

    async def _compared(self, agent: Agent) -> bool:
        await agent.request_confirmation(self._device.path, self._device.peripheral.passkey)
        return self._device.peripheral.agrees
