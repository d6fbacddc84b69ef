import json
import sqlite3
from contextlib import closing

import pytest
from click.testing import CliRunner

from edge_agent import codes
from edge_agent.cli.collector import command
from edge_agent.clock import NS_PER_S
from edge_agent.collector.research import export
from edge_agent.errors import StoreError
from tests.collector.test_opening import ALARM, CLOCK, FORECAST, OBSERVATION, SENSOR

STRIP = {
    "kind": "finding", "sensor": "strap", "at_ns": 96 * NS_PER_S,
    "detail": json.dumps({
        "finding": "asystole", "strip_uV": "5 -12 310", "strip_hz": 130.0,
        "strip_start_ns": 90 * NS_PER_S,
    }),
}  # fmt: skip
EVIDENCE = json.dumps([{"quantity": "x", "value": 1.0, "unit": "1", "sensor": "strap", "at": 1}])
TABLES = {
    "clock": [CLOCK], "sensor": [SENSOR], "observation": [OBSERVATION], "event": [STRIP],
    "alarm": [ALARM | {"evidence": EVIDENCE}],
    "forecast": [FORECAST | {"code": codes.GLUCOSE.refid}],
}  # fmt: skip


@pytest.fixture
async def folder(collector, hub, tmp_path):
    await collector._store.keep([hub.seal(TABLES), hub.seal({"event": [STRIP]}, epoch=2)], 5)
    await collector.open_records()
    return tmp_path / "collector"


def rows(file, query):
    with closing(sqlite3.connect(file)) as connection:
        return connection.execute(query).fetchall()


async def test_everything_is_there_with_units_codes_and_wall_clock_times(folder, hub, tmp_path):
    told = []
    counts = export(
        folder, tmp_path / "r.sqlite", pseudonymise=False, progress=lambda *one: told.append(one)
    )
    assert counts == {
        "sensor": 1, "observation": 1, "event": 2, "ecg_strip": 2, "alarm": 1, "forecast": 1,
        "gap": 0,
    }  # fmt: skip
    assert told[-1] == (6, 6)
    observed = rows(
        tmp_path / "r.sqlite",
        "SELECT subject, mean, observation.unit, mdc, loinc, last_utc_ns, uncertainty_ns "
        "FROM observation JOIN quantity USING (code)",
    )
    utc_ns = (1_800_000_000 - 30) * NS_PER_S
    assert observed == [((b"S" * 16).hex(), 72.5, "/min", 147842, "8867-4", utc_ns, 10**8)]
    strips = rows(
        tmp_path / "r.sqlite", "SELECT samples, rate_hz, unit, start_utc_ns FROM ecg_strip"
    )
    assert strips[0] == ("[5, -12, 310]", 130.0, "uV", (1_800_000_000 - 10) * NS_PER_S)
    assert strips[1][3] is None, "no clock in that boot"
    assert rows(tmp_path / "r.sqlite", "SELECT unit FROM forecast") == [("mg/dL",)]


async def test_pseudonyms_of_an_export_lead_nowhere_and_hold_together_inside_it(
    folder, hub, tmp_path
):
    seen = []
    for name in ("a.sqlite", "b.sqlite"):
        export(folder, tmp_path / name, pseudonymise=True, progress=lambda *_: None)
        octets = (tmp_path / name).read_bytes()
        for secret in ((b"S" * 16).hex(), hub.identity.hub_id.hex(), "strap", SENSOR["address"]):
            assert secret.encode() not in octets.replace(b"Heart rate strap", b"")
        (subject,) = rows(tmp_path / name, "SELECT subject FROM alarm")
        assert rows(tmp_path / name, "SELECT subject FROM observation") == [subject]
        seen.append(subject)
    assert seen[0] != seen[1]


async def test_a_file_that_is_there_is_not_written_over(folder, tmp_path):
    target = tmp_path / "r.sqlite"
    target.write_text("mine")
    with pytest.raises(StoreError, match="is there already"):
        export(folder, target, pseudonymise=False, progress=lambda *_: None)
    assert target.read_text() == "mine"


async def test_an_export_that_fails_leaves_no_half_file(tmp_path):
    with pytest.raises(StoreError, match="unable to open"):
        export(tmp_path / "none", tmp_path / "r.sqlite", pseudonymise=False, progress=print)
    assert list(tmp_path.iterdir()) == []


def test_the_command_says_how_many_rows_there_are(folder, tmp_path):
    target = tmp_path / "r.sqlite"
    done = CliRunner().invoke(command, ["export", str(target), "--dir", str(folder)])
    assert done.exit_code == 0, done.exception
    assert "1 observation, 2 event, 1 alarm" in done.output
