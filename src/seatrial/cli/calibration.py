"""`seatrial calibration`: which models calibrate, what that says of the challenges, and the file that reviews use."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from seatrial.cli.errors import spoken

if TYPE_CHECKING:
    from seatrial.evaluation.calibrators import Calibrator
    from seatrial.measurement.calibration import Calibration


def _store(option: Path | None) -> Path:
    from seatrial.evaluation.calibrators import default_path

    return option or default_path()


STORE = click.option(
    "--store", type=click.Path(path_type=Path), help="Default: seatrial/calibrators.json below the user's data folder."
)
JSON = click.option("--json", "as_json", is_flag=True, help="Print JSON.")
ONLY = click.option("--only", multiple=True, metavar="ID", help="Only these calibrators; may be repeated.")


@click.group()
def calibration() -> None:
    """Results of earlier reviews as calibrators: they make the next review shorter. No name is kept of any."""


@calibration.command()
@click.argument("runs", nargs=-1, required=True, type=click.Path(path_type=Path, exists=True, file_okay=False))
@click.option(
    "--consent",
    required=True,
    type=click.Choice(("public", "given")),
    help="On what ground it calibrates: the model is public, or its developer consented.",
)
@click.option("--note", required=True, help="The ground in words, without the model's name.")
@click.option("--participant", default="", help="Another participant of the run; default: its subject.")
@STORE
def add(runs: tuple[Path, ...], consent: str, note: str, participant: str, store: Path | None) -> None:
    """Take the subject of finished reviews as calibrators."""
    from datetime import UTC, datetime

    from seatrial.evaluation.calibrators import opened

    with spoken(), opened(_store(store), write=True) as kept:
        today = f"{datetime.now(UTC):%Y-%m-%d}"
        for run in runs:
            own = kept.add(run, consent=consent, note=note, added=today, participant=participant)
            click.echo(f"{own}: {_described(kept.calibrators[own])}")


@calibration.command("list")
@STORE
@JSON
def listed(store: Path | None, *, as_json: bool) -> None:
    """Print the calibrators, one a line."""
    from seatrial.evaluation.calibrators import opened

    with spoken(), opened(_store(store)) as kept:
        rows = kept.calibrators
    if as_json:
        click.echo(json.dumps({own: _record(item) for own, item in rows.items()}, indent=2))
        return
    for own, item in rows.items():
        click.echo(f"{own}  {item.added}  {_described(item)}; {item.consent}: {item.note}")
    click.echo(f"{len(rows)} calibrators; 5 usable ones are needed, better 15")


@calibration.command()
@ONLY
@STORE
@JSON
def show(only: tuple[str, ...], store: Path | None, *, as_json: bool) -> None:
    """Print every form of challenge: how hard it is, how often it was met, and whether it misbehaves."""
    from dataclasses import asdict

    from seatrial.evaluation.calibrating import Matrix, form_fits
    from seatrial.evaluation.calibrators import opened

    with spoken(), opened(_store(store)) as kept:
        matrix = Matrix.of(kept, only)
        fits = form_fits(matrix, kept)
    if as_json:
        click.echo(json.dumps([{**asdict(fit), "doubt": fit.doubt} for fit in fits], indent=2))
        return
    click.echo(f"{len(matrix.scores)} calibrators, {len(fits)} forms of {matrix.comparison.bank_version}")
    click.echo(f"{'form':<44} {'solved':>6} {'difficulty':>13} {'with rest':>9} {'outfit':>6} {'met':>4}")
    for fit in fits:
        rest = "-" if fit.correlation is None else f"{fit.correlation:.2f}"
        hard = f"{fit.difficulty:.2f} ±{fit.sd:.2f}"
        line = f"{fit.item:<44} {fit.solve_rate:>6.0%} {hard:>13} {rest:>9} {fit.outfit:>6.2f} {fit.exposure:>4}"
        click.echo(f"{line}  {fit.doubt}".rstrip())


@calibration.command()
@click.option("--out", required=True, type=click.Path(path_type=Path), help="The calibration file to write.")
@click.option("--link-to", type=click.Path(path_type=Path), help="An earlier calibration whose scale is kept.")
@click.option("--seed", default=1, show_default=True, help="Of the replays that widen intervals.")
@ONLY
@STORE
@JSON
def fit(
    out: Path, link_to: Path | None, seed: int, only: tuple[str, ...], store: Path | None, *, as_json: bool
) -> None:
    """Write the calibration of all comparable calibrators: difficulties and multipliers, no row and no name."""
    from seatrial.evaluation.calibrating import Matrix, linked
    from seatrial.evaluation.calibrators import opened
    from seatrial.evaluation.rounds import read_calibration, write_calibration
    from seatrial.measurement import NotIdentifiable

    with spoken():
        with opened(_store(store)) as kept:
            matrix = Matrix.of(kept, only)
        made = matrix.calibration(seed)
        said = "a scale of its own"
        if link_to is not None:
            found = linked(made, read_calibration(link_to), matrix.solve_rate)
            if isinstance(found, NotIdentifiable):
                said = f"a scale of its own: {found.reason}"
            else:
                made, how = found
                said = f"{made.scale_version} kept, shifted by {how.shift:+.2f} logits, error {how.se:.2f}"
                said += f"; {len(how.kept)} anchors, {len(how.dropped)} dropped"
        write_calibration(out, made)
    if as_json:
        click.echo(json.dumps({**_figures(made), "scale": said, "file": str(out)}, indent=2))
        return
    click.echo(f"{out}: {len(made.item)} forms from {len(matrix.scores)} calibrators, {made.usable} of them usable")
    click.echo(f"scale: {said}")
    for runs, factor in sorted(made.multipliers.items()):
        click.echo(
            f"at {runs} runs: intervals widened {factor:.2f}-fold; left-out error {made.replay_errors[runs]:.1%}"
        )
    for line in _warnings(made):
        click.echo(f"- {line}")


@calibration.command()
@click.argument("file", type=click.Path(path_type=Path))
@STORE
def export(file: Path, store: Path | None) -> None:
    """Write all calibrators to a file that another store can import."""
    from seatrial.evaluation.calibrators import opened, write_store

    with spoken(), opened(_store(store)) as kept:
        write_store(file, kept, private=False)
    click.echo(f"{file}: {len(kept.calibrators)} calibrators")


@calibration.command("import")
@click.argument("file", type=click.Path(path_type=Path))
@STORE
def imported(file: Path, store: Path | None) -> None:
    """Take the calibrators of an exported file that this store does not have yet."""
    from seatrial.evaluation.calibrators import opened, read_store

    with spoken(), opened(_store(store), write=True) as kept:
        other = read_store(file)
        fresh = kept.merge(other)
    click.echo(f"{len(fresh)} of {len(other.calibrators)} calibrators were new")


@calibration.command()
@click.argument("own", metavar="ID")
@STORE
def remove(own: str, store: Path | None) -> None:
    """Forget a calibrator; how often forms were met stays known."""
    from seatrial.evaluation.calibrators import opened

    with spoken(), opened(_store(store), write=True) as kept:
        click.echo(f"removed {kept.remove(own)}; {len(kept.calibrators)} left")


def _described(item: Calibrator) -> str:
    return f"{item.kind}, {item.solved} of {item.runs} runs solved, {len(item.scores)} forms"


def _record(item: Calibrator) -> dict[str, Any]:
    return {
        "kind": item.kind,
        "consent": item.consent,
        "note": item.note,
        "added": item.added,
        "forms": len(item.scores),
        "runs": item.runs,
        "solved": item.solved,
    }


def _figures(made: Calibration) -> dict[str, Any]:
    return {
        "forms": len(made.item),
        "usable": made.usable,
        "multipliers": {str(runs): factor for runs, factor in made.multipliers.items()},
        "replay_errors": {str(runs): error for runs, error in made.replay_errors.items()},
        "bank_version": made.bank_version,
        "scale_version": made.scale_version,
        "linking_se": made.linking_se,
        "warnings": list(_warnings(made)),
    }


def _warnings(made: Calibration) -> tuple[str, ...]:
    from seatrial.measurement.calibration import MIN_CALIBRATORS

    if made.usable >= MIN_CALIBRATORS:
        return ()
    needed = f"{MIN_CALIBRATORS} needed, with half of the forms run and between 5 % and 95 % of them solved"
    return (f"{made.usable} usable calibrators, {needed}: reviews will draw with known chances instead",)
