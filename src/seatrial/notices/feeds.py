"""Feeds: what is due as a calendar, what changed as Atom, for one person in one role; what is published, for everybody.

- A feed's address is a secret of 256 bits, shown once; its SHA-256 is kept. It reads and does nothing else.
- It opens what its pair sees at the time of asking. Once it is revoked, or the person acts in that pair no more, there
  is nothing at its address.
- In them stand ids, steps, states, dates and roles, as in mail: a calendar lies with whoever runs the calendar.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from seatrial.framework.instant import instant
from seatrial.framework.standing import Kind
from seatrial.framework.viewer import Viewer
from seatrial.notices import atom
from seatrial.notices.atom import Entry
from seatrial.notices.digest import owed_by
from seatrial.notices.letters import DIGEST_PATH, link
from seatrial.notices.saying import viewers
from seatrial.report.calendar import calendar
from seatrial.storage.stores.changes import ChangeTables
from seatrial.storage.stores.mail import MOST_FEEDS, Feed, MailTables

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from seatrial.disclosed import Published
    from seatrial.house import House

PREFIX = "sea_feed_"
"""For scanners that look for secrets."""
SECRET_BYTES = 32
MOST_ENTRIES = 100
"""Of a feed: more than anybody reads, and as many as a reader fetches every hour without harm."""


class TooMany(ValueError):
    """A person has as many feeds as one may have."""


@dataclass(frozen=True)
class Feeds:
    """The feeds of one house."""

    house: House
    random: Callable[[int], str] = field(default=secrets.token_urlsafe)

    @property
    def tables(self) -> MailTables:
        """Feeds, as rows."""
        return MailTables(self.house.database)

    def open(self, viewer: Viewer, name: str, now: datetime) -> tuple[Feed, str]:
        """A new feed of this person in this pair, and the secret that is shown this once.

        Raises:
            TooMany: revoke one first.
        """
        if len(self.tables.feeds(viewer, viewer.person)) >= MOST_FEEDS:
            raise TooMany(f"{MOST_FEEDS} feeds are open; revoke one first")
        secret = PREFIX + self.random(SECRET_BYTES)
        made = Feed(self.house.new_id("fed"), viewer.person, viewer.organisation, viewer.role, name, now)
        self.tables.open_feed(viewer, made, _digest(secret))
        return made, secret

    def viewer(self, secret: str, now: datetime) -> Viewer | None:
        """Who reads at this address; None where nothing is to be read any more."""
        if not secret.startswith(PREFIX):
            return None
        found = self.tables.feed(Viewer.house("whose feed this is"), _digest(secret))
        if found is None:
            return None
        pair = (found.organisation, found.role)
        held = viewers(self.house, found.person, now)
        return next((one for one in held if (one.organisation, one.role) == pair), None)

    def calendar(self, viewer: Viewer, now: datetime) -> bytes:
        """What is due of this viewer, as iCalendar."""
        return calendar((one.obligation for one in owed_by(self.house, viewer, now)), now)

    def changes(self, viewer: Viewer, url: str, now: datetime) -> bytes:
        """The newest steps of all that this viewer sees, as Atom."""
        found = ChangeTables(self.house.database).since(viewer, None, MOST_ENTRIES)
        entries = [
            Entry(
                f"{one.object}/{one.seq}",
                f"{one.event.replace('_', ' ')}, now {one.state.replace('_', ' ')}",
                one.at,
                link(url, one.object, viewer.role),
                one.object,
            )
            for one in found
        ]
        key = f"changes/{viewer.person}/{viewer.organisation}/{viewer.role}"
        return atom.feed(key, "Seatrial: what changed", f"{url}{DIGEST_PATH}", entries, now)

    def published(self, reports: Iterable[Published], url: str, now: datetime) -> bytes:
        """The reports that were published and the framework texts that were adopted, as Atom."""
        told = [
            Entry(
                f"report/{one.name}",
                f"A report was published: {one.subject}",
                instant(one.since, "since"),
                f"{url}/reports/{one.name}/brief/",
                "A measurement with its error. It says nothing of whether anything may be released.",
            )
            for one in reports
        ]
        entries = [*told, *self._texts(url)]
        newest = sorted(entries, key=lambda one: (one.at, one.key), reverse=True)[:MOST_ENTRIES]
        return atom.feed("published", "Seatrial: published", f"{url}/reports/", newest, now)

    def _texts(self, url: str) -> list[Entry]:
        viewer = Viewer.house("adopted texts of the framework, which are public")
        found, _ = self.house.submissions.page(viewer, Kind.FRAMEWORK_TEXT, ("adopted",), most=MOST_ENTRIES)
        return [
            Entry(f"{one.object}/adopted", "A text of the framework was adopted", one.since, f"{url}/", one.object)
            for one in found
            if one.since is not None
        ]


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()
