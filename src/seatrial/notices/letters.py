"""Letters as they are sent: plain text, a link, and nothing of what the link leads to.

- The number of a letter is its Message-ID. A letter that is sent again, because nobody knows whether the server took
  it, has the same one: a mail reader shows it once.
- Nothing here names a model, a code name, an organisation or a person; addresses stand in `To` alone.
"""

from __future__ import annotations

import hashlib
from email.message import EmailMessage
from email.utils import format_datetime
from enum import StrEnum
from typing import TYPE_CHECKING

from seatrial.framework.framework_text import READERS
from seatrial.framework.participant import DEVELOPER_ROLES, Role
from seatrial.storage.stores.mail import Letter

if TYPE_CHECKING:
    from datetime import datetime

    from seatrial.framework.notice import Notice
    from seatrial.storage.stores.mail import Contact

SETTINGS_PATH = "/notices/settings/"
DIGEST_PATH = "/digest/"
_SUBMISSIONS = DEVELOPER_ROLES | {
    *(Role.EVALUATOR, Role.EVALUATOR_LEAD, Role.DESIGNATION_LIAISON),
    *(Role.AGENCY_READER, Role.TRUSTED_PARTNER, Role.AUDITOR),
}
PLACES = {"sub_": ("submissions", _SUBMISSIONS), "txt_": ("framework", READERS)}
"""Where objects have their pages, by how their ids begin, and for which roles; a finding is told of by its count."""


class LetterKind(StrEnum):
    """What a letter is for."""

    WAITS = "waits"
    DIGEST = "digest"
    CONFIRM = "confirm"


def number(*of: str) -> str:
    """The number of a letter: the same for the same thing."""
    return f"let_{hashlib.sha256('|'.join(of).encode()).hexdigest()[:32]}"


def of_notice(notice: Notice, person: str, now: datetime) -> Letter:
    """The letter that tells a person of a notice."""
    told = notice.recipient
    name = number(LetterKind.WAITS, person, notice.object, str(notice.number), notice.at.isoformat())
    return Letter(name, person, LetterKind.WAITS, now, now, told.organisation, told.role, notice.object)


def of_day(contact: Contact, day: str, now: datetime) -> Letter:
    """The letter of a day's digest."""
    name = number(LetterKind.DIGEST, contact.person, day)
    return Letter(name, contact.person, LetterKind.DIGEST, now, now, object=day, since=contact.digest_until)


def of_code(contact: Contact, now: datetime) -> Letter:
    """The letter that brings the code which shows that an address is its person's."""
    name = number(LetterKind.CONFIRM, contact.person, contact.address, now.isoformat())
    return Letter(name, contact.person, LetterKind.CONFIRM, now, now)


def path(about: str, role: str) -> str:
    """Where an object has its page, for whoever acts in that role; empty where there is none for them."""
    place, readers = PLACES.get(about[:4], ("", frozenset()))
    return f"/{place}/{about}/" if role in readers else ""


def link(url: str, about: str, role: str) -> str:
    """Where somebody in that role reads of an object: on its page, or in their digest."""
    return f"{url}{path(about, role) or DIGEST_PATH}"


def waits(letter: Letter, url: str) -> tuple[str, str]:
    """Subject and text: something waits for somebody, and where."""
    return "Seatrial: something waits for you", _lines(
        f"Something waits for you, or changed, where you act as {letter.role.replace('_', ' ')}:",
        "",
        link(url, letter.object, letter.role),
        "",
        "What it is stands there, once you have signed in. This mail does not say it.",
        *foot(url),
    )


def code(contact: Contact, url: str) -> tuple[str, str]:
    """Subject and text: the code that shows that an address is somebody's own."""
    return "Seatrial: confirm this address", _lines(
        "Somebody gave this address for notices of Seatrial. If it was you, enter this code:",
        "",
        contact.code,
        "",
        f"{url}{SETTINGS_PATH}",
        "",
        "It is good for a day. If it was not you, do nothing: no other mail will come.",
    )


def message(letter: Letter, contact: Contact, sender: str, subject: str, text: str) -> EmailMessage:
    """The whole mail."""
    made = EmailMessage()
    made["From"] = f"Seatrial <{sender}>"
    made["To"] = contact.address
    made["Subject"] = subject
    made["Date"] = format_datetime(letter.made_at)
    made["Message-ID"] = f"<{letter.id}@{sender.rpartition('@')[2]}>"
    made["Auto-Submitted"] = "auto-generated"
    made.set_content(text)
    return made


def foot(url: str) -> tuple[str, ...]:
    """How a letter ends."""
    return ("", "Which mails you get, and none if you like:", f"{url}{SETTINGS_PATH}")


def _lines(*lines: str) -> str:
    return "\n".join(lines) + "\n"
