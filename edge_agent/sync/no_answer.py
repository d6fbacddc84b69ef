"""Says in words why the collector gave no answer, and what to do about it."""

from __future__ import annotations

import ssl

import aiohttp

from edge_agent.clock import Clock
from edge_agent.errors import SyncError
from edge_agent.sync.certificates import moment

# X509_V_ERR_* of OpenSSL (x509_vfy.h)
_NOT_YET_VALID, _EXPIRED = 9, 10
_UNTRUSTED = frozenset({2, 18, 19, 20, 21})
_OTHER_NAME = frozenset({62, 64})

_ALERTS = {
    "CERTIFICATE_EXPIRED": (
        "it says that this hub's certificate has expired",
        "Check the clocks of both; the hub renews its certificate by itself",
    ),
    "UNKNOWN_CA": (
        "it does not know the authority of this hub's certificate",
        "Enrol the hub at this collector: edge-agent enroll",
    ),
    "BAD_CERTIFICATE": (
        "it takes exception to this hub's certificate",
        "Check the clocks of both, or enrol the hub anew: edge-agent enroll",
    ),
}


def no_answer(url: str, error: BaseException, clock: Clock) -> SyncError:
    """Return the error that stands for a failed exchange."""
    if isinstance(error, aiohttp.ClientConnectorCertificateError):
        return _of_certificate(url, error.certificate_error, clock)
    text = str(error) or type(error).__name__
    for alert, (reason, step) in _ALERTS.items():
        if f"ALERT_{alert}" in text.upper().replace(" ", "_"):
            return SyncError(url, reason, next_step=step)
    unreachable = isinstance(error, aiohttp.ClientConnectorError)
    unreachable = unreachable and not isinstance(error, aiohttp.ClientSSLError)
    return SyncError(url, f"no answer: {text}", unreachable=unreachable)


def _of_certificate(url: str, error: Exception, clock: Clock) -> SyncError:
    code = error.verify_code if isinstance(error, ssl.SSLCertVerificationError) else 0
    now = f"{moment(clock):%Y-%m-%d %H:%M} UTC"
    if code == _NOT_YET_VALID:
        reason = f"its certificate is not valid yet, this hub's clock says {now}"
        return SyncError(url, reason, next_step="Set the hub's clock (timedatectl)")
    if code == _EXPIRED:
        reason = f"its certificate has expired, this hub's clock says {now}"
        step = "If the clock is right, restart the collector: it renews its certificate"
        return SyncError(url, reason, next_step=step)
    if code in _UNTRUSTED:
        reason = "its certificate is not by the authority that this hub was enrolled with"
        step = "Look who answers there; for another collector enrol anew: edge-agent enroll"
        return SyncError(url, reason, next_step=step)
    if code in _OTHER_NAME:
        reason = "its certificate is for another name or address"
        step = "Name the collector so: edge-agent collector run --name NAME"
        return SyncError(url, reason, next_step=step)
    return SyncError(url, f"its certificate can't be verified: {error}")
