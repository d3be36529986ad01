"""`seatrial cases`: open a case, see it, and say things in it. Acts on its clocks and states are in `case_acts`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from seatrial.cli import case_acts
from seatrial.cli.case_place import JSON, WHO, Place, shown
from seatrial.cli.custodial import spoken

if TYPE_CHECKING:
    from datetime import datetime

    from seatrial.clearinghouse.case.case import Case

ROLES = click.Choice(["finder", "vendor", "coordinator", "deployer", "other"])
STATUSES = click.Choice(["affected", "not_affected", "under_investigation", "fixed"])


@click.group()
def cases() -> None:
    """Coordination of one vulnerability among several parties. Nothing is sent from here."""


@cases.command("open")
@click.argument("title")
@click.option("--cluster", "clusters", multiple=True, required=True, help="A root cause, as C-000123; again for more.")
@click.option("--policy", default="house-1", show_default=True, help="Whose clocks it runs by.")
@click.option("--role", type=ROLES, default="coordinator", show_default=True, help="What your organisation is in it.")
@click.option("--product", "products", multiple=True, help="A product that your organisation answers for.")
@WHO
@JSON
def open_(
    title: str,
    clusters: tuple[str, ...],
    policy: str,
    role: str,
    products: tuple[str, ...],
    who: tuple[str, str, str],
    *,
    as_json: bool,
) -> None:
    """Open a case named TITLE. A vendor may open one about its own product."""
    from seatrial.clearinghouse.case.policy import shipped

    with spoken():
        place = Place.open(who)
        opener = {"organisation": who[1], "roles": [role], "components": list(products)}
        case = place.book.open_case(title, clusters, place.actor, place.now, policy=shipped(policy).ref, opener=opener)
        found = summary(case, place.now)
    shown(found, [f"{case.case_id}  {title}"], as_json=as_json)


@cases.command("list")
@WHO
@JSON
def list_(who: tuple[str, str, str], *, as_json: bool) -> None:
    """List the cases that you see, with what is due."""
    with spoken():
        place = Place.open(who)
        found = [summary(case, place.now) for case in place.cases()]
    lines = [
        f"{one['case']}  {one['advisory'] or '-':<20}  {','.join(one['due']) or '-':<22}  {one['title']}"
        for one in found
    ]
    shown(found, lines, as_json=as_json)


@cases.command()
@click.argument("case_id", metavar="CASE")
@click.option("--seen-by", default="", metavar="ORGANISATION", help="Show it as this participant sees it.")
@click.option("--zone", default="UTC", show_default=True, help="In which instants are shown.")
@WHO
@JSON
def show(case_id: str, seen_by: str, zone: str, who: tuple[str, str, str], *, as_json: bool) -> None:
    """Show CASE: its participants, clocks, embargo, threads and drafts."""
    from seatrial.clearinghouse.case import need_to_know

    with spoken():
        place = Place.open(who)
        case = place.book.case(case_id)
        if seen_by:
            case = need_to_know.seen_by(case, seen_by)
        found = whole(case, place.now, zone)
    lines = [f"{found['case']}  {found['title']}  {found['tlp']}  policy {found['policy']}"]
    lines += [f"{name}: {at}" for name, at in found["clocks"].items() if at]
    lines.append(f"embargo: {found['embargo']['state']} {found['embargo']['until']}".rstrip())
    lines += [f"act: {one}" for one in found["to_do"]]
    for one in found["participants"]:
        silent = "  silent" if one["silent"] else ""
        lines.append(
            f"  {one['organisation']:<20} {','.join(one['roles']):<14} {one['report']:<10} {one['state']}{silent}"
        )
    lines += [
        f"  [{one['thread'] or 'all'}] {one['at']} {one['organisation']}: {one['text']}" for one in found["messages"]
    ]
    shown(found, lines, as_json=as_json)


@cases.command()
@click.argument("case_id", metavar="CASE")
@click.argument("organisation")
@click.option("--role", "roles", type=ROLES, multiple=True, required=True, help="What it is in this case.")
@click.option("--product", "products", multiple=True, help="A product whose thread it reads.")
@click.option("--contact", default="", help="Where letters to it go.")
@WHO
@JSON
def join(case_id: str, organisation: str, who: tuple[str, str, str], *, as_json: bool, **given: Any) -> None:  # noqa: ANN401 - the options by name
    """Let ORGANISATION take part in CASE, or give it a further role or product."""
    from seatrial.clearinghouse.event import EventType

    body = {
        "organisation": organisation,
        "roles": list(given["roles"]),
        "components": list(given["products"]),
        **({"contact": given["contact"]} if given["contact"] else {}),
    }
    case_acts.act(case_id, [(EventType.JOINED, body)], who, as_json=as_json)


@cases.command()
@click.argument("case_id", metavar="CASE")
@click.argument("organisation")
@click.argument("text")
@click.option("--thread", default="", help="The product it is about; left out: for all.")
@WHO
@JSON
def say(case_id: str, organisation: str, text: str, thread: str, who: tuple[str, str, str], *, as_json: bool) -> None:
    """Record that ORGANISATION said TEXT in CASE."""
    from seatrial.clearinghouse.event import EventType

    body = {"organisation": organisation, "text": text, "thread": thread}
    case_acts.act(case_id, [(EventType.MESSAGE, body)], who, as_json=as_json)


@cases.command()
@click.argument("case_id", metavar="CASE")
@click.argument("organisation")
@click.option("--product", default="", help="What the status is about.")
@click.option("--status", type=STATUSES, help="What the vendor says of it.")
@click.option("--justification", default="", help="Why it is not_affected.")
@click.option("--text", default="", help="The vendor's own words.")
@click.option("--tracking", default="", help="The vendor's own number for the matter.")
@click.option("--number", default="", help="A CVE or GHSA number.")
@WHO
@JSON
def status(case_id: str, organisation: str, who: tuple[str, str, str], *, as_json: bool, **given: str) -> None:
    """Record what ORGANISATION states of its product, or its number for the matter."""
    from seatrial.clearinghouse.event import EventType

    body = {"organisation": organisation, **{name: value for name, value in given.items() if value}}
    case_acts.act(case_id, [(EventType.STATUS_SET, body)], who, as_json=as_json)


for verb in case_acts.VERBS:
    cases.add_command(verb)


def summary(case: Case, now: datetime) -> dict[str, Any]:
    """A line of a list."""
    from seatrial.framework.instant import text

    found = case.deadlines(now)
    return {
        "case": case.case_id,
        "title": case.title,
        "clusters": list(case.clusters),
        "policy": found.policy,
        "advisory": text(found.advisory) if found.advisory else "",
        "due": list(found.over(now)),
        "embargo": str(case.embargo.state),
        "silent": list(case.silent),
    }


def whole(case: Case, now: datetime, zone: str) -> dict[str, Any]:
    """All of a case that is shown; instants in a zone, with its offset."""
    from seatrial.clearinghouse.case.clocks import shown as at_zone
    from seatrial.clearinghouse.case.escalation import escalation_due

    found, escalation = case.deadlines(now), escalation_due(case, now)
    instants = {name: getattr(found, name) for name in ("announcement", "answer", "escalation", "advisory", "details")}
    to_do = [f"{name} is due" for name in found.over(now) if name != "escalation"]
    to_do += [f"leave the embargo: {case.exit_due}"] if case.exit_due else []
    to_do += [f"ask a coordinator: {escalation.why}"] if escalation else []
    terms = case.embargo.terms
    return {
        **summary(case, now),
        "tlp": str(case.tlp),
        "numbers": list(case.numbers),
        "clocks": {name: at_zone(at, zone) if at else "" for name, at in instants.items()},
        "because": found.because,
        "embargo": {
            "state": str(case.embargo.state),
            "until": terms.shown if terms else "",
            "downstream_at": at_zone(terms.downstream_at, zone) if terms else "",
            "agreed": sorted(case.embargo.consents),
        },
        "to_do": to_do,
        "participants": [
            {
                "organisation": one.organisation,
                "roles": sorted(map(str, one.roles)),
                "report": str(one.report),
                "state": one.vfd + case.pxa if one.is_vendor else "",
                "silent": one.silent,
                "products": sorted(one.components),
                "tracking": list(one.tracking),
                "statements": {product: str(said.status) for product, said in one.statements.items()},
                "contact": one.contact,
            }
            for one in case.participants.values()
        ],
        "messages": [
            {"at": at_zone(one.at, zone), "organisation": one.organisation, "thread": one.thread, "text": one.text}
            for one in case.messages
        ],
        "drafts": [
            {"draft": one.id, "form": one.form, "organisation": one.organisation, "released_by": one.released_by}
            for one in case.drafts.values()
        ],
    }
