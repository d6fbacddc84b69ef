"""What a hub has from its enrolment: whom to trust, what to seal to, and how to show who it is.

    STATE_DIR/collector/authority.pem   the certificate of the collector's authority
    STATE_DIR/collector/recipient.json  the public key that records are sealed to
    STATE_DIR/collector/hub.pem         private key and certificate of this hub, mode 0600

The TLS key is not the identity key: it is drawn with each certificate and never leaves the hub.
"""

from __future__ import annotations

import datetime as dt
import ssl
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding

from edge_agent.clock import Clock
from edge_agent.errors import SealError
from edge_agent.store.files import private_directory, read_private_key_file, write_whole
from edge_agent.store.keys import Recipient
from edge_agent.sync.certificates import due, moment, name, private_pem

FOLDER = "collector"
AUTHORITY_FILE, RECIPIENT_FILE, HUB_FILE = "authority.pem", "recipient.json", "hub.pem"

_ENROL = "Enrol the hub: edge-agent enroll"


@dataclass(frozen=True, slots=True)
class Credentials:
    """What is in the folder; read anew at each use, for it is renewed while the hub runs."""

    folder: Path

    @classmethod
    def of(cls, state_dir: Path) -> Credentials | None:
        """Return the credentials kept under ``state_dir``; ``None`` for a hub never enrolled."""
        credentials = cls(state_dir / FOLDER)
        return credentials if credentials.hub_file.exists() else None

    @property
    def recipient_file(self) -> Path:
        """Where the public key is that records are sealed to."""
        return self.folder / RECIPIENT_FILE

    @property
    def authority_file(self) -> Path:
        """Where the certificate of the collector's authority is."""
        return self.folder / AUTHORITY_FILE

    @property
    def hub_file(self) -> Path:
        """Where key and certificate of the hub are."""
        return self.folder / HUB_FILE

    def certificate(self) -> x509.Certificate:
        """Read the hub's certificate.

        :raises SealError: unreadable, readable by others, or damaged.
        """
        try:
            return x509.load_pem_x509_certificate(read_private_key_file(self.hub_file))
        except ValueError as error:
            raise SealError(f"certificate {self.hub_file}", f"damaged: {error}", _ENROL) from error

    def due(self) -> dt.datetime:
        """Return when the hub is to ask for another certificate.

        :raises SealError: see :meth:`certificate`.
        """
        return due(self.certificate())

    def trouble(self, clock: Clock) -> str:
        """Say what is wrong with the hub's certificate by its own clock; "" when nothing is.

        A server that does not accept a certificate may hang up without a word.
        """
        try:
            until = self.certificate().not_valid_after_utc
        except SealError as error:
            return str(error)
        if moment(clock) < until:
            return ""
        return (
            f"this hub's certificate has expired on {until:%Y-%m-%d}, by its clock; "
            "it renews it by itself unless the collector refuses"
        )

    def context(self, ca: str | None = None) -> ssl.SSLContext:
        """Return TLS 1.3 to the collector, with the hub's certificate.

        ``ca`` is trusted in place of the collector's own authority, if given.

        :raises SealError: a file can't be used.
        """
        context = trust(ca or str(self.authority_file))
        self.load_into(context)
        return context

    def load_into(self, context: ssl.SSLContext) -> None:
        """Have ``context`` show the certificate that is there now, from the next connection on.

        :raises SealError: it can't be used.
        """
        self.certificate()
        try:
            context.load_cert_chain(self.hub_file, password="")
        except (ssl.SSLError, OSError) as error:
            raise SealError(f"certificate {self.hub_file}", str(error), _ENROL) from error

    def keep(self, authority_pem: str, recipient: Recipient, own: bytes) -> None:
        """Write what an enrolment has brought; last what tells that there was one."""
        private_directory(self.folder)
        write_whole(self.authority_file, authority_pem.encode(), 0o644)
        recipient.save(self.recipient_file)
        self.renew(own)

    def renew(self, own: bytes) -> None:
        """Write another key and certificate in the place of the old ones."""
        write_whole(self.hub_file, own)


def trust(ca: str | None, *, pem: str | None = None) -> ssl.SSLContext:
    """Return TLS 1.3 that trusts the authorities in the file ``ca`` or the text ``pem``.

    With neither it trusts those of the system.

    :raises SealError: they can't be read.
    """
    try:
        context = ssl.create_default_context(cafile=ca, cadata=pem)
    except (ssl.SSLError, OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise SealError(f"authority {ca or ''}".strip(), reason, "Restore the file") from error
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    return context


def draw_request(hub_id: bytes) -> tuple[ec.EllipticCurvePrivateKey, bytes]:
    """Draw a TLS key, and a certificate request for it (PKCS #10, DER)."""
    key = ec.generate_private_key(ec.SECP256R1())
    builder = x509.CertificateSigningRequestBuilder().subject_name(name(hub_id.hex()))
    return key, builder.sign(key, hashes.SHA256()).public_bytes(Encoding.DER)


def joined(key: ec.EllipticCurvePrivateKey, certificate_pem: str) -> bytes:
    """Return the text of ``hub.pem``.

    :raises SealError: the certificate is none, or for another key.
    """
    try:
        certificate = x509.load_pem_x509_certificate(certificate_pem.encode())
    except ValueError as error:
        raise SealError("certificate", f"not one: {error}", _ENROL) from error
    if certificate.public_key() != key.public_key():
        raise SealError("certificate", "made for another key", _ENROL)
    return private_pem(key) + certificate_pem.encode()
