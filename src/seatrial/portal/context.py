"""What every page knows without asking: who acts, where they can go, and what this installation is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from django.urls import reverse

from seatrial.portal.access import SIGN_IN, opens
from seatrial.portal.navigation import FOOTER, NAVIGATION
from seatrial.portal.opening import place

if TYPE_CHECKING:
    from django.http import HttpRequest

    from seatrial.portal.acting import Acting, PortalRequest

SIGN_OUT = "/account/logout/"


def page(plain: HttpRequest) -> dict[str, Any]:
    """The variables of every page; a page of an error before anybody was looked up has nobody in it."""
    request = cast("PortalRequest", plain)
    acting = getattr(request, "acting", None)
    pairs = getattr(request, "pairs", ())
    return {
        "acting": acting,
        "acting_url": reverse("acting"),
        "acting_choices": [_choice(pair, current=pair == acting) for pair in pairs],
        "now": getattr(request, "now", None),
        "nav": _navigation(request, acting.role if acting else None),
        "sign_in_url": "" if acting else SIGN_IN,
        "sign_out_url": SIGN_OUT,
        "demonstration": place().demonstration,
        "footer_links": [{"label": label, "url": reverse(name)} for label, name in FOOTER],
        "custody_url": place().custody_url,
    }


def _choice(pair: Acting, *, current: bool) -> dict[str, Any]:
    label = f"{pair.role.replace('_', ' ')}, {pair.organisation}"
    return {"value": pair.pair, "label": label, "current": current}


def _navigation(request: HttpRequest, role: Any) -> list[dict[str, Any]]:  # noqa: ANN401 - a role, or None
    return [
        {"label": label, "url": reverse(name), "current": request.path.startswith(reverse(name))}
        for label, name, roles in NAVIGATION
        if opens(roles, role)
    ]
