"""`seatrial findings import | list | show | funnel | status | doctor`: what was handed in, and where each of it is."""

from __future__ import annotations

import json
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from seatrial.cli.case_place import JSON, WHO, Place, shown
from seatrial.cli.custodial import spoken

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from seatrial.clearinghouse.funnel import Funnel
    from seatrial.clearinghouse.intake import BatchReceipt, Defaults, Sender
    from seatrial.clearinghouse.intake.reading import Given

CODE_INCOMPLETE = 1
"""Something was quarantined, or something is wrong: look at what was printed."""
SHOWN_FAULTS = 20
SAID = {"again": "already held", "quarantined": "quarantined", "parked": "parked"}


@click.group()
def findings() -> None:
    """Findings: claims of vulnerabilities in other people's software, from import to cluster."""


@findings.command("import")
@click.argument("paths", nargs=-1, required=True, type=click.Path(exists=True, path_type=Path))
@WHO
@JSON
@click.option("--keeper", default="", help="The organisation that coordinates them; default: your own.")
@click.option("--run", default="", help="A name for this delivery; one delivery has one origin.")
@click.option("--submission", default="", help="The submission that they came out of.")
@click.option("--model", multiple=True, help="A name of the model that found them: it leaves every text.")
@click.option("--purl", default="", help="The package that they are in, where their source does not say.")
@click.option("--product", default="", help="The same by name.")
@click.option("--version", "version", default="", help="Its version.")
@click.option("--repo", default="", help="Its repository.")
@click.option("--commit", default="", help="Its commit.")
@click.option("--recipe", type=click.Path(exists=True, dir_okay=False, path_type=Path), help="How they are shown.")
@click.option(
    "--reporter", type=click.Choice(["model", "tool", "fuzzer", "person"]), default="tool", help="What found them."
)
@click.option(
    "--ai-origin",
    type=click.Choice(["generated", "annotated", "synthesized", "none"]),
    default="none",
    help="How much of the reports a model wrote.",
)
@click.option("--tlp", default="TLP:AMBER+STRICT", show_default=True, help="Label of what bears none.")
def take_in(paths: tuple[Path, ...], who: tuple[str, str, str], *, as_json: bool, **given: Any) -> None:  # noqa: ANN401
    """Take findings in from files, directories, bundles, or the folder of a review (PATHS).

    SARIF, CSAF, .casrep, crash logs, fuzzers' directories, bundles (also as tar or zip), and our plain JSON. What
    cannot be read is quarantined, with where, what and what to do; the rest goes on, and the exit code is 1.
    """
    with spoken():
        place = Place.open(who)
        defaults = _defaults(given)
        receipts = [one for path in paths for one in _taken(place, path, _sender(place, path, given), defaults)]
    items = [item for receipt in receipts for item in receipt.items]
    faults = [item for item in items if item.what]
    found = {
        "handed_in": len(items),
        "again": sum(item.again for item in items),
        "quarantined": len(faults),
        "parked": sum(item.disposition == "parked" for item in items),
        "batches": [receipt.leaf.batch for receipt in receipts if receipt.leaf],
        "items": [
            {"id": item.id, "disposition": str(item.disposition), "again": item.again}
            | ({"file": item.file, "where": item.where, "what": item.what, "to_do": item.to_do} if item.what else {})
            for item in items
        ],
    }
    counts = (f"{found[word]:,} {said}" for word, said in SAID.items())
    lines = [f"{found['handed_in']:,} handed in: {', '.join(counts)}"]
    lines += [f"{item.file} {item.where}: {item.what}. {item.to_do}" for item in faults[:SHOWN_FAULTS]]
    if len(faults) > SHOWN_FAULTS:
        lines.append(f"and {len(faults) - SHOWN_FAULTS:,} more; --json names them all")
    shown(found, lines, as_json=as_json)
    sys.exit(CODE_INCOMPLETE if faults else 0)


def _sender(place: Place, path: Path, given: dict[str, Any]) -> Sender:
    from seatrial.clearinghouse.intake import Sender
    from seatrial.framework.submission import FINAL
    from seatrial.framework.submission_store import NotHere
    from seatrial.installation import Installation

    own = place.viewer.organisation
    keeps, submission = True, given["submission"] or _of_review(path)
    if submission:
        try:
            keeps = Installation.open().record(submission).standing.state not in FINAL
        except NotHere:
            raise ValueError(f"{submission}: there is no such submission here, whose run {path} would be") from None
    return Sender(own, given["keeper"] or own, given["run"], submission, given["model"], keeps)


def _of_review(path: Path) -> str:
    """The submission that a review's folder is of; empty for any other path, and for a review of no submission."""
    if not (path / "plan.json").is_file():
        return ""
    from seatrial.evaluation.rundir import RunDirectory

    return RunDirectory.open(path).plan().submission


def _defaults(given: dict[str, Any]) -> Defaults:
    from seatrial.clearinghouse.finding import AiOrigin, ReporterKind
    from seatrial.clearinghouse.intake import Defaults
    from seatrial.clearinghouse.intake.fields import Reading
    from seatrial.clearinghouse.intake.limits import json_of
    from seatrial.clearinghouse.intake.plain import target_of
    from seatrial.clearinghouse.intake.recipe import recipe_of
    from seatrial.framework.data_class import Tlp

    reading = Reading()
    named = {"product_name": given["product"], **{name: given[name] for name in ("purl", "version", "repo", "commit")}}
    target = target_of(named, "--", reading)
    label = reading.tlp(given["tlp"], Tlp.TLP_AMBER_STRICT, "--tlp")
    if reading.unread:
        raise ValueError("; ".join(f"{one.field}: {one.text!r} is {one.what}" for one in reading.unread))
    recipe = None
    if given["recipe"]:
        recipe, attention = recipe_of(json_of(given["recipe"].read_bytes(), str(given["recipe"])), str(given["recipe"]))
        if attention:
            raise ValueError(attention)
    return Defaults(target, recipe, ReporterKind(given["reporter"]), AiOrigin(given["ai_origin"]), label)


def _taken(place: Place, path: Path, sender: Sender, defaults: Defaults) -> Iterator[BatchReceipt]:
    from seatrial.clearinghouse.intake import Intake
    from seatrial.clearinghouse.intake.papers import shred_papers
    from seatrial.installation import now

    intake = Intake(place.store, place.blobs, now)
    shred_papers(place.blobs, place.store.shredded(place.viewer))
    with _progress("taking in") as tell:
        for receipt in intake.take(place.viewer, sender, _given(path, defaults), defaults):
            tell(len(receipt.items))
            yield receipt


def _given(path: Path, defaults: Defaults) -> Iterator[Given]:
    from seatrial.clearinghouse.intake import read, sources_of

    with _exported(path) as readable:
        for source in sources_of(readable):
            yield from read(source, defaults)


@contextmanager
def _exported(path: Path) -> Iterator[Path]:
    """The folder of a review as the bundles of what was found in it; any other path as it is."""
    if not (path / "plan.json").is_file():
        yield path
        return
    from tempfile import TemporaryDirectory

    from seatrial.evaluation.finds import write_finds
    from seatrial.evaluation.rundir import RunDirectory

    with TemporaryDirectory(prefix="seatrial-finds-") as folder:
        out = Path(folder) / "finds"
        write_finds(RunDirectory.open(path), out)
        yield out


@findings.command("list")
@WHO
@JSON
@click.option("--disposition", default="", help="Only those that are there.")
@click.option("--project", default="", help="Only those of a project.")
@click.option("--submitter", default="", help="Only those that an organisation handed in.")
@click.option("--cluster", default="", help="Only those of a cluster.")
@click.option("--after", default="", help="The id that the page before ended with.")
@click.option("--most", default=100, show_default=True, type=click.IntRange(1, 10_000), help="Lines of a page.")
@click.option("--quarantined", is_flag=True, help="What could not be read, and what to do.")
def list_findings(who: tuple[str, str, str], *, as_json: bool, quarantined: bool, **asked: Any) -> None:  # noqa: ANN401
    """The findings that you see, a page at a time."""
    from seatrial.clearinghouse.store import Asked

    with spoken():
        place = Place.open(who)
        if quarantined:
            items = place.store.quarantined(place.viewer, asked["after"], asked["most"])
            found = [
                {"receipt": one.receipt_id, "file": one.file, "where": one.where, "what": one.what, "to_do": one.to_do}
                for one in items
            ]
            lines = [
                f"{one['receipt'][:12]}  {one['file']} {one['where']}: {one['what']}. {one['to_do']}" for one in found
            ]
            shown(found, [_printable(line) for line in lines], as_json=as_json)
            return
        wanted = Asked(cluster_id=asked.pop("cluster"), **asked)
        rows = place.store.lines(place.viewer, wanted)
    found = [
        {
            "id": one.finding_id,
            "disposition": str(one.disposition),
            "project": one.project,
            "title": one.title,
            "kind": one.kind,
            "submitter": one.submitter,
            "received_at": one.received_at.isoformat(),
            "cluster": one.cluster_id,
        }
        for one in rows
    ]
    lines = [f"{one['id'][:12]}  {one['disposition']:<19} {one['project']}  {one['title']}" for one in found]
    shown(found, [_printable(line) for line in lines], as_json=as_json)


@findings.command()
@click.argument("finding")
@WHO
@JSON
def show(finding: str, who: tuple[str, str, str], *, as_json: bool) -> None:
    """One finding with its history: by its id or the beginning of it. Artefacts are named, never printed."""
    from seatrial.clearinghouse.store import Asked, NoFinding

    with spoken():
        place = Place.open(who)
        rows = place.store.lines(place.viewer, Asked(prefix=finding.lower(), most=2)) if len(finding) >= 4 else ()
        if not rows:
            raise NoFinding(finding)
        if len(rows) > 1:
            raise ValueError(f"{finding}: several begin so; write more of it")
        name = rows[0].finding_id
        held = place.store.findings(place.viewer, [name])[name]
        events = place.store.events(place.viewer, name)
    found = {
        "id": name,
        "subject": held.finding.subject,
        "disposition": str(held.disposition),
        "submitter": held.submitter,
        "keeper": held.keeper,
        "cluster": held.cluster_id,
        "finding": held.finding.fields(),
        "events": [event.fields() for event in events],
    }
    lines = [
        f"{name}",
        f"{held.disposition}: {held.disposition.meaning}",
        f"{held.finding.target.project}  {held.finding.claim.title}",
        *(f"  {one.role}: {one.uri}:{one.start_line} {one.function}" for one in held.finding.claim.locations),
        *(
            f"  {one.role}: {one.name} {one.size:,} bytes {one.sha256[:12]} ({one.compartment})"
            for one in held.finding.artefacts
        ),
        *(f"  not read: {one.field} = {one.text!r}: {one.what}" for one in held.finding.unread),
        *(f"  {event.at:%Y-%m-%d %H:%M:%S}Z {event.type} by {event.actor.id}" for event in events),
    ]
    shown(found, [_printable(line) for line in lines], as_json=as_json)


@findings.command()
@WHO
@JSON
def funnel(who: tuple[str, str, str], *, as_json: bool) -> None:
    """Where everything that was handed in is: each item once, and none lost. Exit code 1 if that does not add up."""
    with spoken():
        place = Place.open(who)
        found = place.store.funnel(place.viewer)
    shown(_counts(found), _funnel_lines(found), as_json=as_json)
    sys.exit(0 if found.conserved else CODE_INCOMPLETE)


@findings.command()
@WHO
@JSON
def status(who: tuple[str, str, str], *, as_json: bool) -> None:
    """In one line: how many are held, how many wait, how many clusters there are."""
    from seatrial.clearinghouse.disposition import UNREPRODUCED

    with spoken():
        place = Place.open(who)
        found = place.store.funnel(place.viewer)
    waiting = sum(found.by_disposition[one] for one in UNREPRODUCED)
    counted = {"held": found.held, "waiting": waiting, "clusters": sum((found.clusters or {}).values())}
    line = f"{found.held:,} held, {waiting:,} wait to be shown again, {counted['clusters']:,} clusters"
    shown(counted, [line], as_json=as_json)


@findings.command()
@WHO
@JSON
def doctor(who: tuple[str, str, str], *, as_json: bool) -> None:
    """Count everything anew, from the events, and look whether artefacts are where they should be.

    It changes nothing but this: papers of a submission that was withdrawn go, if they were still there.
    """
    from seatrial.clearinghouse.intake.papers import shred_papers
    from seatrial.clearinghouse.store import Asked

    faults = []
    with spoken():
        place = Place.open(who)
        shred_papers(place.blobs, place.store.shredded(place.viewer))
        kept, counted = place.store.funnel(place.viewer), place.store.count(place.viewer)
        if kept.by_disposition != counted.by_disposition:
            faults.append("the counts are not what the events say: seatrial findings funnel shows the kept ones")
        if not counted.conserved:
            faults.append(f"{counted.handed_in - counted.again:,} items are due, {counted.held:,} are there")
        after, looked = "", 0
        with _progress("looking") as tell:
            while rows := place.store.lines(place.viewer, Asked(after=after, most=1000)):
                held = place.store.findings(place.viewer, [row.finding_id for row in rows])
                for name, one in held.items():
                    missing = [a for a in one.finding.artefacts if not place.blobs.has(a.compartment, a.sha256)]
                    faults += [
                        f"{name[:12]}: {a.role} {a.sha256[:12]} is gone; put it back from a backup" for a in missing
                    ]
                looked += len(rows)
                tell(len(rows))
                after = rows[-1].finding_id
    lines = [f"looked at {looked:,} findings: {'all is well' if not faults else f'{len(faults):,} faults'}", *faults]
    shown({"looked": looked, "faults": faults}, lines, as_json=as_json)
    sys.exit(CODE_INCOMPLETE if faults else 0)


def _counts(found: Funnel) -> dict[str, Any]:
    return {
        "handed_in": found.handed_in,
        "again": found.again,
        "held": found.held,
        "conserved": found.conserved,
        "by_disposition": {str(one): number for one, number in found.by_disposition.items()},
        "in_clusters": found.in_clusters,
        "clusters": dict(found.clusters or {}),
    }


def _funnel_lines(found: Funnel) -> list[str]:
    lines = [f"{found.handed_in:>9,} handed in", f"{found.again:>9,} of them already held"]
    lines += [f"{number:>9,} {one}: {one.meaning}" for one, number in found.by_disposition.items() if number]
    lines += [f"{number:>9,} clusters {stage}" for stage, number in sorted((found.clusters or {}).items())]
    return [*lines, f"{found.held:>9,} in all: {'nothing is lost' if found.conserved else 'IT DOES NOT ADD UP'}"]


def _printable(text: str) -> str:
    """A line of somebody else's text as a terminal may have it: what is no letter or sign is escaped."""
    return "".join(one if one.isprintable() else json.dumps(one)[1:-1] for one in text)


@contextmanager
def _progress(what: str) -> Iterator[Callable[[int], None]]:
    """A live count at a terminal, a line per batch elsewhere; on standard error."""
    from rich.console import Console
    from rich.progress import Progress, TextColumn, TimeElapsedColumn

    console = Console(stderr=True)
    columns = (TextColumn(what), TextColumn("{task.completed:,.0f}"), TimeElapsedColumn())
    with Progress(*columns, console=console, disable=not console.is_terminal, transient=True) as bar:
        task, done = bar.add_task(what, total=None), 0

        def tell(more: int) -> None:
            nonlocal done
            done += more
            bar.update(task, completed=done)
            if not console.is_terminal:
                console.print(f"{what} {done:,}", highlight=False)

        yield tell
