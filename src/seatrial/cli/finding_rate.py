"""`seatrial findings rate`: propose a rating, see what raters disagree on, decide it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from seatrial.cli.case_place import JSON, WHO, Place, shown
from seatrial.cli.errors import spoken

if TYPE_CHECKING:
    from collections.abc import Sequence

    from seatrial.clearinghouse.rating import Rating
    from seatrial.clearinghouse.steps.ratings import Rated, RatingDesk


@click.group()
def rate() -> None:
    """Rate a cluster: proposals by raters, then a named person's decision. High and critical take two raters."""


def _vectors(command: Any) -> Any:  # noqa: ANN401 - click's decorators
    """The options that make a rating."""
    for option in (
        click.option("--ssvc", multiple=True, metavar="POINT=VALUE", help="An answer to an SSVC decision point."),
        click.option("--cwe", required=True, help="The weakness, as CWE-787."),
        click.option("--cvss3", required=True, metavar="VECTOR", help="CVSS:3.1/..."),
        click.option("--cvss4", required=True, metavar="VECTOR", help="CVSS:4.0/..."),
    ):
        command = option(command)
    return command


@rate.command()
@click.argument("cluster_id", metavar="CLUSTER")
@_vectors
@click.option("--evidence", multiple=True, help="What it rests on; may be given again.")
@click.option("--blind", is_flag=True, help="You have not seen the proposals before yours.")
@WHO
@JSON
def propose(  # noqa: PLR0913 - one option each
    cluster_id: str,
    who: tuple[str, str, str],
    *,
    cvss4: str,
    cvss3: str,
    cwe: str,
    ssvc: Sequence[str],
    evidence: Sequence[str],
    blind: bool,
    as_json: bool,
) -> None:
    """Propose a rating of CLUSTER."""
    with spoken():
        desk = _desk(who)
        desk.propose(cluster_id, _rating(cvss4, cvss3, cwe, ssvc), evidence=evidence, blind=blind)
        _show(cluster_id, desk.rated(cluster_id), as_json=as_json)


@rate.command("decide")
@click.argument("cluster_id", metavar="CLUSTER")
@_vectors
@click.option("--reason", default="", help="Why; a must where the bands of the proposals differ.")
@WHO
@JSON
def decide_(
    cluster_id: str,
    who: tuple[str, str, str],
    *,
    cvss4: str,
    cvss3: str,
    cwe: str,
    ssvc: Sequence[str],
    reason: str,
    as_json: bool,
) -> None:
    """Decide the rating of CLUSTER on the proposals there are."""
    with spoken():
        desk = _desk(who)
        desk.decide(cluster_id, _rating(cvss4, cvss3, cwe, ssvc), reason)
        _show(cluster_id, desk.rated(cluster_id), as_json=as_json)


@rate.command("show")
@click.argument("cluster_id", metavar="CLUSTER")
@WHO
@JSON
def show(cluster_id: str, who: tuple[str, str, str], *, as_json: bool) -> None:
    """Show the proposals for CLUSTER, what they disagree on, and the decision."""
    with spoken():
        _show(cluster_id, _desk(who).rated(cluster_id), as_json=as_json)


def _desk(who: Sequence[str]) -> RatingDesk:
    from seatrial.clearinghouse.steps.ratings import RatingDesk

    place = Place.open(who)
    return RatingDesk(place.store, place.viewer, place.actor, place.now)


def _rating(cvss4: str, cvss3: str, cwe: str, ssvc: Sequence[str]) -> Rating:
    from seatrial.clearinghouse.rating import Rating

    answers = {}
    for text in ssvc:
        point, _, value = text.partition("=")
        if not point or not value:
            raise ValueError(f"--ssvc {text}: must be POINT=VALUE, for example `--ssvc E=A`")
        answers[point] = value
    return Rating(cvss4, cvss3, cwe, answers)


def _show(cluster_id: str, rated: Rated, *, as_json: bool) -> None:
    from seatrial.clearinghouse.rating import disagreements

    apart = disagreements(rated.proposals)
    said = {
        "cluster": cluster_id,
        "proposals": [
            {
                "rater": one.rater,
                "kind": one.kind.value,
                "rating": one.rating.document(),
                "scores": {version.value: vector.score for version, vector in one.rating.vectors().items()},
                "saw": sorted(one.saw),
            }
            for one in rated.proposals
        ],
        "disagreements": [
            {
                "between": [pair.one, pair.other],
                "on": [{"metric": one.on, "answers": [one.one, one.other]} for one in pair.metrics],
                "score_gap": dict(pair.score_gap),
                "bands": [str(band) for band in pair.bands],
            }
            for pair in apart
        ],
        "decision": rated.decision,
    }
    lines = [f"{cluster_id}: {len(rated.proposals)} proposals"]
    for one in rated.proposals:
        scores = ", ".join(f"{version} {vector.score}" for version, vector in one.rating.vectors().items())
        lines.append(f"  {one.rater} ({one.kind}): {one.rating.band()} ({scores}), {one.rating.cwe}")
    for pair in apart:
        differing = ", ".join(f"{one.on}: {one.one or '-'} / {one.other or '-'}" for one in pair.metrics)
        lines.append(f"  {pair.one} and {pair.other} differ on {differing}")
    if rated.decision:
        lines.append(f"decided by {rated.decision['person']}: {rated.decision['rating']['cvss_4']}")
        if rated.decision["reason"]:
            lines.append(f"  because: {rated.decision['reason']}")
    else:
        lines.append("not decided yet")
    shown(said, lines, as_json=as_json)
