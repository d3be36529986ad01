"""What a letter says, asked at the moment that it is handed in: to whoever may see it then, and to nobody else."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from seatrial.framework.participant import SERVICE_ROLES
from seatrial.framework.submission_store import NotHere
from seatrial.framework.viewer import Viewer
from seatrial.notices import digest, letters
from seatrial.notices.letters import LetterKind
from seatrial.storage.stores.mail import MailTables

if TYPE_CHECKING:
    from datetime import datetime

    from seatrial.house import House
    from seatrial.storage.stores.mail import Contact, Letter


@dataclass(frozen=True, slots=True)
class Said:
    """To whom, and what."""

    contact: Contact
    subject: str
    text: str


def said(house: House, letter: Letter, url: str, now: datetime) -> Said | None:
    """What a letter says; None where it concerns its person no more, or says nothing."""
    contact = MailTables(house.database).contact(Viewer.house("where a letter goes"), letter.person)
    if contact is None:
        return None
    if letter.kind == LetterKind.CONFIRM:
        return Said(contact, *letters.code(contact, url)) if contact.code else None
    if contact.confirmed_at is None:
        return None
    if letter.kind == LetterKind.WAITS:
        wanted = contact.notices and _concerns(house, letter, now)
        return Said(contact, *letters.waits(letter, url)) if wanted else None
    return _digest(house, letter, contact, url, now) if contact.digest else None


def viewers(house: House, person: str, now: datetime) -> tuple[Viewer, ...]:
    """A person in each of their pairs."""
    held = house.participants.memberships(Viewer.house("what a person may act as"), person, now)
    return tuple(Viewer.of(person, one.organisation, one.role) for one in held if one.role not in SERVICE_ROLES)


def _concerns(house: House, letter: Letter, now: datetime) -> bool:
    """Whether its person still acts in that pair, and the object is there for them."""
    pair = (letter.organisation, letter.role)
    viewer = next((one for one in viewers(house, letter.person, now) if (one.organisation, one.role) == pair), None)
    if viewer is None:
        return False
    try:
        house.submissions.load(viewer, letter.object)
    except NotHere:
        return False
    return True


def _digest(house: House, letter: Letter, contact: Contact, url: str, now: datetime) -> Said | None:
    since = letter.since or letter.made_at
    parts = [digest.part(house, viewer, since, now) for viewer in viewers(house, letter.person, now)]
    told = [one for one in parts if not one.empty]
    if not told:
        return None
    return Said(contact, digest.subject(told), digest.text(told, ZoneInfo(contact.zone), url, now))
