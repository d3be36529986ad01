"""Report management: where a participant stands with the report that it was given (Vultron, Householder 2022, ch. 3).

- Each participant has a state of its own; nobody else's act moves it.
- What this house does inside `received` and `valid` (reproduce, triage, deduplicate, assign) moves nothing here.
- `closed` is the end: there is no way out of it.

>>> moved(ReportState.START, ReportState.RECEIVED), ReportState.CLOSED.nexts
(<ReportState.RECEIVED: 'received'>, frozenset())
"""

from __future__ import annotations

from enum import StrEnum


class NoSuchStep(ValueError):
    """A step that the protocol does not have: says from where, to where, and what there is instead."""


class ReportState(StrEnum):
    """Where a participant stands; `letter` is Vultron's."""

    START = "start"
    RECEIVED = "received"
    INVALID = "invalid"
    VALID = "valid"
    DEFERRED = "deferred"
    ACCEPTED = "accepted"
    CLOSED = "closed"

    @property
    def letter(self) -> str:
        """The protocol's letter for it."""
        return self.name[0]

    @property
    def meaning(self) -> str:
        """What it says, in one sentence."""
        return MEANING[self]

    @property
    def nexts(self) -> frozenset[ReportState]:
        """The states that may follow."""
        return STEPS[self]


MEANING = {
    ReportState.START: "The participant has not been given the report.",
    ReportState.RECEIVED: "The report has arrived and nobody has judged it.",
    ReportState.INVALID: "The participant holds it to be no vulnerability or cannot tell; evidence makes it valid.",
    ReportState.VALID: "The participant holds it to be a vulnerability and has not decided what to do.",
    ReportState.DEFERRED: "Valid, and not worked on now.",
    ReportState.ACCEPTED: "Valid, and worked on.",
    ReportState.CLOSED: "The participant has nothing more to do.",
}
_S = ReportState
STEPS = {
    _S.START: frozenset({_S.RECEIVED}),
    _S.RECEIVED: frozenset({_S.VALID, _S.INVALID}),
    _S.INVALID: frozenset({_S.VALID, _S.CLOSED}),
    _S.VALID: frozenset({_S.ACCEPTED, _S.DEFERRED}),
    _S.ACCEPTED: frozenset({_S.DEFERRED, _S.CLOSED}),
    _S.DEFERRED: frozenset({_S.ACCEPTED, _S.CLOSED}),
    _S.CLOSED: frozenset[ReportState](),
}


def moved(state: ReportState, to: ReportState) -> ReportState:
    """The state after a step.

    Raises:
        NoSuchStep: The protocol has no such step.
    """
    if to not in STEPS[state]:
        ways = ", ".join(sorted(STEPS[state])) or "nothing: it is the end"
        raise NoSuchStep(f"report state: no step from {state} to {to}; from {state} there is {ways}")
    return to
