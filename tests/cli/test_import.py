"""``edge-agent import`` as a person types it, with the examples of its page."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.imports.fhir_examples import bundle, genotype, patient, result, statement

PAGE = Path(__file__).parents[2] / "docs" / "import.md"
EXAMPLES = dict(
    re.findall(r"^`(\S+)`:\n\n```\w+\n(.*?)^```$", PAGE.read_text(), re.MULTILINE | re.DOTALL)
)


@pytest.fixture
def hub(tmp_path):
    """A configured hub: run ``import`` for it."""
    config = tmp_path / "hub.toml"
    config.write_text(
        '[subject]\npseudonym = "00112233445566778899aabbccddeeff"\n[hub]\nstate_dir = "state"\n'
    )

    def run(*arguments, stdin=None, **more):
        command = [sys.executable, "-m", "edge_agent", "import", *map(str, arguments)]
        clean = {key: value for key, value in os.environ.items() if "CREDENTIALS" not in key}
        return subprocess.run(
            [*command, "--config", config], input=stdin, capture_output=True, text=True,
            timeout=60, check=False, cwd=tmp_path, env=clean | {"COLUMNS": "120"} | more,
        )  # fmt: skip

    run.folder, run.state = tmp_path, tmp_path / "state"
    return run


def write(hub, content, name="in.json"):
    text = content if isinstance(content, str) else json.dumps(content)
    (hub.folder / name).write_text(text)
    return name


def shown(hub):
    return json.loads(hub("--show", "--json").stdout)


def test_every_example_of_the_page_can_be_imported(hub):
    assert set(EXAMPLES) == {"laboratory.csv", "medication.csv", "genotype.csv", "bundle.json"}
    for name, text in EXAMPLES.items():
        done = hub(write(hub, text, name), "--json")
        report = json.loads(done.stdout)
        assert done.returncode == 0, done.stderr
        assert (report["problems"], report["notes"], report["skipped"]) == ([], [], []), name
    record = shown(hub)
    assert {one["title"] for one in record["results"]} == {"creatinine", "HbA1c", "troponin T"}
    assert {one["name"] for one in record["medications"]} == {
        "Metoprolol", "Digoxin", "Paracetamol",
    }  # fmt: skip
    assert {one["gene"]: one.get("phenotype") for one in record["genotypes"]} == {
        "CYP2D6": "intermediate metabolizer",
        "CYP2C19": "poor metabolizer",
        "SLCO1B1": "decreased function",
    }
    assert len(record["sources"]) == 4


def test_the_problems_on_the_page_are_those_that_are_printed(hub):
    lines = "loinc,value,unit,time\n2160-0,88,mg/dL,2026-03-01\n2823-3,4,mmol/L,2026-03-01T08:15:00"
    done = hub(write(hub, lines, "laboratory.csv"))
    printed = "".join(f"    {line}\n" for line in done.stderr.splitlines())
    assert printed in PAGE.read_text()


def test_an_import_shows_what_it_understood_and_where_it_is_kept(hub):
    document = bundle(
        patient("p", birthDate="1950-02-03", name=[{"family": "Mustermann"}]),
        result("14682-9", 88.4, "umol/L"), statement(), genotype(), {"resourceType": "Condition"},
        result(status="cancelled"),
    )  # fmt: skip
    done = hub(write(hub, document))
    assert done.returncode == 0, done.stderr
    for word in (
        "creatinine", "0.99998 mg/dL", "88.4 umol/L", "2026-03-01T07:15:00Z", "metoprolol", "50 mg",
        "oral", "CYP2D6", "*1/*4", "1 x Condition: not read here",
        "1 x Observation: is cancelled", str(hub.state / "person-001122334455.sealed"),
        "key file beside the data", "box's card can open it",
    ):  # fmt: skip
        assert word in done.stdout, word
    again = hub("--show")
    assert "creatinine" in again.stdout
    assert "born 1950" in again.stdout
    octets = b"".join(path.read_bytes() for path in hub.state.iterdir())
    for word in (b"creatinine", b"metoprolol", b"CYP2D6", b"Mustermann", b"2160-0", b"C07AB02"):
        assert word not in octets


def test_the_name_of_the_person_is_nowhere_in_the_record(hub):
    document = bundle(patient("p-77", birthDate="1950-02-03", name=[{"family": "Mustermann"}],
                              identifier=[{"value": "A123"}]),
                      result(subject={"reference": "Patient/p-77", "display": "E. Mustermann"},
                             note=[{"text": "Mustermann was fasting"}]))  # fmt: skip
    assert hub(write(hub, document, "Mustermann.json")).returncode == 0
    text = hub("--show", "--json").stdout
    assert json.loads(text)["birth_year"] == 1950
    assert not re.search(r"Mustermann|A123|p-77|02-03", text)


def test_with_a_problem_nothing_is_stored_and_every_problem_is_listed(hub):
    document = bundle(result(), result(unit="furlong"), result(value="x"))
    done = hub(write(hub, document))
    assert done.returncode == 1
    assert "in.json: 2 problem(s)" in done.stderr
    assert "Bundle.entry[1].resource.valueQuantity.code" in done.stderr
    assert "Bundle.entry[2].resource.valueQuantity.value" in done.stderr
    assert "Nothing was stored." in done.stderr
    assert "Traceback" not in done.stderr
    assert hub("--show").stdout == "Nothing was imported yet.\n"
    report = hub("in.json", "--json")
    assert report.returncode == 1
    assert len(json.loads(report.stdout)["problems"]) == 2
    assert json.loads(report.stdout)["stored"] is None


def test_skip_bad_keeps_the_rest_and_says_what_it_left_out(hub):
    done = hub(write(hub, bundle(result(), result(unit="furlong"))), "--skip-bad")
    assert done.returncode == 0
    assert "Left out:\n  Bundle.entry[1].resource.valueQuantity.code: 'furlong'" in done.stdout
    assert len(shown(hub)["results"]) == 1


def test_skip_bad_does_not_mix_two_people(hub):
    assert hub(write(hub, bundle(patient("p", birthDate="1950"), result()))).returncode == 0
    other = write(hub, bundle(patient("q", birthDate="1951"), result(value=9)))
    done = hub(other, "--skip-bad")
    assert done.returncode == 1
    assert "is it the file of another person?" in done.stderr
    assert shown(hub)["results"][0]["value"] == 1.1
    both = write(hub, bundle(patient("p"), patient("q"), result(value=9)))
    assert hub(both, "--skip-bad").returncode == 1


def test_a_dry_run_shows_what_would_change_and_leaves_no_trace(hub):
    name = write(hub, bundle(result()))
    done = hub(name, "--dry-run")
    assert done.returncode == 0
    assert "creatinine" in done.stdout
    assert "Nothing was stored: this was a dry run." in done.stdout
    assert not hub.state.exists()
    hub(name)
    changed = hub(write(hub, bundle(result(value=2.5))), "--dry-run")
    assert "2026-03-01T07:15:00Z: 1.1 becomes 2.5" in changed.stdout
    assert shown(hub)["results"][0]["value"] == 1.1


def test_a_file_with_nothing_to_keep_stores_nothing(hub):
    done = hub(write(hub, bundle({"resourceType": "Condition"})))
    assert done.returncode == 0
    assert "there is nothing to keep in it" in done.stdout
    assert not (hub.state / "person-001122334455.sealed").exists()


def test_a_conflict_with_what_is_there_is_a_problem(hub):
    hub(write(hub, bundle(genotype())))
    other = write(hub, bundle(genotype("*1/*1"), result()))
    done = hub(other)
    assert done.returncode == 1
    assert "CYP2D6: the diplotype is *1/*4, and also *1/*1" in done.stderr
    assert hub(other, "--skip-bad").returncode == 0
    record = shown(hub)
    assert record["genotypes"][0]["diplotype"] == "*1/*4"
    assert len(record["results"]) == 1


def test_forgetting_leaves_nothing_of_the_person(hub):
    hub(write(hub, bundle(result())))
    assert hub("--forget").stdout == "Forgotten.\n"
    assert not (hub.state / "person-001122334455.sealed").exists()
    assert "nothing to forget" in hub("--forget").stdout
    assert json.loads(hub("--show", "--json").stdout) is None


def test_a_file_may_come_from_standard_input(hub):
    done = hub("-", stdin=json.dumps(bundle(result())))
    assert done.returncode == 0, done.stderr
    assert hub("-", stdin="").returncode == 1


def test_a_systemd_credential_protects_when_there_is_one(hub, tmp_path):
    credentials = tmp_path / "credentials"
    credentials.mkdir()
    (credentials / "device-key").write_bytes(bytes(32))
    given = {"CREDENTIALS_DIRECTORY": str(credentials)}
    done = hub(write(hub, bundle(result())), **given)
    assert "Protected by: systemd credential." in done.stdout
    assert "box's card" not in done.stdout
    assert not (hub.state / "device.key").exists()
    without = hub("--show")
    assert without.returncode == 1
    assert "a device key that is not here" in without.stderr


def test_a_damaged_record_is_an_error_in_words(hub):
    name = write(hub, bundle(result()))
    hub(name)
    (hub.state / "person-001122334455.sealed").write_bytes(b"x" * 100)
    done = hub(name)
    assert done.returncode == 1
    assert "set aside as person-001122334455.sealed.aside" in done.stderr
    assert hub(name).returncode == 0


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ([], "give a FILE, or --show, or --forget"),
        (["in.json", "--show"], "give a FILE, or --show, or --forget"),
        (["--show", "--forget"], "give a FILE, or --show, or --forget"),
        (["--show", "--skip-bad"], "go with a FILE"),
        (["--nonsense"], "No such option"),
    ],
)
def test_wrong_usage_is_told_apart(hub, arguments, words):
    done = hub(*arguments)
    assert done.returncode == 2
    assert words in done.stderr


def test_a_bad_configuration_has_its_own_exit_code(hub):
    (hub.folder / "hub.toml").write_text("[hub]\n")
    done = hub("--show")
    assert done.returncode == 78
    assert "subject: missing" in done.stderr


def test_the_help_loads_no_heavy_library():
    code = (
        "import sys, edge_agent.cli; edge_agent.cli.cli(['import', '--help'],"
        " standalone_mode=False); print([m for m in ('numpy', 'cryptography', 'msgspec', 'rich',"
        " 'aiohttp') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "edge-agent import results.json" in done.stdout
    assert done.stdout.splitlines()[-1] == "[]"
