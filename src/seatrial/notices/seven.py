"""When a day's digest is due: at seven in the morning where its reader is, once a day.

- Seven is seven on the reader's clock, whatever the clocks did in the night.
- Whoever could not be written to at seven is written to later on that day; a day that is over is not made up.

>>> from datetime import UTC, datetime
>>> from zoneinfo import ZoneInfo
>>> at = datetime(2026, 11, 1, 11, 59, tzinfo=UTC)  # in the night before, New York's clocks were set back
>>> [due_day(ZoneInfo("America/New_York"), "2026-10-31", at.replace(hour=hour)) for hour in (10, 11, 12)]
['', '', '2026-11-01']
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo, available_timezones

if TYPE_CHECKING:
    from datetime import datetime

HOUR = 7


def due_day(zone: ZoneInfo, last_day: str, now: datetime) -> str:
    """The day whose digest is due; empty where none is. `last_day` is that of the last one, as YYYY-MM-DD."""
    there = now.astimezone(zone)
    day = f"{there:%Y-%m-%d}"
    return day if there.hour >= HOUR and day > last_day else ""


def today(zone: ZoneInfo, now: datetime) -> str:
    """The day that it is there."""
    return f"{now.astimezone(zone):%Y-%m-%d}"


def zones() -> tuple[str, ...]:
    """The zones that a reader can choose: those named after a place, and UTC."""
    return ("UTC", *sorted(name for name in available_timezones() if "/" in name and not name.startswith("Etc/")))
