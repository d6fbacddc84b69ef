"""SIGKILL at random moments: what was acknowledged is there, or was delivered."""

import asyncio
import random
import subprocess
import sys
import time
from pathlib import Path

import pytest

from edge_agent.store.keys import HubIdentity, RecipientKey
from edge_agent.store.outbox import Outbox
from edge_agent.store.seal import parse, verify
from edge_agent.store.suites import Suite

WRITER = """
import asyncio, random, sys
from pathlib import Path
from edge_agent.store.keys import HubIdentity, Recipient
from edge_agent.store.outbox import Outbox, RecordClass

async def main(folder, seed):
    rng = random.Random(seed)
    async with await Outbox.open(
        folder / "outbox.db", identity=HubIdentity.load_or_create(folder),
        recipient=Recipient.load(folder / "recipient.json"), subject=b"S" * 16,
        boot_id="boot", quota_bytes=64 << 20,
    ) as outbox:
        while True:
            record_class = rng.choice([RecordClass.ALARM, RecordClass.SUMMARY])
            rows = [{"n": n, "v": rng.random()} for n in range(rng.randrange(1, 200))]
            appended = await outbox.append(record_class, {"t": rows}, at=0)
            print("has", appended.seq, appended.id.hex(), flush=True)
            if rng.random() < 0.3:
                stored = await outbox.next()
                print("may delete", stored.id.hex(), flush=True)
                await outbox.acknowledge(stored.id)

asyncio.run(main(Path(sys.argv[1]), int(sys.argv[2])))
"""


async def held(folder: Path, key: RecipientKey) -> list:
    """Everything in the outbox after a restart, verified."""
    records, seen = [], set()
    identity = HubIdentity.load_or_create(folder)
    async with await Outbox.open(
        folder / "outbox.db",
        identity=identity,
        recipient=key.public,
        subject=b"S" * 16,
        boot_id="boot",
        quota_bytes=64 << 20,
    ) as outbox:
        assert outbox.recovery is None
        while stored := await outbox.next(frozenset(seen)):
            record = parse(stored.octets)
            verify(record, identity.card)
            records.append(record)
            seen.add(stored.id)
    return records


@pytest.mark.parametrize("seed", [11])
def test_sigkill_at_any_moment_loses_nothing_that_was_acknowledged(tmp_path, seed):
    rng = random.Random(seed)
    key = RecipientKey.generate(Suite.X25519)
    key.public.save(tmp_path / "recipient.json")
    appended, may_be_gone = {}, set()
    for cycle in range(8):
        writer = subprocess.Popen(
            [sys.executable, "-c", WRITER, str(tmp_path), str(seed + cycle)],
            stdout=subprocess.PIPE,
            text=True,
        )
        first = writer.stdout.readline()
        time.sleep(rng.uniform(0.0, 0.25))
        writer.kill()
        with writer:  # not communicate(): it would pass over what readline() read ahead
            lines = [first, *writer.stdout]
        for line in lines:
            match line.split():
                case ["has", seq, record_id] if line.endswith("\n"):
                    appended[record_id] = int(seq)
                case ["may", "delete", record_id] if line.endswith("\n"):
                    may_be_gone.add(record_id)
    records = asyncio.run(held(tmp_path, key))
    ids = {record.id.hex() for record in records}
    assert len(appended) > 20, f"seed {seed}: the writers were killed too early to tell anything"
    assert appended.keys() - ids <= may_be_gone
    seqs = sorted(record.header.seq for record in records)
    assert len(seqs) == len(set(seqs))
    by_seq = {record.header.seq: record for record in records}
    for seq, record in by_seq.items():
        if seq - 1 in by_seq:
            assert record.header.previous == by_seq[seq - 1].id
