"""`seatrial doctor`: what this machine can do, what is missing, and the exact fix."""

from __future__ import annotations

import json
import sys

import click

MARKS = {
    "ok": ("ok", "green"),
    "loss": ("loss", "yellow"),
    "missing": ("MISSING", "red"),
    "optional": ("-", "bright_black"),
}


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print the findings as JSON.")
def doctor(*, as_json: bool) -> None:
    """Say what this machine can do: boxes, limits, compilers, tools, engines.

    Exit code 0: usable; 1: usable with loss; 2: no box can be made here.
    """
    from seatrial.sandbox.doctor import diagnose

    diagnosis = diagnose()
    if as_json:
        click.echo(json.dumps(diagnosis.plain(), indent=2))
        sys.exit(diagnosis.exit_code)
    width = max(len(check.name) for check in diagnosis.checks)
    for check in diagnosis.checks:
        word, colour = MARKS[check.state]
        click.echo(f"{click.style(word.ljust(8), fg=colour)}{check.name.ljust(width)}  {check.found}")
        if check.consequence:
            click.echo(f"{'':8}{'':{width}}  {check.consequence}")
        if check.fix:
            click.echo(f"{'':8}{'':{width}}  fix: {check.fix}")
    click.echo()
    click.secho(diagnosis.verdict, bold=True)
    sys.exit(diagnosis.exit_code)
