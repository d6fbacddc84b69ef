"""The hub's side of enrolment, renewal and farewell.

Enrolment takes two steps over the network. The first asks, of whoever answers, for the certificate
of the authority, and holds it against the token's pin. The second speaks only to a server which
that authority vouches for, so the token's secret never leaves for anybody else.
"""

from __future__ import annotations

import datetime as dt
import ssl
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from edge_agent.clock import Clock
from edge_agent.errors import SealError, SyncError
from edge_agent.store.keys import HubIdentity, Recipient
from edge_agent.store.suites import Suite
from edge_agent.sync import messages
from edge_agent.sync.certificates import moment
from edge_agent.sync.credentials import (
    FOLDER,
    Credentials,
    draw_request,
    joined,
    trust,
)
from edge_agent.sync.exchange import Exchange
from edge_agent.sync.messages import (
    AUTHORITY_PATH,
    DECOMMISSION_PATH,
    ENROL_PATH,
    JSON,
    RENEW_PATH,
)
from edge_agent.sync.token import Token, TokenError, pin_of

TIMEOUT_S = 20.0
_CLOCK_OFF = dt.timedelta(minutes=10)


async def enrol(
    url: str, token: Token, identity: HubIdentity, state_dir: Path, clock: Clock
) -> Credentials:
    """Have the collector at ``url`` take this hub in; return what is kept of it.

    :raises TokenError: the token is of another collector.
    :raises SyncError: no answer, or a refusal: used or expired token, revoked hub, wrong clock.
    :raises SealError: what the collector answers can't be used.
    """
    authority = await _authority(url, token, clock)
    key, request = draw_request(identity.hub_id)
    asked = messages.Enrol(
        secret=token.secret,
        hub_id=identity.hub_id,
        public_key=identity.card.public_octets,
        request=request,
        signature=bytes(64),
    )
    asked = messages.signed_by(asked, identity)
    async with Exchange(url, clock, trust(None, pem=authority), TIMEOUT_S) as exchange:
        answer = await exchange.post(ENROL_PATH, asked.to_json(), JSON)
    enrolled = messages.read(answer, messages.Enrolled, url)
    recipient = Recipient(Suite.of_label(enrolled.suite), enrolled.recipient)
    recipient.suite.public_key(recipient.octets)
    credentials = Credentials(state_dir / FOLDER)
    credentials.keep(authority, recipient, joined(key, enrolled.certificate))
    return credentials


async def renew(
    url: str,
    credentials: Credentials,
    identity: HubIdentity,
    clock: Clock,
    context: ssl.SSLContext,
) -> None:
    """Get another certificate and write it in the place of the old one.

    The identity key vouches for the request, so this works when the old one has expired too:
    ``context`` shows none.

    :raises SyncError: no answer, or a refusal.
    :raises SealError: what the collector answers can't be used.
    """
    key, request = draw_request(identity.hub_id)
    asked = messages.Renew(hub_id=identity.hub_id, request=request, signature=bytes(64))
    asked = messages.signed_by(asked, identity)
    async with Exchange(url, clock, context, TIMEOUT_S) as exchange:
        answer = await exchange.post(RENEW_PATH, asked.to_json(), JSON)
    renewed = messages.read(answer, messages.Renewed, url)
    credentials.renew(joined(key, renewed.certificate))


async def say_farewell(
    url: str, identity: HubIdentity, clock: Clock, context: ssl.SSLContext | None
) -> None:
    """Tell the collector that this hub will not come again.

    :raises SyncError: no answer, or a refusal.
    """
    said = messages.Farewell(hub_id=identity.hub_id, signature=bytes(64))
    said = messages.signed_by(said, identity)
    async with Exchange(url, clock, context, TIMEOUT_S) as exchange:
        await exchange.post(DECOMMISSION_PATH, said.to_json(), JSON)


async def _authority(url: str, token: Token, clock: Clock) -> str:
    """Return the certificate (PEM) of the authority that the token names."""
    stranger = ssl.create_default_context()
    stranger.check_hostname = False
    stranger.verify_mode = ssl.CERT_NONE  # whoever this is: the token's pin decides
    async with Exchange(url, clock, stranger, TIMEOUT_S) as exchange:
        answer = await exchange.get(AUTHORITY_PATH)
        collectors = exchange.date
    pem = messages.read(answer, messages.Authority, url).certificate
    try:
        certificate = x509.load_pem_x509_certificate(pem.encode())
    except ValueError as error:
        raise SealError(f"collector {url}", f"shows no certificate: {error}") from error
    if pin_of(certificate.public_bytes(Encoding.DER)) != token.pin:
        reason = "made by another collector than the one that answers"
        raise TokenError("token", reason, f"Check that {url} is the right address")
    here = moment(clock)
    if collectors is not None and abs(here - collectors) > _CLOCK_OFF:
        times = f"{here:%Y-%m-%d %H:%M}, the collector's {collectors:%Y-%m-%d %H:%M} UTC"
        reason = f"this hub's clock says {times}"
        raise SyncError(url, reason, next_step="Set the clock that is wrong (timedatectl)")
    return pem
