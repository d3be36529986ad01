"""Findings: a list that holds with many thousands, one finding with its clocks, its papers and the steps of a role.

- Nothing here says which model found it: neither its submission nor its subject is shown to anybody.
- A maintainer has what was reported about the own product, and of the papers those that were written for it.
- A paper is shown only once its reading is written down; a reproducer is sealed elsewhere and stands by its digest.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from django.shortcuts import render

from seatrial.framework.data_class import DataClass
from seatrial.framework.finding import STATES, embargo
from seatrial.framework.participant import Role
from seatrial.framework.standing import Kind
from seatrial.framework.submission_store import NotHere
from seatrial.portal.opening import house
from seatrial.portal.steps import Here, here, step_page
from seatrial.storage.reads import ReadTables

if TYPE_CHECKING:
    from collections.abc import Iterator

    from django.http import HttpResponse

    from seatrial.framework.document import Document
    from seatrial.framework.standing import Standing
    from seatrial.portal.acting import PortalRequest

MARKS = (("rating", "Rating"), ("vendor", "Maintained by"), ("cluster", "Root cause group"), ("known_as", "Known as"))
MORE_MARKS = (("dup_of", "Same as"), ("fixed_version", "Fixed in"), ("wait_reason", "Waits because"))
SEALED = frozenset({"reproducer", "oracle_script"})
"""Papers that may be an exploit: two people open one, and not on a page."""
FOR_MAINTAINERS = frozenset({"report_with_label", "advisory", "details"})
MOST_SHOWN = 256 * 1024
"""Bytes of a paper on a page; the digest is of all of it."""


def index(request: PortalRequest) -> HttpResponse:
    """The findings that are there for whoever acts, in the order of opening, of one state or of all."""
    viewer, state = request.who.viewer, request.GET.get("state", "")
    store = house().submissions
    states = (state,) if state in STATES else ()
    found, more = store.lines(viewer, Kind.FINDING, states, request.GET.get("after", ""))
    counts = store.counts(viewer, Kind.FINDING)
    context = {
        "findings": found,
        "more": f"?{urlencode({'state': state, 'after': more})}" if more else "",
        "counts": [(name, counts[name]) for name in STATES if name in counts],
        "total": sum(counts.values()),
        "state": state if states else "",
        "marking": _marking(None),
    }
    return render(request, "findings/index.html", context)


def show(request: PortalRequest, name: str) -> HttpResponse:
    """Where it stands, what is owed by whom, what can be done, its papers and its history."""
    at = here(request, name, Kind.FINDING)
    return render(request, "findings/show.html", _context(at))


def step(request: PortalRequest, name: str, event: str) -> HttpResponse:
    """One step of its lifecycle."""
    at = here(request, name, Kind.FINDING)
    return step_page(at, event, "finding", "findings/step.html", marking=_marking(at.standing))


def paper(request: PortalRequest, name: str, digest: str) -> HttpResponse:
    """The text of one paper, once its reading is written down."""
    at = here(request, name, Kind.FINDING)
    document = next((one for one in _papers(at) if one.digest == digest and one.kind not in SEALED), None)
    if document is None:
        raise NotHere(name)
    viewer = request.who.viewer
    ReadTables(house().database).note(viewer, name, _named(document), DataClass.F, request.now)
    try:
        content = house().papers.get(viewer, name, digest)
    except LookupError as error:
        raise NotHere(name) from error
    context = {
        **_context(at),
        "document": document,
        "text": content[:MOST_SHOWN].decode("utf-8", "replace"),
        "cut": len(content) > MOST_SHOWN,
    }
    return render(request, "findings/paper.html", context)


def _context(at: Here) -> dict[str, Any]:
    standing = at.standing
    clocks = embargo(standing)
    pack = house().packs(standing.pack)
    return {
        **at.context,
        "facts": [(label, standing.mark(mark)) for mark, label in (*MARKS, *MORE_MARKS) if standing.mark(mark)],
        "clocks": clocks,
        "disclosure_end": clocks.disclosure_end(pack) if clocks else None,
        "papers": [{"document": one, "sealed": one.kind in SEALED} for one in _papers(at)],
        "maintainer": at.request.who.role is Role.MAINTAINER,
        "marking": _marking(standing),
    }


def _papers(at: Here) -> Iterator[Document]:
    who = at.request.who
    for document in at.standing.documents:
        if (
            who.role is not Role.MAINTAINER
            or document.kind in FOR_MAINTAINERS
            or document.organisation == who.organisation
        ):
            yield document


def _named(document: Document) -> str:
    return f"{document.kind}-{document.version}"


def _marking(standing: Standing | None) -> dict[str, str]:
    label = standing.mark("tlp") if standing else ""
    tlp = label.removeprefix("TLP:").lower() or "amber+strict"
    return {"data_class": "F", "words": "findings: claim, root cause, reproducer", "tlp": tlp}
