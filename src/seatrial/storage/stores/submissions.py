"""The framework's `SubmissionStore` over tables: a standing, its steps, and the orders they gave, for a viewer.

- The whole standing is one JSON column; columns beside it are what rows are found and guarded by.
- Visibility is part of every question that is put to the database, so nothing hidden is ever loaded, counted or named.
- `save` is three statements and as many for papers and consents as there are kinds of them, whatever their number.
"""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from django.db import IntegrityError
from django.db.models import Count, Exists, OuterRef, Q, QuerySet

from seatrial.framework.finding import told
from seatrial.framework.framework_text import READERS
from seatrial.framework.participant import DEVELOPER_ROLES, Role
from seatrial.framework.standing import Act, Actor, Entry, Kind, Standing
from seatrial.framework.submission_store import (
    INNER_STATES,
    UNSEEING,
    NotHere,
    Place,
    Record,
    Stale,
    Step,
    Unfounded,
    bare,
    check_steps,
    forgotten,
    visible,
)
from seatrial.storage.codec import decode, encode
from seatrial.storage.tables import rows

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from seatrial.framework.viewer import Viewer
    from seatrial.storage.session import Database


MOST = 100
"""Rows of one page."""


@dataclass(frozen=True, slots=True)
class Line:
    """An object as a list shows it."""

    object: str
    state: str
    since: datetime | None
    marks: Mapping[str, str]


def _line(written: dict[str, Any]) -> Line:
    since = written.get("since")
    return Line(
        written["object"],
        written["state"],
        datetime.fromisoformat(since) if since else None,
        dict(written.get("marks") or ()),
    )


def _place(after: str) -> tuple[datetime, str] | None:
    """Where a page begins; an address that nobody was given begins at the first."""
    at, _, key = after.partition("~")
    try:
        found = datetime.fromisoformat(at)
    except ValueError:
        return None
    return (found, key) if found.tzinfo else None


def seen_by(viewer: Viewer) -> Q:
    """Which submissions are there for a viewer, as part of a question: the SQL of `submission_store.visible`."""
    if viewer.sees_all:
        return Q()
    if viewer.submission:
        return Q(pk=viewer.submission)
    if viewer.role in UNSEEING:
        return Q(pk__in=[])
    text = Q(kind=Kind.FRAMEWORK_TEXT)
    others = ~text & _known_to(viewer)
    if viewer.role is Role.MAINTAINER:
        others |= Q(kind=Kind.FINDING, told=viewer.organisation)
    return text | others if viewer.role in READERS else others


def _known_to(viewer: Viewer) -> Q:
    """Submissions and findings, by whose they are, who assesses them, and whom a consent names."""
    if viewer.role in DEVELOPER_ROLES:
        return Q(owner=viewer.organisation)
    own = Q(owner=viewer.organisation)
    rival = Exists(rows.Organisation.objects.filter(pk=viewer.organisation, kind="developer"))
    named = Exists(rows.Acquaintance.objects.filter(submission=OuterRef("pk"), organisation=viewer.organisation))
    assesses = Q(evaluator=viewer.organisation) & ~Q(state__in=INNER_STATES)
    return ~own & ~Q(rival) & (Q(named) | assesses)


def beside_seen(viewer: Viewer, column: str = "submission_id") -> Q:
    """Rows that name, in a column, a submission which is there for the viewer.

    Asked of each row that is left: a list of all that the viewer sees would be made first, however few rows are wanted.
    """
    return Q(Exists(rows.Submission.objects.filter(seen_by(viewer), pk=OuterRef(column))))


class SubmissionTables:
    """A `SubmissionStore` in the house's database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def load(self, viewer: Viewer, object_id: str) -> Record:
        """One object."""
        with self._database.session(viewer):
            row = self._seen(viewer).filter(pk=object_id).first()
            if row is None:
                raise NotHere(object_id)
            acts = rows.Act.objects.filter(submission_id=object_id).select_related("content")
            return Record(decode(Standing, row.standing), tuple(_step(act) for act in acts))

    def save(self, viewer: Viewer, standing: Standing, expected_version: int, steps: Sequence[Step]) -> None:
        """Write the standing and the steps to it."""
        check_steps(standing, expected_version, steps)
        with self._database.session(viewer, writing=True):
            if expected_version:
                self._held(viewer, standing, expected_version, steps)
            elif not self._may_open(viewer, standing):
                raise NotHere(standing.object)
            with _spoken(standing.object):
                _write_steps(standing, steps)
                _write_standing(standing, new=not expected_version)
                _write_consents(standing)
                _write_documents(standing, steps)

    def list(self, viewer: Viewer, kind: Kind | None = None) -> tuple[Standing, ...]:
        """What the viewer sees, in the order of opening."""
        with self._database.session(viewer):
            found = self._seen(viewer).order_by("opened_at", "pk")
            if kind is not None:
                found = found.filter(kind=kind)
            return tuple(decode(Standing, written) for written in found.values_list("standing", flat=True))

    def page(
        self, viewer: Viewer, kind: Kind, states: Sequence[str] = (), after: str = "", most: int = MOST
    ) -> tuple[tuple[Standing, ...], str]:
        """The next of one kind in the order of opening, and where the page after it begins; empty at the end."""
        found, more = self._page(viewer, kind, states, after, most)
        return tuple(decode(Standing, written) for written in found), more

    def lines(
        self, viewer: Viewer, kind: Kind, states: Sequence[str] = (), after: str = "", most: int = MOST
    ) -> tuple[tuple[Line, ...], str]:
        """The same, with no more of each than a line of a list shows."""
        found, more = self._page(viewer, kind, states, after, most)
        return tuple(_line(written) for written in found), more

    def _page(
        self, viewer: Viewer, kind: Kind, states: Sequence[str], after: str, most: int
    ) -> tuple[Sequence[dict[str, Any]], str]:
        with self._database.session(viewer):
            found = self._seen(viewer).filter(kind=kind).order_by("opened_at", "pk")
            if states:
                found = found.filter(state__in=states)
            if place := _place(after):
                found = found.filter(Q(opened_at__gt=place[0]) | Q(opened_at=place[0], pk__gt=place[1]))
            read = list(found.values_list("standing", "opened_at", "pk")[: most + 1])
        shown = read[:most]
        more = f"{shown[-1][1].isoformat()}~{shown[-1][2]}" if len(read) > most else ""
        return [written for written, _, _ in shown], more

    def counts(self, viewer: Viewer, kind: Kind) -> Mapping[str, int]:
        """How many of one kind the viewer sees, by state."""
        with self._database.session(viewer):
            found = self._seen(viewer).filter(kind=kind).values_list("state").annotate(Count("pk")).order_by("state")
            return dict(found)

    def owed(self, viewer: Viewer) -> tuple[tuple[str, Step], ...]:
        """Steps without an entry, oldest first."""
        with self._database.session(viewer):
            owing = rows.Act.objects.filter(beside_seen(viewer), entry_index__isnull=True)
            found = owing.select_related("content").order_by("pk")
            return tuple((act.submission_id, _step(act)) for act in found)

    def recorded(self, viewer: Viewer, object_id: str, seq: int, place: Place) -> None:
        """The entry of an owed step has been made."""
        with self._database.session(viewer, writing=True):
            owing = rows.Act.objects.filter(beside_seen(viewer), submission_id=object_id, seq=seq)
            changed = owing.filter(entry_index__isnull=True).update(entry_log=place.log, entry_index=place.index)
            if not changed:
                raise Unfounded(f"{object_id}: step {seq} is not owed an entry")

    def forget(self, viewer: Viewer, object_id: str) -> None:
        """Take away all that was said of an object in its final state."""
        with self._database.session(viewer, writing=True):
            left = forgotten(self.load(viewer, object_id).standing)
            rows.ActContent.objects.filter(act__submission_id=object_id).delete()
            for table in (rows.Consent, rows.Acquaintance, rows.Paper, rows.Document, rows.Grant, rows.Ruling):
                table.objects.filter(submission_id=object_id).delete()
            columns = {"standing": encode(left), "window_end": None, "evaluator": ""}
            rows.Submission.objects.filter(pk=object_id).update(**columns)

    @staticmethod
    def _seen(viewer: Viewer) -> QuerySet[rows.Submission]:
        return rows.Submission.objects.filter(seen_by(viewer))

    def _held(self, viewer: Viewer, standing: Standing, version: int, steps: Sequence[Step]) -> None:
        """Nobody acted since `version`; the row stays ours until the transaction ends."""
        found = self._seen(viewer).filter(pk=standing.object).values_list("version", "state")
        if self._database.address.engine == "postgresql":
            found = found.select_for_update()
        known = found.first()
        if known is None:
            raise NotHere(standing.object)
        if known[0] != version:
            raise Stale(f"{standing.object}: somebody acted since version {version}; read it again")
        if known[1] != steps[0].entry.source:
            raise Unfounded(f"{standing.object}: stands in {known[1]}, not in {steps[0].entry.source}")

    @staticmethod
    def _may_open(viewer: Viewer, standing: Standing) -> bool:
        rival = rows.Organisation.objects.filter(pk=viewer.organisation, kind="developer").exists()
        return visible(viewer, standing, rival=rival)


@contextmanager
def _spoken(object_id: str) -> Iterator[None]:
    try:
        yield
    except IntegrityError as error:
        if "unique" in str(error).lower():
            raise Stale(f"{object_id}: somebody acted at the same time; read it again") from error
        raise Unfounded(f"{object_id}: {error}") from error


def _write_steps(standing: Standing, steps: Sequence[Step]) -> None:
    acts = rows.Act.objects.bulk_create([_act_row(standing.object, step) for step in steps])
    rows.ActContent.objects.bulk_create(
        rows.ActContent(act=act, salt=step.salt, record=encode(step.act)) for act, step in zip(acts, steps, strict=True)
    )


def _act_row(object_id: str, step: Step) -> rows.Act:
    entry, actor = step.entry, step.entry.actor
    return rows.Act(
        submission_id=object_id,
        seq=entry.seq,
        event=entry.event,
        source=entry.source,
        target=entry.target,
        at=entry.at,
        clamped=entry.clamped,
        person=actor.person,
        organisation=actor.organisation,
        role=actor.role,
        request_digest=entry.request_digest,
        entry_log=step.place.log if step.place else None,
        entry_index=step.place.index if step.place else None,
    )


def _step(row: rows.Act) -> Step:
    actor = Actor(row.person, row.organisation, row.role)
    entry = Entry(row.seq, row.event, row.source, row.target, row.at, actor, row.clamped, row.request_digest)
    content = getattr(row, "content", None)
    place = None if row.entry_index is None or row.entry_log is None else Place(row.entry_log, row.entry_index)
    if content is None:
        return Step(bare(entry), entry, b"", place)
    return Step(decode(Act, content.record), entry, bytes(content.salt), place)


def _write_standing(standing: Standing, *, new: bool) -> None:
    last = standing.last
    if last is None:  # check_steps has seen to it
        raise Unfounded(f"{standing.object}: has no step")
    if pack := standing.pack:
        pinned = rows.Pack(sha256=pack.sha256, name=pack.id, version=pack.version)
        rows.Pack.objects.bulk_create([pinned], ignore_conflicts=True)
    columns: dict[str, Any] = {
        "state": standing.state,
        "version": last.seq,
        "evaluator": standing.evaluator,
        "told": told(standing),
        "pack_id": standing.pack.sha256 if standing.pack else None,
        "window_end": standing.window.end if standing.window else None,
        "changed_at": last.at,
        "standing": encode(standing),
    }
    if new:
        identity = {"id": standing.object, "kind": str(standing.kind), "owner": standing.developer}
        rows.Submission.objects.bulk_create([rows.Submission(**identity, opened_at=last.at, **columns)])
    else:
        rows.Submission.objects.filter(pk=standing.object).update(**columns)


def _write_consents(standing: Standing) -> None:
    """Write those that are new or changed: only their developer may, and others act on the same object."""
    known = dict(rows.Consent.objects.filter(submission_id=standing.object).values_list("name", "record"))
    written = {consent.id: encode(consent) for consent in standing.consents}
    changed = [consent for consent in standing.consents if known.get(consent.id) != written[consent.id]]
    if not changed:
        return
    rows.Consent.objects.bulk_create(
        [
            rows.Consent(
                name=consent.id,
                submission_id=standing.object,
                activity=consent.activity,
                given_at=consent.given_at,
                expires=consent.expires,
                revoked_at=consent.revoked_at,
                record=written[consent.id],
            )
            for consent in changed
        ],
        update_conflicts=True,
        unique_fields=["submission", "name"],
        update_fields=["revoked_at", "record"],
    )
    named = {one.organisation for consent in changed for one in consent.recipients}
    rows.Acquaintance.objects.bulk_create(
        [
            rows.Acquaintance(submission_id=standing.object, organisation=one, owner=standing.developer)
            for one in sorted(named)
        ],
        ignore_conflicts=True,
    )


def _write_documents(standing: Standing, steps: Sequence[Step]) -> None:
    rows.Document.objects.bulk_create(
        rows.Document(
            submission_id=standing.object,
            kind=document.kind,
            version=document.version,
            digest=document.digest,
            data_class=document.data_class,
            organisation=document.organisation,
            at=document.at,
            record=encode(document),
        )
        for step in steps
        for document in step.act.documents
    )
