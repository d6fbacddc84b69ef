"""Keeps a hub's certificate fresh: another one at two thirds of its life."""

from __future__ import annotations

import datetime as dt
import logging
import random
import ssl

from edge_agent.clock import Clock
from edge_agent.errors import SealError, SyncError
from edge_agent.store.keys import HubIdentity
from edge_agent.sync.certificates import moment
from edge_agent.sync.credentials import Credentials, trust
from edge_agent.sync.enrolment import renew
from edge_agent.sync.pace import Backoff

log = logging.getLogger(__name__)

_LOOK_S = 3600.0
"""The wall clock may step: how long is left is worked out anew so often."""

_RETRY_S = (60.0, 3600.0)


class Renewal:
    """Renews ``credentials`` at the collector at ``url``, and has ``context`` show the result."""

    def __init__(
        self,
        url: str,
        credentials: Credentials,
        identity: HubIdentity,
        context: ssl.SSLContext,
        clock: Clock,
        rng: random.Random,
        ca: str | None = None,
    ) -> None:
        self._url, self._credentials, self._identity = url, credentials, identity
        self._context, self._clock, self._ca = context, clock, ca
        self._backoff = Backoff(*_RETRY_S, rng)

    async def run(self) -> None:
        """Look after the certificate until cancelled."""
        while True:
            await self._clock.sleep(await self.look())

    async def look(self) -> float:
        """Renew the certificate if it is due; return the seconds until the next look."""
        try:
            left = self._credentials.due() - moment(self._clock)
            if left > dt.timedelta(0):
                return min(_LOOK_S, left.total_seconds())
            ca = self._ca or str(self._credentials.authority_file)
            await renew(self._url, self._credentials, self._identity, self._clock, trust(ca))
            self._credentials.load_into(self._context)
        except (SyncError, SealError) as error:
            pause_s = self._backoff.next_s()
            log.warning("certificate not renewed: %s; trying again in %.0f s", error, pause_s)
            return pause_s
        self._backoff.reset()
        log.info("certificate renewed")
        return _LOOK_S
