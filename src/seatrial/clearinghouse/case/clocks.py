"""The clocks of a case: what is due when, by its policies, from what has happened so far.

- An instant is due to the second: start, plus the hours of the clock, plus extensions, plus pauses. A day is 86,400
  seconds of UTC, so no change of a wall clock moves a deadline. Intervals are half-open: at the due instant it is over.
- The disclosure clock starts at first contact about this root cause.
- A pause and an extension are acts of a named person with a reason, of so many seconds. Extensions beyond what the
  policy gives take the word of every vendor.
- Of several policies the one whose deadline comes first decides, unless a vendor has agreed to a longer one.
- What is exploited has the shorter clock; what is public already is due at once.

>>> from datetime import UTC
>>> from seatrial.clearinghouse.case.policy import shipped
>>> told = datetime(2027, 1, 1, 12, tzinfo=UTC)
>>> deadlines((shipped("house-1"),), Facts(first_contact=told), now=told).advisory.isoformat()
'2027-04-01T12:00:00+00:00'
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from seatrial.clearinghouse.case.policy import Details, Policy
from seatrial.framework.clock import ClockError, after, earliest
from seatrial.framework.clock import Pause as Stretch
from seatrial.framework.instant import utc

HOUR_SECONDS = 3600


@dataclass(frozen=True, slots=True)
class Facts:
    """The instants that clocks start from; None has not happened."""

    first_attempt: datetime | None = None
    first_contact: datetime | None = None
    exploited: datetime | None = None
    fix_public: datetime | None = None
    public: datetime | None = None
    answered: datetime | None = None

    def __post_init__(self) -> None:
        for name in self.__dataclass_fields__:
            if (value := getattr(self, name)) is not None:
                object.__setattr__(self, name, utc(value, name))

    def start(self, event: str) -> datetime | None:
        """When the event of a clock was; what is exploited before anybody was told counts from the telling."""
        if event == "exploited":
            reached = self.exploited and self.first_contact
            return max(self.exploited, self.first_contact) if self.exploited and reached else None  # type: ignore[type-var]
        if event == "first_attempt":
            return self.first_attempt or self.first_contact
        return self.first_contact if event == "first_contact" else self.fix_public


@dataclass(frozen=True, slots=True)
class Pause:
    """A stretch in which a clock does not count: by whom, why, since when, until when (None: it still lasts)."""

    clock: str
    person: str
    reason: str
    since: datetime
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Extension:
    """So many seconds more: by whom, why, when, and which vendors have agreed to it."""

    clock: str
    person: str
    reason: str
    seconds: int
    at: datetime
    agreed: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Adjustments:
    """Every pause and extension of a case."""

    pauses: tuple[Pause, ...] = ()
    extensions: tuple[Extension, ...] = ()

    def extended(self, clock: str) -> timedelta:
        """What extensions add to a clock."""
        return timedelta(seconds=sum(one.seconds for one in self.extensions if one.clock == clock))


@dataclass(frozen=True, slots=True)
class Deadlines:
    """What is due when; None is not due by anything that has happened. `policy` is the one whose deadline decides."""

    policy: str
    announcement: datetime | None
    answer: datetime | None
    escalation: datetime | None
    disclosure: datetime | None
    advisory: datetime | None
    details: datetime | None
    because: str = ""

    def over(self, now: datetime) -> tuple[str, ...]:
        """The names of what is due at `now`."""
        named = ("announcement", "answer", "escalation", "advisory", "details")
        return tuple(name for name in named if (due := getattr(self, name)) is not None and now >= due)


def due(policy: Policy, name: str, facts: Facts, adjustments: Adjustments, now: datetime) -> datetime | None:
    """When one clock of one policy is over; None where it has not started or the policy has none."""
    clock = policy.clocks.get(name)
    start = facts.start(clock.starts) if clock else None
    if clock is None or start is None:
        return None
    end = after(start, clock.hours) + adjustments.extended(name)
    stretches = [
        Stretch(utc(pause.since, "since"), pause.until and utc(pause.until, "until"), pause.person)
        for pause in adjustments.pauses
        if pause.clock == name
    ]
    for stretch in sorted(stretches, key=lambda one: one.since):
        if stretch.since < end:
            end += stretch.length(start, utc(now, "now"))
    return policy.rollover.rolled(end) if policy.rollover else end


def deadlines(
    policies: Sequence[Policy],
    facts: Facts,
    adjustments: Adjustments | None = None,
    *,
    now: datetime,
    accepted: Collection[str] = (),
) -> Deadlines:
    """What a case's policies make due.

    Args:
        policies: The case's own first; at least one.
        facts: What has happened.
        adjustments: Pauses and extensions.
        now: Until when a pause that still lasts has lasted.
        accepted: The policies to whose longer time a vendor has agreed.
    """
    if not policies:
        raise ClockError("clocks: a case has at least one policy")
    adjustments = adjustments or Adjustments()
    each = [_of(policy, facts, adjustments, now) for policy in policies]
    first = min(each, key=_advisory)
    longer = [one for one in each if one.policy in accepted and _advisory(one) > _advisory(first)]
    return max(longer, key=_advisory) if longer else first


def extension(
    policy: Policy, facts: Facts, adjustments: Adjustments, asked: Extension, vendors: Collection[str]
) -> Adjustments:
    """The adjustments with one extension more.

    Raises:
        ClockError: No person, reason or seconds; the clock does not run or is over; or more than the policy gives
            without the word of every vendor.
    """
    _named(asked.person, asked.reason, f"clock {asked.clock}: an extension")
    if asked.seconds <= 0:
        raise ClockError(f"clock {asked.clock}: an extension is of 1 second or more, not {asked.seconds}")
    end = due(policy, asked.clock, facts, adjustments, asked.at)
    if end is None:
        raise ClockError(f"clock {asked.clock}: it does not run under {policy.ref.id}, so there is nothing to extend")
    if asked.at >= end:
        raise ClockError(f"clock {asked.clock}: it is over since {end.isoformat()}; an extension comes before the end")
    clock = policy.clock(asked.clock)
    given = clock.extra_hours * clock.extra_times * HOUR_SECONDS
    total = int(adjustments.extended(asked.clock).total_seconds()) + asked.seconds
    unasked = set(vendors) - asked.agreed
    if total > given and (unasked or not vendors):
        raise ClockError(
            f"clock {asked.clock}: {policy.ref.id} gives {given} seconds in all, these make {total}; "
            f"more takes the word of every vendor, missing: {', '.join(sorted(unasked)) or 'there is no vendor'}"
        )
    return Adjustments(adjustments.pauses, (*adjustments.extensions, asked))


def paused(adjustments: Adjustments, asked: Pause) -> Adjustments:
    """The adjustments with a pause that begins.

    Raises:
        ClockError: No person or reason, or this clock is paused already.
    """
    _named(asked.person, asked.reason, f"clock {asked.clock}: a pause")
    if any(one.clock == asked.clock and one.until is None for one in adjustments.pauses):
        raise ClockError(f"clock {asked.clock}: it is paused already")
    if any(one.clock == asked.clock and one.until and one.until > asked.since for one in adjustments.pauses):
        raise ClockError(f"clock {asked.clock}: this pause would begin inside an earlier one")
    return Adjustments((*adjustments.pauses, asked), adjustments.extensions)


def resumed(adjustments: Adjustments, clock: str, at: datetime) -> Adjustments:
    """The adjustments with the pause of a clock ended.

    Raises:
        ClockError: It is not paused, or was not yet.
    """
    running = [one for one in adjustments.pauses if one.clock == clock and one.until is None]
    if not running or at < running[0].since:
        raise ClockError(f"clock {clock}: it is not paused at {at.isoformat()}")
    ended = tuple(
        Pause(one.clock, one.person, one.reason, one.since, at) if one is running[0] else one
        for one in adjustments.pauses
    )
    return Adjustments(ended, adjustments.extensions)


def shown(instant: datetime, zone: str) -> str:
    """An instant as a party reads it: date, time, offset and zone; the zone moves nothing.

    >>> from datetime import UTC
    >>> shown(datetime(2027, 3, 28, 1, tzinfo=UTC), "Europe/Berlin")
    '2027-03-28 03:00:00 +02:00 (Europe/Berlin)'
    """
    local = utc(instant, "instant").astimezone(ZoneInfo(zone))
    offset = f"{local:%z}"
    return f"{local:%Y-%m-%d %H:%M:%S} {offset[:3]}:{offset[3:]} ({zone})"


def _of(policy: Policy, facts: Facts, adjustments: Adjustments, now: datetime) -> Deadlines:
    def clock(name: str) -> datetime | None:
        return due(policy, name, facts, adjustments, now)

    ordinary, short = clock("disclosure"), clock("exploited")
    disclosure = earliest(ordinary, short)
    fixed = facts.fix_public if policy.ends_on_fix else None
    reasons = {"public already": facts.public, "the fix is public": fixed, "exploited": short, "the deadline": ordinary}
    advisory = earliest(*reasons.values()) if facts.first_contact or facts.public else None
    details = _details(policy, facts, adjustments, disclosure, advisory)
    if advisory and details and details < advisory:  # all is told then, so others are told no later
        reasons, advisory = {"the details follow the fix": details}, details
    because = next((why for why, at in reasons.items() if at is not None and at == advisory), "")
    answered = facts.answered is not None
    return Deadlines(
        policy.ref.id,
        clock("announcement"),
        None if answered else clock("answer"),
        None if answered else clock("silence"),
        disclosure,
        advisory,
        details,
        because,
    )


def _details(
    policy: Policy, facts: Facts, adjustments: Adjustments, disclosure: datetime | None, advisory: datetime | None
) -> datetime | None:
    if facts.public is not None:
        return facts.public
    if policy.details is Details.WITH_ADVISORY or disclosure is None:
        return advisory
    hours, fixed = policy.clock("details").hours, facts.fix_public
    if policy.details is Details.AFTER_FIX_OR_DEADLINE:
        return after(fixed or disclosure, hours)
    if fixed is None or fixed > disclosure:
        return disclosure
    if policy.details is Details.AFTER_FIX_AT_MOST_DEADLINE:
        return min(after(fixed, hours), disclosure)
    return after(min(fixed, disclosure - adjustments.extended("disclosure")), hours)


def _advisory(one: Deadlines) -> float:
    return one.advisory.timestamp() if one.advisory else float("inf")


def _named(person: str, reason: str, what: str) -> None:
    if not person.strip() or not reason.strip():
        raise ClockError(f"{what} names a person and a reason")
