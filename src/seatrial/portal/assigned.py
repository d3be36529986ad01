"""The submission that an evaluator's page is about: only of the organisation that assesses it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from seatrial.framework.submission_store import NotHere
from seatrial.portal.about import about
from seatrial.portal.opening import house
from seatrial.reviewing import ReviewRuns

if TYPE_CHECKING:
    from django.http import HttpResponse

    from seatrial.portal.about import About
    from seatrial.portal.acting import PortalRequest

TABS = (
    ("Review", "review"),
    ("Plan", "review-plan"),
    ("Boundary", "review-boundary"),
    ("Runs", "review-runs"),
    ("Scrutiny", "review-scrutiny"),
    ("Report", "review-report"),
)
SCORES = {"data_class": "S", "words": "scores and drafts", "tlp": "amber+strict"}
TRANSCRIPTS = {"data_class": "T", "words": "transcripts", "tlp": "amber+strict"}
RICHER = {
    "agree": "submission-agreement",
    "register_plan": "review-plan",
    "start_preflight": "review-runs",
    "end_runs": "review-end",
    "send_draft": "report-draft",
    "deliver_draft": "report-deliver",
    "revise": "report-revise",
    "sign_report": "report-sign",
    "publish_report": "submission-publication",
    "stop_publication": "submission-publication",
}
"""The pages of an evaluator's steps that show more than a form."""


def assigned(request: PortalRequest, name: str) -> About:
    """A submission that this organisation assesses. Raises `NotHere`."""
    here = about(request, name)
    if here.standing.evaluator != request.who.organisation:
        raise NotHere(name)
    return here


def page(here: About, template: str, *, status: int = 200, **context: Any) -> HttpResponse:  # noqa: ANN401 - of a template
    """A page of a review, with the way to its others."""
    path = here.request.path
    tabs = [{"label": label, "url": here.address(route)} for label, route in TABS]
    current = max((tab["url"] for tab in tabs if path.startswith(tab["url"])), key=len, default="")
    return here.page(template, status=status, tabs=tabs, tab=current, **context)


def runs() -> ReviewRuns:
    """The runs of this installation."""
    return ReviewRuns(house())


def step_of(here: About, event: str) -> str:
    """The page of a step."""
    return here.address(RICHER[event]) if event in RICHER else here.address("submission-step", event)


def number(text: str, *, default: int = 0) -> int:
    """A place in a list, as an address has it; whatever is none is the beginning."""
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else default


def pages(total: int, begin: int, size: int, query: str = "") -> dict[str, str]:
    """Addresses of the page before and after, and what is on this one."""
    more = f"&{query}" if query else ""
    return {
        "before": f"?from={max(0, begin - size)}{more}" if begin > 0 else "",
        "after": f"?from={begin + size}{more}" if begin + size < total else "",
        "shown": f"{begin + 1:,} to {min(begin + size, total):,} of {total:,}" if total else "",
    }
