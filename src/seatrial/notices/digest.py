"""The day's digest: what is due of one person in one role, in the order of urgency, and what changed since the last.

- What is due comes from the lifecycles' own obligations; a role that leads is told what its side owes.
- Findings can be thousands: what they wait for is counted by state. Nobody reads a list of them over coffee.
- It is cut where it would take longer than five minutes to read, and says how much more there is.
- It holds ids, steps, states, dates and roles. A page may show a code name beside an id; a mail never does: a letter
  lies in places that no agreement covers, such as mail servers, telephones and lock screens, also of the developer's
  own people.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from seatrial.framework.obligation import due
from seatrial.framework.participant import Role
from seatrial.framework.standing import Kind, Standing
from seatrial.notices.letters import DIGEST_PATH, foot, link
from seatrial.storage.stores.changes import ChangeTables

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from datetime import datetime

    from seatrial.framework.obligation import Obligation
    from seatrial.framework.viewer import Viewer
    from seatrial.house import House
    from seatrial.storage.stores.changes import Change

MOST_LINES = 35
"""Of what is due, and of what changed: twice as many lines of twelve words are read in five minutes."""
MOST_CHANGES = 500
"""Looked at for one digest; how many more there are is not counted."""
SIDE = {
    Role.DEVELOPER_COUNSEL: frozenset({Role.DEVELOPER_OWNER}),
    Role.EVALUATOR_LEAD: frozenset({Role.EVALUATOR}),
    Role.CLEARINGHOUSE_LEAD: frozenset({Role.ANALYST, Role.VERIFIER, Role.COORDINATOR}),
}
"""Whose obligations a role is told of beside its own."""


@dataclass(frozen=True, slots=True)
class Owed:
    """One thing that is due: of one object, or of many alike, which have no date of their own here."""

    obligation: Obligation
    kind: Kind
    count: int = 1

    @property
    def by(self) -> datetime | None:
        """Until when."""
        return self.obligation.by


@dataclass(frozen=True, slots=True)
class Part:
    """What one person is told in one role.

    Attributes:
        more_changed: Changes beyond what was looked at were left out.
        names: The code names of the submissions that the person sees, for a page.
    """

    viewer: Viewer
    owed: tuple[Owed, ...]
    changed: tuple[Change, ...]
    more_changed: bool = False
    names: Mapping[str, str] = field(default_factory=dict)

    @property
    def empty(self) -> bool:
        """Whether there is nothing to tell."""
        return not (self.owed or self.changed)


def owed_by(house: House, viewer: Viewer, now: datetime) -> tuple[Owed, ...]:
    """What is due of this viewer's role, the most urgent first; what has no date comes last."""
    return _of_role(house, viewer, _single(house, viewer), now)


def part(house: House, viewer: Viewer, since: datetime, now: datetime) -> Part:
    """What a viewer is told: what is due, and what others did since."""
    changes = ChangeTables(house.database).since(viewer, since, MOST_CHANGES)
    single = _single(house, viewer)
    return Part(
        viewer,
        _of_role(house, viewer, single, now),
        tuple(one for one in changes if one.person != viewer.person),
        len(changes) == MOST_CHANGES,
        {one.object: one.subject.code_name for one in single if one.subject is not None},
    )


def _single(house: House, viewer: Viewer) -> tuple[Standing, ...]:
    """The objects that are told of one by one."""
    return tuple(one for kind in (Kind.SUBMISSION, Kind.FRAMEWORK_TEXT) for one in house.submissions.list(viewer, kind))


def _of_role(house: House, viewer: Viewer, single: Sequence[Standing], now: datetime) -> tuple[Owed, ...]:
    owners = {viewer.role} | SIDE.get(viewer.role, frozenset())
    found = [Owed(one, standing.kind) for standing in single for one in _due(house, standing, now)]
    for state, count in house.submissions.counts(viewer, Kind.FINDING).items():
        alike = Standing("findings", Kind.FINDING, state)
        found += [Owed(one, Kind.FINDING, count) for one in _due(house, alike, now)]
    mine = (one for one in found if one.obligation.owner in owners)
    return tuple(sorted(mine, key=lambda one: (one.by is None, one.by or now, one.obligation.object)))


def subject(parts: Sequence[Part]) -> str:
    """The subject of the mail: how much there is."""
    owed, changed = (sum(len(getattr(one, name)) for one in parts) for name in ("owed", "changed"))
    return f"Seatrial: {owed} due, {changed} changed"


def text(parts: Sequence[Part], zone: ZoneInfo, url: str, now: datetime) -> str:
    """The mail: a section a role, each with what is due and what changed."""
    there = now.astimezone(zone)
    lines = [f"What waits for you on {there:%A}, {there.day} {there:%B %Y}. Times are those of {zone.key}.", ""]
    for one in parts:
        share = max(1, MOST_LINES // len(parts))
        lines += [f"As {one.viewer.role.replace('_', ' ')}", "", *_section(one, share, zone, url, now)]
    return "\n".join([*lines, f"All of it, with names: {url}{DIGEST_PATH}", *foot(url)]) + "\n"


def _section(found: Part, most: int, zone: ZoneInfo, url: str, now: datetime) -> Iterator[str]:
    if found.owed:
        yield "  Due"
        yield from (f"  - {_owed(one, zone, now)}" for one in found.owed[:most])
        yield from _more(len(found.owed) - most)
        yield ""
    if found.changed:
        yield "  Changed"
        yield from (f"  - {_changed(one, zone)}" for one in found.changed[:most])
        yield from _more(len(found.changed) - most, least=found.more_changed)
        yield ""
    abouts = dict.fromkeys(one.obligation.object for one in found.owed[:most] if one.kind is Kind.SUBMISSION)
    if abouts:
        yield "  Where"
        links = (link(url, about, found.viewer.role) for about in abouts)
        yield from (f"  {one}" for one in dict.fromkeys(links))
        yield ""


def _owed(one: Owed, zone: ZoneInfo, now: datetime) -> str:
    owed = one.obligation
    step = owed.name.replace("_", " ")
    what = f"{one.count:,} findings: {step}" if one.kind is Kind.FINDING else f"{step}, {owed.object}"
    reminder = " (a reminder: somebody else's rule)" if owed.expectation else ""
    if owed.by is None:
        return f"{what}, no date{reminder}"
    there = owed.by.astimezone(zone)
    when = f"{there:%d %b %H:%M}" if there.year == now.astimezone(zone).year else f"{there:%d %b %Y}"
    return f"{'OVERDUE since' if owed.by <= now else 'by'} {when}: {what}{reminder}"


def _changed(one: Change, zone: ZoneInfo) -> str:
    event, state = one.event.replace("_", " "), one.state.replace("_", " ")
    return f"{one.at.astimezone(zone):%d %b %H:%M}: {event}, now {state}, {one.object}"


def _more(count: int, *, least: bool = False) -> Iterator[str]:
    if count > 0:
        yield f"    and {count:,} more" + (" or above" if least else "")


def _due(house: House, standing: Standing, now: datetime) -> tuple[Obligation, ...]:
    return due(standing, house.packs(standing.pack), now)
