"""Acts of several events: what one thing that people do comes to, in the order in which it is recorded.

Each returns (type, body) pairs for `CaseBook.act`, which makes events of them, tries them on the case and keeps all or
none.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from seatrial.clearinghouse.case.case_state import CASE_EVENTS, due_next, forced
from seatrial.clearinghouse.case.report_state import ReportState
from seatrial.clearinghouse.event import EventType

if TYPE_CHECKING:
    from seatrial.clearinghouse.case.case import Case

Step = tuple[EventType, Mapping[str, Any]]


def known(case: Case, letter: str, organisation: str = "", *, evidence: str = "", since: str = "") -> list[Step]:
    """An event of the case state, with those that it brings: P after X, and V of every vendor after P."""
    body = {"event": letter, "organisation": organisation, "evidence": evidence, "since": since}
    steps: list[Step] = [(EventType.CS, {key: value for key, value in body.items() if value})]
    if letter not in CASE_EVENTS:
        return steps
    pxa = case.pxa
    for step in forced("VFD" + pxa, letter):
        pxa = pxa.replace(step.event.lower(), step.event)
        if step.implied:
            steps.append((EventType.CS, {"event": step.event, "implied": True}))
    unaware = [one.organisation for one in case.vendors if due_next(one.vfd + pxa) == "V"]
    steps += [(EventType.CS, {"event": "V", "organisation": name, "implied": True}) for name in unaware]
    return steps


def tried(case: Case, organisation: str, way: str, address: str, outcome: str) -> list[Step]:
    """An attempt to reach somebody. Whoever is reached has the report, and a vendor is aware from then on."""
    body = {"organisation": organisation, "way": way, "address": address, "outcome": outcome}
    steps: list[Step] = [(EventType.CONTACT_TRIED, body)]
    one = case.participant(organisation)
    if outcome == "reached" and one.report is ReportState.START:
        steps.append((EventType.RM, {"organisation": organisation, "to": str(ReportState.RECEIVED)}))
    if outcome == "reached" and one.is_vendor and "V" not in one.vfd:
        steps.append((EventType.CS, {"event": "V", "organisation": organisation, "implied": True}))
    return steps


def fix_public(case: Case, organisation: str, version: str) -> list[Step]:
    """A vendor's fix is out: it is ready, if it was not before, and the clocks know."""
    steps: list[Step] = [(EventType.FIX_CLAIMED, {"organisation": organisation, "version": version, "public": True})]
    vfd = case.participant(organisation).vfd
    steps += [
        (EventType.CS, {"event": letter, "organisation": organisation, "implied": letter == "V"})
        for letter in "VF"
        if letter not in vfd
    ]
    return steps


def embargo_exit(reason: str, agreed: Sequence[str] = ()) -> list[Step]:
    """The embargo is left: by one person if the matter is out or its end is there, else by agreement."""
    return [(EventType.EM, {"step": "exit", "reason": reason, "agreed": list(agreed)})]
