import json
import stat
from dataclasses import replace

import pytest
from click.testing import CliRunner

from edge_agent.cli.collector import command
from edge_agent.clock import VirtualClock
from edge_agent.collector import Collector
from edge_agent.errors import SealError
from edge_agent.store.keys import Recipient, RecipientKey
from edge_agent.store.payload import encode, pad
from edge_agent.store.seal import Recipients, seal
from edge_agent.store.suites import Suite

TABLES = {"event": [{"kind": "connected", "sensor": "strap", "at_ns": 1, "detail": "{}"}]}


def run(*words):
    done = CliRunner().invoke(command, ["keys", *words], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return done.output


def test_a_new_key_is_the_one_for_hubs_and_the_older_stays(tmp_path):
    folder = tmp_path / "collector"
    assert "(x-wing)" in run("new", "--dir", str(folder))
    first = Recipient.load(folder / "recipient.json")
    run("new", "--dir", str(folder), "--suite", "x25519")
    second = Recipient.load(folder / "recipient.json")
    assert (first.suite, second.suite) == (Suite.X_WING, Suite.X25519)
    shown = json.loads(run("show", "--dir", str(folder), "--json"))
    assert [(one["key_id"], one["current"]) for one in shown] == [
        (second.key_id.hex(), True),
        (first.key_id.hex(), False),
    ]
    private = RecipientKey.load(folder / "keys" / f"{second.key_id.hex()}.json")
    assert private.octets.hex() not in run("show", "--dir", str(folder))


def test_a_recovery_pair_is_drawn_once_into_a_private_folder(tmp_path):
    folder = tmp_path / "safe"
    assert "it opens every record" in run("new", "--recovery", str(folder))
    public, private = folder / "recovery.json", folder / "recovery-PRIVATE.json"
    assert RecipientKey.load(private).public == Recipient.load(public)
    assert Recipient.load(public).suite is Suite.X_WING
    assert stat.S_IMODE(private.stat().st_mode) == 0o600
    with pytest.raises(SealError, match="is there already"):
        CliRunner().invoke(
            command, ["keys", "new", "--recovery", str(folder)], catch_exceptions=False
        )


def test_one_of_the_two_places_is_asked_for(tmp_path):
    for words in ([], ["--dir", str(tmp_path), "--recovery", str(tmp_path)]):
        assert CliRunner().invoke(command, ["keys", "new", *words]).exit_code == 2


async def test_a_collector_that_lost_its_key_opens_with_the_recovery_key(collector, hub, tmp_path):
    recovery = RecipientKey.generate(Suite.X25519)
    to = Recipients(hub.recipient, recovery.public)
    template = hub.seal(TABLES).header
    header = replace(template, recovery_key_id=recovery.public.key_id)
    record = seal(header, pad(encode(TABLES)), to, hub.signer)
    folder = tmp_path / "collector"
    for file in (folder / "keys").iterdir():
        file.unlink()
    await collector.close()
    run("new", "--dir", str(folder), "--suite", "x25519")
    again = await Collector.open(folder, clock=VirtualClock())
    await again._store.keep([record], 5)
    assert await again.open_records() == 0
    assert (await again.stats()).kept.unopened == 1
    await again.close()
    recovery.save(folder / "keys" / "from-the-safe.json")
    last = await Collector.open(folder, clock=VirtualClock())
    assert await last.open_records() == 1
    await last.close()
