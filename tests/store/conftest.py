from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from edge_agent.store.keys import HubIdentity, RecipientKey
from edge_agent.store.outbox import Outbox
from edge_agent.store.suites import Suite

OpenOutbox = Callable[..., Awaitable[Outbox]]


@pytest.fixture
def identity(tmp_path: Path) -> HubIdentity:
    return HubIdentity.load_or_create(tmp_path / "hub")


@pytest.fixture
def recipient_key() -> RecipientKey:
    return RecipientKey.generate(Suite.X25519)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "hub" / "outbox.db"


@pytest.fixture
def open_outbox(path: Path, identity: HubIdentity, recipient_key: RecipientKey) -> OpenOutbox:
    async def open_it(boot_id: str = "boot-1", quota_bytes: int = 8 << 20) -> Outbox:
        return await Outbox.open(
            path,
            identity=identity,
            recipient=recipient_key.public,
            subject=b"S" * 16,
            boot_id=boot_id,
            quota_bytes=quota_bytes,
        )

    return open_it
