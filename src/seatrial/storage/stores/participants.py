"""Organisations that are here by their own consent, their people, and what each may act as.

- A viewer sees its own organisation and the people of it. Whether another organisation is here at all is nobody's to
  see but the house's: not by a name, not by a count, not by an error.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from django.db.models import Q

from seatrial.framework.participant import Membership, Organisation, Person
from seatrial.storage.codec import decode, encode
from seatrial.storage.tables import rows

if TYPE_CHECKING:
    from datetime import datetime

    from seatrial.framework.viewer import Viewer
    from seatrial.storage.session import Database


SERVICE = "svc_"
"""How ids of service tokens begin: a program acts, and is none of the people."""


class ParticipantTables:
    """The registry of one installation; it starts empty."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, viewer: Viewer, organisation: Organisation, memberships: tuple[Membership, ...] = ()) -> None:
        """Enter an organisation or change its entry, with memberships of its people.

        Raises:
            LookupError: it is not the viewer's own.
        """
        self._own(viewer, organisation.id)
        with self._database.session(viewer, writing=True):
            rows.Organisation.objects.update_or_create(
                pk=organisation.id, defaults={"kind": organisation.kind, "record": encode(organisation)}
            )
            for one in memberships:
                self._join(one, organisation.id)

    def organisations(self, viewer: Viewer) -> tuple[Organisation, ...]:
        """The organisations that the viewer sees: its own; the house sees all."""
        with self._database.session(viewer):
            found = rows.Organisation.objects.order_by("pk")
            if not viewer.sees_all:
                found = found.filter(pk=viewer.organisation)
            return tuple(decode(Organisation, record) for record in found.values_list("record", flat=True))

    def peopled(self, viewer: Viewer, organisation: str) -> bool:
        """Whether somebody was ever entered for an organisation that the viewer sees."""
        self._own(viewer, organisation)
        with self._database.session(viewer):
            return rows.Membership.objects.filter(organisation_id=organisation).exists()

    def memberships(self, viewer: Viewer, person: str, now: datetime) -> tuple[Membership, ...]:
        """What a person may act as at `now`, in organisations that the viewer sees."""
        with self._database.session(viewer):
            found = rows.Membership.objects.filter(person_id=person).order_by("pk")
            if not viewer.sees_all:
                found = found.filter(organisation_id=viewer.organisation)
            known = tuple(decode(Membership, record) for record in found.values_list("record", flat=True))
        return tuple(membership for membership in known if membership.active(now))

    def members(
        self, viewer: Viewer, organisation: str, now: datetime, after: str = "", most: int = 100
    ) -> tuple[Membership, ...]:
        """Who may act for an organisation that the viewer sees at `now`, by person; those after `after`."""
        self._own(viewer, organisation)
        with self._database.session(viewer):
            found = (
                rows.Membership.objects.filter(
                    Q(expires__isnull=True) | Q(expires__gt=now), organisation_id=organisation, person_id__gt=after
                )
                .exclude(person__id__startswith=SERVICE)
                .order_by("person_id", "pk")
            )
            known = tuple(decode(Membership, record) for record in found.values_list("record", flat=True)[:most])
        return tuple(membership for membership in known if membership.active(now))

    def end(self, viewer: Viewer, membership: Membership, now: datetime) -> None:
        """A person no longer acts for an organisation in a role."""
        self._own(viewer, membership.organisation)
        with self._database.session(viewer, writing=True):
            for row in rows.Membership.objects.filter(
                Q(expires__isnull=True) | Q(expires__gt=now),
                person_id=membership.person,
                organisation_id=membership.organisation,
                role=membership.role,
            ):
                ended = replace(decode(Membership, row.record), expires=now)
                row.expires, row.record = now, encode(ended)
                row.save()

    def knows(self, viewer: Viewer, person: str) -> bool:
        """Whether a person of this id was ever entered, as far as the viewer sees."""
        with self._database.session(viewer):
            return rows.Person.objects.filter(pk=person).exists()

    def known_as(self, viewer: Viewer, issuer: str, subject: str) -> str:
        """The person whom an identity provider calls so; empty where there is none."""
        with self._database.session(viewer):
            found = rows.Person.objects.filter(issuer=issuer, subject=subject).exclude(issuer="")
            return found.values_list("pk", flat=True).first() or ""

    def identify(self, viewer: Viewer, person: str, issuer: str, subject: str) -> None:
        """A person is whom this provider calls so; once, and by one provider.

        Raises:
            LookupError: the person is known by another.
        """
        with self._database.session(viewer, writing=True):
            row, _ = rows.Person.objects.get_or_create(pk=person, defaults={"record": encode(Person(person))})
            if (row.issuer, row.subject) not in {("", ""), (issuer, subject)}:
                raise LookupError(f"{person}: is known by another identity provider")
            row.issuer, row.subject = issuer, subject
            row.save()

    @staticmethod
    def _own(viewer: Viewer, organisation: str) -> None:
        if not viewer.sees_all and organisation != viewer.organisation:
            raise LookupError(f"{organisation}: there is no such organisation")

    @staticmethod
    def _join(membership: Membership, organisation: str) -> None:
        if membership.organisation != organisation:
            raise ValueError(f"membership of {membership.person}: is of {membership.organisation}, not {organisation}")
        person = Person(membership.person)
        rows.Person.objects.get_or_create(pk=person.id, defaults={"record": encode(person)})
        rows.Membership.objects.create(
            person_id=person.id,
            organisation_id=organisation,
            role=membership.role,
            not_before=membership.not_before,
            expires=membership.expires,
            record=encode(membership),
        )
