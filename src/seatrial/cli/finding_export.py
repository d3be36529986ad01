"""`seatrial findings advisory | signoff | export | publish`: what is said about a case, in the formats people read."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from seatrial.cli.case_place import JSON, WHO, Place, shown
from seatrial.cli.errors import bounded, spoken

if TYPE_CHECKING:
    from collections.abc import Sequence

    from seatrial.clearinghouse.publish import AdvisorySet, Offered
    from seatrial.clearinghouse.steps.advisories import AdvisoryDesk

MOST = 64 * 2**20
FORMATS = ("csaf-2.1", "csaf-2.0", "osv", "cve", "openvex", "cyclonedx", "sarif")
SET = click.argument("path", metavar="ADVISORY.json", type=click.Path(path_type=Path, exists=True, dir_okay=False))
FORMAT = click.option(
    "--format", "formats", multiple=True, type=click.Choice(FORMATS), help="May be given again; all unless given."
)
OUT = click.option(
    "--out", type=click.Path(path_type=Path, file_okay=False), required=True, help="Folder for the files."
)


@click.command()
@click.argument("case_id", metavar="CASE")
@click.option("--publisher", required=True, help="Who will publish it.")
@click.option("--namespace", required=True, help="The publisher's address, https://...")
@click.option("--out", type=click.Path(path_type=Path, dir_okay=False), required=True, help="The file to write.")
@WHO
def advisory(case_id: str, who: tuple[str, str, str], *, publisher: str, namespace: str, out: Path) -> None:
    """Draft the advisory about CASE from the records: a JSON file for a person to complete."""
    from seatrial.clearinghouse.publish import Publisher

    with spoken():
        drafted = _desk(who).draft(case_id, Publisher(name=publisher, namespace=namespace))
        if out.exists():
            raise ValueError(f"{out}: is there already; give another name, so that nothing you wrote is lost")
        out.write_text(drafted.model_dump_json(indent=2) + "\n")
    click.echo(
        f"{out}: {len(drafted.vulnerabilities)} vulnerabilities in {len(drafted.products)} products, to complete"
    )


@click.command()
@click.argument("case_id", metavar="CASE")
@SET
@click.option("--reason", required=True, help="Why it may leave, in a sentence.")
@WHO
def signoff(case_id: str, path: Path, who: tuple[str, str, str], *, reason: str) -> None:
    """Take responsibility for an advisory about CASE as it is; a change of it, a rating or a member voids that."""
    with spoken():
        read = _read(path)
        _desk(who).sign_off(case_id, read, reason)
    click.echo(f"{case_id}: signed off by {who[0]}, for these bytes and no others")


@click.command()
@SET
@FORMAT
@OUT
@JSON
def export(path: Path, *, formats: Sequence[str], out: Path, as_json: bool) -> None:
    """Write an advisory in each format, with what its validators say. What one faults is not written.

    It makes files of a draft for people to look at; what is to be published goes through `publish`.
    """
    from seatrial.clearinghouse.publish import offer

    with spoken():
        offered = offer(_read(path), formats or FORMATS)
        written = _written(offered, out)
    _say(offered, written, as_json=as_json)
    if any(one.faults for one in offered):
        raise SystemExit(1)


@click.command()
@click.argument("case_id", metavar="CASE")
@SET
@FORMAT
@OUT
@WHO
@JSON
def publish(
    case_id: str,
    path: Path,
    who: tuple[str, str, str],
    *,
    formats: Sequence[str],
    out: Path,
    as_json: bool,
) -> None:
    """Publish the advisory about CASE that is signed off: its documents, and the opened commitments of its findings."""
    with spoken():
        done = _desk(who).publish(case_id, _read(path), formats or FORMATS)
        written = _written(done.offered, out)
        reveals = out / "reveals.json"
        reveals.write_text(json.dumps(list(done.reveals), indent=2) + "\n")
    _say(done.offered, [*written, str(reveals)], as_json=as_json)


def _desk(who: Sequence[str]) -> AdvisoryDesk:
    from seatrial.clearinghouse.steps.advisories import AdvisoryDesk

    place = Place.open(who)
    return AdvisoryDesk(place.store, place.book, place.viewer, place.actor, place.now)


def _read(path: Path) -> AdvisorySet:
    from pydantic import ValidationError

    from seatrial.clearinghouse.publish import AdvisorySet

    try:
        return AdvisorySet.model_validate_json(bounded(path, MOST))
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        raise ValueError(f"{path}: {place or 'the whole'}: {first['msg']}") from None


def _written(offered: Sequence[Offered], out: Path) -> list[str]:
    out.mkdir(parents=True, exist_ok=True)
    names = []
    for one in offered:
        for number, document in enumerate(one.documents, 1):
            end = f"-{number}" if len(one.documents) > 1 else ""
            path = out / f"{one.format}{end}.json"
            path.write_text(json.dumps(document, indent=2, ensure_ascii=False) + "\n")
            names.append(str(path))
    return names


def _say(offered: Sequence[Offered], written: Sequence[str], *, as_json: bool) -> None:
    said: list[dict[str, Any]] = [
        {
            "format": one.format,
            "documents": len(one.documents),
            "faults": [str(fault) for fault in one.faults],
            "refused": one.refused,
            "second_validator": one.second,
        }
        for one in offered
    ]
    lines = []
    for one in offered:
        what = one.refused or (
            f"{len(one.faults)} faults: {one.faults[0]}" if one.faults else f"{len(one.documents)} written"
        )
        second = f"; second validator: {one.second}" if one.format.startswith("csaf") else ""
        lines.append(f"{one.format:<10} {what}{second}")
    shown({"formats": said, "files": list(written)}, [*lines, *written], as_json=as_json)


EXPORTS = (advisory, signoff, export, publish)
