"""What collector and hub both know of certificates: names, times, and when one is due."""

from __future__ import annotations

import datetime as dt

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from edge_agent.clock import Clock

RENEW_AT = 2 / 3
"""Of a certificate's life, after which another is asked for."""

_HUB_URI = "urn:edge-agent:hub:"


def hub_uri(hub_id: bytes) -> str:
    """Return the name under which a hub's certificate knows it."""
    return _HUB_URI + hub_id.hex()


def hub_of(alternatives: list[str]) -> bytes | None:
    """Return the hub that one of a certificate's URIs names."""
    for uri in alternatives:
        if uri.startswith(_HUB_URI):
            try:
                return bytes.fromhex(uri.removeprefix(_HUB_URI))
            except ValueError:
                return None
    return None


def name(common: str) -> x509.Name:
    """Return a subject of one part."""
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common)])


def moment(clock: Clock) -> dt.datetime:
    """Return the wall-clock time."""
    return dt.datetime.fromtimestamp(clock.utc_ns() // 1_000_000_000, dt.UTC)


def private_pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    """Return a private key in PKCS #8."""
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def due(certificate: x509.Certificate) -> dt.datetime:
    """Return when another certificate is to be asked for."""
    begin = certificate.not_valid_before_utc
    return begin + RENEW_AT * (certificate.not_valid_after_utc - begin)
