"""The places that the head of each page leads to, by role. A place is there for whoever may read its route."""

from __future__ import annotations

from typing import TYPE_CHECKING

from seatrial.portal.routes import ROUTES

if TYPE_CHECKING:
    from seatrial.framework.participant import Role

_BY_NAME = {route.name: route for route in ROUTES}
_PLACES = (
    ("Submissions", "submissions"),
    ("What is due", "due"),
    ("Organisations", "organisations"),
    ("Account", "account"),
)

FOOTER = (("What this is and is not", "home"), ("Accessibility", "accessibility"))
NAVIGATION: tuple[tuple[str, str, frozenset[Role]], ...] = tuple(
    (label, name, _BY_NAME[name].read) for label, name in _PLACES if name in _BY_NAME
)
