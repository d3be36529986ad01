"""The access window: for how long evaluators may use a submitted model.

- The end is the earliest of the ends that are set, and never later than 720 hours after the opening. That is a ceiling
  on *our* access before the developer's own partner date; no date of a public launch is read here.
- Access ends because `contains(now)` is false, not because somebody processed an event.
- Pauses and holds do not stretch it. Revoking and granting again inside a window keeps serial and end; past its end
  only a new act of the developer opens the next serial.
- A window that is over stays over: moving a date afterwards revives nothing.

>>> from datetime import datetime, UTC
>>> window = open_window(datetime(2028, 2, 10, tzinfo=UTC), consent_expires=datetime(2029, 1, 1, tzinfo=UTC))
>>> window.end.isoformat(), window.ends_by
('2028-03-11T00:00:00+00:00', 'ceiling')
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from seatrial.framework.clock import after, earliest

if TYPE_CHECKING:
    from datetime import datetime

CEILING_HOURS = 720  # 30 x 24: Executive Order 14409 section 3(b)(ii); a pack may only shorten it


class WindowError(ValueError):
    """A window that cannot be: beyond the ceiling, or opened again while it is open."""


class WindowEmpty(WindowError):
    """A window that would be over at the instant it opens."""


@dataclass(frozen=True, slots=True)
class Window:
    """One window of access; `serial` counts the windows of a submission from 1."""

    serial: int
    opened_at: datetime
    consent_expires: datetime
    agreed_end: datetime | None = None
    partner_release: datetime | None = None
    ended_at: datetime | None = None  # runs are done
    withdrawn_at: datetime | None = None
    revoked_at: datetime | None = None
    ceiling_hours: int = CEILING_HOURS

    def __post_init__(self) -> None:
        """Refuse a ceiling above the order's."""
        if not 0 < self.ceiling_hours <= CEILING_HOURS:
            raise WindowError(f"a window lasts at most {CEILING_HOURS} hours, not {self.ceiling_hours}")

    @property
    def ceiling(self) -> datetime:
        """The instant that no date can move."""
        return after(self.opened_at, self.ceiling_hours)

    @property
    def ends(self) -> dict[str, datetime]:
        """Every end that is set, by name."""
        ends = {
            "ceiling": self.ceiling,
            "agreed_end": self.agreed_end,
            "partner_release": self.partner_release,
            "consent": self.consent_expires,
            "ended": self.ended_at,
            "withdrawn": self.withdrawn_at,
            "revoked": self.revoked_at,
        }
        return {name: end for name, end in ends.items() if end is not None}

    @property
    def end(self) -> datetime:
        """The earliest of the ends, but not before the opening."""
        return max(min(self.ends.values()), self.opened_at)

    @property
    def ends_by(self) -> str:
        """The name of the end that decides; of several at one instant the first in the order of `ends`."""
        return min(self.ends, key=self.ends.__getitem__)

    def contains(self, now: datetime) -> bool:
        """Whether access is open at `now`: from the opening on, and not any more at the end."""
        return self.opened_at <= now < self.end

    def agreed_until(self, end: datetime, now: datetime) -> Window:
        """The developer moves the agreed end; one in the past ends the window now.

        Raises:
            WindowError: When the end lies beyond the ceiling.
        """
        if end > self.ceiling:
            raise WindowError(f"the window may last until {self.ceiling.isoformat()}, not until {end.isoformat()}")
        return replace(self._settled(now), agreed_end=max(end, now))

    def with_partner_release(self, date: datetime | None, now: datetime) -> Window:
        """The developer moves the partner date; one in the past ends the window now."""
        return replace(self._settled(now), partner_release=date and max(date, now))

    def ended(self, now: datetime) -> Window:
        """Runs are done: the first time counts."""
        return replace(self, ended_at=earliest(self.ended_at, now))

    def withdrawn(self, now: datetime) -> Window:
        """The developer withdraws: the first time counts."""
        return replace(self, withdrawn_at=earliest(self.withdrawn_at, now))

    def revoked(self, now: datetime) -> Window:
        """The consent that it rests on is revoked: the first time counts."""
        return replace(self, revoked_at=earliest(self.revoked_at, now))

    def granted_again(self, now: datetime, consent_expires: datetime, agreed_end: datetime | None = None) -> Window:
        """A new consent of the developer: the same window with its own end if it had time left, else the next serial.

        Raises:
            WindowError: When the window is open.
            WindowEmpty: When there is nothing left to open.
        """
        if self.contains(now):
            raise WindowError(f"window {self.serial} is open until {self.end.isoformat()}")
        unrevoked = replace(self, revoked_at=None)
        if unrevoked.contains(now):
            return _not_empty(replace(unrevoked, consent_expires=min(self.consent_expires, consent_expires)), now)
        return open_window(
            now,
            consent_expires=consent_expires,
            agreed_end=agreed_end,
            partner_release=self.partner_release,
            ceiling_hours=self.ceiling_hours,
            serial=self.serial + 1,
        )

    def _settled(self, now: datetime) -> Window:
        """Itself; once over, with its end written down, so that no moved date revives it."""
        end = replace(self, revoked_at=None).end
        return replace(self, ended_at=earliest(self.ended_at, end)) if now >= end else self


def open_window(
    opened_at: datetime,
    *,
    consent_expires: datetime,
    agreed_end: datetime | None = None,
    partner_release: datetime | None = None,
    ceiling_hours: int = CEILING_HOURS,
    serial: int = 1,
) -> Window:
    """The window that opens at `opened_at`.

    Raises:
        WindowEmpty: When one of its ends is not after the opening.
        WindowError: When the agreed end or the ceiling lies beyond 720 hours.
    """
    window = Window(serial, opened_at, consent_expires, None, partner_release, ceiling_hours=ceiling_hours)
    if agreed_end is not None:
        if agreed_end > window.ceiling:
            raise WindowError(f"the agreed end {agreed_end.isoformat()} lies beyond {window.ceiling.isoformat()}")
        window = replace(window, agreed_end=agreed_end)
    return _not_empty(window, opened_at)


def _not_empty(window: Window, now: datetime) -> Window:
    if window.contains(now):
        return window
    raise WindowEmpty(f"no access to open: {window.ends_by} is {window.ends[window.ends_by].isoformat()}, not later")
