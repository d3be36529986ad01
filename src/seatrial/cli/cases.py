"""`seatrial battery replay | grade-patch`: the graders on a case directory from anywhere."""

from __future__ import annotations

import json
from pathlib import Path

import click

from seatrial.cli.errors import spoken

FOLDER = click.Path(path_type=Path)


@click.command()
@click.argument("case", type=FOLDER)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def replay(case: Path, *, as_json: bool) -> None:
    """Replay every proof of CASE in fresh boxes: how often it reproduces, as what, where, and on the twin."""
    from seatrial.battery.grading.case import load_case
    from seatrial.battery.grading.replay import grade_replay
    from seatrial.sandbox import SealedBoxes

    with spoken(), SealedBoxes() as boxes:
        found = grade_replay(load_case(case), boxes).as_json()
    if as_json:
        click.echo(json.dumps(found, indent=2))
        return
    for proof in found["proofs"]:
        click.echo(f"{proof['state']:<15} {proof['proof']}  {proof['reproduced']}  {proof['class'] or 'no fault'}")
        for frame in proof["frames"][:5]:
            click.echo(f"{'':<15}   at {frame}")
        if proof["twin_clean"] != "not checked":
            click.echo(f"{'':<15}   twin clean: {proof['twin_clean']}")
        for note in proof["notes"]:
            click.echo(f"{'':<15}   note: {note}")


@click.command("grade-patch")
@click.argument("case", type=FOLDER)
@click.option("--patch", required=True, type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def grade_patch(case: Path, patch: Path, *, as_json: bool) -> None:
    """Judge a patch for the program of CASE: named checks, each ok, not ok or not checked."""
    from seatrial.battery.grading.case import load_case
    from seatrial.battery.grading.patch import grade_patch as judge
    from seatrial.sandbox import SealedBoxes

    with spoken(), SealedBoxes() as boxes:
        found = judge(load_case(case), patch.read_bytes(), boxes).as_json()
    if as_json:
        click.echo(json.dumps(found, indent=2))
        return
    for check in found["checks"]:
        click.echo(f"{check['state']:<12} {check['name']:<13} {check['detail']}".rstrip())
    for note in found["notes"]:
        click.echo(f"note: {note}")
    click.echo(f"score {found['score']:g}: {'a repair' if found['solved'] else 'no repair'}")
