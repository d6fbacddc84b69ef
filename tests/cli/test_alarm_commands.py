"""``edge-agent alarms`` and ``observe`` at a running hub, and without one."""

import getpass
import json
import re
from pathlib import Path

import pytest

from tests.cli.test_commands import EXAMPLE, during_a_hub, edge_agent, standing

ABSENT = '[[sensor]]\nname = "ox"\ndriver = "nonin-2"\nport = "absent"\nstale_after_s = 1.5\n'
TWO = """
[hub]
state_dir = "state"
control_socket = "c.sock"
[[subject]]
pseudonym = "00112233445566778899aabbccddeeff"
bed = "window"
[[subject]]
pseudonym = "ffeeddccbbaa99887766554433221100"
bed = "door"
"""


@pytest.fixture
def config(tmp_path):
    file = tmp_path / "hub.toml"
    file.write_text(EXAMPLE + ABSENT)
    return file


def in_one_line(text):
    return re.sub(r"\s+", " ", text)


def test_a_nurse_lists_pauses_acknowledges_and_resumes(config):
    def round_of_a_nurse():
        (alarm,) = standing(config)
        ways = {
            "list": (), "pause": ("--minutes", "3"), "acknowledge": ("--all",), "resume": (),
        }  # fmt: skip
        said = {}
        for name, more in ways.items():
            said[name] = edge_agent("alarms", name, *more, "--config", config)
            said[f"after {name}"] = edge_agent("alarms", "list", "--config", config)
        again = edge_agent("alarms", "acknowledge", "--all", "--config", config)
        once_more = edge_agent("alarms", "resume", "--config", config)
        seen = edge_agent("alarms", "list", "--config", config, "--json")
        return alarm, said, again, once_more, json.loads(seen.stdout)

    alarm, said, again, once_more, seen = during_a_hub(config, round_of_a_nurse)
    assert all(one.returncode == 0 for one in said.values())
    assert alarm["episode"] in said["list"].stdout
    assert alarm["message"] in in_one_line(said["list"].stdout)
    assert "nobody has acknowledged it" in in_one_line(said["list"].stdout)
    assert "silent while the audio is paused" in in_one_line(said["after pause"].stdout)
    assert f"acknowledged by {getpass.getuser()}" in in_one_line(said["after acknowledge"].stdout)
    assert "paused for 3 min" in said["pause"].stdout
    assert f"paused by {getpass.getuser()}" in in_one_line(said["after pause"].stdout)
    assert said["acknowledge"].stdout == "acknowledged: ox gives no usable values\n"
    assert said["resume"].stdout == "Alarms are said aloud again.\n"
    assert "Nothing to acknowledge" in again.stdout
    assert once_more.stdout == "The audio was not paused.\n"
    assert [(one["phase"], one["by"]) for one in seen] == [("acknowledged", getpass.getuser())]


def test_the_command_that_the_list_shows_acknowledges_and_a_wrong_name_is_refused(config):
    def copy_the_command():
        (alarm,) = standing(config)
        text = edge_agent("alarms", "list", "--config", config).stdout
        (typed,) = re.findall(r"sudo edge-agent (alarms acknowledge \S+)", text)
        wrong = edge_agent("alarms", "acknowledge", alarm["episode"][:-1], "--config", config)
        done = [edge_agent(*typed.split(), "--config", config) for _ in range(2)]
        return alarm, text, wrong, *done

    alarm, text, wrong, done, twice = during_a_hub(config, copy_the_command)
    assert max(map(len, text.splitlines())) <= 80
    assert "!!  MEDIUM, technical: ox gives no usable values" in text
    assert (wrong.returncode, wrong.stdout) == (1, "")
    assert f"Did you mean '{alarm['episode']}'? (edge-agent alarms list)" in wrong.stderr
    assert done.stdout == "acknowledged: ox gives no usable values\n"
    assert twice.returncode == 0
    assert f"acknowledged by {getpass.getuser()}" in twice.stdout


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("acknowledge",), "or --all"),
        (("acknowledge", "x", "--all"), "or --all"),
        (("pause", "--minutes", "0"), "--minutes"),
        (("pause", "--minutes", "soon"), "--minutes"),
        (("test", "rules.toml"), "--on"),
        (("lsit",), "No such command"),
    ],
    ids=" ".join,
)
def test_wrong_usage_is_told_and_changes_nothing(arguments, words):
    done = edge_agent("alarms", *arguments)
    assert done.returncode == 2
    assert words in done.stderr


def test_the_example_of_rules_can_be_tried_on_a_capture_without_a_hub(tmp_path):
    rules, captures = tmp_path / "rules.toml", Path(__file__).parents[1] / "captures" / "nonin-2"
    rules.write_text(edge_agent("alarms", "rules", "--example").stdout)
    capture = min(captures.rglob("*.hex"))
    done = edge_agent("alarms", "test", rules, "--on", capture)
    assert done.returncode == 0, done.stderr
    assert "alarm(s) in" in done.stdout
    (one,) = json.loads(edge_agent("alarms", "test", "--on", capture, "--json").stdout)["captures"]
    assert one["file"] == str(capture)
    absent = edge_agent("alarms", "test", tmp_path / "none.toml", "--on", capture)
    assert (absent.returncode, "No such file" in absent.stderr) == (78, True)
    (tmp_path / "x.hex").write_text("no capture")
    for name in ("x.hex", "y.hex"):
        broken = edge_agent("alarms", "test", "--on", tmp_path / name)
        assert (broken.returncode, name in broken.stderr) == (1, True)
        assert "Traceback" not in broken.stderr


def test_a_pause_beyond_the_bound_is_refused_with_the_bound(config):
    def ask():
        return edge_agent("alarms", "pause", "--minutes", "600", "--config", config)

    done = during_a_hub(config, lambda: (standing(config), ask())[1])
    assert done.returncode == 1
    assert "at most 10 min" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_meal_and_what_a_person_sees_are_told(config):
    def tell():
        standing(config)
        told = ("observe", "--carbs", "45", "--oxygen", "no", "--config", config)
        return edge_agent(*told), edge_agent("observe", "--config", config)

    done, nothing = during_a_hub(config, tell)
    assert "meal: 45 g of carbohydrate" in done.stdout
    assert "oxygen: no" in done.stdout
    assert nothing.returncode == 2
    assert "--carbs" in nothing.stderr


def test_with_several_beds_the_one_meant_must_be_named(tmp_path):
    config = tmp_path / "hub.toml"
    config.write_text(TWO + ABSENT + 'bed = "window"\n')

    def tell():
        standing(config)
        return [
            edge_agent("observe", "--oxygen", "no", *bed, "--config", config)
            for bed in ((), ("--bed", "dor"), ("--bed", "door"))
        ] + [edge_agent("alarms", "pause", "--bed", "door", "--config", config)] + [
            edge_agent("alarms", "list", "--config", config)
        ]  # fmt: skip

    unnamed, unknown, known, paused, listed = during_a_hub(config, tell)
    assert (unnamed.returncode, unknown.returncode, known.returncode) == (1, 1, 0)
    assert "window, door" in unnamed.stderr
    assert "did you mean 'door'?" in unknown.stderr
    assert paused.returncode == 0
    assert "Bed window: ox gives no usable values" in listed.stdout
    assert "Bed door: audio paused by" in listed.stdout


@pytest.mark.parametrize(
    "arguments",
    [("alarms", "list"), ("alarms", "acknowledge", "--all"), ("alarms", "pause"),
     ("alarms", "resume"), ("observe", "--oxygen", "no")],
    ids=" ".join,
)  # fmt: skip
def test_without_a_hub_the_next_step_is_told(tmp_path, arguments):
    done = edge_agent(*arguments, "--socket", tmp_path / "none.sock")
    assert done.returncode == 1
    assert "no hub is running there" in done.stderr
    assert "systemctl start edge-agent" in done.stderr
    assert "Traceback" not in done.stderr


def test_bad_rules_are_refused_with_every_problem(tmp_path):
    rules, capture = tmp_path / "rules.toml", tmp_path / "c.hex"
    rules.write_text('[[limit]]\nname = "spo2-low"\nbelow = 20\nhisteresis = 3\n')
    capture.write_text("")
    done = edge_agent("alarms", "test", rules, "--on", capture)
    assert done.returncode == 78
    assert "limit[0].below" in done.stderr
    assert "did you mean 'hysteresis'?" in done.stderr


@pytest.mark.parametrize("what", ["alarms", "glucose", "oximetry"])
def test_a_report_on_nothing_says_what_it_needs(tmp_path, what):
    empty = tmp_path / "empty"
    empty.mkdir()
    nowhere = edge_agent("validate", what, "--data", tmp_path / "absent")
    section = edge_agent("validate", what, "--data", empty, "--only", "nonsense")
    assert (nowhere.returncode, section.returncode) == (2, 2)
    assert "does not exist" in nowhere.stderr
    assert "nonsense" in section.stderr


def test_glucose_traces_that_are_none_are_refused_in_words(tmp_path):
    empty = edge_agent("validate", "glucose", "--data", tmp_path, "--out", tmp_path / "out")
    assert (empty.returncode, "no trace in it" in empty.stderr) == (1, True)
    (tmp_path / "set").mkdir()
    (tmp_path / "set" / "a.csv").write_text("time,glucose_mgdl\nyesterday,100\n")
    wrong = edge_agent("validate", "glucose", "--data", tmp_path, "--out", tmp_path / "out")
    assert wrong.returncode == 1
    assert "a.csv" in wrong.stderr
    assert "ISO 8601" in wrong.stderr
    assert "Traceback" not in wrong.stderr


@pytest.mark.parametrize(
    ("what", "section", "table"),
    [("alarms", "news2", "news2_cases.csv"), ("oximetry", "indices", "spo2_desat_summary.csv")],
)
@pytest.mark.parametrize("octets", [b"a,b\n1,2\n", b"\xff\xfe\x00"], ids=["columns", "text"])
def test_a_table_that_is_none_is_refused_in_words(tmp_path, what, section, table, octets):
    folder = tmp_path / "twin"
    folder.mkdir()
    for name in {table, "spo2_desat_series_1hz.csv"}:
        (folder / name).write_bytes(octets)
    out = ("--only", section, "--out", tmp_path / "out")
    done = edge_agent("validate", what, "--data", tmp_path, *out)
    assert done.returncode == 1
    assert table in done.stderr
    assert "They need the columns" in done.stderr
    assert "Traceback" not in done.stderr
