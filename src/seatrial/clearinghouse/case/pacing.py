"""Pacing: how many open reports a maintainer has at a time. The bottleneck is people who fix, never what is found.

- A bucket belongs to a contact, not to a project: who maintains ten projects has one. It has k places; an open verified
  root takes one, a closed one gives it back.
- The maintainer sets k, a weekday for batches, weeks of quiet, and can stop it all. Nothing of that needs a reason.
- Over k goes only what a named person lets go, with a reason, and that is counted apart.
- Order: exploited, then the coordinator's triage, then the decided severity, then who has waited longest.
- What waits is seen: since when, and when somebody looks at it again, after 90 days at the latest.

>>> from datetime import UTC, datetime
>>> now = datetime(2027, 1, 4, tzinfo=UTC)
>>> waiting = [Waiting("C-000002", "low", since=now), Waiting("C-000001", "high", since=now)]
>>> [root.cluster for root in next_up(Pace("sec@example.org"), open_roots=2, waiting=waiting, now=now)]
['C-000001']
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from seatrial.framework.instant import within

PLACES = 3
"""Our default k: what maintainers asked for when they asked for a slower pace was two to five."""
MOST_PLACES = 1000
REVIEW_DAYS = 90
FIX_DAYS = 14.0
"""How long a patch takes on average, by public figures of 2026: about two weeks."""
SEVERITIES = ("critical", "high", "medium", "low", "none")
TRIAGE = ("coordinate", "track", "decline")


class OverPace(ValueError):
    """A contact that takes no more now: says why and from when it does, or who can let it go."""


@dataclass(frozen=True, slots=True)
class Pace:
    """What one contact takes.

    Attributes:
        contact: The address that the bucket belongs to.
        places: k.
        batch_day: The only weekday on which reports come, 0 for Monday; None is any.
        zone: In which it is that day.
        quiet: Stretches [start, end) without reports.
        stopped: No reports at all until the contact says so.
    """

    contact: str
    places: int = PLACES
    batch_day: int | None = None
    zone: str = "UTC"
    quiet: tuple[tuple[datetime, datetime], ...] = ()
    stopped: bool = False

    def __post_init__(self) -> None:
        if not 0 <= self.places <= MOST_PLACES:
            raise ValueError(f"pace.places: 0 to {MOST_PLACES}, not {self.places}")
        if self.batch_day is not None and not 0 <= self.batch_day <= 6:
            raise ValueError(f"pace.batch_day: 0 (Monday) to 6, not {self.batch_day}")

    def closed_because(self, now: datetime) -> str:
        """Why it takes nothing at `now`, or nothing."""
        if self.stopped:
            return "the contact asked for no reports"
        if any(within(start, end, now) for start, end in self.quiet):
            return "the contact asked for quiet at this time"
        if self.batch_day is not None and now.astimezone(ZoneInfo(self.zone)).weekday() != self.batch_day:
            return "the contact takes reports on another day of the week"
        return ""


@dataclass(frozen=True, slots=True)
class Waiting:
    """A verified root that waits for a place: what orders it, since when it waits, when it is looked at again."""

    cluster: str
    severity: str
    since: datetime
    exploited: bool = False
    triage: str = "track"
    review_by: datetime | None = None

    @property
    def looked_at_by(self) -> datetime:
        """When somebody looks at it again at the latest."""
        latest = self.since + timedelta(days=REVIEW_DAYS)
        return min(self.review_by, latest) if self.review_by else latest

    def overdue(self, now: datetime) -> bool:
        """Whether that day is past."""
        return now >= self.looked_at_by


@dataclass(frozen=True, slots=True)
class Override:
    """A named person lets one root go over k, for a reason."""

    cluster: str
    person: str
    reason: str
    at: datetime

    def __post_init__(self) -> None:
        if not self.person.strip() or not self.reason.strip():
            raise ValueError(f"{self.cluster}: over its pace goes what a named person lets go, with a reason")


def order(waiting: Iterable[Waiting]) -> list[Waiting]:
    """Who is next, first first."""
    return sorted(waiting, key=_urgency)


def left(pace: Pace, open_roots: int, now: datetime) -> int:
    """How many places a contact has at `now`."""
    return 0 if pace.closed_because(now) else max(0, pace.places - open_roots)


def next_up(pace: Pace, open_roots: int, waiting: Sequence[Waiting], now: datetime) -> list[Waiting]:
    """The roots that may be told to the contact now, in order."""
    places = left(pace, open_roots, now)
    return order(waiting)[:places] if places else []


def check(pace: Pace, open_roots: int, cluster: str, now: datetime, override: Override | None = None) -> None:
    """Refuse one root more than the contact takes.

    Raises:
        OverPace: no place, and nobody named has let this one go.
    """
    if override is not None and override.cluster == cluster:
        return
    if why := pace.closed_because(now):
        raise OverPace(f"{pace.contact}: {why}; {cluster} waits, or a named person lets it go with a reason")
    if open_roots >= pace.places:
        raise OverPace(
            f"{pace.contact}: {open_roots} of {pace.places} reports are open; {cluster} waits for one to close, "
            "or a named person lets it go with a reason"
        )


def horizon_days(waiting: int, contacts: int, places: int = PLACES, fix_days: float = FIX_DAYS) -> float:
    """How many days the waiting roots need at this pace (Little's law): what more contacts and faster fixes buy.

    >>> round(horizon_days(23019, 281))
    382
    """
    rate = contacts * places / fix_days
    return math.inf if waiting and not rate else (waiting / rate if waiting else 0.0)


def _urgency(root: Waiting) -> tuple[bool, int, int, datetime, str]:
    triage = TRIAGE.index(root.triage) if root.triage in TRIAGE else len(TRIAGE)
    severity = SEVERITIES.index(root.severity) if root.severity in SEVERITIES else len(SEVERITIES)
    return (not root.exploited, triage, severity, root.since, root.cluster)
