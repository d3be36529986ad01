"""The brief of a published report, as a page and as text."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from django.http import HttpResponse
from django.shortcuts import render

from seatrial import disclosed
from seatrial.framework.submission_store import NotHere
from seatrial.portal.opening import house
from seatrial.publication import ASSESSMENT
from seatrial.report import Assessment
from seatrial.report.brief import brief, text

if TYPE_CHECKING:
    from seatrial.portal.acting import PortalRequest
    from seatrial.report.brief import Brief

KEPT = 32  # briefs that were made and stay made: a published report never changes


def show(request: PortalRequest, name: str) -> HttpResponse:
    """As a page."""
    return render(request, "brief/show.html", {"name": name, "brief": _brief(request, name)})


def as_text(request: PortalRequest, name: str) -> HttpResponse:
    """As text."""
    return HttpResponse(text(_brief(request, name)), content_type="text/plain; charset=utf-8")


def _brief(request: PortalRequest, name: str) -> Brief:
    try:
        return _made(disclosed.report_file(house().home, name, ASSESSMENT, request.now))
    except LookupError as error:
        raise NotHere(name) from error


@lru_cache(maxsize=KEPT)
def _made(assessment: bytes) -> Brief:
    return brief(Assessment.model_validate_json(assessment))
