"""A notice from the records: the cluster, the finding that stands for it, the decided rating, the case's clocks.

Nothing here reads an origin, so no model can be named; what a person adds (versions, reviewers, a fix) is an argument.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from packageurl import PackageURL

from seatrial.clearinghouse.case.going_out import severity
from seatrial.clearinghouse.case.notice import Dates, Notice, NotTellable, Rated
from seatrial.clearinghouse.finding import ArtefactRole

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from seatrial.clearinghouse.case.case import Case
    from seatrial.clearinghouse.case.notice import Fix
    from seatrial.clearinghouse.cluster import Cluster
    from seatrial.clearinghouse.finding import Finding, Recipe

PACE = "answer with how many reports you take at a time, on which day, from when to when not, or STOP"


@dataclass(frozen=True, slots=True)
class Added:
    """What a person adds to the records."""

    reply_to: str
    zone: str = "UTC"
    versions: str = ""
    root: str = ""
    steps: str = ""
    reviewers: tuple[str, ...] = ()
    fix: Fix | None = None
    credit: tuple[str, ...] = ()


def notice_of(
    case: Case,
    cluster: Cluster,
    findings: Mapping[str, Finding],
    document: Mapping[str, Any],
    added: Added,
    now: datetime,
) -> Notice:
    """The notice about one cluster of a case.

    Args:
        case: The case; its clocks give the dates.
        cluster: One of the case's.
        findings: The cluster's representatives and the finding that stands for it, by id.
        document: The decided rating (`going_out.decided`).
        added: What a person adds.
        now: For clocks that are paused.

    Raises:
        NotTellable: no finding stands for the cluster, or there are neither steps nor two reviewers.
    """
    found = findings.get(cluster.stands_for_it)
    if found is None:
        raise NotTellable(f"{cluster.cluster_id}: no finding stands for it")
    others = [one for name, one in findings.items() if name != cluster.stands_for_it]
    proofs = [one.sha256 for one in found.artefacts if one.role is ArtefactRole.POV]
    target, due = found.target, case.deadlines(now)
    return Notice(
        case_id=case.case_id,
        cluster=cluster.cluster_id,
        title=cluster.decided("title") or found.claim.title,
        product=target.product_name or _name(target.purl) or target.project,
        project=target.project,
        versions=added.versions or target.version or target.commit or "not known; seen in the version named above",
        root=added.root or cluster.root.text or found.claim.summary or found.claim.title,
        steps=added.steps or (_steps(found.recipe) if found.recipe else ""),
        origin=found.ai_origin,
        rated=_rated(document),
        dates=Dates(f"{due.policy}", added.zone, due.advisory, due.details, _end(case)),
        tlp=case.tlp,
        pace=PACE,
        reply_to=added.reply_to,
        package=_package(target.purl),
        variants=tuple(f"{one.short}: {one.claim.title}" for one in others),
        proof=", ".join(f"sha256 {one}" for one in proofs),
        reviewers=added.reviewers,
        own_harness="finder_harness" in found.marks,
        fix=added.fix,
        references=tuple(one.value for one in found.references),
        credit=added.credit,
    )


def _rated(document: Mapping[str, Any]) -> Rated:
    rating = document["rating"]
    proposals = tuple(f"{one['kind']}: {one['rating']['cvss_4']}" for one in document.get("proposals", ()))
    return Rated(
        severity(document), rating["cvss_4"], rating["cvss_3"], rating["cwe"], str(document["person"]), proposals
    )


def _steps(recipe: Recipe) -> str:
    lines = [f"in {recipe.image}:", *(f"build: {' '.join(recipe.build)}" for _ in recipe.build[:1])]
    return "\n".join([*lines, f"run: {' '.join(recipe.run)}", f"expected: {recipe.expect}"])


def _end(case: Case) -> datetime | None:
    return case.embargo.terms.end if case.embargo.terms else None


def _name(purl: str) -> str:
    return _package(purl).get("name", "")


def _package(purl: str) -> dict[str, str]:
    try:
        read = PackageURL.from_string(purl)
    except ValueError:
        return {}
    name = f"{read.namespace}/{read.name}" if read.namespace else read.name
    return {"type": read.type, "name": name}
