"""The clocks of a finding that has reached somebody: when others are told, and when all is told.

- Day 0 is the first successful transmission to a valid contact.
- Others are told when the disclosure clock is due or a fix is public, if sooner. It may be extended once, if progress
  is shown before its end. What is exploited has a shorter clock, and the sooner of the two decides.
- Full details follow some time after the fix, or after the disclosure clock where there is no fix; at once where they
  are public already.

Values come from the pack; those shipped follow Anthropic's coordinated disclosure policy of 6 March 2026.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING

from seatrial.framework.clock import ClockError, Timer, after, earliest

if TYPE_CHECKING:
    from seatrial.framework.pack import PolicyPack

MOST_DETAIL_HOURS = 1080  # how much longer full details may wait where the software is broadly used, with a reason


@dataclass(frozen=True, slots=True)
class Embargo:
    """The dates that the clocks of one finding run from, and how often each was extended."""

    day0: datetime
    exploited: datetime | None = None
    fix_public: datetime | None = None
    public: datetime | None = None
    extensions: int = 0
    exploited_extensions: int = 0
    detail_hours: int = 0

    def disclosure(self, pack: PolicyPack) -> Timer:
        """The ordinary clock, from day 0."""
        return Timer(pack.clock("disclosure"), self.day0, extensions=self.extensions)

    def exploitation(self, pack: PolicyPack) -> Timer | None:
        """The short clock, from the later of day 0 and the note that it is exploited."""
        if self.exploited is None:
            return None
        started = max(self.day0, self.exploited)
        return Timer(pack.clock("exploited"), started, extensions=self.exploited_extensions)

    def disclosure_end(self, pack: PolicyPack) -> datetime:
        """When silence towards others ends by a clock: the sooner of the two."""
        short = self.exploitation(pack)
        ordinary = self.disclosure(pack).due(self.day0)
        return ordinary if short is None else min(ordinary, short.due(self.day0))

    def advisory_due(self, pack: PolicyPack) -> datetime:
        """When others are told: by the clock, or when a fix or the matter itself is public, if sooner."""
        return min(filter(None, (self.disclosure_end(pack), self.fix_public, self.public)))

    def details_due(self, pack: PolicyPack) -> datetime:
        """When all is told: counted from the fix, or from the clock where there is none; at once where it is public."""
        start = self.fix_public or self.disclosure_end(pack)
        later = after(start, pack.clock("full_details").hours + self.detail_hours)
        return earliest(later, self.public) or later

    def extended(self, pack: PolicyPack, by: str, now: datetime, *, progress: bool) -> Embargo:
        """The ordinary clock, extended once for progress that is shown before its end.

        Raises:
            ClockError: No progress, no extension left, not the extender's act, or too late.
        """
        if not progress:
            raise ClockError("the disclosure clock is extended for progress that is shown, not for its absence")
        return replace(self, extensions=self.disclosure(pack).extended(by, now).extensions)

    def exploited_extended(self, pack: PolicyPack, by: str, now: datetime) -> Embargo:
        """The short clock, extended once.

        Raises:
            ClockError: It does not run, no extension is left, not the extender's act, or too late.
        """
        short = self.exploitation(pack)
        if short is None:
            raise ClockError("nobody has noted that it is exploited: there is no such clock to extend")
        return replace(self, exploited_extensions=short.extended(by, now).extensions)

    def details_wait(self, hours: int, reason: str) -> Embargo:
        """Full details wait longer because the software is broadly used.

        Raises:
            ClockError: No written reason, or longer than the policy lets them wait.
        """
        if not reason.strip() or not 0 < hours <= MOST_DETAIL_HOURS:
            raise ClockError(f"full details wait up to {MOST_DETAIL_HOURS} hours longer, for a written reason")
        return replace(self, detail_hours=hours)


def escalation_due(pack: PolicyPack, first_attempt: datetime, *, contact: bool) -> datetime:
    """When silence goes to an external coordinator; at once where there is no contact at all."""
    return after(first_attempt, pack.clock("no_response").hours) if contact else first_attempt
