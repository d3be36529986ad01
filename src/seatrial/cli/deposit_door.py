"""The door for deposits from browsers, over an installation: whose submission it is, the sealing, and its entry."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime

    from seatrial.custody.deposit_app import DepositDoor, Given
    from seatrial.installation import Installation

PORTAL = "http://localhost:8400"
"""Where the portal is unless `SEATRIAL_URL` says otherwise."""


def deposit_door(installation: Installation) -> DepositDoor:
    """Custody's own process takes the form; the browser goes back to the portal."""
    from seatrial.custody.deposit_app import DepositDoor

    def seal(given: Given, now: datetime) -> None:
        sealed_for(installation, given, now)

    portal = os.environ.get("SEATRIAL_URL", PORTAL).rstrip("/")
    return DepositDoor(installation.custody.tokens, seal, portal)


def sealed_for(installation: Installation, given: Given, now: datetime) -> None:
    """Seal an endpoint for the developer of its submission; on-site addresses where that is the access it offers."""
    from urllib.parse import urlsplit

    from seatrial.cli.submit import deposited
    from seatrial.custody.credential import Endpoint
    from seatrial.custody.deposit import AddressRefused, AddressRules
    from seatrial.framework.subject import AccessForm
    from seatrial.framework.submission_store import NotHere

    standing = installation.record(given.submission).standing
    if standing.subject is None:
        raise NotHere(given.submission)
    try:
        host = urlsplit(given.base_url).hostname or ""
    except ValueError:
        raise AddressRefused("the address cannot be read") from None
    rules = AddressRules(frozenset({host}), on_site=standing.subject.access.form is AccessForm.ON_SITE)
    endpoint = Endpoint(given.base_url, given.dialect, given.key, standing.developer, on_site=rules.on_site)
    deposited(installation, given.submission, endpoint, rules, now)
