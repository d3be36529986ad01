"""Headers of every answer: what a page may load, who may frame it, what a cache may keep.

- Scripts, styles, pictures and fonts come from this origin; there is no inline script and no inline style.
- Forms go to this origin, and to custody's process, which alone takes secrets.
- What a signed-in person sees is kept by no cache.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from seatrial.portal.opening import place

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.http import HttpRequest, HttpResponse

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; font-src 'self'; connect-src 'self'; "
    "form-action 'self'{elsewhere}; frame-ancestors 'none'; base-uri 'none'"
)
CONSTANT = {
    "X-Content-Type-Options": "nosniff",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
    "Referrer-Policy": "same-origin",
}
STATIC = "/static/"
YEAR_S = 31_536_000


class Headers:
    """The outermost layer."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self._answer = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Answer, and say what may be done with it."""
        response = self._answer(request)
        opened = place()
        for name, value in CONSTANT.items():
            response.headers.setdefault(name, value)
        response.headers["Content-Security-Policy"] = POLICY.format(elsewhere=f" {opened.custody_url}")
        if opened.production:
            response.headers["Strict-Transport-Security"] = f"max-age={YEAR_S}; includeSubDomains"
        if not request.path.startswith(STATIC):
            response.headers.setdefault("Cache-Control", "no-store")
        return response
