"""The embargo of a case: until when the parties have agreed to be silent, and who agreed (Vultron, ch. 4).

- none -> proposed -> active -> revising -> active or exited; a proposal may be answered by another,
  and may be declined.
- Consent is per party, and per proposal: the embargo is active when every party that was asked has accepted it. One
  that declines declines for all; of a revision that is declined, the former terms stay.
- The end is an instant with its zone, later than the proposal. A revision may bring it forward.
- Once the matter is public, an exploit is public or attacks are seen, no embargo is proposed or accepted any more, and
  one that runs is to be left at once. One person may do that alone, with a reason.

>>> from datetime import UTC, datetime
>>> day = datetime(2026, 12, 1, tzinfo=UTC)
>>> asked = Embargo().proposed(Terms("emb-1", datetime(2027, 3, 1, tzinfo=UTC), "UTC"), "house", {"house", "acme"}, day)
>>> asked.state, asked.accepted("acme").state
(<EmbargoState.PROPOSED: 'proposed'>, <EmbargoState.ACTIVE: 'active'>)
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from seatrial.framework.instant import check_span, utc


class EmbargoError(ValueError):
    """A step of the embargo that cannot be, or a person or reason that is missing."""


class EmbargoState(StrEnum):
    """Where the embargo stands; Vultron's letters are N, P, A, R, X."""

    NONE = "none"
    PROPOSED = "proposed"
    ACTIVE = "active"
    REVISING = "revising"
    EXITED = "exited"

    @property
    def meaning(self) -> str:
        """What it says, in one sentence."""
        return MEANING[self]


_E = EmbargoState
MEANING = {
    _E.NONE: "There is no embargo and none is proposed.",
    _E.PROPOSED: "Terms are proposed; not all parties have answered.",
    _E.ACTIVE: "All parties have agreed to be silent until its end.",
    _E.REVISING: "An embargo runs, and other terms are proposed.",
    _E.EXITED: "The embargo is over; another needs another case.",
}
STEPS = {
    _E.NONE: frozenset({_E.PROPOSED}),
    _E.PROPOSED: frozenset({_E.ACTIVE, _E.NONE, _E.PROPOSED}),
    _E.ACTIVE: frozenset({_E.REVISING, _E.EXITED}),
    _E.REVISING: frozenset({_E.ACTIVE, _E.REVISING, _E.EXITED}),
    _E.EXITED: frozenset[EmbargoState](),
}
RUNNING = frozenset({_E.ACTIVE, _E.REVISING})


@dataclass(frozen=True, slots=True)
class Terms:
    """What is proposed: an id, the end, the zone that the parties read it in, and how many days earlier others hear."""

    id: str
    end: datetime
    zone: str
    downstream_days: int = 0

    def __post_init__(self) -> None:
        object.__setattr__(self, "end", utc(self.end, "embargo.end"))
        try:
            ZoneInfo(self.zone)
        except (ZoneInfoNotFoundError, ValueError) as error:
            raise EmbargoError(f"embargo.zone: {self.zone!r} is no zone; give one as Europe/Berlin or UTC") from error
        if self.downstream_days < 0:
            raise EmbargoError("embargo.downstream_days: 0 or more days before the end")

    @property
    def downstream_at(self) -> datetime:
        """When those are told who build on the vendors' products: so many days of 86,400 seconds before the end."""
        return self.end - timedelta(days=self.downstream_days)

    @property
    def shown(self) -> str:
        """The end as people read it: with date, hour, offset and zone.

        >>> Terms("emb-1", datetime.fromisoformat("2027-03-01T08:00:00+00:00"), "America/New_York").shown
        '2027-03-01 03:00:00 -05:00 (America/New_York)'
        """
        local = self.end.astimezone(ZoneInfo(self.zone))
        offset = f"{local:%z}"
        return f"{local:%Y-%m-%d %H:%M:%S} {offset[:3]}:{offset[3:]} ({self.zone})"


@dataclass(frozen=True, slots=True)
class Embargo:
    """The embargo of one case: its state, the terms that hold, those that are proposed, and who has agreed to them."""

    state: EmbargoState = EmbargoState.NONE
    terms: Terms | None = None
    proposal: Terms | None = None
    asked: frozenset[str] = frozenset()
    consents: frozenset[str] = frozenset()

    def proposed(self, terms: Terms, by: str, parties: set[str] | frozenset[str], at: datetime) -> Embargo:
        """Terms are proposed to the parties, or put in place of those that were proposed; whoever proposes agrees."""
        to = _E.REVISING if self.state in RUNNING else _E.PROPOSED
        check_span(utc(at, "at"), terms.end, f"embargo {terms.id}")
        asked = frozenset(parties) | {by}
        return _settled(replace(self._to(to), proposal=terms, asked=asked, consents=frozenset({by})))

    def accepted(self, party: str) -> Embargo:
        """A party agrees to what is proposed; with the last one it holds."""
        self._open_to(party)
        return _settled(replace(self, consents=self.consents | {party}))

    def declined(self, party: str) -> Embargo:
        """A party does not agree: the proposal is gone, and what held before holds."""
        self._open_to(party)
        return self._dropped()

    def exited(self) -> Embargo:
        """The embargo is left for good."""
        return replace(self._to(_E.EXITED), proposal=None, asked=frozenset(), consents=frozenset())

    def overtaken(self) -> Embargo:
        """What is left when the matter is out: no proposal. One that runs is still to be exited, by a person."""
        return self._dropped() if self.proposal else self

    def silent(self, at: datetime) -> bool:
        """Whether the parties are to be silent at this instant: at the end it is over."""
        return self.state in RUNNING and self.terms is not None and at < self.terms.end

    def _open_to(self, party: str) -> None:
        if self.proposal is None:
            raise EmbargoError(f"embargo: nothing is proposed that {party} could answer; it is {self.state}")
        if party not in self.asked:
            raise EmbargoError(f"embargo {self.proposal.id}: {party} was not asked; asked: {', '.join(self.asked)}")

    def _dropped(self) -> Embargo:
        back = _E.ACTIVE if self.state is _E.REVISING else _E.NONE
        consents = self.consents if back is _E.ACTIVE else frozenset[str]()
        return replace(self._to(back), proposal=None, asked=frozenset(), consents=consents)

    def _to(self, to: EmbargoState) -> Embargo:
        if to not in STEPS[self.state]:
            ways = ", ".join(sorted(STEPS[self.state])) or "nothing: it is the end"
            raise EmbargoError(f"embargo: no step from {self.state} to {to}; from {self.state} there is {ways}")
        return replace(self, state=to)


def _settled(embargo: Embargo) -> Embargo:
    """Active as soon as nobody who was asked is still to answer."""
    if embargo.asked - embargo.consents:
        return embargo
    return replace(embargo, state=EmbargoState.ACTIVE, terms=embargo.proposal, proposal=None, asked=frozenset[str]())
