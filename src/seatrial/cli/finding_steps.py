"""`seatrial findings reproduce | cluster | split | merge | candidates | decline | revert`: from claims to roots."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from seatrial.cli.case_place import JSON, WHO, Place, shown
from seatrial.cli.errors import bounded, spoken

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from seatrial.clearinghouse.cluster import Cluster
    from seatrial.clearinghouse.crash import CrashReport
    from seatrial.clearinghouse.grouping import Clustering
    from seatrial.clearinghouse.spread import Spread
    from seatrial.clearinghouse.steps import Desk

ENGINE, CERTIFICATES = "SEATRIAL_ENGINE", "SEATRIAL_ENGINE_TLS"
LOG_BYTES = 64 * 2**20


@click.command()
@click.argument("finding_ids", nargs=-1, metavar="[FINDING]...")
@click.option("--project", default="", help="Of this project only.")
@click.option("--jobs", type=click.IntRange(1, 256), help="Processes of this machine; one for each core unless given.")
@click.option("--images", default="", help="Folder of root file systems, each under its digest.")
@click.option("--limit", type=click.IntRange(1), help="At most so many.")
@WHO
@JSON
def reproduce(
    finding_ids: Sequence[str],
    who: tuple[str, str, str],
    *,
    project: str,
    jobs: int | None,
    images: str,
    limit: int | None,
    as_json: bool,
) -> None:
    """Show candidates again in fresh sealed boxes: all that wait, or those named.

    With SEATRIAL_ENGINE=tls://host:port the runs happen on a Dask cluster; SEATRIAL_ENGINE_TLS names the folder with
    ca.pem, cert.pem and key.pem.
    """
    from itertools import islice

    from seatrial.clearinghouse.steps import Reproduction
    from seatrial.installation import now

    with spoken():
        place = Place.open(who)
        boxes = Reproduction(place.store, place.blobs, now, engine(jobs), images)
        chosen = [named(place, name) for name in finding_ids] or list(
            islice(boxes.waiting(place.viewer, project), limit)
        )
        said: list[dict[str, Any]] = []
        with click.progressbar(length=len(chosen), label="reproducing", file=sys.stderr) as bar:
            for name, verdict in boxes.run(place.viewer, chosen):
                bar.update(1)
                said.append(
                    {
                        "finding": name,
                        "disposition": str(verdict.disposition),
                        "hits": verdict.hits,
                        "runs": verdict.runs,
                        "marks": sorted(verdict.marks),
                        "crash": verdict.report.title if verdict.report else "",
                        "reason": verdict.reason,
                    }
                )
    lines = [f"{one['finding'][:12]}  {one['disposition']:<16} {one['crash'] or one['reason']}" for one in said]
    shown(said, lines or ["nothing waits to be reproduced"], as_json=as_json)


@click.command()
@click.argument("folder", required=False, type=click.Path(path_type=Path, exists=True))
@click.option("--project", default="", help="Of this project only; with a folder, the project of its logs.")
@click.option("--reference", is_flag=True, help="As other programs of the method do it; with a folder only.")
@click.option("--as", "who", nargs=3, metavar="PERSON ORGANISATION ROLE", help="Who you are; without a folder.")
@JSON
def cluster(
    folder: Path | None, who: tuple[str, str, str] | None, *, project: str, reference: bool, as_json: bool
) -> None:
    """Group crashes that probably share a root cause.

    With FOLDER: the crash logs and `.casrep` files in it, with no installation and nothing kept. Without: the findings
    that wait for a cluster, and every one joins or founds one.
    """
    with spoken():
        if folder is not None:
            _cluster_folder(folder, project, reference=reference, as_json=as_json)
            return
        if who is None or reference:
            raise click.UsageError("give a FOLDER, or --as PERSON ORGANISATION ROLE for the findings that are held")
        from seatrial.clearinghouse.steps import cluster_findings

        place = Place.open(who)
        done = cluster_findings(place.store, place.viewer, place.viewer.organisation, place.now, project)
    joined = len(done.cluster_of) - sum(1 for home in done.cluster_of.values() if home in done.founded)
    said = {"cluster_of": dict(done.cluster_of), "founded": list(done.founded)}
    lines = [f"{len(done.cluster_of)} findings: {joined} joined, {len(done.founded)} clusters are new"]
    shown(said, lines, as_json=as_json)


@click.command()
@click.argument("cluster_id", metavar="CLUSTER")
@click.argument("finding_ids", nargs=-1, required=True, metavar="FINDING...")
@click.option("--reason", required=True, help="Why they are another root.")
@WHO
@JSON
def split(
    cluster_id: str, finding_ids: Sequence[str], who: tuple[str, str, str], *, reason: str, as_json: bool
) -> None:
    """Give some findings of a cluster one of their own; nothing that comes later brings them back."""
    with spoken():
        place = Place.open(who)
        left, new = _desk(place).split(cluster_id, [named(place, name) for name in finding_ids], reason)
    lines = [f"{new.cluster_id} has {len(new.members)} findings, {left.cluster_id} keeps {len(left.members)}"]
    shown([_record(left), _record(new)], lines, as_json=as_json)


@click.command()
@click.argument("one", metavar="CLUSTER")
@click.argument("other", metavar="CLUSTER")
@click.option("--reason", required=True, help="Why they are one root.")
@WHO
@JSON
def merge(one: str, other: str, who: tuple[str, str, str], *, reason: str, as_json: bool) -> None:
    """Make two clusters one; the one with a case stays, else the lower id, and the other redirects."""
    with spoken():
        place = Place.open(who)
        cased = [name for case in place.cases() for name in case.clusters]
        kept = _desk(place).merge(one, other, reason, cased)
    shown(_record(kept), [f"{kept.cluster_id} has {len(kept.members)} findings now"], as_json=as_json)


@click.command()
@click.argument("one", metavar="CLUSTER")
@click.argument("other", metavar="CLUSTER")
@click.option("--reason", required=True, help="Why they are not one root.")
@WHO
def decline(one: str, other: str, who: tuple[str, str, str], *, reason: str) -> None:
    """Say that a proposed pair is two roots; only new evidence proposes it again."""
    from seatrial.clearinghouse.steps.proposals import proposals

    with spoken():
        place = Place.open(who)
        desk = _desk(place)
        wanted = {one, other}
        seen = [
            hint.words
            for pair in proposals(place.store, place.viewer)
            if {pair.one, pair.other} == wanted
            for hint in pair.hints
        ]
        desk.decline(one, other, seen, reason)
    click.echo(f"{one} and {other}: declined, with {len(seen)} pieces of evidence")


@click.command()
@click.argument("cluster_id", metavar="CLUSTER")
@click.argument("decision")
@click.option("--reason", required=True, help="Why it no longer holds.")
@WHO
def revert(cluster_id: str, decision: str, who: tuple[str, str, str], *, reason: str) -> None:
    """Take back what a split or merge decided for the future; findings stay where they are."""
    with spoken():
        _desk(Place.open(who)).revert(cluster_id, decision, reason)
    click.echo(f"{cluster_id}: decision {decision} no longer binds")


@click.command("candidates")
@click.option("--project", default="", help="Of this project only.")
@WHO
@JSON
def candidates_(who: tuple[str, str, str], *, project: str, as_json: bool) -> None:
    """List pairs of clusters that may be one, with what speaks for each; a person merges or declines them."""
    from seatrial.clearinghouse.steps.proposals import proposals

    with spoken():
        place = Place.open(who)
        found = proposals(place.store, place.viewer, project)
    said = [
        {
            "one": pair.one,
            "other": pair.other,
            "evidence": [
                {"kind": hint.kind.name.lower(), "weight": hint.weight, "words": hint.words} for hint in pair.hints
            ],
        }
        for pair in found
    ]
    lines = [f"{pair.one}  {pair.other}  {'; '.join(hint.words for hint in pair.hints)}" for pair in found]
    shown(said, lines or ["no pair is proposed"], as_json=as_json)


def _desk(place: Place) -> Desk:
    from seatrial.clearinghouse.steps import Desk

    return Desk(place.store, place.viewer, place.actor, place.now)


def named(place: Place, name: str) -> str:
    """The whole id of a finding that is given by its beginning."""
    from seatrial.clearinghouse.store import Asked, NoFinding

    found = place.store.lines(place.viewer, Asked(prefix=name, most=2)) if name else ()
    if not found:
        raise NoFinding(name)
    if len(found) > 1:
        raise ValueError(f"{name}: several findings begin so; give more digits")
    return found[0].finding_id


def engine(jobs: int | None) -> Spread:
    """Where steps run: the cluster of the setting, else processes of this machine."""
    from seatrial.clearinghouse.spread import Cluster, Here, Processes

    if address := os.environ.get(ENGINE):
        folder = os.environ.get(CERTIFICATES)
        return Cluster(address, Path(folder) if folder else None)
    count = jobs or os.cpu_count() or 1
    return Processes(count) if count > 1 else Here()


def _record(cluster: Cluster) -> dict[str, Any]:
    return cluster.model_dump(mode="json")


def _cluster_folder(folder: Path, project: str, *, reference: bool, as_json: bool) -> None:
    from seatrial.clearinghouse.grouping import cluster as grouped

    names: list[str] = []
    titles: list[str] = []
    unread: list[str] = []

    def reports() -> Iterator[CrashReport]:
        for name, report in _logs(folder, unread):
            names.append(name)
            titles.append(report.title)
            yield report

    found = grouped(reports(), project, reference=reference)
    said = {
        "reports": len(names),
        "clusters": [
            {
                "title": titles[group.members[0]],
                "mixed": group.mixed,
                "members": [names[member] for member in group.members],
                "lines": {line: [names[member] for member in some] for line, some in group.lines.items()},
            }
            for group in found.groups
        ],
        "without_trace": [names[number] for number in found.without_trace],
        "unread": unread,
    }
    shown(said, _told(found, names, titles, unread), as_json=as_json)
    if unread and not names:
        sys.exit(1)


def _told(found: Clustering, names: Sequence[str], titles: Sequence[str], unread: Sequence[str]) -> list[str]:
    lines = [f"{len(names)} reports, {len(found.groups)} clusters, {len(found.without_trace)} without a trace"]
    for number, group in enumerate(sorted(found.groups, key=lambda group: -len(group.members)), 1):
        mixed = f", {len(group.lines)} crash lines" if group.mixed else ""
        lines.append(f"{number:>4}. {len(group.members)} reports{mixed}: {titles[group.members[0]]}")
        lines += [f"        {names[some[0]]}  {line}" for line, some in group.lines.items()]
    lines += [f"not compared whole: {one.traces} traces at {one.function}" for one in found.capped]
    lines += [f"no crash report in {name}" for name in unread]
    return lines


def _logs(folder: Path, unread: list[str]) -> Iterator[tuple[str, CrashReport]]:
    """The reports of every file below a folder, in the order of their paths."""
    from seatrial.clearinghouse.crash import parse
    from seatrial.clearinghouse.intake.casrep import is_casrep, report_of
    from seatrial.clearinghouse.intake.limits import log_text

    paths = sorted(path for path in folder.rglob("*") if path.is_file()) if folder.is_dir() else [folder]
    for path in paths:
        content = bounded(path, LOG_BYTES)
        reports: list[CrashReport] = []
        if content.lstrip()[:1] == b"{":
            try:
                given = json.loads(content)
            except (ValueError, RecursionError):
                given = None
            if is_casrep(given):
                reports = [report for report in [report_of(given)] if report]
        else:
            reports = parse(log_text(content)[0])
        name = str(path.relative_to(folder)) if folder.is_dir() else path.name
        if not reports:
            unread.append(name)
        for number, report in enumerate(reports, 1):
            yield f"{name}#{number}" if len(reports) > 1 else name, report


STEPS = (reproduce, cluster, split, merge, candidates_, decline, revert)
