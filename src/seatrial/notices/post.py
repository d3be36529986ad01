"""The post: notices of the outbox become letters, each morning has its digest, and letters are handed in.

- A notice goes from the outbox in the transaction that writes its letters, so that a killed process loses none.
- About one object, one letter waits for one person; whatever happens until it goes is told by it.
- Whoever acted is not told; whoever gave no address, or never showed that it is theirs, is told by pages and feeds.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from seatrial.framework.viewer import Viewer
from seatrial.notices import letters
from seatrial.notices.handing import Handing
from seatrial.notices.seven import due_day
from seatrial.storage.stores.mail import MailTables

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from datetime import datetime

    from seatrial.framework.notice import Notice
    from seatrial.framework.participant import Role
    from seatrial.house import House
    from seatrial.notices.handing import Went
    from seatrial.notices.server import MailServer

KEPT = timedelta(days=7)
"""For which an ended letter is remembered: "did you write to me?" is asked within days."""
PAGE = 100


@dataclass(frozen=True)
class Post:
    """The post of one house, over one mail server."""

    house: House
    server: MailServer

    @property
    def tables(self) -> MailTables:
        """Contacts and letters, as rows."""
        return MailTables(self.house.database)

    def round(self, clock: Callable[[], datetime], stopping: Callable[[], bool] = lambda: False) -> Went:
        """Write what is to be written, and hand in what is due.

        Raises:
            ServerTrouble: the server takes nothing; all letters wait.
        """
        now = clock()
        self.tables.clean(Viewer.house("letters that ended long ago"), now - KEPT)
        self.sort(now)
        self.mornings(now)
        return Handing(self.house, self.server, clock).all(stopping)

    def sort(self, now: datetime) -> int:
        """Turn the notices of the outbox into letters; how many notices there were."""
        viewer = Viewer.house("who is to be told of which step")
        with self.house.database.session(viewer, writing=True):
            notices = self.house.notices.waiting(viewer)
            for notice, people in self._told(viewer, notices, now):
                new = people - self.tables.expecting(viewer, notice.object)
                self.tables.write(viewer, [letters.of_notice(notice, person, now) for person in sorted(new)])
            self.house.notices.sent(viewer, notices)
        return len(notices)

    def mornings(self, now: datetime) -> int:
        """Write the digests that are due; how many."""
        viewer, written = Viewer.house("whose morning it is"), 0
        with self.house.database.session(viewer, writing=True):
            for contact in self.tables.contacts(viewer):
                day = due_day(ZoneInfo(contact.zone), contact.digest_day, now) if contact.digest else ""
                if day:
                    self.tables.write(viewer, [letters.of_day(contact, day, now)])
                    self.tables.put(viewer, replace(contact, digest_day=day, digest_until=now))
                    written += 1
        return written

    def _told(
        self, viewer: Viewer, notices: Iterable[Notice], now: datetime
    ) -> Iterator[tuple[Notice, frozenset[str]]]:
        """Each notice with those who hold its role and want to be told."""
        wanted = {one.person for one in self.tables.contacts(viewer) if one.notices}
        people: dict[str, list[tuple[str, Role]]] = {}
        for notice in notices:
            told = notice.recipient
            if told.organisation not in people:
                people[told.organisation] = list(self._people(viewer, told.organisation, now))
            found = (who for who, role in people[told.organisation] if role is told.role)
            yield notice, frozenset(found) & wanted

    def _people(self, viewer: Viewer, organisation: str, now: datetime) -> Iterator[tuple[str, Role]]:
        after = ""
        while found := self.house.participants.members(viewer, organisation, now, after, PAGE):
            yield from ((one.person, one.role) for one in found)
            after = found[-1].person
