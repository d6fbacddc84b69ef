"""``edge-agent validate ecg`` on a folder of small recordings, as a person calls it."""

import json
import struct
import sys
from unittest import mock

import pytest
from click.testing import CliRunner

from edge_agent.cli.validate import command
from edge_agent.cli.validate_report import EXIT_BAR_MISSED, write_report
from edge_agent.errors import EdgeError
from edge_agent.validate import software
from edge_agent.validate.ecg.page import section_names
from edge_agent.validate.report import Chapter, Report
from edge_agent.validate.run import Wish
from edge_agent.validate.section import Outcome, Verdict
from tests.validate.conftest import needs_bench

pytestmark = needs_bench


def run(*arguments):
    return CliRunner().invoke(command, ["ecg", *map(str, arguments)])


def png_size(path):
    octets = path.read_bytes()
    assert octets[:8] == b"\x89PNG\r\n\x1a\n"
    assert octets[-8:-4] == b"IEND"
    return struct.unpack(">II", octets[16:24])


@pytest.fixture(scope="module")
def written(small_recordings, tmp_path_factory):
    out = tmp_path_factory.mktemp("report")
    arguments = ("--data", str(small_recordings), "--out", str(out), "--no-peers")
    with mock.patch.object(sys, "argv", ["edge-agent", "validate", "ecg", *arguments]):
        done = run(*arguments)
    assert done.exit_code == 0, done.output
    return out, done.output, json.loads((out / "report.json").read_text())


def test_the_page_names_its_command_records_software_and_seed(written):
    text = (written[0] / "report.md").read_text()
    for word in ("validate ecg", "mitdb (2)", "cpsc2019 (2)", "numpy", "wfdb", "seed"):
        assert word in text


def test_a_missing_set_is_named_and_is_no_error(written):
    text = (written[0] / "report.md").read_text()
    assert "cpsc2021: no records found, not measured" in text
    assert "cpsc2021: no records found, not measured" in written[1]
    assert "| R peaks, cpsc2021 at its own rate, F1 | ≥ 99.6 % | data set missing |" in text


def test_every_plot_of_the_page_is_a_picture(written):
    out, _, content = written
    plots = [name for one in content["sections"].values() for name in one["plots"]]
    text = (out / "report.md").read_text()
    assert plots
    for name in plots:
        assert f"({name})" in text
        width, height = png_size(out / name)
        assert width > 400
        assert height > 100


def test_the_beats_of_clean_recordings_are_counted_as_found(written):
    _, _, content = written
    figures = content["sections"]["rpeaks"]["figures"]
    for rate in ("at its own rate", "at 130 Hz"):
        gross = figures[f"mitdb {rate}"]["edge-agent"]["gross"]
        records = figures[f"mitdb {rate}"]["edge-agent"]["records"]
        assert gross["f1"] > 99.5
        assert gross["tp"] == sum(one["tp"] for one in records.values())
        assert sorted(records) == ["901", "902"]
        assert gross["jitter_ms"] < 4.0


def test_bars_are_at_the_top_with_what_was_measured(written):
    text = (written[0] / "report.md").read_text()
    row = "| R peaks, mitdb at its own rate, F1 | ≥ 99.88 % | "
    assert row in text
    assert text.index(row) < text.index("## R peaks")


def test_every_section_has_measured_something(written):
    content = written[2]["sections"]
    assert list(content) == section_names()
    for name, one in content.items():
        assert one["figures"], name


def test_peers_run_beside_on_the_same_records(small_recordings, tmp_path):
    done = run("--data", small_recordings, "--out", tmp_path, "--quick", "--only", "rpeaks")
    assert done.exit_code == 0, done.output
    content = json.loads((tmp_path / "report.json").read_text())
    figures = content["sections"]["rpeaks"]["figures"]["mitdb at its own rate"]
    for peer in ("sleepecg", "neurokit2 default", "fast-qrs-detector"):
        assert sorted(figures[peer]["records"]) == ["901", "902"]
        assert figures[peer]["failures"] == []
        assert figures[peer]["gross"]["f1"] > 90.0


def test_peers_that_are_missing_are_named_with_what_installs_them(
    small_recordings, tmp_path, monkeypatch
):
    monkeypatch.setattr(
        "edge_agent.validate.ecg.detectors.version_of",
        lambda name: None if name != "wfdb" else "4",
    )
    done = run("--data", small_recordings, "--out", tmp_path, "--quick", "--only", "rpeaks")
    assert done.exit_code == 0, done.output
    assert "sleepecg: not installed: pip install 'bedside-edge-agent[bench]'" in done.output


def test_without_wfdb_the_next_step_is_told(small_recordings, tmp_path, monkeypatch):
    monkeypatch.setattr(software, "version_of", lambda name: None)
    done = run("--data", small_recordings, "--out", tmp_path)
    assert isinstance(done.exception, EdgeError)
    assert "wfdb and matplotlib: not installed. Install them: pip install" in str(done.exception)


def test_a_folder_without_any_set_is_refused(tmp_path):
    done = run("--data", tmp_path, "--out", tmp_path / "out")
    assert isinstance(done.exception, EdgeError)
    assert "no data set in it" in str(done.exception)


def test_an_unknown_section_is_wrong_usage_and_lists_those_there_are(small_recordings):
    done = run("--data", small_recordings, "--only", "rpeeks")
    assert done.exit_code == 2
    assert "rpeaks" in done.output


def test_strict_ends_with_three_when_a_bar_is_missed(small_recordings, tmp_path, monkeypatch):
    monkeypatch.setattr("edge_agent.validate.ecg.rpeaks.JITTER_BAR_MS", -1.0)
    arguments = ("--data", small_recordings, "--out", tmp_path, "--no-peers", "--only", "rpeaks")
    assert run(*arguments).exit_code == 0
    assert run(*arguments, "--strict").exit_code == EXIT_BAR_MISSED


@pytest.mark.parametrize(
    ("measured", "code"),
    [
        ((99.0,), 0),
        ((99.0, 80.0), EXIT_BAR_MISSED),
        ((99.0, None), EXIT_BAR_MISSED),
        ((float("nan"),), EXIT_BAR_MISSED),
        ((), EXIT_BAR_MISSED),
    ],
)
def test_strict_passes_only_what_was_measured_and_met(tmp_path, measured, code):
    bars = [Verdict(what="F1", measured=one, unit="%", at_least=90.0) for one in measured]
    chapter = Chapter(name="one", title="One", outcome=Outcome(verdicts=bars), seconds=0.0)
    report = Report(title="Report", introduction="", header={}, chapters=[chapter])
    ended = 0
    try:
        write_report(lambda wish: report, Wish(), tmp_path, strict=True)
    except SystemExit as stop:
        ended = stop.code
    assert ended == code
    write_report(lambda wish: report, Wish(), tmp_path, strict=False)


def chapter_with(name, *bars, missing=()):
    outcome = Outcome(verdicts=list(bars), missing=list(missing))
    return Chapter(name=name, title=name, outcome=outcome, seconds=0.0)


MET = Verdict(what="F1", measured=99.0, unit="%", at_least=90.0)


@pytest.mark.parametrize(
    ("chapters", "said"),
    [
        ([], "--strict: no section was measured"),
        ([chapter_with("one")], "section one: no bar was measured: it has none"),
        (
            [chapter_with("one", MET), chapter_with("two", missing=["cases.csv: not there"])],
            "section two: no bar was measured: cases.csv: not there",
        ),
        (
            [chapter_with("one", Verdict(what="F1", measured=80.0, unit="%", at_least=90.0))],
            "F1: 80.00 %, and the bar is ≥ 90 %",
        ),
        (
            [chapter_with("one", Verdict(what="F1", measured=None, at_least=90.0, remark="away"))],
            "F1: not measured: away",
        ),
        ([chapter_with("one", Verdict(what="F1", measured=80.0))], "F1: not measured"),
    ],
)
def test_strict_says_what_has_not_passed(tmp_path, capsys, chapters, said):
    report = Report(title="Report", introduction="", header={}, chapters=chapters)
    with pytest.raises(SystemExit) as stop:
        write_report(lambda wish: report, Wish(), tmp_path, strict=True)
    assert stop.value.code == EXIT_BAR_MISSED
    assert said in capsys.readouterr().err


def test_strict_does_not_pass_a_section_whose_tables_are_missing(tmp_path):
    done = CliRunner().invoke(
        command,
        ["alarms", "--data", str(tmp_path), "--out", str(tmp_path / "out"),
         "--only", "news2", "--strict"],
    )  # fmt: skip
    assert done.exit_code == EXIT_BAR_MISSED
    assert "section news2: no bar was measured" in done.output
