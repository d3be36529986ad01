"""Submissions: what stands where, what can be done next and by whom, two keys, and the whole history.

Every step of the lifecycle has the same page: what it asks for and what is missing come from the lifecycle's own rows.
Some steps have a richer page of their own, which takes the same act.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from django.http import HttpResponseRedirect
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.http import urlencode

from seatrial.desk import Desk
from seatrial.framework.lifecycles import LIFECYCLES
from seatrial.framework.obligation import due
from seatrial.framework.participant import DEVELOPER_ROLES
from seatrial.framework.standing import Kind
from seatrial.framework.two_key import KeyAction
from seatrial.portal.about import about
from seatrial.portal.errors import not_found
from seatrial.portal.forms.step import StepForm, words
from seatrial.portal.journey import way
from seatrial.portal.noted import LONGEST, NOTES, beside, kept, note
from seatrial.portal.opening import house

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from django.http import HttpResponse

    from seatrial.desk import Keys, Offer
    from seatrial.framework.document import Document
    from seatrial.framework.standing import Standing
    from seatrial.portal.about import About
    from seatrial.portal.acting import PortalRequest

PAGE = 50
STEPS = 50
ANY_TIME = frozenset(
    {
        *("record_release_date", "record_partner_date", "record_incident", "revoke_consent", "give_consent"),
        *("extend_access", "adopt_pack"),
    }
)
"""Steps that are open in nearly every state; what comes next stands by itself above them."""
RICHER = {
    "submit": "submission-share",
    "agree": "submission-agreement",
    "give_consent": "submission-consents",
    "revoke_consent": "submission-consents",
    "grant_access": "submission-access",
    "extend_access": "submission-access",
    "comment": "submission-report",
    "extend_comment": "submission-report",
    "publish_report": "submission-publication",
    "stop_publication": "submission-publication",
}
"""The pages of a developer's steps that show more than a form."""
PUBLICATION = frozenset({"publish_report", "stop_publication"})
"""Steps whose paper is made by their own page, for either side."""
PAGE_OF_KEY = {KeyAction.AGREE: "submission-agreement", KeyAction.PUBLISH_REPORT: "submission-publication"}
"""Where both sides read what they turn a key for."""


def desk(request: PortalRequest) -> Desk:
    """The desk of whoever acts, at the time of the request."""
    return Desk(house(), request.who.actor, request.now)


def index(request: PortalRequest) -> HttpResponse:
    """The submissions that are there for whoever acts, newest first."""
    found = house().submissions.list(request.who.viewer, Kind.SUBMISSION)[::-1]
    after = request.GET.get("after", "")
    begin = next((number for number, one in enumerate(found, 1) if one.object == after), 0)
    shown = found[begin : begin + PAGE]
    more = f"?{urlencode({'after': shown[-1].object})}" if begin + PAGE < len(found) else ""
    context = {
        "lines": [{"standing": one, "owed": _owed(one, request.now)[:1]} for one in shown],
        "total": len(found),
        "more": more,
        "first": reverse("submissions") if begin else "",
        "owns": request.who.role == "developer_owner",
        "marking": {"data_class": "M", "words": "model facts", "tlp": "amber+strict"},
    }
    return render(request, "submissions/index.html", context)


def show(request: PortalRequest, name: str) -> HttpResponse:
    """Where one stands, what is owed by whom, the steps that are open to this role, and its history."""
    here = about(request, name)
    standing, before = here.standing, _number(request.GET.get("before", ""))
    history = [step for step in reversed(here.record.history) if before is None or step.entry.seq < before]
    offers = [_line(here, offer) for offer in here.desk.offers(standing)]
    context = {
        "meaning": LIFECYCLES[standing.kind].meaning[standing.state],
        "way": way(here.record.history, standing.state),
        "owed": _owed(standing, request.now),
        "next": [one for one in offers if one["event"] not in ANY_TIME],
        "any_time": [one for one in offers if one["event"] in ANY_TIME],
        "keys": [_keys(here, one) for one in here.desk.open_keys(name, standing)],
        "papers": _papers(here),
        "history": history[:STEPS],
        "earlier": f"?before={history[STEPS - 1].entry.seq}#history" if len(history) > STEPS else "",
        "log": house().ledger.number,
    }
    return here.page("submissions/show.html", context)


def step(request: PortalRequest, name: str, event: str) -> HttpResponse:
    """One step: its form, and the act that comes of it."""
    here = about(request, name)
    offer = next((one for one in here.desk.offers(here.standing) if one.event == event), None)
    if offer is None:
        return not_found(request)
    if event in RICHER and (here.role in DEVELOPER_ROLES or event in PUBLICATION):
        return redirect(RICHER[event], name=name)
    offer, noted = beside(here, offer)
    form = StepForm(offer, request.POST or None, request.FILES or None)
    said = f"Recorded: {words(event)}."
    if request.method == "POST" and form.is_valid():
        brought, once = form.brought(), form.request_digest
        brought = replace(brought, papers=(*brought.papers, *noted))
        if here.tried(lambda: here.desk.act(name, event, brought, once), said, form):
            return redirect("submission", name=name)
    title = words(event).capitalize()
    context = {"offer": offer, "page_title": title, "form": form}
    return here.page("submissions/step.html", context, status=422 if form.errors else 200)


def key(request: PortalRequest, name: str, action: str) -> HttpResponse:
    """Turn one's key for an action of two keys."""
    here = about(request, name)
    known = {str(one): one for one in KeyAction}
    if action not in known:
        return not_found(request)
    if request.method == "POST":

        def act() -> None:
            given = request.POST
            turned(here, known[action], kept(here, given["note"]) if "note" in given else given.get("digest", ""))

        here.tried(act, f"Your key is turned for: {words(action)}.")
        return redirect("submission", name=name)
    asked = [_keys(here, one) for one in here.desk.keys(name, here.standing) if one.request.action == action]
    for one in asked:
        one["note"] = (note(here, one["request"].digest) or b"").decode() if action in NOTES else ""
    context = {
        "action": action,
        "page_title": words(action).capitalize(),
        "keys": asked[::-1],
        "noted": words(NOTES.get(known[action], "")),
        "longest": LONGEST,
    }
    return here.page("submissions/key.html", context)


def turned(here: About, action: KeyAction, digest: str) -> None:
    """Turn this person's key, unless it is turned already; `ValueError` where the role holds none."""
    rule = here.pack.key_rule(action)
    if here.role not in rule.first | rule.second:
        raise ValueError(f"{words(here.role)} holds no key for this")
    for one in here.desk.keys(here.name, here.standing):
        same = (one.request.action, one.request.digest) == (action, digest)
        if same and here.desk.actor.person in {
            vote.person for vote in rule.live(one.request, one.votes, here.desk.now)
        }:
            raise ValueError("your key is turned for this already")
    here.desk.turn(here.name, action, digest)


def sides(here: About, keys: Keys) -> list[dict[str, Any]]:
    """Both keys of a request: whose each is, whether it is turned, by whom and when."""
    rule = here.pack.key_rule(keys.request.action)
    live = rule.live(keys.request, keys.votes, here.desk.now)
    shown = []
    for side in (rule.first, rule.second):
        vote = next((vote for vote in live if vote.role in side), None)
        label = " or ".join(sorted(words(role) for role in side))
        who, at = (f"{vote.person}, {vote.organisation}", vote.at) if vote else ("", None)
        shown.append({"side": label.capitalize(), "turned": vote is not None, "who": who, "at": at})
    return shown


def may_turn(here: About, keys: Keys) -> bool:
    """Whether this person's key is asked for and not turned."""
    rule = here.pack.key_rule(keys.request.action)
    live = rule.live(keys.request, keys.votes, here.desk.now)
    asked = any(here.role in side for side in keys.missing)
    return asked and all(vote.person != here.desk.actor.person for vote in live)


def back(here: About, page: str, fragment: str = "") -> HttpResponseRedirect:
    """To another of its pages."""
    return HttpResponseRedirect(here.address(page) + fragment)


def _keys(here: About, keys: Keys) -> dict[str, Any]:
    page = PAGE_OF_KEY.get(keys.request.action, "submission-key")
    more = () if keys.request.action in PAGE_OF_KEY else (keys.request.action,)
    rule = here.pack.key_rule(keys.request.action)
    return {
        "request": keys.request,
        "sides": sides(here, keys),
        "mine": may_turn(here, keys),
        "reads": here.role in rule.first | rule.second or here.role in DEVELOPER_ROLES,
        "url": here.address(page, *more),
    }


def _line(here: About, offer: Offer) -> dict[str, Any]:
    page = RICHER.get(offer.event) if here.role in DEVELOPER_ROLES else None
    url = here.address(page) if page else here.address("submission-step", offer.event)
    return {"event": offer.event, "label": words(offer.event).capitalize(), "url": url, "missing": offer.missing}


def paper_line(here: About, document: Document, kept: Mapping[str, int]) -> dict[str, Any]:
    """A paper with its digest, and the way to its bytes where they are kept here."""
    there = document.digest in kept and here.reads(document)
    return {
        "name": f"{words(document.kind).capitalize()}, version {document.version}",
        "url": here.address("submission-paper", document.digest.removeprefix("sha256:")) if there else "",
        "size": kept.get(document.digest),
        "waits": not here.reads(document),
        "digest": document.digest,
        "at": document.at,
        "by": document.organisation,
    }


def _papers(here: About) -> list[dict[str, Any]]:
    """The papers, newest first; only the developer's own side fetches them here."""
    if here.role not in DEVELOPER_ROLES:
        return []
    kept = house().papers.kept(here.desk.viewer, here.name)
    return [paper_line(here, one, kept) for one in reversed(here.standing.documents)]


def _owed(standing: Standing, now: datetime) -> tuple[object, ...]:
    return due(standing, house().packs(standing.pack), now)


def _number(written: str) -> int | None:
    return int(written) if written.isascii() and written.isdigit() and len(written) < 10 else None
