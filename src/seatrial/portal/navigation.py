"""The places that the head of each page leads to, by role. A place is there for whoever may read its route."""

from __future__ import annotations

from typing import TYPE_CHECKING

from seatrial.portal.routes import ROUTES

if TYPE_CHECKING:
    from seatrial.framework.participant import Role

_BY_NAME = {route.name: route for route in ROUTES}
_PLACES = (
    ("Reviews", "reviews"),
    ("Scrutiny", "scrutiny"),
    ("Countersign", "countersign"),
    ("Submissions", "submissions"),
    ("Inquiries", "inquiries"),
    ("Granted to you", "granted"),
    ("Findings", "findings"),
    ("Advisories", "advisories"),
    ("Defensive annex", "annex"),
    ("What is due", "due-list"),
    ("Digest", "due"),
    ("Audit", "audit"),
    ("Framework text", "texts"),
    ("Organisations", "organisations"),
    ("Account", "account"),
)

FOOTER = (
    ("Agreements and organisations", "participants"),
    ("Published reports", "reports"),
    ("Counts", "statistics"),
    ("Commitments", "commitments"),
    ("The record", "record"),
    ("Public keys", "keys"),
    ("Check a file", "verify"),
)
"""For everybody, on every page, beside what this is and how it was checked for accessibility."""
OUTSIDE = (
    ("What this is", "home"),
    ("Published reports", "reports"),
    ("The record", "record"),
    ("Check a file", "verify"),
)
"""For whoever is not signed in."""
NAVIGATION: tuple[tuple[str, str, frozenset[Role]], ...] = tuple(
    (label, name, _BY_NAME[name].read) for label, name in _PLACES if name in _BY_NAME
)
