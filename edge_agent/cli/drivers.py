"""``edge-agent drivers``: every installed driver, and what each yields."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from edge_agent.shelf import Family


@click.command("drivers")
@click.argument("name", required=False)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON array.")
@click.option("--markdown", is_flag=True, help="Print the section of the README.")
def command(name: str | None, as_json: bool, markdown: bool) -> None:
    """Show the installed drivers, or one of them: sensor, link, quantities, what to know.

    \b
    Examples:
      edge-agent drivers
      edge-agent drivers cgm
      edge-agent drivers --json | jq '.[].yields'
    """
    from edge_agent import shelf

    families = shelf.families() if name is None else [shelf.family(name)]
    if as_json:
        import msgspec

        click.echo(msgspec.json.encode(families))
    elif markdown:
        click.echo(shelf.markdown(families), nl=False)
    elif name is None:
        _print_table(families)
    else:
        _print_one(families[0])


def _print_table(families: list[Family]) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table("driver", "sensor", "link", "yields")
    for one in families:
        table.add_row(one.name, one.title, one.link, ", ".join(one.yields))
    Console().print(table)


def _print_one(one: Family) -> None:
    lines = [f"{one.name}: {one.title}", "", f"  link      {one.link}"]
    lines += [f"  measures  {', '.join(one.measures)}"]
    if one.also:
        lines.append(f"  also      {', '.join(one.also)}")
    if one.profiles:
        lines.append(f"  profiles  {', '.join(one.profiles)}")
    if one.advice:
        lines += ["", *(f"  {line}" for line in one.advice.splitlines())]
    click.echo("\n".join(lines))
