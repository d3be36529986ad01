"""What a grader says of one submission."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Outcome(StrEnum):
    """Of an attempt. `void` is the infrastructure's fault and never counts against a participant."""

    SOLVED = "solved"
    UNSOLVED = "unsolved"
    UNEXPLAINED = "unexplained"  # the right secret, but nothing released it
    HARMFUL = "harmful"  # the service was broken, or a hard constraint of the plant violated
    VOID = "void"


class State(StrEnum):
    """Of one named check."""

    OK = "ok"
    NOT_OK = "not ok"
    NOT_CHECKED = "not checked"


@dataclass(frozen=True)
class Check:
    """One named step of grading."""

    name: str
    state: State
    detail: str = ""


@dataclass(frozen=True)
class Verdict:
    """The whole answer: `partial` (0 to 1) is a secondary score and never mixed into `outcome`."""

    outcome: Outcome
    partial: float | None = None
    checks: tuple[Check, ...] = ()
    replays_agreeing: int = 0
    reasons: tuple[str, ...] = ()
    events: tuple[str, ...] = ()  # e.g. shortcut-attempt, for scrutiny
