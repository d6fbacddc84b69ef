"""``edge-agent validate learn``: the weights that the hub ships, learnt anew."""

from __future__ import annotations

from pathlib import Path

import click


@click.command("learn")
@click.argument(
    "what", type=click.Choice(["beats", "fibrillation", "glucose", "strips", "ventricular"])
)
@click.option(
    "--data", required=True, type=click.Path(path_type=Path, exists=True, file_okay=False),
    help="Folder of data sets: mitdb, nstdb, cpsc2019, cpsc2021, cinc2017; or of CGM traces.",
)  # fmt: skip
@click.option("--out", type=click.Path(path_type=Path, dir_okay=False), metavar="FILE",
              help="Where the module is written; without it, to standard output.")  # fmt: skip
@click.option("--seed", default=1, show_default=True, help="Seed of everything random.")
@click.option("--report", is_flag=True, help="Tell on standard error how far it is.")
@click.option("--held-out", type=click.IntRange(min=2), metavar="PARTS",
              help="Only for beats: learn so many times, each time without a part of the people,"
              " and print the figures of their records; no module is written.")  # fmt: skip
@click.option("--rounds", type=click.IntRange(min=1), default=8, show_default=True,
              help="Only for beats: how often all records are learnt from.")  # fmt: skip
def command(
    what: str,
    data: Path,
    out: Path | None,
    seed: int,
    report: bool,
    held_out: int | None,
    rounds: int,
) -> None:
    """Learn the weights of WHAT anew and write the Python module that ships them.

    WHAT is beats (edge_agent/dsp/qrs_weights.py), fibrillation (af_weights.py), strips
    (af_strip_weights.py), ventricular (ventricular_weights.py) or glucose (glucose_weights.py, from
    a folder of CGM traces). Beats take about twenty minutes, glucose two, the others less than
    one. Fibrillation in strips is learnt from detected beats: learn it after
    the beats. Needs the extra: pip install 'bedside-edge-agent[bench]'.

    Exit codes: 0 it is learnt; 1 it can't be, with the reason; 2 wrong usage.

    \b
    Examples:
      edge-agent validate learn ventricular --data recordings
      edge-agent validate learn beats --data recordings --held-out 4 --report
    """
    if held_out is not None and what != "beats":
        raise click.BadParameter("only beats are learnt with parts left out", param_hint="WHAT")
    if what == "glucose":
        _write(_glucose(data, report=report), out)
        return
    from edge_agent.validate.ecg.bench import EcgBench
    from edge_agent.validate.ecg.learning import held_out_lines
    from edge_agent.validate.ecg.learning import learn as learnt
    from edge_agent.validate.software import require

    require(["wfdb"])

    def tell(what: str) -> None:
        click.echo(what, err=True)

    bench = EcgBench(data=data, seed=seed, tell=tell if report else lambda _: None)
    if held_out is not None:
        for line in held_out_lines(bench, held_out, rounds=rounds):
            click.echo(line)
        return
    _write(learnt(what, bench, rounds=rounds), out)


def _glucose(data: Path, *, report: bool) -> str:
    from edge_agent.validate.glucose.learning import learn

    return learn(data, lambda what: click.echo(what, err=True) if report else None)


def _write(text: str, out: Path | None) -> None:
    if out is None:
        click.echo(text, nl=False)
    else:
        out.write_text(text, encoding="utf-8")
        click.echo(f"The module is {out}")
