"""The collector's keys: private ones in a folder, old ones too, and the public one for hubs.

keys/KEY_ID.json    a hub may hold records sealed to an old key, so none is thrown away
recipient.json      the public key that hubs are given

A recovery pair is drawn into a folder of its own, on a machine without a network. Its private file
opens records where it lies in ``keys`` like any other.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from edge_agent.errors import SealError
from edge_agent.store.files import private_directory
from edge_agent.store.keys import Recipient, RecipientKey
from edge_agent.store.seal import NO_KEY, Header
from edge_agent.store.suites import Suite

RECIPIENT_FILE = "recipient.json"
KEYS_FOLDER = "keys"
RECOVERY_FILE = "recovery.json"
RECOVERY_PRIVATE_FILE = "recovery-PRIVATE.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedKey:
    """One private key of a collector; hubs seal to the ``current`` one."""

    key_id: str
    suite: str
    current: bool
    file: str


def load_keys(directory: Path, suite: Suite | None) -> dict[bytes, RecipientKey]:
    """Load every private key by its id; on first use draw one, of ``suite`` (X-Wing).

    :raises SealError: damaged keys, or keys of another suite than asked for.
    """
    folder = private_directory(directory / KEYS_FOLDER)
    public_file = directory / RECIPIENT_FILE
    if not public_file.exists():
        draw(directory, suite or Suite.X_WING)
    keys = {key.public.key_id: key for key in map(RecipientKey.load, folder.glob("*.json"))}
    recipient = Recipient.load(public_file)
    if recipient.key_id not in keys:
        step = "Restore the folder 'keys', or draw a new key: edge-agent collector keys new"
        raise SealError(f"key file {public_file}", "its private key is not here", step)
    if suite not in {None, recipient.suite}:
        step = "Leave the suite out, or draw a new key: edge-agent collector keys new"
        raise SealError(f"key file {public_file}", f"is of suite {recipient.suite.label}", step)
    return keys


def draw(directory: Path, suite: Suite) -> Recipient:
    """Draw a new key for hubs to seal to; the older ones stay, to open what they were given."""
    folder = private_directory(private_directory(directory) / KEYS_FOLDER)
    key = RecipientKey.generate(suite)
    key.save(folder / f"{key.public.key_id.hex()}.json")
    key.public.save(directory / RECIPIENT_FILE)
    return key.public


def draw_recovery(folder: Path, suite: Suite) -> Recipient:
    """Draw a recovery pair into ``folder``.

    :raises SealError: there is one already: what was sealed to it would be lost with it.
    """
    private_directory(folder)
    private, public = folder / RECOVERY_PRIVATE_FILE, folder / RECOVERY_FILE
    for file in (private, public):
        if file.exists():
            raise SealError(f"key file {file}", "is there already", "Choose an empty folder")
    key = RecipientKey.generate(suite)
    key.save(private)
    key.public.save(public)
    return key.public


def listed(directory: Path) -> list[ListedKey]:
    """List the private keys of the collector in ``directory``, the current one first.

    :raises SealError: a damaged key, or none at all.
    """
    current = Recipient.load(directory / RECIPIENT_FILE).key_id
    found = []
    for file in sorted((directory / KEYS_FOLDER).glob("*.json")):
        public = RecipientKey.load(file).public
        found.append(
            ListedKey(
                key_id=public.key_id.hex(),
                suite=public.suite.label,
                current=public.key_id == current,
                file=str(file),
            )
        )
    return sorted(found, key=lambda one: not one.current)


def key_for(header: Header, keys: Mapping[bytes, RecipientKey]) -> RecipientKey:
    """Return a key that opens a record: the clinic's, else the recovery key.

    :raises SealError: neither is here.
    """
    wanted = [one for one in (header.recipient_key_id, header.recovery_key_id) if one != NO_KEY]
    for key_id in wanted:
        if key_id in keys:
            return keys[key_id]
    name = header.recipient_key_id.hex()
    step = f"Restore {KEYS_FOLDER}/{name}.json, or put the recovery key there, and restart"
    raise SealError(f"key {name}", "not here", step)
