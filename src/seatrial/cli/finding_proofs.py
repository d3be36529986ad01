"""`seatrial findings matrix | verify-fix | minimise | bisect`: what proofs and patches say beyond reproduction."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from seatrial.cli.case_place import JSON, WHO, Place, shown
from seatrial.cli.errors import bounded, spoken

if TYPE_CHECKING:
    from seatrial.clearinghouse.finding import Recipe
    from seatrial.clearinghouse.steps import Fixes

SOURCE_BYTES = 2**30
RECIPE_BYTES = 2**20
JOBS = click.option(
    "--jobs", type=click.IntRange(1, 256), help="Processes of this machine; one for each core unless given."
)
IMAGES = click.option("--images", default="", help="Folder of root file systems, each under its digest.")
FILE = click.Path(path_type=Path, exists=True, dir_okay=False)


@click.command()
@click.argument("project")
@JOBS
@IMAGES
@WHO
@JSON
def matrix(project: str, who: tuple[str, str, str], *, jobs: int | None, images: str, as_json: bool) -> None:
    """Measure the patches that came with PROJECT's findings against the proofs of its clusters.

    Two clusters of which independent patches stop each other's proofs become one, unless a person has decided about
    them; those are listed as candidates. A patch that parts the proofs of its own cluster is noted there.
    """
    from seatrial.clearinghouse.steps import Matrices
    from seatrial.cli.finding_steps import engine
    from seatrial.installation import now

    with spoken():
        place = Place.open(who)
        cased = [name for case in place.cases() for name in case.clusters]
        found = Matrices(place.store, place.blobs, now, engine(jobs), images).run(place.viewer, project, cased)
    lines = [f"{found.cells} cells are new, {len(found.joined)} joins, {len(found.proposed)} pairs for a person"]
    lines += [f"{kept} holds what was {gone}" for kept, gone in found.joined]
    lines += [f"{one} and {other}: patches agree; a person has to join them" for one, other in found.proposed]
    lines += [f"{name}: a patch of its own stops some of its proofs and not others" for name in found.parted]
    lines += [f"not measured: {why}" for why in found.untold]
    shown(asdict(found), lines, as_json=as_json)


@click.command("verify-fix")
@click.argument("cluster_id", metavar="CLUSTER")
@click.argument("version")
@click.option("--source", type=FILE, help="The fixed version's source, a tar archive; laid over what came with each.")
@click.option("--recipe", "recipe_file", type=FILE, help="A recipe (JSON) that builds and runs the fixed version.")
@JOBS
@IMAGES
@WHO
@JSON
def verify_fix(
    cluster_id: str,
    version: str,
    who: tuple[str, str, str],
    *,
    source: Path | None,
    recipe_file: Path | None,
    jobs: int | None,
    images: str,
    as_json: bool,
) -> None:
    """Run every proof of CLUSTER on its fixed VERSION, three times each."""
    with spoken():
        place = Place.open(who)
        content = bounded(source, SOURCE_BYTES) if source else None
        recipe = _recipe(recipe_file) if recipe_file else None
        found = _fixes(place, images, jobs).verify(place.viewer, cluster_id, version, content, recipe)
    word = "the fix holds" if found.verified else "the fix is not shown to hold"
    lines = [f"{cluster_id}: {len(found.stopped)} proofs show nothing in {version}, {len(found.still)} do: {word}"]
    if found.regression:
        lines.append("a fix was verified before: this may be a regression, and a person has to look")
    lines += [f"{name[:12]} still shows it" for name in found.still]
    lines += [f"{name[:12]}: {why}" for name, why in found.unsure]
    shown(asdict(found), lines, as_json=as_json)


@click.command()
@click.argument("finding_id", metavar="FINDING")
@click.option("--runs", type=click.IntRange(10, 100_000), default=400, show_default=True, help="Replays at most.")
@IMAGES
@WHO
@JSON
def minimise(finding_id: str, who: tuple[str, str, str], *, runs: int, images: str, as_json: bool) -> None:
    """Make the proof of FINDING smaller while type and state of its crash stay."""
    from seatrial.cli.finding_steps import named

    with spoken():
        place = Place.open(who)
        found = _fixes(place, images, 1).smaller(place.viewer, named(place, finding_id), runs)
    told = {"size": len(found.pov), "runs": found.runs, "finished": found.finished}
    shown(told, [f"{told['size']} bytes after {found.runs} runs"], as_json=as_json)


@click.command()
@click.argument("cluster_id", metavar="CLUSTER")
@click.argument("good")
@click.argument("bad")
@IMAGES
@WHO
@JSON
def bisect(cluster_id: str, good: str, bad: str, who: tuple[str, str, str], *, images: str, as_json: bool) -> None:
    """Search for the commit after GOOD and up to BAD that brought CLUSTER in, in the history that came with it."""
    with spoken():
        place = Place.open(who)
        found = _fixes(place, images, 1).introduced(place.viewer, cluster_id, good, bad)
    told: dict[str, Any] = {**asdict(found), "introduced_by": found.introduced_by}
    lines = [f"{found.builds} builds: {found.introduced_by or 'one of ' + ', '.join(found.suspects)}"]
    shown(told, lines, as_json=as_json)


def _fixes(place: Place, images: str, jobs: int | None) -> Fixes:
    from seatrial.clearinghouse.steps import Fixes
    from seatrial.cli.finding_steps import engine
    from seatrial.installation import now

    return Fixes(place.store, place.blobs, now, engine(jobs), images)


def _recipe(path: Path) -> Recipe:
    from seatrial.clearinghouse.intake.recipe import recipe_of

    try:
        given = json.loads(bounded(path, RECIPE_BYTES))
    except ValueError as error:
        raise ValueError(f"{path}: no JSON: {error}") from error
    recipe, what = recipe_of(given, str(path))
    if recipe is None:
        raise ValueError(f"{path}: {what or 'no recipe'}")
    return recipe


PROOFS = (matrix, verify_fix, minimise, bisect)
