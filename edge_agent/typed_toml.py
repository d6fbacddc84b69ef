"""TOML into typed structures: every problem at once, with its key path and what was expected.

What a person writes (the hub's configuration, alarm rules) is told in one go, so that nobody mends
a file one error at a time.
"""

from __future__ import annotations

import difflib
import tomllib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, get_args, get_origin, get_type_hints

import msgspec
from msgspec import Struct

from edge_agent.errors import ConfigError, Problem


def read_toml(file: Path) -> dict[str, Any]:
    """Read the TOML in ``file``.

    :raises ConfigError: it can't be read, or not as TOML.
    """
    try:
        return tomllib.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        reason = error.strerror or type(error).__name__
        problem = Problem("(file)", reason, "check the path and its permissions")
        raise ConfigError(file, (problem,)) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(file, (Problem("(file)", f"not valid TOML: {error}"),)) from error


def meant(word: str, known: Iterable[str], what: str = "known") -> str:
    """Say which of the ``known`` words was probably meant, or else all of them."""
    choices = sorted(known)
    near = difflib.get_close_matches(word, choices, n=1)
    return f"did you mean {near[0]!r}?" if near else f"{what}: {', '.join(choices)}"


def misfits(value: object, kind: object, path: str) -> Iterator[Problem]:
    """Find everything in ``value`` that does not fit the type ``kind``; ``path`` leads to it."""
    members = [member for member in (kind, *get_args(kind)) if _is_struct(member)]
    if get_origin(kind) is list:
        if not isinstance(value, list):
            yield Problem(path, "is not a list", f"write [[{path}]] for each one")
            return
        for index, item in enumerate(value):
            yield from misfits(item, get_args(kind)[0], f"{path}[{index}]")
    elif members and isinstance(value, dict):
        yield from _table_misfits(value, members[0], path)
    else:
        try:
            msgspec.convert(value, kind)
        except msgspec.ValidationError as error:
            reason, expected = _in_words(str(error))
            # What stands where a pseudonym should may be a name.
            shown = "what is there" if path.endswith("pseudonym") else repr(value)
            yield Problem(path or "(file)", f"{shown} is not allowed", expected or reason)


def _table_misfits(table: dict[str, object], struct: type[Struct], path: str) -> Iterator[Problem]:
    prefix = f"{path}." if path else ""
    fields = {field.name: field for field in msgspec.structs.fields(struct)}
    hints = get_type_hints(struct, include_extras=True)
    for key in table.keys() - fields.keys():
        yield Problem(prefix + key, "unknown key", meant(key, fields, "known keys"))
    for name, field in fields.items():
        if name in table:
            yield from misfits(table[name], hints[name], prefix + name)
        elif field.required:
            yield Problem(prefix + name, "missing", "this key is required")


def _is_struct(kind: object) -> bool:
    return isinstance(kind, type) and issubclass(kind, Struct)


_PATTERNS = {
    r"^[a-z0-9][a-z0-9-]{0,31}$": "expected 1 to 32 of a-z, 0-9 and '-'",
    r"^[0-9a-f]{32}$": "expected 32 hexadecimal digits, such as `openssl rand -hex 16` prints",
    r"^([0-9A-F]{2}:){5}[0-9A-F]{2}$": "expected an address like A0:9E:1A:00:00:01",
    r"^(alarms|rhythm)[.][a-z0-9_]+$": "expected a value, or a setting's name like"
    " alarms.spo2_low_percent",
}


def _in_words(message: str) -> tuple[str, str]:
    """Turn the library's message into (reason, expected): a pattern says little to a nurse."""
    for pattern, words in _PATTERNS.items():
        if pattern in message:
            return message, words
    return message, message[:1].lower() + message[1:].replace("`", "")
