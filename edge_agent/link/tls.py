"""TLS for links over the network: whom the hub trusts, and how it shows who it is."""

from __future__ import annotations

import ssl
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from edge_agent.errors import LinkError

_PRIVATE = "-----BEGIN "


class TlsFileError(LinkError):
    """A file of certificates or keys that can't be used; ``key`` is its key in the settings."""

    def __init__(
        self, key: Literal["ca", "certificate", "key"], file: str, reason: str, next_step: str
    ) -> None:
        self.key = key
        super().__init__(f"file {file}", reason, next_step)


@dataclass(frozen=True, slots=True, kw_only=True)
class Tls:
    """Files in PEM: trusted authorities (those of the system without), own certificate and key."""

    ca: str | None = None
    certificate: str | None = None
    key: str | None = None

    def context(self) -> ssl.SSLContext:
        """Read the files into a context that verifies the server and its name; TLS 1.2 or newer.

        :raises TlsFileError: a file is missing, unreadable, or not what it should be.
        """
        self._check_readable()
        context = self._trust()
        if self.certificate is not None and self.key is not None:
            try:
                # An encrypted key would ask for its password on the terminal.
                context.load_cert_chain(self.certificate, self.key, password="")
            except ssl.SSLError as error:
                raise self._bad_pair(error.reason, self.certificate, self.key) from error
        return context

    def _check_readable(self) -> None:
        for key, file in self._files():
            try:
                Path(file).read_bytes()
            except OSError as error:
                reason = error.strerror or type(error).__name__
                step = "Check the path and its permissions"
                raise TlsFileError(key, file, reason.lower(), step) from error

    def _files(self) -> list[tuple[Literal["ca", "certificate", "key"], str]]:
        files: list[tuple[Literal["ca", "certificate", "key"], str | None]] = [
            ("ca", self.ca),
            ("certificate", self.certificate),
            ("key", self.key),
        ]
        return [(key, file) for key, file in files if file is not None]

    def _trust(self) -> ssl.SSLContext:
        try:
            return ssl.create_default_context(cafile=self.ca)
        except ssl.SSLError as error:
            step = "Give the certificate of the authority that signed the server's, as PEM"
            raise TlsFileError("ca", self.ca or "", "holds no certificate", step) from error

    @staticmethod
    def _bad_pair(reason: str | None, certificate: str, key: str) -> TlsFileError:
        if reason == "KEY_VALUES_MISMATCH":
            step = "Give the key that the certificate was made for"
            return TlsFileError("key", key, f"does not belong to {certificate}", step)
        if _PRIVATE + "CERTIFICATE" not in Path(certificate).read_text(errors="replace"):
            return TlsFileError(
                "certificate", certificate, "holds no certificate", "Give it as PEM"
            )
        step = "Give it as PEM, without a password"
        return TlsFileError("key", key, "holds no key that can be read", step)
