"""The hub of the demo: ``edge-agent run`` in a process of its own, started and killed at will."""

from __future__ import annotations

import asyncio
import os
import sys
import time
from collections.abc import Mapping
from pathlib import Path

from edge_agent.asking import ask_status
from edge_agent.errors import ControlError, EdgeError
from edge_agent.status import Status
from edge_mocks.children import dies_with_us

_START_S = 20.0
_STOP_S = 10.0
_LOG_TAIL = 15


class HubProcess:
    """One hub process after another on the same configuration; keeps each life's last status."""

    def __init__(self, config: Path, socket: Path, log: Path, env: Mapping[str, str]) -> None:
        self._config, self._socket, self._log = config, socket, log
        self._env = {**os.environ, **env}
        self._process: asyncio.subprocess.Process | None = None
        self.spawned_at_ns: list[int] = []
        self.lives: list[Status] = []
        self.stop_s: float | None = None

    async def start(self) -> None:
        """Start a life and wait until it answers on its control socket.

        :raises EdgeError: it does not come up; the end of its log is in the message.
        """
        self.spawned_at_ns.append(time.clock_gettime_ns(time.CLOCK_BOOTTIME))
        with self._log.open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                *dies_with_us(), sys.executable, "-m", "edge_agent", "run",
                "--config", str(self._config), env=self._env, stdout=log, stderr=log,
                stdin=asyncio.subprocess.DEVNULL, start_new_session=True,
            )  # fmt: skip
        deadline = time.monotonic() + _START_S
        while time.monotonic() < deadline and self._process.returncode is None:
            try:
                self.lives.append(await ask_status(self._socket))
            except ControlError:
                await asyncio.sleep(0.05)
            else:
                return
        tail = "\n".join(self._log.read_text(errors="replace").splitlines()[-_LOG_TAIL:])
        raise EdgeError("the hub", f"did not start:\n{tail}", "Report this log")

    async def status(self) -> Status | None:
        """Return the present status, or ``None`` while the hub does not answer."""
        try:
            status = await ask_status(self._socket)
        except ControlError:
            return None
        self.lives[-1] = status
        return status

    async def kill(self) -> None:
        """End the life with SIGKILL: no farewell, like a power cut."""
        if self._process is not None and self._process.returncode is None:
            self._process.kill()
            await self._process.wait()

    async def stop(self) -> None:
        """End the life with SIGTERM and note how long it took."""
        if self._process is None or self._process.returncode is not None:
            return
        began = time.monotonic()
        self._process.terminate()
        try:
            async with asyncio.timeout(_STOP_S):
                await self._process.wait()
        except TimeoutError:
            await self.kill()
            raise EdgeError("the hub", f"did not stop within {_STOP_S:.0f} s") from None
        self.stop_s = time.monotonic() - began
