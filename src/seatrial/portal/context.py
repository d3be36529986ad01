"""What every page knows without asking: who acts, where they can go, and what this installation is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from django.contrib.auth.models import User
from django.urls import reverse

from seatrial.portal.access import SIGN_IN, opens
from seatrial.portal.navigation import FOOTER, NAVIGATION, OUTSIDE
from seatrial.portal.opening import place

if TYPE_CHECKING:
    from django.http import HttpRequest

    from seatrial.portal.acting import PortalRequest

SIGN_OUT = "/account/logout/"


def page(plain: HttpRequest) -> dict[str, Any]:
    """The variables of every page; a page of an error before anybody was looked up has nobody in it."""
    request = cast("PortalRequest", plain)
    acting = getattr(request, "acting", None)
    pairs = getattr(request, "pairs", ())
    return {
        "acting": acting,
        "acting_url": reverse("acting"),
        "pairs": pairs,
        "now": getattr(request, "now", None),
        "nav": _navigation(request, acting.role if acting else None),
        "sign_in_url": "" if acting else SIGN_IN,
        "sign_out_url": SIGN_OUT,
        "demonstration": place().demonstration,
        "nobody_yet": nobody_yet,
        "footer_links": [{"label": label, "url": reverse(name)} for label, name in FOOTER],
        "custody_url": place().custody_url,
    }


def nobody_yet() -> bool:
    """Whether nobody has an account here; asked by the first page alone."""
    return not User.objects.exists()


def _navigation(request: HttpRequest, role: Any) -> list[dict[str, Any]]:  # noqa: ANN401 - a role, or None
    places = [(label, name) for label, name, roles in NAVIGATION if opens(roles, role)] if role else OUTSIDE
    return [
        {"label": label, "href": reverse(name), "current": _within(request.path, reverse(name))}
        for label, name in places
    ]


def _within(path: str, place: str) -> bool:
    return path == place or (place != "/" and path.startswith(place))
