"""What is due and by whom, as an iCalendar feed (RFC 5545) that any calendar can subscribe to.

- A to-do for each obligation with a date; a reminder of somebody else's duty is marked as one.
- It holds object ids, steps, dates and roles: no name of a model or person, for a calendar leaves the house.
- Equal input gives equal bytes: ids and stamps follow from the obligations and from `now`.
"""

from __future__ import annotations

import uuid
from datetime import UTC
from typing import TYPE_CHECKING

from icalendar import Calendar, Todo

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from seatrial.framework.obligation import Obligation

PRODID = "-//Seatrial//What is due//EN"
NAMESPACE = uuid.UUID("6f1b0f0e-6e0c-5d3c-9a3d-5e7f0a5c1e11")  # a constant of this feed, so that an update replaces


def calendar(obligations: Iterable[Obligation], now: datetime) -> bytes:
    """The feed, as of `now`; obligations without a date have no place in a calendar and are left out."""
    feed = Calendar.new(prodid=PRODID, name="Seatrial: what is due", uid=_uid("feed", ""), last_modified=now)
    for owed in obligations:
        if owed.by is not None:
            feed.add_component(_todo(owed, now))
    raw: bytes = feed.to_ical()
    return raw


def _todo(owed: Obligation, now: datetime) -> Todo:
    todo = Todo.new(
        uid=_uid(owed.object, owed.name),
        stamp=now.astimezone(UTC),
        summary=f"{owed.name.replace('_', ' ')}: {owed.owner.replace('_', ' ')}",
        description=f"{owed.what}. Owed by {owed.owner} on {owed.object}.",
        categories=["reminder"] if owed.expectation else ["due"],
    )
    todo.add("due", None if owed.by is None else owed.by.astimezone(UTC))
    return todo


def _uid(name: str, step: str) -> str:
    """The same for the same step of the same object, so that a moved date moves the entry."""
    return str(uuid.uuid5(NAMESPACE, f"{name}/{step}"))
