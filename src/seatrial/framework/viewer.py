"""Who is looking: the first argument of every call on a store, and there is no call without it.

- A person acts for one organisation in one role at a time; rights are never united.
- `Viewer.for_submission` is what a job is: it sees one submission and nothing beside it.
- `Viewer.house` sees every row; it names its reason, and only the composition root makes one.

>>> Viewer.of("per-1", "lab-a", Role.DEVELOPER_OWNER).sees_all
False
"""

from __future__ import annotations

from dataclasses import dataclass

from seatrial.framework.identifier import check_id
from seatrial.framework.participant import Role

HOUSE = "house"


@dataclass(frozen=True, slots=True)
class Viewer:
    """A person for an organisation in a role; or a job on one submission; or the house itself, for a reason."""

    person: str
    organisation: str
    role: Role
    submission: str = ""
    reason: str = ""

    @classmethod
    def of(cls, person: str, organisation: str, role: Role) -> Viewer:
        """Somebody who is signed in.

        Raises:
            BadIdentifier: an id that is none.
        """
        return cls(check_id(person, "viewer.person"), check_id(organisation, "viewer.organisation"), Role(role))

    @classmethod
    def for_submission(cls, submission: str, role: Role = Role.RUNNER) -> Viewer:
        """A job that works on one submission."""
        return cls(HOUSE, HOUSE, role, submission=check_id(submission, "viewer.submission"))

    @classmethod
    def house(cls, reason: str) -> Viewer:
        """The house itself, for acts that concern every submission: clocks, upgrades, backups."""
        if not reason.strip():
            raise ValueError("viewer: the house looks at everything only for a reason; give one")
        return cls(HOUSE, HOUSE, Role.CUSTODIAN, reason=reason)

    @property
    def sees_all(self) -> bool:
        """Whether no row is hidden."""
        return bool(self.reason)
