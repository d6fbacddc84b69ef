"""Enrolment tokens: each good for one hub, for a quarter of an hour; kept as hashes only.

tokens/HASH.json    until when the token is good
tokens/HASH.hub     which hub has used it: whoever creates this file first has the token
"""

from __future__ import annotations

from pathlib import Path

import msgspec

from edge_agent.clock import NS_PER_S, Clock
from edge_agent.store.files import private_directory, sync_directory, write_whole
from edge_agent.sync.token import Token, TokenError

LIFE_S = 15 * 60
_KEPT_S = 24 * 3600
"""A token is known for a day, so that its holder is told that it has expired."""

_AGAIN = "Have another made: edge-agent collector enroll"


class _Kept(msgspec.Struct, forbid_unknown_fields=True):
    good_until_utc_ns: int


class Tokens:
    """The tokens that were made in a folder; several processes may share it."""

    def __init__(self, folder: Path, clock: Clock) -> None:
        self._folder, self._clock = private_directory(folder), clock

    def draw(self, authority_der: bytes) -> Token:
        """Make a token."""
        self._clear_away()
        token = Token.draw(authority_der)
        until = self._clock.utc_ns() + LIFE_S * NS_PER_S
        write_whole(self._file(token.name, "json"), msgspec.json.encode(_Kept(until)))
        return token

    def claim(self, secret: bytes, hub_id: bytes) -> None:
        """Use a token for ``hub_id``; the same hub may again, for an answer may get lost.

        :raises TokenError: unknown, expired, or another hub has used it.
        """
        name = Token(secret, b"").name
        try:
            kept = msgspec.json.decode(self._file(name, "json").read_bytes(), type=_Kept)
        except (OSError, msgspec.DecodeError) as error:
            raise TokenError("token", "not known here", _AGAIN) from error
        if self._clock.utc_ns() >= kept.good_until_utc_ns:
            raise TokenError("token", f"expired: it is good for {LIFE_S // 60} min", _AGAIN)
        used = self._file(name, "hub")
        try:
            with used.open("xb") as file:
                file.write(hub_id)
            sync_directory(self._folder)
        except FileExistsError:
            if used.read_bytes() != hub_id:
                raise TokenError("token", "used by another hub already", _AGAIN) from None

    def _clear_away(self) -> None:
        oldest = self._clock.utc_ns() - _KEPT_S * NS_PER_S
        for file in self._folder.glob("*.json"):
            try:
                kept = msgspec.json.decode(file.read_bytes(), type=_Kept)
            except msgspec.DecodeError:
                kept = _Kept(0)
            if kept.good_until_utc_ns < oldest:
                file.unlink(missing_ok=True)
                file.with_suffix(".hub").unlink(missing_ok=True)

    def _file(self, name: str, kind: str) -> Path:
        return self._folder / f"{name}.{kind}"
