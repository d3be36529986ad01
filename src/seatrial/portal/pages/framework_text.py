"""The framework's own text: versions of policies that are proposed, commented on, revised, and adopted by two keys.

- Every organisation in a role that has a step here sees every text: who proposed it, who commented, who must act.
- A proposal is looked at first: what is wrong with it and where, what it changes in the policy in force.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render

from seatrial import adopted
from seatrial.desk import Brought
from seatrial.framework.framework_text import LEAST_COMMENTERS, TEXT_KEYS, commenters, current
from seatrial.framework.pack_words import changes
from seatrial.framework.standing import Kind
from seatrial.framework.submission_store import NotHere
from seatrial.framework.two_key import KeyAction
from seatrial.portal.forms.text import TextForm
from seatrial.portal.opening import house
from seatrial.portal.steps import Here, here, step_page
from seatrial.shipped import load_shipped, names

if TYPE_CHECKING:
    from collections.abc import Iterator

    from seatrial.framework.pack import PolicyPack
    from seatrial.framework.standing import Standing
    from seatrial.framework.two_key import Vote
    from seatrial.portal.acting import PortalRequest

MARKING = {"data_class": "P", "words": "a proposed text of the framework", "tlp": "green"}
RICHER = frozenset({"revise", "adopt"})
"""Steps with a page of their own."""


def index(request: PortalRequest) -> HttpResponse:
    """The policies in force, and the texts that are proposed, newest first."""
    texts = house().submissions.list(request.who.viewer, Kind.FRAMEWORK_TEXT)
    context = {
        "packs": adopted.choosable(house()).values(),
        "lines": [{"standing": one, "commenters": commenters(one)} for one in reversed(texts)],
        "may_propose": request.who.role in TEXT_KEYS.first,
    }
    return render(request, "framework_text/index.html", context)


def propose(request: PortalRequest) -> HttpResponse:
    """A new version: looked at, then proposed."""
    form = TextForm(request.POST or None, request.FILES or None)
    found = None
    if request.method == "POST" and form.is_valid():
        found = adopted.looked_at(house(), form.raw, _name(form))
        if "propose" in request.POST and not found.problems:
            name = adopted.propose(house(), request.who.actor, found.raw, request.now, form.cleaned_data["once"])
            messages.success(request, "Proposed. Other organisations see it now and may comment.")
            return redirect("text", name=name)
        form = form.shown(found.raw)
    status = 422 if form.errors or (found and found.problems) else 200
    context = {"form": form, "found": found, "page_title": "Propose a new version", "verb": "propose"}
    return render(request, "framework_text/propose.html", context, status=status)


def show(request: PortalRequest, name: str) -> HttpResponse:
    """What it changes, what was said of it, and who must act."""
    at = here(request, name, Kind.FRAMEWORK_TEXT)
    raw = _bytes(at, current(at.standing))
    pack, problems = adopted.read(raw) if raw else (None, ())
    before = _before(at, pack.ref.id) if pack else None
    context = {
        **at.context,
        "pack": pack,
        "problems": problems,
        "before": before,
        "changes": changes(before, pack) if before and pack else (),
        "digest": current(at.standing),
        "comments": list(_comments(at)),
        "commenters": sorted(commenters(at.standing) - {at.standing.mark("proposer")}),
        "least": LEAST_COMMENTERS,
        "keys": list(_keys(at)),
        "may_turn": _may_turn(at),
        "steps": [one for one in at.desk.offers(at.standing) if one.event not in RICHER],
        "may_revise": any(one.event == "revise" and not one.missing for one in at.desk.offers(at.standing)),
        "may_adopt": any(one.event == "adopt" for one in at.desk.offers(at.standing)),
        "marking": MARKING,
    }
    return render(request, "framework_text/show.html", context)


def text(request: PortalRequest, name: str) -> HttpResponse:
    """The bytes of the text as it stands."""
    at = here(request, name, Kind.FRAMEWORK_TEXT)
    raw = _bytes(at, current(at.standing))
    if raw is None:
        raise NotHere(name)
    answer = HttpResponse(raw, content_type="text/plain; charset=utf-8")
    answer["Content-Disposition"] = f'attachment; filename="{name}.toml"'
    return answer


def step(request: PortalRequest, name: str, event: str) -> HttpResponse:
    """A step that needs no more than its own form: a comment, a successor, a withdrawal of the text."""
    if event in RICHER:
        raise NotHere(name)
    at = here(request, name, Kind.FRAMEWORK_TEXT)
    return step_page(at, event, "text", "framework_text/step.html", marking=MARKING)


def revise(request: PortalRequest, name: str) -> HttpResponse:
    """A new version by whoever proposed it; the diff to the one before is written by the house."""
    at = here(request, name, Kind.FRAMEWORK_TEXT)
    if at.offer("revise").missing:
        raise NotHere(name)
    form, found = TextForm(request.POST or None, request.FILES or None), None
    if request.method == "POST" and form.is_valid():
        found = adopted.looked_at(house(), form.raw, _name(form), own=name)
        if "propose" in request.POST and found.pack and not found.problems:
            older = _bytes(at, current(at.standing))
            diff = adopted.words(adopted.read(older)[0] if older else None, found.pack)
            if at.taken("revise", Brought(papers=((adopted.TEXT, found.raw), (adopted.DIFF, diff)))):
                return redirect("text", name=name)
        form = form.shown(found.raw)
    status = 422 if form.errors or (found and found.problems) else 200
    context = {"form": form, "found": found, "page_title": "Revise", "verb": "revise", "standing": at.standing}
    return render(request, "framework_text/propose.html", context, status=status)


def key(request: PortalRequest, name: str) -> HttpResponse:
    """Turn one's key for adopting the very text that stands."""
    at = here(request, name, Kind.FRAMEWORK_TEXT)
    at.offer("adopt")
    if request.POST.get("digest", "") != current(at.standing):
        messages.error(request, "The text has changed since you read it. Read it again before you turn your key.")
    elif _may_turn(at):
        at.desk.turn(name, KeyAction.ADOPT_PACK, current(at.standing))
        messages.success(request, "Your key is turned.")
    return redirect("text", name=name)


def adopt(request: PortalRequest, name: str) -> HttpResponse:
    """Adopt, once both keys are turned."""
    at = here(request, name, Kind.FRAMEWORK_TEXT)
    at.offer("adopt")
    at.taken("adopt", Brought())
    return redirect("text", name=name)


def _name(form: TextForm) -> str:
    file = form.cleaned_data.get("file")
    return str(file.name) if file else "proposal.toml"


def _bytes(at: Here, digest: str) -> bytes | None:
    try:
        return house().papers.get(at.request.who.viewer, at.standing.object, digest)
    except LookupError:
        return None


def _before(at: Here, name: str) -> PolicyPack | None:
    """What it is compared with: the version in force, which after an adoption may be this very text."""
    found = adopted.newest(house(), name)
    if found is None or found.ref.sha256 != current(at.standing):
        return found
    return load_shipped(name) if name in names() else None


def _comments(at: Here) -> Iterator[dict[str, object]]:
    said = [step for step in at.record.history if step.entry.event == "comment" and step.act.documents]
    digests = {step.act.documents[0].digest for step in said}
    kept = house().papers.several(at.request.who.viewer, at.standing.object, digests)
    for one in reversed(said):
        raw = kept.get(one.act.documents[0].digest, b"")
        yield {"at": one.entry.at, "who": one.entry.actor, "text": raw.decode("utf-8", "replace")}


def _keys(at: Here) -> Iterator[dict[str, object]]:
    """Both keys on the text as it stands: two people of two organisations, in any of the leading roles."""
    live = _live(at.standing, at)
    roles = ", ".join(sorted(role.replace("_", " ") for role in TEXT_KEYS.first))
    for number, side in enumerate(("One organisation", "Another organisation")):
        vote = live[number] if number < len(live) else None
        who = f"{vote.person}, {vote.organisation}" if vote else roles
        yield {"side": side, "turned": vote is not None, "who": who, "at": vote.at if vote else None}


def _live(standing: Standing, at: Here) -> list[Vote]:
    """The keys that are turned on the very text, one an organisation."""
    found: dict[str, Vote] = {}
    for asked in at.desk.keys(standing.object, standing):
        if asked.request.digest == current(standing):
            for vote in TEXT_KEYS.live(asked.request, asked.votes, at.request.now):
                found.setdefault(vote.organisation, vote)
    return list(found.values())


def _may_turn(at: Here) -> bool:
    who = at.request.who
    offered = any(one.event == "adopt" for one in at.desk.offers(at.standing))
    return offered and all(vote.organisation != who.organisation for vote in _live(at.standing, at))
