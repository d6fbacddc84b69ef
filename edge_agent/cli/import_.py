"""``edge-agent import``: laboratory results, medication and genotype, for the twin."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from edge_agent.errors import Problem
    from edge_agent.imports.findings import Findings
    from edge_agent.imports.merge import Merge
    from edge_agent.imports.record import PersonRecord, Source
    from edge_agent.store.subject_files import SubjectFiles


@click.command("import")
@click.argument("file", type=click.Path(path_type=Path, allow_dash=True), required=False)
@click.option(
    "--config", "config_file", type=click.Path(path_type=Path), required=True,
    help="The hub's configuration (TOML): its state folder keeps what is imported.",
)  # fmt: skip
@click.option("--bed", help="Whose it is, where the hub watches several beds.")
@click.option("--dry-run", is_flag=True, help="Show what would be kept, and keep nothing.")
@click.option("--skip-bad", is_flag=True, help="Leave out entries with problems, keep the rest.")
@click.option("--show", is_flag=True, help="Show what was imported before.")
@click.option("--forget", is_flag=True, help="Delete everything that was imported.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def command(
    file: Path | None,
    config_file: Path,
    bed: str | None,
    *,
    dry_run: bool,
    skip_bad: bool,
    show: bool,
    forget: bool,
    as_json: bool,
) -> None:
    """Read FILE, a FHIR R4 bundle (JSON) or a table (CSV), and keep what the twin can use.

    FILE may be - for standard input.

    Every problem is listed with its place; while there is one, nothing is kept (see --skip-bad).
    Names, addresses and identifiers of the person are not kept.

    \b
    Examples:
      edge-agent import results.json --config /etc/edge-agent/hub.toml --dry-run
      edge-agent import medication.csv --config /etc/edge-agent/hub.toml
      edge-agent import --show --config /etc/edge-agent/hub.toml
    """
    if (file is not None) + show + forget != 1:
        raise click.UsageError("give a FILE, or --show, or --forget")
    if file is None and (dry_run or skip_bad):
        raise click.UsageError("--dry-run and --skip-bad go with a FILE")
    from edge_agent import config
    from edge_agent.store.subject_files import SubjectFiles

    settings = config.load(config_file)
    files = SubjectFiles(Path(settings.hub.state_dir), settings.subject_at(bed).pseudonym)
    if show:
        _show(files, as_json=as_json)
    elif forget:
        _forget(files, as_json=as_json)
    elif file is not None:
        _import(file, files, dry_run=dry_run, skip_bad=skip_bad, as_json=as_json)


def _import(
    file: Path, files: SubjectFiles, *, dry_run: bool, skip_bad: bool, as_json: bool
) -> None:
    from datetime import UTC, datetime

    from edge_agent.imports.findings import FileRefused
    from edge_agent.imports.merge import merge
    from edge_agent.imports.person import load_person, stored_in, update_person
    from edge_agent.imports.reading import read_file
    from edge_agent.imports.record import PersonRecord

    findings, source = read_file(file, datetime.now(UTC))
    outcome = merge(PersonRecord(), findings, source)

    def merged(record: PersonRecord) -> PersonRecord | None:
        nonlocal outcome
        outcome = merge(record, findings, source)
        return outcome.record if findings and not _stops(findings, outcome, skip_bad) else None

    if dry_run:
        merged(load_person(files) or PersonRecord())
    else:
        update_person(files, merged)
    stopped = _stops(findings, outcome, skip_bad)
    stored = None if dry_run or stopped or not findings else stored_in(files)
    if as_json:
        _print_json(_report(findings, source, outcome, stored))
    elif not stopped:
        _print_import(findings, outcome, stored)
        if stored is None:
            reason = "this was a dry run" if dry_run else "there is nothing to keep in it"
            click.echo(f"Nothing was stored: {reason}.")
    if stopped:
        problems = (*outcome.refusals, *_problems(findings, outcome))
        step = "" if outcome.refusals else "Mend the file, or keep the rest with --skip-bad. "
        raise FileRefused(file.name, problems, f"{step}Nothing was stored.")


def _stops(findings: Findings, merge: Merge, skip_bad: bool) -> bool:
    return bool(merge.refusals) or (bool(_problems(findings, merge)) and not skip_bad)


def _problems(findings: Findings, merge: Merge) -> list[Problem]:
    return [*findings.problems, *merge.problems]


def _report(
    findings: Findings, source: Source, merge: Merge, stored: dict[str, str] | None
) -> dict[str, Any]:
    """Everything about one import, for programs; ``stored`` is null when nothing was stored."""
    return {
        "source": source,
        "results": findings.results,
        "medications": findings.medications,
        "genotypes": findings.genotypes,
        "problems": [*merge.refusals, *_problems(findings, merge)],
        "notes": findings.notes,
        "skipped": [
            {"what": one.what, "reason": one.reason, "count": count}
            for one, count in findings.skipped.items()
        ],
        "changes": merge.changes,
        "stored": stored,
    }


def _print_import(findings: Findings, merge: Merge, stored: dict[str, str] | None) -> None:
    _print_tables(findings)
    for title, problems in (
        ("Left out", _problems(findings, merge)),
        ("Notes", findings.notes),
    ):
        _print_list(title, [str(one) for one in problems])
    skipped = [f"{count} x {one.what}: {one.reason}" for one, count in findings.skipped.items()]
    _print_list("Not used", sorted(skipped))
    _print_list("What it changes", merge.changes)
    if stored is None:
        return
    click.echo(f"Sealed in {stored['file']}. Protected by: {stored['protection']}.")
    if stored["protection"] != "systemd credential":
        click.echo("Who takes the box's card can open it; see docs/import.md for a better key.")


def _show(files: SubjectFiles, *, as_json: bool) -> None:
    from edge_agent.imports.person import load_person

    record = load_person(files)
    if as_json:
        _print_json(record)
    elif record is None:
        click.echo("Nothing was imported yet.")
    else:
        _print_tables(record)
        person = [f"born {record.birth_year}" if record.birth_year else "", record.sex]
        if any(person):
            click.echo(", ".join(one for one in person if one))
        for one in record.sources:
            click.echo(f"{one.imported_at:%Y-%m-%d %H:%M} UTC  {one.kind} file {one.id}")


def _forget(files: SubjectFiles, *, as_json: bool) -> None:
    from edge_agent.imports.person import forget_person

    forgotten = forget_person(files)
    if as_json:
        _print_json({"forgotten": forgotten})
    else:
        click.echo("Forgotten." if forgotten else "Nothing was imported; nothing to forget.")


def _print_json(value: object) -> None:
    import msgspec

    click.echo(msgspec.json.encode(value))


def _print_list(title: str, lines: list[str]) -> None:
    if lines:
        click.echo("\n".join([f"{title}:", *(f"  {line}" for line in lines)]))


def _print_tables(found: Findings | PersonRecord) -> None:
    from rich.console import Console

    from edge_agent.cli.import_tables import tables

    console = Console()
    empty = True
    for table in tables(found):
        console.print(table)
        empty = False
    if empty:
        click.echo("No results, medication or genotype.")
