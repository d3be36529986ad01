"""When silence goes to somebody else, and when an embargo is broken: both are seen here and done by a person.

- Silence is counted from the first attempt, by the policy's own clock. With no contact at all there is nothing to wait
  for: a coordinator is asked at once.
- An answer of any vendor ends the count. Several silent ones beside one that answers are shown, each by name.
- Break-glass: the matter is out while an embargo runs. One person leaves it, with a reason, and needs
  nobody's agreement.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from seatrial.clearinghouse.event import EventType

if TYPE_CHECKING:
    from seatrial.clearinghouse.case.acts import Step
    from seatrial.clearinghouse.case.case import Case


@dataclass(frozen=True, slots=True)
class Due:
    """Somebody has to do something with a case: since when, and why, in words."""

    since: datetime
    why: str


def escalation_due(case: Case, now: datetime) -> Due | None:
    """Why the matter is to go to an outside coordinator by now; None while it is not, or when it has gone."""
    if case.escalations or case.facts.answered is not None:
        return None
    attempted = [one for one in case.attempts if one.outcome != "absent"]
    if case.attempts and not attempted:
        return Due(case.attempts[-1].at, "no contact was found")
    due = case.deadlines(now).escalation
    if due is None or now < due:
        return None
    silent = ", ".join(case.silent) or "nobody could be reached"
    return Due(due, f"no answer since the first attempt: {silent}")


def exit_due(case: Case) -> str:
    """Why the embargo is to be left at once; empty when it is not, or when none runs."""
    return case.exit_due


def escalate(to: str, reason: str) -> list[Step]:
    """The matter goes to an outside coordinator."""
    return [(EventType.ESCALATED, {"to": to, "reason": reason})]


def break_glass(case: Case, reason: str) -> list[Step]:
    """One person leaves an embargo that what has happened has ended.

    Raises:
        ValueError: nothing has happened that would allow it.
    """
    if not case.out:
        raise ValueError(f"case {case.case_id}: nothing is out, so an embargo is left by agreement")
    return [(EventType.EM, {"step": "exit", "reason": reason, "break_glass": True})]
