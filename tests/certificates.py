"""Certificates for tests: an authority, and what it signs, as PEM files that live a day."""

import datetime as dt
import ipaddress
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
)
from cryptography.x509.oid import NameOID

DAY = dt.timedelta(days=1)


class Authority:
    """A certificate authority that keeps its files in ``folder``."""

    def __init__(self, folder: Path, name="authority"):
        self.folder, self.key = folder, ec.generate_private_key(ec.SECP256R1())
        self.name = _name(name)
        self.certificate = self._signed(
            x509.CertificateBuilder()
            .subject_name(self.name)
            .public_key(self.key.public_key())
            .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        )
        self.file = self._write(f"{name}.pem", self.certificate.public_bytes(Encoding.PEM))

    def issue(self, name, *, address=None, password=None):
        """Return the files of a certificate for ``name`` (or an IP address) and of its key."""
        key = ec.generate_private_key(ec.SECP256R1())
        names = [x509.DNSName(name)]
        if address is not None:
            names = [x509.IPAddress(ipaddress.ip_address(address))]
        certificate = self._signed(
            x509.CertificateBuilder()
            .subject_name(_name(name))
            .public_key(key.public_key())
            .add_extension(x509.SubjectAlternativeName(names), critical=False)
        )
        sealed = NoEncryption() if password is None else BestAvailableEncryption(password)
        return (
            self._write(f"{name}.pem", certificate.public_bytes(Encoding.PEM)),
            self._write(
                f"{name}.key", key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, sealed)
            ),
        )

    def _signed(self, builder):
        now = dt.datetime.now(dt.UTC)
        return (
            builder.issuer_name(self.name)
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - DAY)
            .not_valid_after(now + DAY)
            .sign(self.key, hashes.SHA256())
        )

    def _write(self, name, octets):
        self.folder.mkdir(exist_ok=True)
        file = self.folder / name
        file.write_bytes(octets)
        return str(file)


def _name(name):
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
