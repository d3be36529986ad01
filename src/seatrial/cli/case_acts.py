"""`seatrial cases rm | em | cs | clock | contact | contacts | fix | escalate | pace`: states and clocks of a case."""

from __future__ import annotations

from datetime import UTC
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from seatrial.cli.case_place import JSON, WHO, Place, shown
from seatrial.cli.custodial import spoken

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from seatrial.clearinghouse.case.acts import Step
    from seatrial.clearinghouse.case.case import Case

CASE = click.argument("case_id", metavar="CASE")
REASON = click.option("--reason", default="", help="Why; kept with the act.")


def act(
    case_id: str,
    steps: Callable[[Case], Sequence[Step]] | Sequence[Step],
    who: tuple[str, str, str],
    *,
    as_json: bool,
) -> None:
    """Do something with a case, and print how it stands."""
    from seatrial.cli.coordination import summary

    with spoken():
        place = Place.open(who)
        case = place.book.act(case_id, steps, place.actor, place.now)
        found = summary(case, place.now)
    shown(
        found,
        [f"{case_id}: advisory {found['advisory'] or 'not due yet'}, embargo {found['embargo']}"],
        as_json=as_json,
    )


@click.command()
@CASE
@click.argument("organisation")
@click.argument("state", type=click.Choice(["received", "invalid", "valid", "deferred", "accepted", "closed"]))
@WHO
@JSON
def rm(case_id: str, organisation: str, state: str, who: tuple[str, str, str], *, as_json: bool) -> None:
    """Record where ORGANISATION stands with its report."""
    from seatrial.clearinghouse.event import EventType

    act(case_id, [(EventType.RM, {"organisation": organisation, "to": state})], who, as_json=as_json)


@click.command()
@CASE
@click.argument("step", type=click.Choice(["propose", "accept", "decline", "exit"]))
@click.option("--by", "organisation", default="", help="Whose word it is; your own organisation's unless given.")
@click.option("--end", default="", help="propose: until when, with its offset: 2027-03-01T09:00:00+01:00.")
@click.option("--zone", default="UTC", show_default=True, help="propose: the zone in which the end is shown.")
@click.option("--party", "parties", multiple=True, help="propose: who is asked; everybody unless given.")
@click.option("--downstream-days", default=0, show_default=True, help="propose: so many days earlier others are told.")
@click.option("--agreed", multiple=True, help="exit before the end: who has agreed to it.")
@REASON
@WHO
@JSON
def em(case_id: str, step: str, who: tuple[str, str, str], *, as_json: bool, **given: Any) -> None:  # noqa: ANN401 - the options by name
    """Propose an embargo, answer one, or leave it. Once the matter is out, one person leaves it, with a reason."""
    from seatrial.clearinghouse.case.acts import embargo_exit
    from seatrial.clearinghouse.event import EventType

    body: dict[str, Any] = {"step": step, "organisation": given["organisation"] or who[1]}
    if step == "exit":
        act(case_id, embargo_exit(given["reason"], given["agreed"]), who, as_json=as_json)
        return
    if step == "propose":
        terms = {"id": f"emb-{case_id.lower()}", "end": given["end"], "zone": given["zone"]}
        body |= {"terms": terms | {"downstream_days": given["downstream_days"]}, "parties": list(given["parties"])}
    act(case_id, [(EventType.EM, body)], who, as_json=as_json)


@click.command()
@CASE
@click.argument("event", type=click.Choice(list("VFDPXA")))
@click.option("--vendor", default="", help="V, F and D: of which vendor.")
@click.option("--since", default="", help="P, X and A: since when, if not now.")
@click.option("--evidence", default="", help="Where that is seen.")
@WHO
@JSON
def cs(
    case_id: str, event: str, vendor: str, since: str, evidence: str, who: tuple[str, str, str], *, as_json: bool
) -> None:
    """Record what is true now: V aware, F fix ready, D deployed; P public, X exploit public, A attacks seen."""
    from seatrial.clearinghouse.case import acts

    act(case_id, lambda case: acts.known(case, event, vendor, evidence=evidence, since=since), who, as_json=as_json)


@click.command()
@CASE
@click.option("--pause", default="", metavar="CLOCK", help="Let CLOCK stand still.")
@click.option("--resume", default="", metavar="CLOCK", help="Let CLOCK go on.")
@click.option("--extend", default="", metavar="CLOCK", help="Give CLOCK more time.")
@click.option("--seconds", default=0, help="--extend: how much, to the second.")
@click.option("--agreed", multiple=True, help="--extend: a vendor that has agreed to more than the policy gives.")
@click.option("--policy", default="", help="Let the case run by this policy as well; the sooner deadline decides.")
@click.option("--accepts", default="", metavar="POLICY", help="--by agrees to the longer time of POLICY.")
@click.option("--by", default="", metavar="VENDOR", help="--accepts: who agrees.")
@REASON
@WHO
@JSON
def clock(case_id: str, who: tuple[str, str, str], *, as_json: bool, **given: Any) -> None:  # noqa: ANN401 - the options by name
    """Show what is due in CASE, or pause, resume or extend a clock; each with a reason, by you."""
    with spoken():
        steps = _clock_steps(given)
    act(case_id, steps, who, as_json=as_json)


def _clock_steps(given: dict[str, Any]) -> list[Step]:
    from seatrial.clearinghouse.case.book import policy_body
    from seatrial.clearinghouse.case.policy import shipped
    from seatrial.clearinghouse.event import EventType

    steps: list[Step] = []
    if given["pause"]:
        steps.append((EventType.CLOCK_PAUSED, {"clock": given["pause"], "reason": given["reason"]}))
    if given["resume"]:
        steps.append((EventType.CLOCK_PAUSED, {"clock": given["resume"], "ends": True}))
    if given["extend"]:
        body = {"clock": given["extend"], "seconds": given["seconds"], "reason": given["reason"]}
        steps.append((EventType.CLOCK_EXTENDED, body | {"agreed": list(given["agreed"])}))
    if given["policy"]:
        steps.append((EventType.CLOCK_SET, {"policy": policy_body(shipped(given["policy"]))}))
    if given["accepts"]:
        steps.append((EventType.CLOCK_SET, {"organisation": given["by"], "accepts": given["accepts"]}))
    return steps


@click.command()
@CASE
@click.argument("organisation")
@click.option("--way", required=True, help="How: mail, private_report, security_md, form, phone.")
@click.option("--address", default="", help="Where to.")
@click.option("--outcome", type=click.Choice(["reached", "no_answer", "bounced", "absent"]), required=True)
@WHO
@JSON
def contact(
    case_id: str, organisation: str, way: str, address: str, outcome: str, who: tuple[str, str, str], *, as_json: bool
) -> None:
    """Record an attempt to reach ORGANISATION. Whoever is reached has the report, and the clock runs from then."""
    from seatrial.clearinghouse.case import acts

    act(case_id, lambda case: acts.tried(case, organisation, way, address, outcome), who, as_json=as_json)


@click.command()
@click.argument("snapshot", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--repository", default="", help="Its address.")
@click.option("--purl", default="", help="The package's address.")
@click.option(
    "--private-reports/--no-private-reports", default=None, help="Whether it takes private reports, if known."
)
@click.option("--owner", "owners", multiple=True, help="The package's registered owner.")
@click.option("--cna", type=click.Path(exists=True, dir_okay=False, path_type=Path), help="A list of CVE authorities.")
@JSON
def contacts(snapshot: Path, *, as_json: bool, **given: Any) -> None:  # noqa: ANN401 - the options by name
    """List the ways to the maintainers of a repository's SNAPSHOT, in order. Nobody is asked."""
    from datetime import datetime

    from seatrial.clearinghouse.case.cna_list import CnaList
    from seatrial.clearinghouse.case.contacts import Source, ways

    with spoken():
        source = Source(
            snapshot,
            given["repository"],
            given["purl"],
            private_reports=given["private_reports"],
            owners=given["owners"],
        )
        listed = CnaList.parse(given["cna"].read_bytes()) if given["cna"] else CnaList()
        found = ways(source, listed, datetime.now(UTC))
    shown(
        [{"way": one.way, "outcome": one.outcome, "address": one.address, "said": one.said} for one in found],
        [f"{one.way:<15} {one.outcome:<8} {one.address or '-'}  {one.said}" for one in found],
        as_json=as_json,
    )


@click.command()
@CASE
@click.argument("organisation")
@click.argument("version")
@click.option("--verified", is_flag=True, help="The proof triggers before VERSION and not in it.")
@WHO
@JSON
def fix(
    case_id: str, organisation: str, version: str, who: tuple[str, str, str], *, verified: bool, as_json: bool
) -> None:
    """Record that ORGANISATION's fix is public in VERSION, or was verified: then its contact's place is free."""
    from seatrial.clearinghouse.case import acts
    from seatrial.clearinghouse.event import EventType

    if not verified:
        act(case_id, lambda case: acts.fix_public(case, organisation, version), who, as_json=as_json)
        return
    act(case_id, [(EventType.FIX_VERIFIED, {"version": version})], who, as_json=as_json)
    with spoken():
        place = Place.open(who)
        case = place.book.case(case_id)
        for cluster in case.clusters:
            place.paces.close(case.participant(organisation).contact, cluster, place.actor, place.now)


@click.command()
@CASE
@click.option("--to", required=True, help="Which coordinator.")
@click.option("--reason", required=True, help="Why.")
@WHO
@JSON
def escalate(case_id: str, to: str, reason: str, who: tuple[str, str, str], *, as_json: bool) -> None:
    """Record that CASE was put before an outside coordinator."""
    from seatrial.clearinghouse.case import escalation

    act(case_id, escalation.escalate(to, reason), who, as_json=as_json)


@click.command()
@click.argument("address", metavar="CONTACT")
@click.option("--places", type=int, help="How many open reports it takes.")
@click.option("--batch-day", type=click.IntRange(-1, 6), help="The only weekday for reports, 0 is Monday; -1 is any.")
@click.option("--zone", default="", help="In which it is that day.")
@click.option("--quiet", nargs=2, multiple=True, metavar="START END", help="No reports within; instants with offset.")
@click.option("--stop/--go-on", "stopped", default=None, help="No reports at all, or reports again.")
@WHO
@JSON
def pace(address: str, who: tuple[str, str, str], *, as_json: bool, **given: Any) -> None:  # noqa: ANN401 - the options by name
    """Show what CONTACT takes and what is open there, or set it as its maintainer asked."""
    from seatrial.clearinghouse.case.pace_book import pace_body

    with spoken():
        place = Place.open(who)
        body = pace_body(**given)
        bucket = place.paces.set_pace(address, body, place.actor, place.now) if body else place.paces.bucket(address)
    found = {
        "contact": address,
        "places": bucket.pace.places,
        "open": list(bucket.open_roots),
        "closed_because": bucket.pace.closed_because(place.now),
        "over": list(bucket.over),
    }
    line = f"{address}: {len(bucket.open_roots)} of {bucket.pace.places} open {found['closed_because']}".rstrip()
    shown(found, [line], as_json=as_json)


VERBS = (rm, em, cs, clock, contact, contacts, fix, escalate, pace)
