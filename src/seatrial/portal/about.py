"""The submission that a page is about, as whoever acts sees it: its record, its pages, and how an act on it is tried.

- An object of another kind, another developer's and one that is not there are the same: `NotHere`.
- What stops an act is said on the form or on the page it came from; the act itself is the desk's or the house's.
"""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from django.contrib import messages
from django.shortcuts import render
from django.urls import reverse

from seatrial.custody.keys import CustodyError
from seatrial.desk import Desk
from seatrial.drafting import ASSESSMENT, DIFF, PAGE, TRANSCRIPT_REVIEW, WRITTEN
from seatrial.framework.lifecycle import NotPossible
from seatrial.framework.participant import DEVELOPER_ROLES, Role
from seatrial.framework.standing import Kind
from seatrial.framework.submission import OVER
from seatrial.framework.submission_store import NotHere, Stale
from seatrial.portal.opening import house

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from django import forms
    from django.http import HttpResponse

    from seatrial.framework.document import Document
    from seatrial.framework.pack import PolicyPack
    from seatrial.framework.standing import Standing
    from seatrial.framework.submission_store import Record
    from seatrial.portal.acting import PortalRequest

MODEL_FACTS = {"data_class": "M", "words": "model facts", "tlp": "amber+strict"}
PAPERS = {"data_class": "P", "words": "papers", "tlp": "amber+strict"}
DRAFTING = frozenset({TRANSCRIPT_REVIEW, WRITTEN, DIFF, ASSESSMENT, PAGE})
"""The evaluator's papers while it writes; the developer reads the draft before anybody else, and not before that."""
PAGES = (
    ("Overview", "submission", frozenset(Role)),
    ("Agreement", "submission-agreement", DEVELOPER_ROLES | {Role.EVALUATOR_LEAD}),
    ("Consents", "submission-consents", DEVELOPER_ROLES),
    ("Access", "submission-access", DEVELOPER_ROLES),
    ("Runs", "submission-runs", DEVELOPER_ROLES),
    ("Report", "submission-report", DEVELOPER_ROLES),
    ("Publication", "submission-publication", DEVELOPER_ROLES | {Role.EVALUATOR_LEAD}),
    ("Who sees what", "submission-grants", DEVELOPER_ROLES),
    ("Receipts", "submission-receipts", DEVELOPER_ROLES),
)


@dataclass(frozen=True, slots=True)
class About:
    """One submission before one person, at the time of one request."""

    request: PortalRequest
    desk: Desk
    record: Record

    @property
    def name(self) -> str:
        """Its id."""
        return self.record.standing.object

    @property
    def standing(self) -> Standing:
        """Where it stands."""
        return self.record.standing

    @property
    def title(self) -> str:
        """Its code name; its id once that is forgotten."""
        subject = self.standing.subject
        return subject.code_name if subject else self.name

    @property
    def pack(self) -> PolicyPack:
        """The policy that it is under."""
        return house().packs(self.standing.pack)

    @property
    def role(self) -> Role:
        """In which role this person acts."""
        return self.request.who.role

    @property
    def owns(self) -> bool:
        """Whether this person may act for its developer."""
        return self.role is Role.DEVELOPER_OWNER

    @property
    def over(self) -> bool:
        """Whether nothing goes on any more."""
        return self.standing.state in OVER

    def reads(self, document: Document) -> bool:
        """Whether a paper is open to its developer: what a draft was written with is, once that draft is delivered."""
        delivered = self.standing.date("draft_delivered")
        return document.kind not in DRAFTING or (delivered is not None and document.at <= delivered)

    def address(self, page: str = "submission", *more: object) -> str:
        """Where one of its pages is."""
        return reverse(page, args=(self.name, *more))

    def page(
        self,
        template: str,
        context: Mapping[str, Any] = MappingProxyType({}),
        *,
        status: int = 200,
        **more: Any,  # noqa: ANN401 - of a template
    ) -> HttpResponse:
        """A page of this submission."""
        shared = {
            "about": self,
            "standing": self.standing,
            "places": self._places(),
            "may_withdraw": self.role in DEVELOPER_ROLES and self.standing.state not in {"withdrawn", "purged"},
            "over": self.over,
            "marking": MODEL_FACTS,
        }
        return render(self.request, template, {**shared, **context, **more}, status=status)

    def tried(self, act: Callable[[], object], said: str, form: forms.Form | None = None) -> bool:
        """Whether the act was taken; what stopped it is said on the form, or above the page that comes next."""
        try:
            act()
        except NotPossible as error:
            return self._stopped(f"This is not possible yet. Missing: {'; '.join(error.missing)}.", form)
        except Stale:
            return self._stopped("Somebody acted in the meantime. Read the page again before you go on.", form)
        except (ValueError, CustodyError) as error:
            return self._stopped(f"{error}.", form)
        messages.success(self.request, said)
        return True

    def _stopped(self, why: str, form: forms.Form | None) -> bool:
        if form is None:
            messages.error(self.request, why)
        else:
            form.add_error(None, why)
        return False

    def _places(self) -> list[dict[str, Any]]:
        found = [(label, self.address(page)) for label, page, roles in PAGES if self.role in roles]
        return [{"label": label, "url": url, "current": url == self.request.path} for label, url in found]


def about(request: PortalRequest, name: str) -> About:
    """The submission of that id. Raises `NotHere`."""
    desk = Desk(house(), request.who.actor, request.now)
    record = desk.record(name)
    if record.standing.kind is not Kind.SUBMISSION:
        raise NotHere(name)
    return About(request, desk, record)
