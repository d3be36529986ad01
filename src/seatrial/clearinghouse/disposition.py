"""Where a finding is: exactly one disposition, the fold of its events; and the state of the lifecycle that it means.

The framework's lifecycle of a finding (`seatrial.framework.finding`) speaks of one vulnerability on its way to a fix.
Here is its first part, taken by machines in batches, and how the two are one:

- a finding's disposition and the stage of its cluster name its state in the lifecycle (`state_of`, total);
- one finding stands for each cluster in everything that people do, the others are its duplicates;
- `acts` gives the steps that led there, as the lifecycle names them.
"""

from __future__ import annotations

from enum import StrEnum
from types import MappingProxyType
from typing import TYPE_CHECKING

from seatrial.clearinghouse.event import EventType

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from seatrial.clearinghouse.event import Event

DISPOSITION = "disposition"
"""Where the body of an event names what it led to."""


class Disposition(StrEnum):
    """Where an item that was handed in is."""

    QUARANTINED = "quarantined"
    CANDIDATE = "candidate"
    PARKED = "parked"
    REPRODUCED = "reproduced"
    FLAKY = "flaky"
    NOT_REPRODUCED = "not_reproduced"
    HARNESS_BROKEN = "harness_broken"
    NEEDS_ORACLE = "needs_oracle"
    NEEDS_ATTENTION = "needs_attention"
    CONFIRMED_BY_REVIEW = "confirmed_by_review"
    KNOWN = "known"
    OUT_OF_SCOPE = "out_of_scope"
    WITHDRAWN = "withdrawn"

    @property
    def meaning(self) -> str:
        """In words."""
        return MEANINGS[self]


D = Disposition

MEANINGS: Mapping[Disposition, str] = MappingProxyType(
    {
        D.QUARANTINED: "It could not be read; its receipt says where, what, and what to do.",
        D.CANDIDATE: "It was taken in and waits to be reproduced.",
        D.PARKED: "It was taken in above its source's quota; it waits until others of that source are looked at.",
        D.REPRODUCED: "It was shown again, three times of three, in a fresh box.",
        D.FLAKY: "It was shown again, but not every time.",
        D.NOT_REPRODUCED: "It was not shown again; new evidence reopens it.",
        D.HARNESS_BROKEN: "Its harness fails without it as well, so nothing can be shown with it.",
        D.NEEDS_ORACLE: "It claims no crash, and nothing that runs says what it would be.",
        D.NEEDS_ATTENTION: "A person has to look before anything runs.",
        D.CONFIRMED_BY_REVIEW: "Two people who did not find it have read it and hold it to be true.",
        D.KNOWN: "It is public already under a number or a fix.",
        D.OUT_OF_SCOPE: "It is no vulnerability of other people's software, for a stated reason.",
        D.WITHDRAWN: "Whoever handed it in has taken it back.",
    }
)

UNREPRODUCED = frozenset({D.CANDIDATE, D.HARNESS_BROKEN, D.NEEDS_ORACLE, D.NEEDS_ATTENTION})
"""What counts against a source's quota: work that waits. What is parked waits outside it."""
CLUSTERED = frozenset({D.REPRODUCED, D.FLAKY, D.CONFIRMED_BY_REVIEW, D.KNOWN})
"""Of these every finding is in exactly one cluster, once clustering has seen it."""

FOLD: Mapping[EventType, Disposition | None] = MappingProxyType(
    {
        EventType.RECEIVED: D.CANDIDATE,
        EventType.QUARANTINED: D.QUARANTINED,
        EventType.PARKED: D.PARKED,
        EventType.UNPARKED: D.CANDIDATE,
        EventType.REPLAYED: None,
        EventType.REVIEWED: None,
        EventType.KNOWN_MATCHED: None,
        EventType.SCOPED_OUT: D.OUT_OF_SCOPE,
        EventType.TAKEN_BACK: D.WITHDRAWN,
        EventType.REOPENED: D.CANDIDATE,
    }
)
"""What an event leads to; None: what its body names, and nothing changes where it names none."""


class Misplaced(ValueError):
    """An event that names a disposition it cannot lead to, or comes before anything was received."""


def led_to(event: Event, before: Disposition | None) -> Disposition:
    """The disposition after an event.

    Raises:
        Misplaced: The first event is no receipt, or the body names no disposition.
    """
    if before is None and event.type not in {EventType.RECEIVED, EventType.QUARANTINED}:
        raise Misplaced(f"{event.subject}: its first event is {event.type}; it begins as received or quarantined")
    named = event.body.get(DISPOSITION) if event.type in FOLD else None
    try:
        found = Disposition(named) if named else FOLD.get(event.type)
    except ValueError as error:
        raise Misplaced(f"{event.subject}: {named!r} is no disposition; one of {', '.join(D)}") from error
    if found is None and before is None:
        raise Misplaced(f"{event.subject}: its first event names no disposition")
    return found or before or D.CANDIDATE


def fold(events: Iterable[Event], before: Disposition | None = None) -> Disposition:
    """The disposition after these events, from the first on or after `before`.

    Raises:
        Misplaced: See `led_to`; or there is no event.
    """
    for event in events:
        before = led_to(event, before)
    if before is None:
        raise Misplaced("there is no event to fold")
    return before


STATES: Mapping[Disposition, str] = MappingProxyType(
    {
        D.QUARANTINED: "",
        D.CANDIDATE: "candidate",
        D.PARKED: "candidate",
        D.REPRODUCED: "reproduced",
        D.FLAKY: "reproduced",
        D.NOT_REPRODUCED: "not_reproduced",
        D.HARNESS_BROKEN: "candidate",
        D.NEEDS_ORACLE: "candidate",
        D.NEEDS_ATTENTION: "candidate",
        D.CONFIRMED_BY_REVIEW: "reproduced",
        D.KNOWN: "known",
        D.OUT_OF_SCOPE: "out_of_scope",
        D.WITHDRAWN: "retracted",
    }
)
"""The lifecycle's state of a finding that is in no cluster; what could not be read is no finding yet, and has none."""


def state_of(disposition: Disposition, stage_state: str = "", *, stands_for_it: bool = True) -> str:
    """The lifecycle's state.

    `stage_state` is what the stage of its cluster means (`cluster.STATES`), empty without a cluster;
    `stands_for_it`: it is the finding that stands for the cluster.

    >>> state_of(Disposition.FLAKY), state_of(Disposition.REPRODUCED, "rated")
    ('reproduced', 'rated')
    >>> state_of(Disposition.REPRODUCED, "rated", stands_for_it=False)
    'duplicate'
    """
    alone = STATES[disposition]
    if not stage_state or alone != "reproduced":
        return alone
    return stage_state if stands_for_it else "duplicate"
