"""Pairing agents: the programs that answer for the person at the hub (``AgentManager1``).

BlueZ asks the agent of the program that started the pairing, else the default agent. Without one
even just-works pairing fails, and bleak registers none.
"""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from dataclasses import dataclass

from dbus_fast import Message

from edge_mocks.bluez.objects import BluezError, Interface, Method, ObjectTree, Reply

_AGENT = "org.bluez.Agent1"
_TYPES_DIGITS = {"KeyboardOnly", "KeyboardDisplay", ""}  # an empty string means KeyboardDisplay
_SHOWS_DIGITS = {"DisplayOnly", "DisplayYesNo", "KeyboardDisplay", ""}
_SAYS_YES = {"DisplayYesNo", "KeyboardDisplay", ""}


@dataclass(frozen=True, slots=True, kw_only=True)
class Agent:
    """A registered agent: which program, which object, and what it can do."""

    tree: ObjectTree
    owner: str
    path: str
    capability: str

    @property
    def types_digits(self) -> bool:
        """Whether the agent can be asked for a passkey."""
        return self.capability in _TYPES_DIGITS

    @property
    def shows_digits(self) -> bool:
        """Whether the agent can show a passkey."""
        return self.capability in _SHOWS_DIGITS

    @property
    def says_yes(self) -> bool:
        """Whether the agent can be asked to compare two numbers."""
        return self.capability in _SAYS_YES

    async def request_passkey(self, device: str) -> int:
        """Ask for the six digits that the sensor shows.

        :raises BluezError: the agent rejects, cancels or is gone.
        """
        answer = await self._ask("RequestPasskey", "o", [device])
        return int(str(answer[0]))

    async def request_authorization(self, device: str) -> None:
        """Ask whether a pairing that nobody asked for may go on.

        :raises BluezError: the agent rejects, cancels or is gone.
        """
        await self._ask("RequestAuthorization", "o", [device])

    async def display_passkey(self, device: str, passkey: int) -> None:
        """Have the six digits shown that must be typed on the sensor.

        :raises BluezError: the agent rejects, cancels or is gone.
        """
        await self._ask("DisplayPasskey", "ouq", [device, passkey, 0])

    async def request_confirmation(self, device: str, passkey: int) -> None:
        """Ask whether the sensor shows the same six digits.

        :raises BluezError: the agent rejects, cancels or is gone.
        """
        await self._ask("RequestConfirmation", "ou", [device, passkey])

    async def tell(self, member: str) -> None:
        """Call ``Cancel`` or ``Release``; an agent that is gone, or knows neither, is left be."""
        with contextlib.suppress(BluezError):
            await self._ask(member, "", [])

    async def _ask(self, member: str, signature: str, body: list[object]) -> list[object]:
        try:
            return await self.tree.call(self.owner, self.path, _AGENT, member, signature, body)
        except BluezError as error:
            if error.name.endswith(".Rejected"):
                raise BluezError("AuthenticationRejected", "Authentication Rejected") from error
            raise BluezError("AuthenticationCanceled", "Authentication Canceled") from error


class AgentManager1(Interface):
    """Where agents register."""

    name = "org.bluez.AgentManager1"

    def __init__(self, tree: ObjectTree, path: str) -> None:
        super().__init__(tree, path)
        self._agents: dict[str, Agent] = {}
        self._default: str | None = None

    def methods(self) -> Mapping[str, Method]:
        """Return the methods by name."""
        return {
            "RegisterAgent": self._register,
            "UnregisterAgent": self._unregister,
            "RequestDefaultAgent": self._request_default,
        }

    def agent_for(self, client: str) -> Agent | None:
        """Return the agent of ``client``, else the default agent, if there is one."""
        return self._agents.get(client) or self._agents.get(self._default or "")

    def owners(self) -> set[str]:
        """Return the bus names of every program that has an agent registered."""
        return set(self._agents)

    def client_gone(self, client: str) -> None:
        """Forget the agent of a client that has left the bus."""
        self._agents.pop(client, None)

    async def release(self) -> None:
        """Tell every agent that the daemon needs it no more."""
        for agent in tuple(self._agents.values()):
            await agent.tell("Release")

    async def _register(self, message: Message) -> Reply:
        owner, (path, capability) = message.sender or "", message.body
        if owner in self._agents:
            raise BluezError("AlreadyExists", "Already Exists")
        self._agents[owner] = Agent(tree=self.tree, owner=owner, path=path, capability=capability)
        return None

    async def _unregister(self, message: Message) -> Reply:
        self._own(message)
        self.client_gone(message.sender or "")
        return None

    async def _request_default(self, message: Message) -> Reply:
        self._own(message)
        self._default = message.sender
        return None

    def _own(self, message: Message) -> None:
        agent = self._agents.get(message.sender or "")
        if agent is None or agent.path != message.body[0]:
            raise BluezError("DoesNotExist", "Does Not Exist")
