"""The enrolment token: one line that a person carries from the collector to a hub.

It holds a secret of 128 bits, the first 128 bits of the SHA-256 of the collector's authority
certificate, and three octets that find a slip of the pen, in base32 (RFC 4648) and groups of seven.
The collector keeps only a hash of the secret; the hub shows the secret only to a server whose
certificate that very authority has signed.
"""

from __future__ import annotations

import base64
import binascii
import secrets
from dataclasses import dataclass, field
from hashlib import sha256

from edge_agent.errors import EdgeError

_SECRET_OCTETS = 16
_PIN_OCTETS = 16
_CHECK_OCTETS = 3
_GROUP = 7
_CHECKED = b"edge-agent/token/v1"


class TokenError(EdgeError):
    """A token that is none, or that enrols nobody (any more)."""


@dataclass(frozen=True, slots=True)
class Token:
    """``secret`` proves that the operator wants this hub; ``pin`` tells the right collector."""

    secret: bytes = field(repr=False)
    pin: bytes

    @classmethod
    def draw(cls, authority_der: bytes) -> Token:
        """Draw a token for the collector with this authority certificate."""
        return cls(secrets.token_bytes(_SECRET_OCTETS), pin_of(authority_der))

    @property
    def name(self) -> str:
        """What the collector keeps: SHA-256 of the secret, in hexadecimal."""
        return sha256(self.secret).hexdigest()

    def text(self) -> str:
        """Return the token as it is shown."""
        octets = self.secret + self.pin
        letters = base64.b32encode(octets + _check(octets)).decode()  # 35 octets: 56 letters
        groups = range(0, len(letters), _GROUP)
        return "-".join(letters[start : start + _GROUP] for start in groups)

    @classmethod
    def parse(cls, text: str) -> Token:
        """Read a token as a person types it: any case, with or without dashes and blanks.

        :raises TokenError: letters are missing or wrong.
        """
        letters = "".join(text.split()).replace("-", "").upper()
        step = "Copy it again, whole, as 'edge-agent collector enroll' has shown it"
        try:
            octets = base64.b32decode(letters)
        except (binascii.Error, ValueError) as error:
            raise TokenError("token", "holds letters that no token has", step) from error
        body, check = octets[:-_CHECK_OCTETS], octets[-_CHECK_OCTETS:]
        if len(body) != _SECRET_OCTETS + _PIN_OCTETS or check != _check(body):
            raise TokenError("token", "a letter is missing or wrong", step)
        return cls(body[:_SECRET_OCTETS], body[_SECRET_OCTETS:])


def pin_of(authority_der: bytes) -> bytes:
    """Return what a token says of an authority's certificate."""
    return sha256(authority_der).digest()[:_PIN_OCTETS]


def _check(octets: bytes) -> bytes:
    return sha256(_CHECKED + octets).digest()[:_CHECK_OCTETS]
