"""The two ways to seal, and the keys of each.

Sealing is HPKE (RFC 9180) in base mode with HKDF-SHA256 and ChaCha20-Poly1305. The suites differ
in the key encapsulation: X-Wing (ML-KEM-768 with X25519, draft-connolly-cfrg-xwing-kem) holds
against traffic that is recorded now and attacked with a quantum computer later; X25519 saves
1,088 octets a record. A hub seals with the suite of the recipient key it was given and no other.

Keys are kept as octets: ML-KEM-768 first (its public key, or its private seed of FIPS 203), then
X25519; or X25519 alone.
"""

from __future__ import annotations

from enum import IntEnum

from cryptography.hazmat.primitives import hpke
from cryptography.hazmat.primitives.asymmetric.mlkem import MLKEM768PrivateKey, MLKEM768PublicKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey

from edge_agent.errors import SealError

PublicKey = hpke.MLKEM768X25519PublicKey | X25519PublicKey
PrivateKey = hpke.MLKEM768X25519PrivateKey | X25519PrivateKey

_TAG_OCTETS = 16
_X25519_OCTETS = 32
_MLKEM_PUBLIC_OCTETS = 1184
_MLKEM_SEED_OCTETS = 64


class Suite(IntEnum):
    """A way to seal; the value is its octet in the header of a record."""

    X_WING = 1
    X25519 = 2

    @property
    def label(self) -> str:
        """Its name in key files."""
        return self.name.lower().replace("_", "-")

    @classmethod
    def of_label(cls, label: str) -> Suite:
        """Find a suite by its name.

        :raises SealError: when there is none of this name.
        """
        for suite in cls:
            if suite.label == label:
                return suite
        known = ", ".join(suite.label for suite in cls)
        raise SealError(f"suite {label!r}", "unknown", f"Known suites: {known}")

    @property
    def overhead_octets(self) -> int:
        """How many octets sealing adds: the encapsulated key and the tag."""
        return self._kem.enc_length() + _TAG_OCTETS

    @property
    def cipher(self) -> hpke.Suite:
        """The HPKE cipher suite."""
        return hpke.Suite(self._kem, hpke.KDF.HKDF_SHA256, hpke.AEAD.CHACHA20_POLY1305)

    def generate(self) -> bytes:
        """Draw a private key."""
        exchange = X25519PrivateKey.generate().private_bytes_raw()
        if self is Suite.X25519:
            return exchange
        return MLKEM768PrivateKey.generate().private_bytes_raw() + exchange

    def public_octets(self, private: bytes) -> bytes:
        """Return the public key of a private key.

        :raises SealError: when the octets are no private key of this suite.
        """
        lattice, exchange = self._split(private, _MLKEM_SEED_OCTETS)
        octets = X25519PrivateKey.from_private_bytes(exchange).public_key().public_bytes_raw()
        if self is Suite.X25519:
            return octets
        return MLKEM768PrivateKey.from_seed_bytes(lattice).public_key().public_bytes_raw() + octets

    def public_key(self, octets: bytes) -> PublicKey:
        """Return a public key to seal with.

        :raises SealError: when the octets are no public key of this suite.
        """
        lattice, exchange = self._split(octets, _MLKEM_PUBLIC_OCTETS)
        key = X25519PublicKey.from_public_bytes(exchange)
        if self is Suite.X25519:
            return key
        try:
            return hpke.MLKEM768X25519PublicKey(MLKEM768PublicKey.from_public_bytes(lattice), key)
        except ValueError as error:
            raise SealError(f"{self.label} key", str(error), "Restore the key file") from error

    def private_key(self, octets: bytes) -> PrivateKey:
        """Return a private key to open with.

        :raises SealError: when the octets are no private key of this suite.
        """
        lattice, exchange = self._split(octets, _MLKEM_SEED_OCTETS)
        key = X25519PrivateKey.from_private_bytes(exchange)
        if self is Suite.X25519:
            return key
        return hpke.MLKEM768X25519PrivateKey(MLKEM768PrivateKey.from_seed_bytes(lattice), key)

    @property
    def _kem(self) -> hpke.KEM:
        return hpke.KEM.MLKEM768_X25519 if self is Suite.X_WING else hpke.KEM.X25519

    def _split(self, octets: bytes, lattice_octets: int) -> tuple[bytes, bytes]:
        """Part the octets of a key into ML-KEM's and X25519's."""
        first = lattice_octets if self is Suite.X_WING else 0
        if len(octets) != first + _X25519_OCTETS:
            reason = f"{len(octets)} octets long, {first + _X25519_OCTETS} expected"
            raise SealError(f"{self.label} key", reason, "Restore the key file")
        return octets[:first], octets[first:]
