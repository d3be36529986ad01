"""Who is told that something happened to an object: an organisation, a role in it, and the step. Never content.

- The two sides of a submission tell each other: whoever acted is not told of their own act. What a clock or a service
  did, both are.
- An evaluator is told once a consent of the developer's names it, and not before: until then it does not know that the
  submission is there. Of an inquiry, the organisations that it went to are told.
- Of a finding, the coordinators of the organisation that holds it are told, and once it was reported the maintainers.
- Of a text, the organisations that proposed it or commented on it are told, in every role that reads texts.

>>> from seatrial.framework.standing import Actor, Kind, Standing
>>> drafted = Standing("sub-1", Kind.SUBMISSION, "draft", developer="lab", evaluator="bureau")
>>> told(drafted, Actor("ada", "lab", "developer_owner")), told(drafted, Actor("clock", "house", "clock"))
((), (Recipient(organisation='lab', role=<Role.DEVELOPER_OWNER: 'developer_owner'>),))
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from seatrial.framework.consent import Activity
from seatrial.framework.finding import told as reported_to
from seatrial.framework.framework_text import READERS, commenters
from seatrial.framework.participant import Role
from seatrial.framework.standing import Kind

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from datetime import datetime

    from seatrial.framework.standing import Actor, Standing


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


def told(standing: Standing, actor: Actor) -> tuple[Recipient, ...]:
    """Who is told of a step of this object that `actor` took."""
    return tuple(sorted(_TOLD[standing.kind](standing, actor)))


def _of_submission(standing: Standing, actor: Actor) -> Iterator[Recipient]:
    sides = {Recipient(standing.developer, Role.DEVELOPER_OWNER)}
    for consent in standing.consents:
        named = {recipient.organisation for recipient in consent.recipients}
        if standing.evaluator in named:
            sides.add(Recipient(standing.evaluator, Role.EVALUATOR_LEAD))
        if consent.activity is Activity.INQUIRE:
            sides |= {Recipient(one, Role.DESIGNATION_LIAISON) for one in named}
    yield from (side for side in sides if side.organisation != actor.organisation)


def _of_finding(standing: Standing, actor: Actor) -> Iterator[Recipient]:
    sides = {Recipient(standing.evaluator, Role.COORDINATOR), Recipient(reported_to(standing), Role.MAINTAINER)}
    acted = (actor.organisation, actor.role)
    yield from (side for side in sides if side.organisation and (side.organisation, side.role) != acted)


def _of_text(standing: Standing, actor: Actor) -> Iterator[Recipient]:
    taking_part = commenters(standing) | {standing.mark("proposer")}
    others = taking_part - {actor.organisation, ""}
    yield from (Recipient(organisation, role) for organisation in others for role in READERS)


_TOLD: dict[Kind, Callable[[Standing, Actor], Iterator[Recipient]]] = {
    Kind.SUBMISSION: _of_submission,
    Kind.FINDING: _of_finding,
    Kind.FRAMEWORK_TEXT: _of_text,
}
