import json
from datetime import UTC, datetime

import pytest

from edge_agent.imports.reading import read_file

NOW = datetime(2026, 6, 1, tzinfo=UTC)


@pytest.fixture
def read(tmp_path):
    """Read text, octets or a JSON value as if it were a file."""

    def read(content, name="file"):
        if not isinstance(content, str | bytes):
            content = json.dumps(content)
        path = tmp_path / name
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return read_file(path, NOW)[0]

    return read
