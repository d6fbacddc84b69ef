"""The collector's own certificate authority: it vouches for the collector and for its hubs.

authority.pem   its certificate, which hubs pin through their token
authority.key   its private key, mode 0600
server.pem      key and certificate of the collector itself, mode 0600

Certificates of collector and hubs live for :data:`LIFE`; the collector renews its own, hubs ask for
theirs. Nothing outside trusts this authority, and it signs nothing else.
"""

from __future__ import annotations

import datetime as dt
import ipaddress
import ssl
from collections.abc import Sequence
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, load_pem_private_key
from cryptography.x509.oid import ExtendedKeyUsageOID

from edge_agent.clock import Clock
from edge_agent.errors import SealError, SyncError
from edge_agent.store.files import private_directory, read_private_key_file, write_whole
from edge_agent.sync.certificates import due, hub_uri, moment, name, private_pem

AUTHORITY_FILE, KEY_FILE, SERVER_FILE = "authority.pem", "authority.key", "server.pem"
LIFE = dt.timedelta(days=90)

_AUTHORITY_LIFE = dt.timedelta(days=20 * 365)
_BACK = dt.timedelta(hours=1)
"""Certificates begin a little ago: a hub's clock may be somewhat slow."""


class Authority:
    """The authority kept in a folder; on first use it is made."""

    def __init__(self, folder: Path, clock: Clock) -> None:
        self._folder, self._clock = private_directory(folder), clock
        if not (folder / AUTHORITY_FILE).exists():
            self._make()
        self.certificate = _load_certificate(folder / AUTHORITY_FILE)
        self._key = _load_key(folder / KEY_FILE)
        if self._key.public_key() != self.certificate.public_key():
            step = "Restore both from a backup; new ones have every hub enrolled again"
            raise SealError(f"key file {folder / KEY_FILE}", "not that of authority.pem", step)

    @property
    def pem(self) -> str:
        """The authority's certificate."""
        return self.certificate.public_bytes(Encoding.PEM).decode()

    @property
    def der(self) -> bytes:
        """The authority's certificate, as a token's pin is made of it."""
        return self.certificate.public_bytes(Encoding.DER)

    def server_context(self, names: Sequence[str]) -> ssl.SSLContext:
        """Return what the collector serves with, known to hubs by ``names`` (hosts, addresses).

        TLS 1.3; a client that shows a certificate shows one of this authority's.
        """
        self.renew_server(names)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_3
        context.verify_mode = ssl.CERT_OPTIONAL  # who enrols has none yet
        context.load_verify_locations(cadata=self.pem)
        context.set_alpn_protocols(["http/1.1"])
        self.load_server(context)
        return context

    def load_server(self, context: ssl.SSLContext) -> None:
        """Have ``context`` show the certificate that is there now, from the next connection on."""
        context.load_cert_chain(self._folder / SERVER_FILE)

    def renew_server(self, names: Sequence[str]) -> bool:
        """Make the collector a certificate if it has none for ``names`` or it is due; tell."""
        file = self._folder / SERVER_FILE
        alternatives = x509.SubjectAlternativeName([_alternative(one) for one in names])
        if file.exists():
            held = _load_certificate(file)
            is_due = moment(self._clock) >= due(held)
            if not is_due and _names(held) == alternatives and _is_by(held, self.certificate):
                return False
        key = ec.generate_private_key(ec.SECP256R1())
        use = ExtendedKeyUsageOID.SERVER_AUTH
        builder = self._leaf("edge-agent collector", key.public_key(), use)
        certificate = self._sign(builder.add_extension(alternatives, critical=False), LIFE)
        write_whole(file, private_pem(key) + certificate.public_bytes(Encoding.PEM))
        return True

    def sign_hub(self, hub_id: bytes, request: bytes) -> str:
        """Return a certificate (PEM) for the key in ``request`` (PKCS #10, DER).

        What the request says of names is not heeded.

        :raises SyncError: it is no request, or not by whoever has the key.
        """
        public_key = _requested_key(request)
        builder = self._leaf(hub_id.hex(), public_key, ExtendedKeyUsageOID.CLIENT_AUTH)
        uri = x509.UniformResourceIdentifier(hub_uri(hub_id))
        builder = builder.add_extension(x509.SubjectAlternativeName([uri]), critical=False)
        return self._sign(builder, LIFE).public_bytes(Encoding.PEM).decode()

    def _make(self) -> None:
        """Write the key first: a power cut between the two files begins anew."""
        self._key = ec.generate_private_key(ec.SECP256R1())
        public = self._key.public_key()
        identifier = x509.SubjectKeyIdentifier.from_public_key(public)
        own = name(f"edge-agent authority {identifier.digest[:4].hex()}")
        usage = x509.KeyUsage(
            digital_signature=False, content_commitment=False, key_encipherment=False,
            data_encipherment=False, key_agreement=False, key_cert_sign=True, crl_sign=True,
            encipher_only=False, decipher_only=False,
        )  # fmt: skip
        builder = (
            x509.CertificateBuilder()
            .subject_name(own)
            .issuer_name(own)
            .public_key(public)
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .add_extension(usage, critical=True)
            .add_extension(identifier, critical=False)
        )
        certificate = self._sign(builder, _AUTHORITY_LIFE)
        write_whole(self._folder / KEY_FILE, private_pem(self._key))
        pem = certificate.public_bytes(Encoding.PEM)
        write_whole(self._folder / AUTHORITY_FILE, pem, 0o644)

    def _leaf(
        self, subject: str, key: ec.EllipticCurvePublicKey, use: x509.ObjectIdentifier
    ) -> x509.CertificateBuilder:
        issuer_key = self._key.public_key()
        return (
            x509.CertificateBuilder()
            .subject_name(name(subject))
            .issuer_name(self.certificate.subject)
            .public_key(key)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(x509.ExtendedKeyUsage([use]), critical=False)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
            .add_extension(
                x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key), critical=False
            )
        )

    def _sign(self, builder: x509.CertificateBuilder, life: dt.timedelta) -> x509.Certificate:
        now = moment(self._clock)
        return (
            builder.serial_number(x509.random_serial_number())
            .not_valid_before(now - _BACK)
            .not_valid_after(now + life)
            .sign(self._key, hashes.SHA256())
        )


def _requested_key(request: bytes) -> ec.EllipticCurvePublicKey:
    try:
        wanted = x509.load_der_x509_csr(request)
        is_signed, public_key = wanted.is_signature_valid, wanted.public_key()
    except (ValueError, TypeError, UnsupportedAlgorithm, x509.InvalidVersion) as error:
        raise SyncError("request", f"no certificate request: {error}", status=400) from error
    if not isinstance(public_key, ec.EllipticCurvePublicKey):
        raise SyncError("request", "for another kind of key than P-256", status=400)
    if not is_signed or not isinstance(public_key.curve, ec.SECP256R1):
        raise SyncError("request", "not signed with a key on P-256", status=400)
    return public_key


def _alternative(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        return x509.DNSName(host)


def _names(certificate: x509.Certificate) -> x509.SubjectAlternativeName | None:
    try:
        found = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName)
    except x509.ExtensionNotFound:
        return None
    return found.value


def _is_by(certificate: x509.Certificate, authority: x509.Certificate) -> bool:
    try:
        certificate.verify_directly_issued_by(authority)
    except (ValueError, TypeError, InvalidSignature):
        return False
    return True


def _load_certificate(path: Path) -> x509.Certificate:
    try:
        return x509.load_pem_x509_certificate(path.read_bytes())
    except (OSError, ValueError) as error:
        step = "Restore it from a backup"
        raise SealError(f"certificate {path}", str(error), step) from error


def _load_key(path: Path) -> ec.EllipticCurvePrivateKey:
    step = "Restore it from a backup"
    try:
        key = load_pem_private_key(read_private_key_file(path), password=None)
    except (ValueError, TypeError) as error:
        raise SealError(f"key file {path}", f"damaged: {error}", step) from error
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise SealError(f"key file {path}", "not an authority's key", step)
    return key
