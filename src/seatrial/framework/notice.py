"""Who is told that something happened to a submission: an organisation, a role in it, and the step. Never content.

- The two sides tell each other: whoever acted is not told of their own act. What a clock or a service did, both are.
- An evaluator is told once a consent of the developer's names it, and not before: until then it does not know that the
  submission is there. Of an inquiry, the organisations that it went to are told.

>>> from seatrial.framework.standing import Kind, Standing
>>> drafted = Standing("sub-1", Kind.SUBMISSION, "draft", developer="lab", evaluator="bureau")
>>> told(drafted, "lab"), told(drafted, "house")
((), (Recipient(organisation='lab', role=<Role.DEVELOPER_OWNER: 'developer_owner'>),))
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from seatrial.framework.consent import Activity
from seatrial.framework.participant import Role

if TYPE_CHECKING:
    from datetime import datetime

    from seatrial.framework.standing import Standing


@dataclass(frozen=True, slots=True, order=True)
class Recipient:
    """Whoever holds this role of this organisation."""

    organisation: str
    role: Role


@dataclass(frozen=True, slots=True)
class Notice:
    """One thing that somebody is told: which object, which step of it, when."""

    number: int
    recipient: Recipient
    object: str
    event: str
    at: datetime


def told(standing: Standing, actor: str) -> tuple[Recipient, ...]:
    """Who is told of a step of this submission that somebody of the organisation `actor` took."""
    sides = {Recipient(standing.developer, Role.DEVELOPER_OWNER)}
    for consent in standing.consents:
        named = {recipient.organisation for recipient in consent.recipients}
        if standing.evaluator in named:
            sides.add(Recipient(standing.evaluator, Role.EVALUATOR_LEAD))
        if consent.activity is Activity.INQUIRE:
            sides |= {Recipient(one, Role.DESIGNATION_LIAISON) for one in named}
    return tuple(sorted(side for side in sides if side.organisation != actor))
