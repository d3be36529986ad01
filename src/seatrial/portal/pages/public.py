"""What anybody may read: what this is and what it is not."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.shortcuts import render

if TYPE_CHECKING:
    from django.http import HttpResponse

    from seatrial.portal.acting import PortalRequest


def home(request: PortalRequest) -> HttpResponse:
    """The first page."""
    return render(request, "public/home.html")


def accessibility(request: PortalRequest) -> HttpResponse:
    """How the pages were checked, and whom to tell."""
    return render(request, "public/accessibility.html")
