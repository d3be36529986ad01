"""The agreement: what the pack says, what the two sides settle, and the keys by which both sign one text.

- Whoever proposes fills in what the pack leaves open; the text is written from the records, and what is signed is its
  digest. Its annexes stand in it by theirs.
- The newest proposal counts. Another text needs new keys.
- The step is taken as soon as both keys are turned and the developer's consent to evaluate is there.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from seatrial.desk import Brought
from seatrial.framework.data_class import DataClass
from seatrial.framework.terms import FIXED_TERMS
from seatrial.framework.two_key import KeyAction
from seatrial.paperwork import AGREEMENT, INCIDENT_PLAN, SCHEDULE, annexed, proposed, settled
from seatrial.portal.about import PAPERS, about
from seatrial.portal.forms.agreement import ProposalForm
from seatrial.portal.forms.step import words
from seatrial.portal.opening import house
from seatrial.portal.pages.offers import terms_of
from seatrial.portal.pages.submissions import back, may_turn, sides, turned

if TYPE_CHECKING:
    from django.http import HttpResponse

    from seatrial.desk import Keys
    from seatrial.portal.about import About
    from seatrial.portal.acting import PortalRequest

OWN = frozenset({AGREEMENT, SCHEDULE, INCIDENT_PLAN})


@dataclass(frozen=True, slots=True)
class Proposal:
    """A text that keys are asked for, with the papers that belong to it."""

    keys: Keys
    text: bytes
    annexes: dict[str, bytes]


def show(request: PortalRequest, name: str) -> HttpResponse:
    """What is agreed, or is to be; and the form of a proposal."""
    here = about(request, name)
    form = ProposalForm(here.pack.terms, _more(here))
    return _page(here, form)


def propose(request: PortalRequest, name: str) -> HttpResponse:
    """Write the agreement with what was settled, keep it, and turn one's own key for it."""
    here = about(request, name)
    form = ProposalForm(here.pack.terms, _more(here), request.POST)

    def act() -> None:
        terms = settled(here.pack.terms, form.amounts, form.cleaned_data["funding"])
        plan = form.cleaned_data["incident_plan"].encode()
        made = proposed(here.pack, here.standing, terms, plan, here.desk.now, **form.papers)
        for _, content in made.papers:
            house().papers.put(here.desk.viewer, name, DataClass.P, content)
        turned(here, KeyAction.AGREE, made.digest)

    if here.standing.state == "terms" and form.is_valid() and here.tried(act, "Proposed; your key is turned.", form):
        return back(here, "submission-agreement")
    if here.standing.state != "terms":
        return back(here, "submission-agreement")
    return _page(here, form, status=422)


def sign(request: PortalRequest, name: str) -> HttpResponse:
    """Turn one's key for the newest proposal; take the step once nothing is missing."""
    here = about(request, name)
    digest = request.POST.get("digest", "")
    proposal = _proposal(here)
    if proposal is None or proposal.keys.request.digest != digest:
        here.tried(_replaced, "")
        return back(here, "submission-agreement")
    if may_turn(here, proposal.keys):
        here.tried(lambda: turned(here, KeyAction.AGREE, digest), "Your key is turned.")
        here = about(request, name)
        proposal = _proposal(here) or proposal
    if not proposal.keys.missing:
        brought = Brought(papers=((AGREEMENT, proposal.text), *proposal.annexes.items()))
        here.tried(lambda: here.desk.act(name, "agree", brought), "Agreed: both sides have signed.")
    return back(here, "submission-agreement")


def _replaced() -> None:
    raise ValueError("another text was proposed meanwhile; read it before you sign")


def _page(here: About, form: ProposalForm, status: int = 200) -> HttpResponse:
    proposal = _proposal(here) if here.standing.state == "terms" else None
    signed = next((one for one in reversed(here.standing.documents) if one.kind == AGREEMENT), None)
    text = _text(here, signed.digest) if signed else None
    offers = {offer.event: offer for offer in here.desk.offers(here.standing)}
    context = {
        "pack": here.pack,
        "terms": terms_of(here.pack),
        "fixed": FIXED_TERMS.values(),
        "form": form,
        "proposal": proposal,
        "proposed_text": proposal.text.decode() if proposal else "",
        "annexes": [(words(kind), body.decode(), kind == SCHEDULE) for kind, body in proposal.annexes.items()]
        if proposal
        else [],
        "sides": sides(here, proposal.keys) if proposal else [],
        "mine": bool(proposal and may_turn(here, proposal.keys)),
        "both": bool(proposal and not proposal.keys.missing),
        "missing": offers["agree"].missing if "agree" in offers else (),
        "may_propose": "agree" in offers,
        "signed": signed,
        "signed_text": text.decode() if text else "",
        "marking": PAPERS,
    }
    return here.page("developer/agreement.html", context, status=status)


def _proposal(here: About) -> Proposal | None:
    """The newest one whose text is kept here; a digest that was asked for elsewhere has none."""
    asked = [one for one in here.desk.keys(here.name, here.standing) if one.request.action is KeyAction.AGREE]
    if not asked:
        return None
    text = _text(here, asked[-1].request.digest)
    if text is None:
        return None
    annexes = {kind: _text(here, digest) for kind, digest in annexed(text).items()}
    return Proposal(asked[-1], text, {kind: body for kind, body in annexes.items() if body is not None})


def _text(here: About, digest: str) -> bytes | None:
    try:
        return house().papers.get(here.desk.viewer, here.name, digest)
    except LookupError:
        return None


def _more(here: About) -> tuple[str, ...]:
    """The papers that the pack asks for at this step beside the agreement's own."""
    return tuple(rule.kind for rule in here.pack.documents_for("agree") if rule.kind not in OWN)
