"""Instants: aware UTC `datetime`s, and nothing else is a time here.

- A naive time, or one that cannot be turned into UTC, is `NaiveTime` and names its field.
- Intervals are half-open, [start, end): at `end` it is over.
- This room never asks what time it is; `now` is an argument.

>>> opened = instant("2026-10-20T09:00:00-04:00", "opened_at")
>>> text(opened), within(opened, opened, opened)
('2026-10-20T13:00:00Z', False)
"""

from __future__ import annotations

import re
from datetime import UTC, date, datetime

_DATE = re.compile(r"\d{4}(?:-\d{2}(?:-\d{2})?)?")


class NaiveTime(ValueError):
    """A time without a zone, or that no zone can place: names the field."""

    def __init__(self, field: str, value: object) -> None:
        super().__init__(f"{field}: {value!r} is not an instant; give a time with its offset, as 2026-11-23T10:00:00Z")
        self.field = field


class EmptySpan(ValueError):
    """An interval that ends before it begins, or as it begins."""


def utc(value: datetime, field: str) -> datetime:
    """The same instant in UTC.

    Raises:
        NaiveTime: `value` is no datetime, has no offset, or lies where UTC has no year for it.
    """
    if not isinstance(value, datetime) or value.tzinfo is None or value.utcoffset() is None:
        raise NaiveTime(field, value)
    try:
        return value.astimezone(UTC)
    except (OverflowError, ValueError) as error:
        raise NaiveTime(field, value) from error


def instant(written: str, field: str) -> datetime:
    """Read RFC 3339 text; the offset must be there.

    Raises:
        NaiveTime: not a time, or without an offset.
    """
    try:
        return utc(datetime.fromisoformat(written), field)
    except (TypeError, ValueError) as error:
        raise NaiveTime(field, written) from error


def text(value: datetime) -> str:
    """RFC 3339 in UTC with `Z`; fractions only where there are some."""
    return utc(value, "instant").isoformat().replace("+00:00", "Z")


def within(start: datetime, end: datetime | None, now: datetime) -> bool:
    """Whether `now` lies in [start, end); without an end it never ends."""
    return start <= now and (end is None or now < end)


def check_span(start: datetime, end: datetime, what: str) -> None:
    """Refuse an interval that holds no instant.

    Raises:
        EmptySpan: `end` is not after `start`.
    """
    if end <= start:
        raise EmptySpan(f"{what}: ends {text(end)}, which is not after its beginning {text(start)}")


def check_date(written: str, field: str) -> str:
    """A date of a fact, as precise as its source knows it: `YYYY`, `YYYY-MM` or `YYYY-MM-DD`.

    Raises:
        ValueError: none of the three, or no such day.
    """
    if not isinstance(written, str) or not _DATE.fullmatch(written):
        raise ValueError(f"{field}: {written!r} is not a date; write YYYY, YYYY-MM or YYYY-MM-DD")
    padded = written + "-01-01"[len(written) - 4 :]
    try:
        date.fromisoformat(padded)
    except ValueError as error:
        raise ValueError(f"{field}: {written!r} is no day of the calendar") from error
    return written
