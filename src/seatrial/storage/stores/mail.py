"""Where people read mail, the letters that wait for them, and the feeds that they opened.

- A person sees and changes what is theirs; letters are the house's to write, and their person's to look at.
- A letter's number follows from what it is about, so that writing it again is no second letter.
- Taking a letter to send it sets when it is tried next: whoever is killed meanwhile has it tried again, and nobody
  tries it in between.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any

from seatrial.framework.data_class import DataClass, classed
from seatrial.framework.participant import Role
from seatrial.storage.tables import rows

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import timedelta

    from seatrial.framework.viewer import Viewer
    from seatrial.storage.session import Database

MOST_FEEDS = 20
"""Of one person: a calendar and a reader for each role, and some to spare."""
MOST_LETTERS = 50
"""Of one person about one object that are looked at: far more than go within an hour."""


@dataclass(frozen=True, slots=True)
class Contact:
    """Where and when a person reads mail.

    Attributes:
        zone: Of the IANA database; seven in the morning is seven there.
        confirmed_at: When they showed that the address is theirs; nothing but the code goes there before.
        code: What was sent to the address, until it came back.
        digest_day: The day, in their zone, of the last digest.
        digest_until: The time up to which it told what changed.
    """

    person: str = field(metadata=classed(DataClass.L))
    address: str = field(metadata=classed(DataClass.V), repr=False)
    zone: str = field(metadata=classed(DataClass.V))
    digest_day: str = field(metadata=classed(DataClass.V))
    digest_until: datetime = field(metadata=classed(DataClass.V))
    notices: bool = field(default=True, metadata=classed(DataClass.V))
    digest: bool = field(default=True, metadata=classed(DataClass.V))
    confirmed_at: datetime | None = field(default=None, metadata=classed(DataClass.V))
    code: str = field(default="", metadata=classed(DataClass.V), repr=False)
    code_at: datetime | None = field(default=None, metadata=classed(DataClass.V))
    code_tries: int = field(default=0, metadata=classed(DataClass.V))


@dataclass(frozen=True, slots=True)
class Letter:
    """One mail to one person; `object`, `organisation` and `role` say what of, where it is of one thing."""

    id: str
    person: str
    kind: str
    made_at: datetime
    due_at: datetime
    organisation: str = ""
    role: str = ""
    object: str = ""
    since: datetime | None = None
    tries: int = 0
    state: str = "waiting"
    reason: str = ""
    ended_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Feed:
    """What one person opened to a calendar or a reader, in one role."""

    id: str
    person: str
    organisation: str
    role: Role
    name: str
    made_at: datetime
    revoked_at: datetime | None = None


class MailTables:
    """Contacts, letters and feeds of one installation."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def contact(self, viewer: Viewer, person: str) -> Contact | None:
        """Where a person reads mail; their own, or the house asks."""
        with self._database.session(viewer):
            row = rows.Contact.objects.filter(pk=_own(viewer, person)).first()
            return None if row is None else _contact(row)

    def contacts(self, viewer: Viewer, people: Iterable[str] | None = None) -> tuple[Contact, ...]:
        """Those whose address is confirmed: of these people, or of everybody."""
        with self._database.session(viewer):
            found = rows.Contact.objects.filter(confirmed_at__isnull=False).order_by("pk")
            if not viewer.sees_all:
                found = found.filter(pk=viewer.person)
            if people is not None:
                found = found.filter(pk__in=list(people))
            return tuple(_contact(row) for row in found)

    def put(self, viewer: Viewer, contact: Contact) -> None:
        """Keep a contact in the place of the one before."""
        with self._database.session(viewer, writing=True):
            given = {name: getattr(contact, name) for name in contact.__slots__ if name != "person"}
            rows.Contact.objects.update_or_create(pk=_own(viewer, contact.person), defaults=given)

    def forget(self, viewer: Viewer, person: str) -> None:
        """Nobody is written to any more: the address goes. Letters have none, and stay until they are old."""
        with self._database.session(viewer, writing=True):
            rows.Contact.objects.filter(pk=_own(viewer, person)).delete()

    def write(self, viewer: Viewer, letters: Iterable[Letter]) -> None:
        """Write letters down; one that is there already is no fault."""
        with self._database.session(viewer, writing=True):
            made = [rows.Letter(**{name: getattr(one, name) for name in one.__slots__}) for one in letters]
            rows.Letter.objects.bulk_create(made, ignore_conflicts=True)

    def about(self, viewer: Viewer, person: str, about: str) -> tuple[Letter, ...]:
        """The newest letters to a person about an object."""
        with self._database.session(viewer):
            found = rows.Letter.objects.filter(person=_own(viewer, person), object=about)
            return tuple(_letter(row) for row in found.order_by("-made_at", "pk")[:MOST_LETTERS])

    def expecting(self, viewer: Viewer, about: str) -> frozenset[str]:
        """To whom a letter about an object waits that nobody has begun to send."""
        with self._database.session(viewer):
            found = rows.Letter.objects.filter(object=about, state="waiting", tries=0)
            if not viewer.sees_all:
                found = found.filter(person=viewer.person)
            return frozenset(found.values_list("person", flat=True))

    def last_to(self, viewer: Viewer, person: str) -> Letter | None:
        """The letter to a person that ended last, however it did."""
        with self._database.session(viewer):
            found = rows.Letter.objects.filter(person=_own(viewer, person), ended_at__isnull=False)
            row = found.exclude(state="dropped").order_by("-ended_at").first()
            return None if row is None else _letter(row)

    def take(self, viewer: Viewer, now: datetime, wait: timedelta, most: int) -> tuple[Letter, ...]:
        """Letters that are due, this try counted; unless they end or are put off, they are due again after `wait`."""
        with self._database.session(viewer, writing=True):
            found = rows.Letter.objects.filter(state="waiting", due_at__lte=now).order_by("due_at", "pk")
            if self._database.address.engine == "postgresql":
                found = found.select_for_update(skip_locked=True)
            taken = list(found[:most])
            for row in taken:
                row.tries, row.due_at = row.tries + 1, now + wait
            rows.Letter.objects.bulk_update(taken, ["tries", "due_at"])
            return tuple(_letter(row) for row in taken)

    def later(self, viewer: Viewer, letter: Letter, due_at: datetime, reason: str) -> None:
        """It could not be sent now."""
        with self._database.session(viewer, writing=True):
            rows.Letter.objects.filter(pk=letter.id, state="waiting").update(due_at=due_at, reason=reason)

    def untried(self, viewer: Viewer, letters: Iterable[Letter], due_at: datetime) -> None:
        """These were taken and not tried: the try does not count."""
        with self._database.session(viewer, writing=True):
            for one in letters:
                again = rows.Letter.objects.filter(pk=one.id, state="waiting")
                again.update(due_at=due_at, tries=max(0, one.tries - 1))

    def end(self, viewer: Viewer, letter: Letter, state: str, now: datetime, reason: str = "") -> None:
        """It was sent, dropped or given up."""
        with self._database.session(viewer, writing=True):
            ended = rows.Letter.objects.filter(pk=letter.id, state="waiting")
            ended.update(state=state, reason=reason, ended_at=now)

    def clean(self, viewer: Viewer, before: datetime) -> int:
        """Take away letters that ended before a time; how many."""
        with self._database.session(viewer, writing=True):
            return rows.Letter.objects.filter(ended_at__lt=before).delete()[0]

    def open_feed(self, viewer: Viewer, feed: Feed, digest: str) -> None:
        """Keep a feed, of the viewer's own person and pair."""
        with self._database.session(viewer, writing=True):
            given: dict[str, Any] = {name: getattr(feed, name) for name in feed.__slots__}
            rows.Feed.objects.create(digest=digest, **given)

    def feeds(self, viewer: Viewer, person: str) -> tuple[Feed, ...]:
        """A person's open feeds, the newest first."""
        with self._database.session(viewer):
            found = rows.Feed.objects.filter(person=_own(viewer, person), revoked_at__isnull=True)
            return tuple(_feed(row) for row in found.order_by("-made_at", "pk")[:MOST_FEEDS])

    def feed(self, viewer: Viewer, digest: str) -> Feed | None:
        """The open feed of an address."""
        with self._database.session(viewer):
            row = rows.Feed.objects.filter(digest=digest, revoked_at__isnull=True).first()
            return None if row is None else _feed(row)

    def revoke_feed(self, viewer: Viewer, feed: str, now: datetime) -> bool:
        """A feed opens nothing any more; whether it did."""
        with self._database.session(viewer, writing=True):
            found = rows.Feed.objects.filter(pk=feed, revoked_at__isnull=True)
            if not viewer.sees_all:
                found = found.filter(person=viewer.person)
            return found.update(revoked_at=now) == 1


def _own(viewer: Viewer, person: str) -> str:
    """The person, or nobody that there is."""
    return person if viewer.sees_all or person == viewer.person else ""


def _contact(row: rows.Contact) -> Contact:
    return Contact(**{name: getattr(row, name) for name in Contact.__slots__})


def _letter(row: rows.Letter) -> Letter:
    return Letter(**{name: getattr(row, name) for name in Letter.__slots__})


def _feed(row: rows.Feed) -> Feed:
    return Feed(row.pk, row.person, row.organisation, Role(row.role), row.name, row.made_at, row.revoked_at)
