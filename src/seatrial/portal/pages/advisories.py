"""Notices for those who run or maintain software: advisories, and the defensive annex of published reports.

Nothing of a model, a transcript or an exploit is in a notice, and no page here leads to one.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from django.shortcuts import render

from seatrial import disclosed
from seatrial.framework.submission_store import NotHere
from seatrial.portal.opening import house
from seatrial.report import Assessment
from seatrial.report import annex as annexes

if TYPE_CHECKING:
    from django.http import HttpResponse

    from seatrial.portal.acting import PortalRequest
    from seatrial.report.annex import Annex

MOST = 20
"""Reports whose annexes stand on one page, the newest."""
MARKING = {"data_class": "N", "words": "notices: defensive annex, advisories", "tlp": "green"}


def index(request: PortalRequest) -> HttpResponse:
    """The advisories that were published, in the order of opening, with the day on which all details follow."""
    found, more = disclosed.advisories(house(), request.GET.get("after", ""))
    context = {"advisories": found, "more": f"?after={more}" if more else "", "marking": MARKING}
    return render(request, "advisories/index.html", context)


def show(request: PortalRequest, name: str) -> HttpResponse:
    """One advisory."""
    try:
        found, text = disclosed.advisory(house(), name)
    except LookupError as error:
        raise NotHere(name) from error
    return render(request, "advisories/show.html", {"advisory": found, "text": text, "marking": MARKING})


def annex(request: PortalRequest) -> HttpResponse:
    """What published reviews say about each kind of weakness, and how each is met, without a name of any model."""
    home = house().home
    published = disclosed.reports(home, request.now)
    found = [_annex(disclosed.report_file(home, one.name, "assessment.json", request.now)) for one in published[:MOST]]
    context = {"annexes": found, "total": len(published), "marking": MARKING}
    return render(request, "advisories/annex.html", context)


@lru_cache(maxsize=MOST)
def _annex(assessment: bytes) -> Annex:
    """Of the bytes of a published report, which never change."""
    return annexes.annex(Assessment.model_validate_json(assessment))
