"""What is true of a vulnerability in the world: Vultron's case states, its forcing rules and its desiderata.

- A vendor is aware (V), has a fix ready (F), has it deployed (D): D needs F, F needs V. The public is aware (P), an
  exploit is public (X), attacks are seen (A): of the case as a whole. Capital: it has happened. Nothing is undone.
- Two events are forced. Whoever has a public exploit has the public's attention: after X without P comes P. Vendors
  read: after P without V comes V. Both are recorded in the act that forced them, and marked `implied`.
- With that there are 32 states, 58 transitions and 70 histories (Householder and Spring, "Are we skillful or just
  lucky?", CMU/SEI 2021, after whose table the desiderata are numbered here).

>>> [(one.event, one.implied) for one in forced("vfdpxa", "X")]
[('X', False), ('P', True), ('V', True)]
>>> after("vfdpxa", "XPV"), met("VFDPXA")
('VfdPXa', 12)
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache

VENDOR_EVENTS = "VFD"
CASE_EVENTS = "PXA"
EVENTS = VENDOR_EVENTS + CASE_EVENTS
BEGINNING = "vfdpxa"
NEEDS: Mapping[str, str] = {"F": "V", "D": "F"}
MEANING: Mapping[str, str] = {
    "V": "the vendor is aware",
    "F": "a fix is ready",
    "D": "the fix is deployed",
    "P": "the public is aware",
    "X": "an exploit is public",
    "A": "attacks are seen",
}
DESIDERATA: tuple[tuple[str, str], ...] = (
    *((first, then) for first in "VFD" for then in "PXA"),
    *(("P", "X"), ("P", "A"), ("X", "A")),
)
"""What coordination wants: the first of each pair before the second."""


class NotPossibleNow(ValueError):
    """An event that cannot happen in this state: says which, where, and what would have to come first."""


@dataclass(frozen=True, slots=True)
class Step:
    """One event, and whether another one brought it."""

    event: str
    implied: bool = False


def happened(state: str, event: str) -> bool:
    """Whether the event is behind this state."""
    return event in state


def after_one(state: str, event: str) -> str:
    """The state after one event, forcing rules left aside.

    Raises:
        NotPossibleNow: It has happened, or what it needs has not.
    """
    if event not in EVENTS or len(event) != 1:
        raise NotPossibleNow(f"case state: {event!r} is no event; there are {', '.join(EVENTS)}")
    if event in state:
        raise NotPossibleNow(f"case state {state}: {event} ({MEANING[event]}) is known already")
    if (need := NEEDS.get(event)) and need not in state:
        raise NotPossibleNow(f"case state {state}: {event} needs {need} ({MEANING[need]}) first")
    return state.replace(event.lower(), event)


def due_next(state: str) -> str:
    """The event that must come next in this state, or nothing."""
    if "X" in state and "P" not in state:
        return "P"
    return "V" if "P" in state and "V" not in state else ""


def after(state: str, events: str) -> str:
    """The state after events in order, each of which the forcing rules let come.

    Raises:
        NotPossibleNow: One of them cannot be.
    """
    for event in events:
        if (due := due_next(state)) and event != due:
            raise NotPossibleNow(f"case state {state}: the next event is {due} ({MEANING[due]}), not {event}")
        state = after_one(state, event)
    return state


def forced(state: str, event: str) -> tuple[Step, ...]:
    """The event with those that it brings, in order.

    Raises:
        NotPossibleNow: It cannot be.
    """
    steps, state = [Step(event)], after(state, event)
    while due := due_next(state):
        steps.append(Step(due, implied=True))
        state = after_one(state, due)
    return tuple(steps)


def nexts(state: str) -> tuple[str, ...]:
    """The events that may come next, by letter."""
    found = []
    for event in EVENTS:
        try:
            after(state, event)
        except NotPossibleNow:
            continue
        found.append(event)
    return tuple(found)


def transitions() -> frozenset[tuple[str, str]]:
    """Every (state, event) that can be, from the beginning."""
    return frozenset((state, event) for state in states() for event in nexts(state))


@lru_cache(maxsize=1)
def states() -> frozenset[str]:
    """Every state that can be reached."""
    found, waiting = {BEGINNING}, [BEGINNING]
    while waiting:
        state = waiting.pop()
        new = {after(state, event) for event in nexts(state)} - found
        found |= new
        waiting += new
    return frozenset(found)


def histories(state: str = BEGINNING) -> Iterator[str]:
    """Every order in which all six events can happen."""
    ways = nexts(state)
    if not ways:
        yield ""
    for event in ways:
        for rest in histories(after(state, event)):
            yield event + rest


def met(history: str) -> int:
    """How many desiderata a whole history meets, of 12."""
    place = {event: index for index, event in enumerate(history)}
    return sum(place[first] < place[then] for first, then in DESIDERATA)


def standing(order: str) -> tuple[int, int]:
    """Of the desiderata that an unfinished history has decided: how many are met, and how many are decided.

    A pair is decided as soon as one of the two has happened.

    >>> standing("VFP")
    (8, 9)
    """
    place = {event: index for index, event in enumerate(order)}
    decided = [(first, then) for first, then in DESIDERATA if first in place or then in place]
    late = len(order)
    return sum(place.get(first, late) < place.get(then, late) for first, then in decided), len(decided)
