"""`seatrial submission`: what stands where, one act, both keys, and what a clock has made due.

Everybody acts as one person, of one organisation, in one role: `--as PERSON ORGANISATION ROLE`. To whoever is no such
member, a submission is not there. Offering a model is `seatrial submit`, taking it back `seatrial withdraw`. At a
portal (`--portal URL`) its service token says who acts.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from seatrial.cli.custodial import spoken
from seatrial.cli.errors import bounded
from seatrial.cli.keys import ACTIONS, asked_for, state_of
from seatrial.cli.remote import at_portal
from seatrial.installation import Installation, now

if TYPE_CHECKING:
    from seatrial.cli.remote import Portal
    from seatrial.desk import Brought, Desk
    from seatrial.framework.consent import Consent
    from seatrial.framework.standing import Actor, Standing
    from seatrial.framework.viewer import Viewer
    from seatrial.house import House

WHO = click.option(
    "--as", "who", nargs=3, required=True, metavar="PERSON ORGANISATION ROLE", help="Who you are in this act."
)
HERE = click.option(
    "--as", "who", nargs=3, default=None, metavar="PERSON ORGANISATION ROLE", help="Who you are; left out at a portal."
)
JSON = click.option("--json", "as_json", is_flag=True, help="Print JSON.")
MAX_CONSENT_BYTES = 1 << 20
"""Of a file that should hold one consent."""
KIND = click.Choice(
    ["developer", "evaluator", "agency", "clearinghouse", "partner", "infrastructure", "vendor", "auditor"]
)


@click.group()
def submission() -> None:
    """Submissions: what you see of them, acts on them, and what is due."""


@submission.command("list")
@HERE
@at_portal
@JSON
def list_(who: tuple[str, str, str] | None, portal: Portal | None, *, as_json: bool) -> None:
    """List the submissions that are there for you."""
    from seatrial.cli.remote_submission import summary

    with spoken():
        if portal is not None:
            found = [summary(one) for one in portal.each("submissions")]
        else:
            house = Installation.open().house
            found = [_summary(standing) for standing in house.submissions.list(_viewer(house, _named(who)))]
    if as_json:
        click.echo(json.dumps(found, indent=2))
        return
    for one in found:
        click.echo(f"{one['submission']}  {one['state']:<18} {one['code_name'] or '-'}  {one['pack'] or '-'}")
    if not found:
        click.echo("nothing", err=True)


@submission.command()
@click.argument("name", metavar="SUBMISSION")
@HERE
@at_portal
@JSON
def show(name: str, who: tuple[str, str, str] | None, portal: Portal | None, *, as_json: bool) -> None:
    """Show where SUBMISSION stands, what its state means, and every step with its entry in the log."""
    with spoken():
        found, ends_by = _shown_there(portal, name) if portal is not None else _shown_here(name, _named(who))
    if as_json:
        click.echo(json.dumps(found, indent=2))
        return
    click.echo(f"{found['submission']}  {found['state']}: {found['meaning']}")
    if ends_by:
        click.echo(f"access ends {found['access_ends']} ({ends_by})")
    for step in found["steps"]:
        entry = "owed" if step["entry"] is None else f"entry {step['entry']}"
        click.echo(f"{step['seq']:>4}  {step['at']}  {step['event']:<22} {step['to']:<18} {step['role']:<18} {entry}")


@submission.command()
@click.argument("name", metavar="SUBMISSION")
@click.argument("event")
@HERE
@at_portal
@click.option("--document", "papers", multiple=True, metavar="KIND=FILE", help="A paper that the act brings.")
@click.option("--consent", type=click.Path(exists=True, dir_okay=False, path_type=Path), help="A consent, as JSON.")
@click.option("--reason", default="", help="Where the event asks for one.")
@click.option("--date", default="", help="Where the event records one: 2026-12-01T09:00:00Z.")
@click.option("--mark", "marks", multiple=True, metavar="NAME=VALUE", help="Where the event records one.")
@click.option("--receipt", "folder", type=click.Path(path_type=Path, file_okay=False), help="Write receipts here.")
def act(
    name: str,
    event: str,
    who: tuple[str, str, str] | None,
    portal: Portal | None,
    folder: Path | None,
    **brought: Any,  # noqa: ANN401 - the options by name
) -> None:
    """Take one step with SUBMISSION; `seatrial framework` and docs/lifecycle.md name the events of each state."""
    from seatrial.cli.remote_submission import acted, receipts

    with spoken():
        things = _brought(**brought)
        if folder is not None:
            folder.mkdir(parents=True, exist_ok=True)
        if portal is not None:
            taken = acted(portal, name, event, things)
            state, outstanding = taken["state"], taken["outstanding"]
            paths = receipts(portal, name, taken, folder)
        else:
            outcome = _desk(Installation.open().house, _named(who)).act(name, event, things)
            state, outstanding = outcome.standing.state, [str(effect) for effect in outcome.outstanding]
            paths = _written(name, outcome.receipts, folder)
    click.echo(f"{name}: {state}")
    for effect in outstanding:
        click.echo(f"outstanding: {effect}")
    for path in paths:
        click.echo(f"receipt: {path}")


@submission.command()
@click.argument("name", metavar="SUBMISSION")
@click.argument("action", type=click.Choice(ACTIONS))
@HERE
@at_portal
@click.option("--digest", default="", help="Of what is agreed to: sha256: and 64 hex digits.")
@click.option("--upload", default="", help="use_weights: the upload that is to be opened.")
@click.option("--lease", default="", help="use_weights: the lease that it is opened under.")
def key(name: str, action: str, who: tuple[str, str, str] | None, portal: Portal | None, **what: str) -> None:
    """Turn your key for ACTION on SUBMISSION: two people, of both sides, on one and the same digest.

    Whoever comes first asks for it. What is still missing, and whose it is, is said afterwards and by `keys`. A key is
    a person's: at a portal a service token turns none.
    """
    from seatrial.framework.two_key import KeyAction

    with spoken():
        if portal is not None:
            portal.post(f"submissions/{name}/keys", {"action": action, "digest": what["digest"]})
            click.echo(f"{name}: key turned for {action}")
            return
        installation = Installation.open()
        desk = _desk(installation.house, _named(who))
        standing = desk.record(name).standing
        about, digest = asked_for(installation, name, action, what["digest"], what["upload"], what["lease"])
        turned = desk.turn(name, KeyAction(action), digest, about)
        [stands] = [state_of(standing, one) for one in desk.keys(name, standing) if one.request.id == turned.id]
    click.echo(f"{name}: key turned for {action}")
    for line in stands:
        click.echo(line)


@submission.command()
@click.argument("name", metavar="SUBMISSION")
@WHO
def keys(name: str, who: tuple[str, str, str]) -> None:
    """List what two keys were asked for on SUBMISSION, whose are missing, and until when both are turned."""
    with spoken():
        desk = _desk(Installation.open().house, who)
        standing = desk.record(name).standing
        lines = [(one.request, state_of(standing, one)) for one in desk.keys(name, standing)]
    for request, stands in lines:
        click.echo(f"{request.action} of {request.object}, {request.digest}: {'; '.join(stands)}")
    if not lines:
        click.echo("nothing was asked for", err=True)


@submission.command()
@WHO
@JSON
def notices(who: tuple[str, str, str], *, as_json: bool) -> None:
    """List what your organisation is to be told of and was not sent yet: which submission, which step, when."""
    from seatrial.framework.instant import text

    with spoken():
        house = Installation.open().house
        waiting = house.notices.waiting(_viewer(house, who))
    found = [
        {"submission": one.object, "event": one.event, "at": text(one.at), "to": str(one.recipient.role)}
        for one in waiting
    ]
    if as_json:
        click.echo(json.dumps(found, indent=2))
        return
    for one in found:
        click.echo(f"{one['at']}  {one['submission']}  {one['event']:<22} to {one['to']}")
    if not found:
        click.echo("nothing", err=True)


@submission.command()
@WHO
@click.option("--record", is_flag=True, help="Record what is due, and carry out what was ordered.")
def due(who: tuple[str, str, str], *, record: bool) -> None:
    """List what a clock has made due of the submissions that you see."""
    with spoken():
        house, at = Installation.open().house, now()
        found = house.due(_viewer(house, who), at)
        for standing, events in found:
            click.echo(f"{standing.object}  {standing.state}: {', '.join(events)}")
            if record:
                house.tick(standing.object, at)
    if not found:
        click.echo("nothing is due", err=True)


@submission.command()
def settle() -> None:
    """Make up entries that the log owes, and carry out orders that a stopped process left.

    A part of what `seatrial custody serve` does every minute, for use by hand.
    """
    with spoken():
        house = Installation.open().house
        entries, still = house.settle(now())
    click.echo(f"entries made up: {entries}")
    for order in still:
        click.echo(f"still open: {order.effect} for {order.submission}")


@submission.command()
def check() -> None:
    """Compare rows and log: every state has its event, every event its state. Exit code 1 when they differ."""
    with spoken():
        faults = Installation.open().house.disagreements()
    for fault in faults:
        click.echo(fault)
    click.echo(f"{len(faults)} differences between rows and log")
    raise SystemExit(1 if faults else 0)


@submission.command("continue")
def continue_() -> None:
    """Go on under a new origin, once the database was put back from a copy; a sound log is left as it is."""
    with spoken():
        log = Installation.open().house.go_on(now())
    click.echo(log.signer.verifier.text)


@submission.command()
@click.argument("person")
@click.argument("organisation")
@click.argument("role")
@click.option("--kind", default="evaluator", show_default=True, type=KIND, help="What a new organisation is.")
@click.option("--by", "member", default="", help="Who enters them, once the organisation is here: one of its members.")
def enrol(person: str, organisation: str, role: str, kind: str, member: str) -> None:
    """Enter PERSON as ROLE of ORGANISATION. The first enters by their own act; later ones are entered by a member."""
    from seatrial.framework.participant import Membership, Organisation, OrganisationKind, Role
    from seatrial.framework.viewer import Viewer
    from seatrial.registry import roles_of

    with spoken():
        house, at = Installation.open().house, now()
        viewer = Viewer.house("a member is entered")
        known = {one.id: one for one in house.participants.organisations(viewer)}
        body = known.get(organisation) or Organisation(organisation, organisation, OrganisationKind(kind))
        held = house.participants.memberships(viewer, member, at) if member else ()
        begun = organisation in known and house.participants.peopled(viewer, organisation)
        if begun and all(one.organisation != organisation for one in held):
            raise ValueError(f"{organisation}: --by names one of its members; {member or 'nobody'} is none")
        if Role(role) not in roles_of(body.kind):
            fitting = ", ".join(sorted(roles_of(body.kind)))
            raise ValueError(f"{organisation}: is of kind {body.kind}; its people can be {fitting}")
        house.participants.add(viewer, body, (Membership(person, organisation, Role(role), at),))
    click.echo(f"entered: {person} as {role} of {organisation}")


def _named(who: tuple[str, str, str] | None) -> tuple[str, str, str]:
    if not who:
        raise ValueError("--as: say who you are: PERSON ORGANISATION ROLE; or act at a portal with --portal URL")
    return who


def _shown_here(name: str, who: tuple[str, str, str]) -> tuple[dict[str, Any], str]:
    """All that is shown of a submission of this installation, and what ends its access."""
    from seatrial.framework.instant import text
    from seatrial.framework.lifecycles import LIFECYCLES

    record = _desk(Installation.open().house, who).record(name)
    standing = record.standing
    steps = [
        {"seq": one.entry.seq, "at": text(one.entry.at), "event": one.entry.event, "to": one.entry.target,
         "role": one.entry.actor.role, "entry": one.place.index if one.place else None}
        for one in record.history
    ]  # fmt: skip
    meaning = LIFECYCLES[standing.kind].meaning[standing.state]
    ends_by = str(standing.window.ends_by) if standing.window else ""
    return {**_summary(standing), "meaning": meaning, "steps": steps}, ends_by


def _shown_there(portal: Portal, name: str) -> tuple[dict[str, Any], str]:
    """The same of a portal's."""
    from seatrial.cli.remote_submission import steps, summary

    item = portal.get(f"submissions/{name}")
    return {**summary(item), "meaning": item["meaning"], "steps": steps(item)}, item["access_ends_by"] or ""


def _viewer(house: House, who: tuple[str, str, str]) -> Viewer:
    return _desk(house, who).viewer


def _desk(house: House, who: tuple[str, str, str]) -> Desk:
    """Where this person sits; whoever is no such member is told so."""
    from seatrial.desk import Desk
    from seatrial.framework.submission_store import NotHere

    try:
        return Desk(house, _actor(who), now())
    except NotHere:
        raise ValueError(f"--as: {who[0]} is no {who[2]} of {who[1]} now; see: seatrial submission enrol") from None


def _actor(who: tuple[str, str, str]) -> Actor:
    from seatrial.framework.participant import SERVICE_ROLES, Role
    from seatrial.framework.standing import Actor

    if Role(who[2]) in SERVICE_ROLES:
        raise ValueError(f"--as: {who[2]} is a service of the house, not a person")
    return Actor(*who)


def _brought(**given: Any) -> Brought:  # noqa: ANN401 - the options by name
    from seatrial.desk import Brought
    from seatrial.framework.instant import instant
    from seatrial.storage.stores.papers import MAX_PAPER_BYTES

    papers = (_pair(written, "--document") for written in given["papers"])
    return Brought(
        papers=tuple((kind, bounded(Path(path), MAX_PAPER_BYTES)) for kind, path in papers),
        consent=_consent(given["consent"]),
        reason=given["reason"],
        date=instant(given["date"], "--date") if given["date"] else None,
        marks=tuple(_pair(mark, "--mark") for mark in given["marks"]),
    )


def _pair(written: str, option: str) -> tuple[str, str]:
    name, equals, value = written.partition("=")
    if not (name and equals and value):
        raise ValueError(f"{option}: {written!r}; write NAME=VALUE")
    return name, value


def _consent(path: Path | None) -> Consent | None:
    from seatrial.framework.consent import Consent
    from seatrial.storage.codec import decode

    if path is None:
        return None
    try:
        return decode(Consent, json.loads(bounded(path, MAX_CONSENT_BYTES)))
    except (TypeError, ValueError, RecursionError) as error:
        raise ValueError(f"{path}: no consent: {error}") from error


def _written(name: str, receipts: Any, folder: Path | None) -> list[Path]:  # noqa: ANN401 - the ledger's
    if folder is None:
        return []
    paths = [folder / f"{name}-{receipt.index}.tlog-proof" for receipt in receipts]
    for path, receipt in zip(paths, receipts, strict=True):
        path.write_bytes(receipt.encode())
    return paths


def _summary(standing: Standing) -> dict[str, Any]:
    from seatrial.framework.instant import text

    return {
        "submission": standing.object,
        "state": standing.state,
        "since": text(standing.since) if standing.since else None,
        "code_name": standing.subject.code_name if standing.subject else None,
        "evaluator": standing.evaluator,
        "pack": str(standing.pack) if standing.pack else None,
        "access_ends": text(standing.window.end) if standing.window else None,
    }
