"""`seatrial outbox`: drafts, their sign-off, and the one way in which a draft becomes a file that a person sends."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING, Any

import click

from seatrial.cli.case_place import JSON, WHO, Place, shown
from seatrial.cli.custodial import spoken

if TYPE_CHECKING:
    from seatrial.clearinghouse.case.outbox import Going
    from seatrial.clearinghouse.cluster import Cluster


@click.group()
def outbox() -> None:
    """Drafts to maintainers. A released draft is a file for a person to send; nothing is sent from here."""


@outbox.command("list")
@click.option("--all", "everything", is_flag=True, help="Those that went out as well.")
@WHO
@JSON
def list_(who: tuple[str, str, str], *, everything: bool, as_json: bool) -> None:
    """List the drafts that wait, and what each still lacks."""
    with spoken():
        place = Place.open(who)
        found = [
            {
                "case": case.case_id,
                "draft": draft.id,
                "form": draft.form,
                "to": draft.organisation,
                "cluster": draft.cluster,
                "released_by": draft.released_by,
                "lacks": "" if draft.released_at else _lacks(place, case.case_id, draft.id),
            }
            for case in place.cases()
            for draft in case.drafts.values()
            if everything or draft.released_at is None
        ]
    lines = [
        f"{one['case']}  {one['draft']}  {one['form']:<7} {one['to']:<16} {one['lacks'] or 'ready'}" for one in found
    ]
    shown(found, lines, as_json=as_json)


@outbox.command()
@click.argument("case_id", metavar="CASE")
@click.argument("cluster")
@click.argument("organisation")
@click.option("--form", type=click.Choice(["mail", "github", "vince"]), default="mail", show_default=True)
@click.option("--reply-to", required=True, help="Where the maintainer answers.")
@click.option("--zone", default="UTC", show_default=True, help="In which the maintainer reads dates.")
@click.option("--versions", default="", help="Which are affected.")
@click.option("--root", default="", help="What is wrong, in your words.")
@click.option("--steps", default="", help="How to see it; from the finding's recipe unless given.")
@click.option("--reviewer", "reviewers", multiple=True, help="Who has read and confirmed it, where nothing runs.")
@click.option("--credit", multiple=True, help="Whom to credit.")
@WHO
@JSON
def draft(
    case_id: str,
    cluster: str,
    organisation: str,
    who: tuple[str, str, str],
    *,
    as_json: bool,
    **given: Any,  # noqa: ANN401 - the options by name
) -> None:
    """Make a draft about CLUSTER for ORGANISATION, which takes part in CASE."""
    from seatrial.clearinghouse.case.going_out import decided
    from seatrial.clearinghouse.case.notice_making import Added, notice_of

    form = given.pop("form")
    with spoken():
        place = Place.open(who)
        case, found = place.book.case(case_id), _cluster(place, cluster)
        names = [one.finding_id for one in found.members if one.represents] or [found.stands_for_it]
        held = place.store.findings(place.viewer, [*names, found.stands_for_it])
        document = decided(cluster, place.store.events(place.viewer, cluster))
        findings = {name: one.finding for name, one in held.items()}
        notice = notice_of(case, found, findings, document, Added(**given), place.now)
        made = place.outbox.make(notice, form, organisation, place.actor, place.now)
    shown(
        {"draft": made.id, "digest": made.digest}, [f"{made.id}  {made.form} to {made.organisation}"], as_json=as_json
    )


@outbox.command()
@click.argument("case_id", metavar="CASE")
@click.argument("draft_id", metavar="DRAFT")
@WHO
def show(case_id: str, draft_id: str, who: tuple[str, str, str]) -> None:
    """Print DRAFT of CASE as it would go out."""
    with spoken():
        place = Place.open(who)
        content = place.outbox.content(_draft(place, case_id, draft_id))
    click.echo(content.decode(), nl=False)


@outbox.command()
@click.argument("case_id", metavar="CASE")
@click.argument("draft_id", metavar="DRAFT")
@click.option("--over-pace", default="", metavar="REASON", help="Let it go though its contact has no place: why.")
@WHO
@JSON
def release(case_id: str, draft_id: str, over_pace: str, who: tuple[str, str, str], *, as_json: bool) -> None:
    """Write the file of DRAFT, once a sign-off, its labels, its recipients and the contact's pace are in order."""
    from seatrial.clearinghouse.case.pacing import Override

    with spoken():
        place = Place.open(who)
        draft = _draft(place, case_id, draft_id)
        override = Override(draft.cluster, place.actor.id, over_pace, place.now) if over_pace else None
        going = gathered(place, case_id, draft_id)
        gone = place.outbox.release(case_id, draft_id, going, place.actor, place.now, override)
    found = {"draft": gone.draft, "file": str(gone.path), "sha256": gone.sha256}
    shown(found, [f"{gone.path}", f"sha256 {gone.sha256}"], as_json=as_json)


@click.command()
@click.argument("case_id", metavar="CASE")
@click.argument("draft_id", metavar="DRAFT")
@click.option("--reason", required=True, help="What you looked at, in words.")
@WHO
@JSON
def signoff(case_id: str, draft_id: str, reason: str, who: tuple[str, str, str], *, as_json: bool) -> None:
    """Take responsibility for DRAFT of CASE as it is: rating, members, text and recipients. A change voids it."""
    from seatrial.clearinghouse.case.going_out import signed_off

    with spoken():
        place = Place.open(who)
        going = gathered(place, case_id, draft_id)
        given = signed_off(place.store, place.viewer, going, place.actor, reason, place.now, secrets.token_bytes)
    shown(given.body(), [f"{given.cluster}: signed off by {given.person}, digest {given.digest}"], as_json=as_json)


outbox.add_command(signoff)


def gathered(place: Place, case_id: str, draft_id: str) -> Going:
    """What a release of this draft looks at, as it is now."""
    from seatrial.clearinghouse.case.going_out import gathered as all_of_it

    draft = _draft(place, case_id, draft_id)
    return all_of_it(place.store, place.viewer, place.outbox, place.book.case(case_id), draft)


def _draft(place: Place, case_id: str, draft_id: str) -> Any:  # noqa: ANN401 - a DraftRef, whose room is imported late
    drafts = place.book.case(case_id).drafts
    if draft_id not in drafts:
        raise ValueError(f"{case_id}: no draft {draft_id}; there are {', '.join(drafts) or 'none'}")
    return drafts[draft_id]


def _cluster(place: Place, name: str) -> Cluster:
    found = place.store.clusters(place.viewer, [name])
    if not found:
        raise ValueError(f"{name}: there is no such cluster for you")
    return found[0]


def _lacks(place: Place, case_id: str, draft_id: str) -> str:
    try:
        going = gathered(place, case_id, draft_id)
        going.signed.covering(going.subject)
    except (ValueError, LookupError) as error:
        return str(error)
    return ""
