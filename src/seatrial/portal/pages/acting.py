"""Changing the pair in which a person acts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.shortcuts import redirect

from seatrial.portal.acting import CHOSEN
from seatrial.portal.errors import bad_request

if TYPE_CHECKING:
    from django.http import HttpResponse

    from seatrial.portal.acting import PortalRequest


def choose(request: PortalRequest) -> HttpResponse:
    """Act in one of the pairs that the person holds; what was open in another is left."""
    wish = request.POST.get("acting", "")
    if wish not in {pair.pair for pair in request.pairs}:
        return bad_request(request)
    request.session[CHOSEN] = wish
    return redirect("home")
