"""The publication of a report, for the two sides that publish it: the edition, both keys, the day, and the stop."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.http import HttpResponse

from seatrial.disclosed import FILES
from seatrial.framework.submission_store import NotHere
from seatrial.portal.about import about
from seatrial.portal.forms.publication import EditionForm
from seatrial.portal.pages.submissions import back, may_turn, sides
from seatrial.publication import BadEdition
from seatrial.publishing import Publishing

if TYPE_CHECKING:
    from seatrial.portal.about import About
    from seatrial.portal.acting import PortalRequest
    from seatrial.publication import Edition

MARKING = {"data_class": "R", "words": "a report that is not public yet", "tlp": "amber+strict"}
PUBLIC = {"data_class": "R", "words": "a published report", "tlp": "clear"}


def show(request: PortalRequest, name: str) -> HttpResponse:
    """What would be public, who has turned a key, and what is public."""
    here = about(request, name)
    return _page(here, EditionForm(request.now))


def propose(request: PortalRequest, name: str) -> HttpResponse:
    """Propose an edition with its day, and turn one's own key for it."""
    here = about(request, name)
    form = EditionForm(request.now, request.POST)
    made = _of(here)
    if not made.possible:
        here.tried(_not_now, "")
        return back(here, "submission-publication")
    if form.is_valid() and here.tried(lambda: made.propose(form.day), "Proposed; your key is turned.", form):
        return back(here, "submission-publication")
    return _page(here, form, status=422)


def turn(request: PortalRequest, name: str) -> HttpResponse:
    """Turn one's key for the newest edition; both turned, and with the developer's consent, it is published."""
    here = about(request, name)
    digest = request.POST.get("digest", "")
    here.tried(lambda: _of(here).turn(digest), "Your key is turned.")
    return back(here, "submission-publication")


def stop(request: PortalRequest, name: str) -> HttpResponse:
    """Take back what is not public yet, alone and without a reason."""
    here = about(request, name)
    here.tried(lambda: _of(here).stop(), "Stopped: nothing is published.")
    return back(here, "submission-publication")


def file(request: PortalRequest, name: str, file: str) -> HttpResponse:
    """A file of the edition, as it would be public; always to be saved."""
    here = about(request, name)
    edition = _edition(here)
    try:
        content = _of(here).files(edition)[file] if edition else None
    except (KeyError, LookupError, BadEdition):
        content = None
    if content is None:
        raise NotHere(name)
    answer = HttpResponse(content, content_type=FILES[file][1])
    answer["Content-Disposition"] = f'attachment; filename="public-{file}"'
    return answer


def _of(here: About) -> Publishing:
    return Publishing(here.desk, here.standing)


def _not_now() -> None:
    raise ValueError("an edition is proposed once a report is signed, and while none was agreed on")


def _edition(here: About) -> Edition | None:
    made = _of(here)
    if agreed := made.agreed():
        return agreed
    proposal = made.proposal()
    return proposal.edition if proposal else None


def _page(here: About, form: EditionForm, status: int = 200) -> HttpResponse:
    made, edition = _of(here), _edition(here)
    proposal = made.proposal() if made.day is None else None
    public = made.day is not None and made.day <= here.desk.now
    context: dict[str, Any] = {
        "edition": edition,
        "files": _files(here, edition),
        "keys": proposal.keys if proposal else None,
        "sides": sides(here, proposal.keys) if proposal else [],
        "mine": bool(proposal and may_turn(here, proposal.keys)),
        "both": bool(proposal and not proposal.keys.missing),
        "day": made.day,
        "public": public,
        "may_stop": made.possible or (made.day is not None and not public and _holds(here)),
        "may_propose": made.possible,
        "consents": made.consents,
        "form": form,
        "marking": PUBLIC if public else MARKING,
    }
    return here.page("submissions/publication.html", context, status=status)


def _holds(here: About) -> bool:
    """Whether this person's side holds a key to a publication."""
    return any(one.event == "stop_publication" for one in here.desk.offers(here.standing))


def _files(here: About, edition: Edition | None) -> list[dict[str, Any]]:
    if edition is None:
        return []
    try:
        files = _of(here).files(edition)
    except (LookupError, BadEdition):
        return []
    return [
        {"name": one, "url": here.address("publication-file", one), "what": FILES[one][0], "size": len(files[one])}
        for one in sorted(files)
    ]
