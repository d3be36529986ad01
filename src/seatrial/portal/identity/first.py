"""The first operator's link, which the command prints until somebody operates the installation."""

from __future__ import annotations

from typing import TYPE_CHECKING

from seatrial.portal.pages.people import invitation_link
from seatrial.registry import Registry

if TYPE_CHECKING:
    from datetime import datetime

    from seatrial.portal.opening import Installed


def first_link(installed: Installed, now: datetime) -> str | None:
    """A link that makes whoever opens it first the operator; each call ends the links before it.

    None once somebody operates the installation. It lasts a day, and is for a terminal: it goes into no log.
    """
    secret = Registry(installed.house).first_invitation(now)
    return None if secret is None else invitation_link(secret)
