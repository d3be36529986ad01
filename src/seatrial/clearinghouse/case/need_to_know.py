"""What one participant sees of a case: a case with the rest left out.

- A participant sees the threads of its own components and the common one, its own statements and drafts, and of others
  only those who work on one of its components, and coordinators. Nobody's address but its own.
- The coordinator sees all. Clocks, the embargo's end and what is known to the world are everybody's.
- What it does not see is not there: no count, no gap, no name stands for it.
"""

from __future__ import annotations

from dataclasses import replace
from types import MappingProxyType
from typing import TYPE_CHECKING

from seatrial.clearinghouse.case.participant import CaseRole

if TYPE_CHECKING:
    from seatrial.clearinghouse.case.case import Case, Message
    from seatrial.clearinghouse.case.participant import Participant


def seen_by(case: Case, organisation: str) -> Case:
    """The case as this participant sees it.

    Raises:
        CaseError: it takes no part.
    """
    viewer = case.participant(organisation)
    if CaseRole.COORDINATOR in viewer.roles:
        return case
    seen = {
        name: _as_seen(one, viewer)
        for name, one in case.participants.items()
        if name == organisation or _near(one, viewer)
    }
    return replace(
        case,
        participants=MappingProxyType(seen),
        happened=tuple(one for one in case.happened if not one.organisation or one.organisation in seen),
        messages=tuple(replace(one, seq=number) for number, one in enumerate(_read(case, viewer), start=1)),
        adjustments=replace(
            case.adjustments,
            extensions=tuple(replace(one, agreed=one.agreed & seen.keys()) for one in case.adjustments.extensions),
        ),
        attempts=tuple(one for one in case.attempts if one.organisation == organisation),
        drafts=MappingProxyType({name: one for name, one in case.drafts.items() if one.organisation == organisation}),
        embargo=replace(
            case.embargo, asked=case.embargo.asked & seen.keys(), consents=case.embargo.consents & seen.keys()
        ),
        seq=0,
        last="",
    )


def _read(case: Case, viewer: Participant) -> list[Message]:
    return [one for one in case.messages if viewer.reads(one.thread)]


def _near(one: Participant, viewer: Participant) -> bool:
    return CaseRole.COORDINATOR in one.roles or bool(one.components & viewer.components)


def _as_seen(one: Participant, viewer: Participant) -> Participant:
    if one.organisation == viewer.organisation:
        return one
    shared = one.components & viewer.components
    statements = {product: said for product, said in one.statements.items() if product in shared}
    return replace(
        one, contact="", components=shared, tracking=(), statements=MappingProxyType(statements), accepts=frozenset()
    )
