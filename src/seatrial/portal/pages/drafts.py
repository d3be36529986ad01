"""The draft and the report, for their developer, who reads the draft before anybody else and may comment on it.

- A run's report is open to its developer from the delivery of the draft on, as a file and never as a page of ours: what
  a model wrote is in it.
- Silence is recorded as no comment received; an extension may be taken once.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from django.http import FileResponse, HttpResponse

from seatrial.desk import Brought
from seatrial.drafting import DIFF, DRAFT, NAMES, REPORT, Reports
from seatrial.framework.submission_store import NotHere
from seatrial.installation import submitted_runs
from seatrial.portal.about import about
from seatrial.portal.forms.comment import CommentForm
from seatrial.portal.opening import house, installation
from seatrial.portal.pages.submissions import back, paper_line
from seatrial.report.bundle import archive

if TYPE_CHECKING:
    from pathlib import Path

    from seatrial.portal.about import About
    from seatrial.portal.acting import PortalRequest

DELIVERED = frozenset({"developer_comment", "report_issued", "handoff", "closed"})
PAPER_KINDS = frozenset({"interim_report", DRAFT, DIFF, REPORT, *NAMES, "comment"})
FILES = {"report.html": "the report as a page", "assessment.json": "the same for a program"}
MARKING = {"data_class": "S", "words": "scores and drafts", "tlp": "amber+strict"}
KINDS = {".html": "text/html; charset=utf-8", ".json": "application/json"}


def show(request: PortalRequest, name: str) -> HttpResponse:
    """What there is to read, and the developer's part in it."""
    return _page(about(request, name), CommentForm())


def comment(request: PortalRequest, name: str) -> HttpResponse:
    """Keep a comment and record that there is one."""
    here = about(request, name)
    form = CommentForm(request.POST, request.FILES)
    if form.is_valid():
        brought = Brought(papers=(("comment", form.content),))
        if here.tried(
            lambda: here.desk.act(name, "comment", brought, form.request_digest), "Your comment is recorded.", form
        ):
            return back(here, "submission-report")
    return _page(here, form, status=422)


def extend(request: PortalRequest, name: str) -> HttpResponse:
    """Take the extension of the time to comment."""
    here = about(request, name)
    here.tried(lambda: here.desk.act(name, "extend_comment"), "The time to comment is extended.")
    return back(here, "submission-report")


def run_file(request: PortalRequest, name: str, number: int, file: str) -> HttpResponse:
    """One file of a run's report."""
    here = about(request, name)
    runs = _runs(here)
    if file not in FILES or not 0 < number <= len(runs) or not (runs[number - 1] / file).is_file():
        raise NotHere(name)
    path = runs[number - 1] / file
    named, kind = f"{here.title}-{number}-{file}", KINDS[path.suffix]
    return cast("HttpResponse", FileResponse(path.open("rb"), as_attachment=True, filename=named, content_type=kind))


def signed(request: PortalRequest, name: str) -> HttpResponse:
    """The signed report in one file: everything that the signature names, and the signature."""
    here = about(request, name)
    try:
        files = Reports(here.desk, here.standing).issued()
    except LookupError:
        raise NotHere(name) from None
    return _file(archive(files), f"{here.title}-report.zip", "application/zip")


def paper(request: PortalRequest, name: str, digest: str) -> HttpResponse:
    """A paper of one's own submission, as it was brought."""
    here = about(request, name)
    same = (one for one in here.standing.documents if one.digest == f"sha256:{digest}" and here.reads(one))
    known = next(same, None)
    if known is None:
        raise NotHere(name)
    try:
        content = house().papers.get(here.desk.viewer, name, known.digest)
    except LookupError:
        raise NotHere(name) from None
    return _file(content, f"{known.kind}-{known.version}", "application/octet-stream")


def step_receipt(request: PortalRequest, name: str, seq: int) -> HttpResponse:
    """The receipt of one step: anybody can check offline that the record holds it."""
    here = about(request, name)
    step = next((one for one in here.record.history if one.entry.seq == seq), None)
    if step is None:
        raise NotHere(name)
    try:
        content = house().receipt(step).encode()
    except LookupError:
        raise NotHere(name) from None
    return _file(content, f"{name}-{seq}.tlog-proof", "text/plain; charset=utf-8")


def _file(content: bytes, name: str, kind: str) -> HttpResponse:
    held = {"Content-Disposition": f'attachment; filename="{name}"'}
    return HttpResponse(content, content_type=kind, headers=held)


def _page(here: About, form: CommentForm, status: int = 200) -> HttpResponse:
    kept = house().papers.kept(here.desk.viewer, here.name)
    offers = {offer.event: offer for offer in here.desk.offers(here.standing)}
    context = {
        "papers": [paper_line(here, one, kept) for one in reversed(here.standing.documents) if one.kind in PAPER_KINDS],
        "runs": _listed(here),
        "form": form if "comment" in offers else None,
        "extension": offers.get("extend_comment"),
        "commented": here.standing.mark("commented"),
        "signed": here.standing.holds(REPORT),
        "delivered": here.standing.state in DELIVERED,
        "marking": MARKING,
    }
    return here.page("developer/report.html", context, status=status)


def _runs(here: About) -> tuple[Path, ...]:
    return submitted_runs(installation().custody.home).of(here.name) if here.standing.state in DELIVERED else ()


def _listed(here: About) -> list[dict[str, Any]]:
    return [
        {
            "name": f"Run {number}: {file}",
            "url": here.address("submission-run-file", number, file),
            "what": what,
            "size": (run / file).stat().st_size,
        }
        for number, run in enumerate(_runs(here), 1)
        for file, what in FILES.items()
        if (run / file).is_file()
    ]
