"""Where a person reads mail: given by themselves, and shown to be theirs by a code that was sent there.

- Until the code came back, nothing else goes to the address: whoever mistypes one writes to nobody's box.
- A code is good for a day and for a few tries; a person has a few sent a day.
- Wishes can change without a new code; another address cannot.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from seatrial.framework.viewer import Viewer
from seatrial.notices import letters
from seatrial.notices.seven import today
from seatrial.storage.stores.mail import Contact, MailTables

if TYPE_CHECKING:
    from datetime import datetime

    from seatrial.house import House

DIGITS = 8
GOOD_FOR = timedelta(days=1)
MOST_TRIES = 5  # of 100 million codes
MOST_CODES = 5
"""Sent for one person in a day: enough for some typing errors, too few to bother anybody with."""


class NotNow(ValueError):
    """Too many codes were sent for one person."""


def _digits() -> str:
    return f"{secrets.randbelow(10**DIGITS):0{DIGITS}}"


@dataclass(frozen=True)
class Addresses:
    """The addresses of one house's people."""

    house: House
    code: Callable[[], str] = field(default=_digits)

    @property
    def tables(self) -> MailTables:
        """Contacts and letters, as rows."""
        return MailTables(self.house.database)

    def of(self, viewer: Viewer) -> Contact | None:
        """The viewer's own."""
        return self.tables.contact(viewer, viewer.person)

    def give(self, viewer: Viewer, address: str, zone: str, *, notices: bool, digest: bool, now: datetime) -> Contact:
        """Keep the viewer's address and wishes; a new address is sent a code.

        Raises:
            NotNow: too many codes were sent today.
        """
        known = self.of(viewer)
        if known is not None and known.address == address:
            kept = replace(known, zone=zone, notices=notices, digest=digest)
            self.tables.put(viewer, kept)
            return kept
        made = Contact(viewer.person, address, zone, today(ZoneInfo(zone), now), now, notices, digest)
        return self._sent(replace(made, code=self.code(), code_at=now), now)

    def again(self, viewer: Viewer, now: datetime) -> None:
        """Send another code to the address that waits for one. Raises `NotNow`."""
        known = self.of(viewer)
        if known is not None and known.confirmed_at is None:
            self._sent(replace(known, code=self.code(), code_at=now, code_tries=0), now)

    def confirm(self, viewer: Viewer, code: str, now: datetime) -> bool:
        """Whether the code that came back is the one that was sent; then the address is the viewer's."""
        known = self.of(viewer)
        if known is None or not known.code or known.code_at is None:
            return False
        if now >= known.code_at + GOOD_FOR or known.code_tries >= MOST_TRIES:
            return False
        if not secrets.compare_digest(code.encode(), known.code.encode()):
            self.tables.put(viewer, replace(known, code_tries=known.code_tries + 1))
            return False
        day = today(ZoneInfo(known.zone), now)
        self.tables.put(viewer, replace(known, confirmed_at=now, code="", digest_day=day, digest_until=now))
        return True

    def remove(self, viewer: Viewer) -> None:
        """Nobody writes to the viewer any more."""
        self.tables.forget(viewer, viewer.person)

    def _sent(self, contact: Contact, now: datetime) -> Contact:
        house = Viewer.house("a code for an address")
        with self.house.database.session(house, writing=True):
            before = self.tables.about(house, contact.person, "")
            if sum(now < one.made_at + GOOD_FOR for one in before) >= MOST_CODES:
                raise NotNow(f"{MOST_CODES} codes were sent within a day; wait, or check the address")
            self.tables.put(house, contact)
            self.tables.write(house, [letters.of_code(contact, now)])
        return contact
