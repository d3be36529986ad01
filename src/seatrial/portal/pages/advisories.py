"""Advisories for those who run or maintain software: what was published, what fixes it, when the details follow.

An advisory is a notice: nothing of a model, a transcript or an exploit is in it, and no page here leads to one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.shortcuts import render

from seatrial import disclosed
from seatrial.framework.submission_store import NotHere
from seatrial.portal.opening import house

if TYPE_CHECKING:
    from django.http import HttpResponse

    from seatrial.portal.acting import PortalRequest

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
