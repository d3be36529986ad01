"""Organisations that are here by their own consent, their people, and what each may act as.

- A viewer sees its own organisation and the people of it. Whether another organisation is here at all is nobody's to
  see but the house's: not by a name, not by a count, not by an error.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from seatrial.framework.participant import Membership, Organisation, Person
from seatrial.storage.codec import decode, encode
from seatrial.storage.tables import rows

if TYPE_CHECKING:
    from datetime import datetime

    from seatrial.framework.viewer import Viewer
    from seatrial.storage.session import Database


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
