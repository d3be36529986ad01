"""Who was given what: a row for every reading of classes M, T, F and X, and one root a day over them in the record.

- `note` comes before the bytes are handed out: a reading that could not be written down does not happen.
- The developer sees the reads of its own submissions, somebody of an auditing organisation in the
  role of an auditor all of them, and nobody else any.
- Rows are written once. A day is closed when it is over: its root goes into the record, after which the database takes
  no more reads of it. Whoever holds a day's rows can say with `root_of` whether they are the ones of that root; a row's
  salt keeps anybody else from confirming a guess.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Protocol

import rfc8785
from django.db.models import Exists, Q

from seatrial.framework.data_class import DataClass
from seatrial.framework.instant import utc
from seatrial.framework.participant import DEVELOPER_ROLES, OrganisationKind, Role
from seatrial.framework.submission_store import NotHere
from seatrial.framework.viewer import HOUSE, Viewer
from seatrial.ledger.event import Actor, Event, instant, pseudonym, sha256_ref
from seatrial.ledger.merkle import grown, leaf_hash, root
from seatrial.storage.stores.submissions import seen_by
from seatrial.storage.tables import rows

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from seatrial.ledger.folder import LedgerFolder
    from seatrial.ledger.log import Log
    from seatrial.ledger.receipt import Receipt
    from seatrial.storage.session import Database

NOTED = frozenset({DataClass.M, DataClass.T, DataClass.F, DataClass.X})
"""Model facts, transcripts, findings, exploit artefacts."""
SALT_BYTES = 16
SETTLES = timedelta(hours=1)
"""How long after midnight a day is closed: longer than any transaction that began before it."""
HOUSE_STREAM = "hou"


class DayOpen(ValueError):
    """A day that is not over, or whose root is in the record already."""


@dataclass(frozen=True, slots=True)
class Reading:
    """One person, for an organisation in a role, was given one object of one class."""

    number: int
    submission: str
    person: str
    organisation: str
    role: str
    object: str
    data_class: DataClass
    at: datetime
    salt: bytes

    @property
    def leaf(self) -> bytes:
        """What the day's root commits to."""
        said = {
            "at": instant(self.at),
            "class": str(self.data_class),
            "object": self.object,
            "organisation": self.organisation,
            "person": self.person,
            "role": self.role,
            "salt": self.salt.hex(),
            "submission": self.submission,
        }
        return rfc8785.dumps(said)


def root_of(readings: Iterable[Reading]) -> bytes:
    """The root of a day's readings, in the order of their numbers."""
    nodes: dict[tuple[int, int], bytes] = {}
    ordered = sorted(readings, key=lambda reading: reading.number)
    for index, reading in enumerate(ordered):
        nodes.update(grown(lambda level, at: nodes[level, at], index, leaf_hash(reading.leaf)))
    return root(lambda level, at: nodes[level, at], len(ordered))


class ReadTables:
    """The reads of one installation."""

    MOST = 100
    """Of one page."""

    def __init__(self, database: Database, random: Callable[[int], bytes] = secrets.token_bytes) -> None:
        self._database = database
        self._random = random

    def note(self, viewer: Viewer, submission: str, object_id: str, data_class: DataClass, at: datetime) -> bool:
        """Write down that the viewer is given this object now; whether it is of a class that is noted.

        Raises:
            NotHere: The viewer sees no such submission.
        """
        if data_class not in NOTED:
            return False
        moment = utc(at, "read.at").replace(microsecond=0)
        row = rows.Read(
            submission_id=submission,
            person=viewer.person,
            organisation=viewer.organisation,
            role=viewer.role,
            object=object_id,
            data_class=data_class,
            at=moment,
            day=moment.date().isoformat(),
            salt=self._random(SALT_BYTES),
        )
        with self._database.session(viewer, writing=True):
            if not rows.Submission.objects.filter(seen_by(viewer), pk=submission).exists():
                raise NotHere(submission)
            rows.Read.objects.bulk_create([row])
        return True

    def list(self, viewer: Viewer, submission: str = "") -> tuple[Reading, ...]:
        """The reads that the viewer may know of, oldest first; of one submission, or of all."""
        with self._database.session(viewer):
            found = rows.Read.objects.filter(_known_to(viewer)).order_by("pk")
            return tuple(_reading(row) for row in (found.filter(submission_id=submission) if submission else found))

    def newest(self, viewer: Viewer, submission: str, count: int) -> tuple[tuple[Reading, ...], int]:
        """The newest reads of a submission that the viewer may know of, newest first, and how many there are in all."""
        with self._database.session(viewer):
            found = rows.Read.objects.filter(_known_to(viewer), submission_id=submission)
            shown = tuple(_reading(row) for row in found.order_by("-pk")[:count])
            return shown, len(shown) if len(shown) < count else found.count()

    def page(self, viewer: Viewer, before: int = 0) -> tuple[Reading, ...]:
        """The newest reads that the viewer may know of, of those before a number; `MOST` at most."""
        with self._database.session(viewer):
            found = rows.Read.objects.filter(_known_to(viewer)).order_by("-pk")
            return tuple(_reading(row) for row in (found.filter(pk__lt=before) if before else found)[: self.MOST])

    def of_day(self, viewer: Viewer, day: date) -> tuple[Reading, ...]:
        """Those of one day, in UTC."""
        with self._database.session(viewer):
            found = rows.Read.objects.filter(_known_to(viewer), day=day.isoformat()).order_by("pk")
            return tuple(_reading(row) for row in found)

    def place(self, viewer: Viewer, day: date) -> tuple[int, int] | None:
        """Where the record has a day's root: the log's number and the index; None while it is open."""
        with self._database.session(viewer):
            found = rows.ReadDay.objects.filter(pk=day.isoformat()).values_list("entry_log", "entry_index").first()
            return (int(found[0]), int(found[1])) if found else None


def _known_to(viewer: Viewer) -> Q:
    if viewer.sees_all:
        return Q()
    if viewer.submission:
        return Q(submission_id=viewer.submission)
    if viewer.role in DEVELOPER_ROLES:
        return Q(submission__owner=viewer.organisation)
    auditing = rows.Organisation.objects.filter(pk=viewer.organisation, kind=OrganisationKind.AUDITOR)
    return Q(Exists(auditing)) if viewer.role is Role.AUDITOR else Q(pk__in=[])


def _reading(row: rows.Read) -> Reading:
    named = (row.person, row.organisation, row.role, row.object)
    return Reading(row.pk, row.submission_id, *named, DataClass(row.data_class), row.at, bytes(row.salt))


class Recording(Protocol):
    """What a day is closed with: the house, or as much of it."""

    @property
    def database(self) -> Database:
        """Where the rows are."""
        ...

    @property
    def ledger(self) -> LedgerFolder:
        """The record's keys."""
        ...

    @property
    def log(self) -> Log:
        """The record."""
        ...

    @property
    def random(self) -> Callable[[int], bytes]:
        """Random bytes."""
        ...


def close_day(house: Recording, day: date, now: datetime) -> Receipt:
    """Put the root of a day's reads into the record, in one transaction with the mark that closes the day.

    Raises:
        DayOpen: The day is not over, or it is closed already.
        NotTheSameLog: The log cannot append; nothing changed.
    """
    over = datetime(day.year, day.month, day.day, tzinfo=UTC) + timedelta(days=1) + SETTLES
    if now < over:
        raise DayOpen(f"{day}: its reads are closed from {instant(over)} on, not before")
    viewer, reads = Viewer.house("the day's root of reads"), ReadTables(house.database, house.random)
    log = house.log
    with house.database.session(viewer, writing=True):
        if reads.place(viewer, day):
            raise DayOpen(f"{day}: its reads are closed already")
        [receipt] = log.append([_event(house, root_of(reads.of_day(viewer, day)), now)])
        rows.ReadDay.objects.create(day=day.isoformat(), entry_log=house.ledger.number, entry_index=receipt.index)
    return receipt


def close_days(house: Recording, now: datetime) -> tuple[date, ...]:
    """Close every day that is over and not closed, from the first one with a read on; which ones."""
    viewer, last = Viewer.house("days whose reads are open"), (now - SETTLES - timedelta(days=1)).date()
    with house.database.session(viewer):
        known = set(rows.ReadDay.objects.values_list("day", flat=True))
        read = set(rows.Read.objects.filter(day__lte=last.isoformat()).values_list("day", flat=True).distinct())
    missing = sorted(date.fromisoformat(day) for day in read - known)
    for day in missing:
        close_day(house, day, now)
    return tuple(missing)


def house_stream(ledger: LedgerFolder) -> str:
    """The stream of what is the house's own: it follows from the first log's public key."""
    return f"{HOUSE_STREAM}_{sha256_ref(ledger.signer(1).verifier.text.encode()).removeprefix('sha256:')[:32]}"


def _event(house: Recording, tree: bytes, now: datetime) -> Event:
    return Event(
        kind="reads.root",
        at=instant(now),
        stream=house_stream(house.ledger),
        actor=Actor("custodian", pseudonym(house.random(32), HOUSE)),
        nonce=house.random(16).hex(),
        refs={"root": f"sha256:{tree.hex()}"},
    )
