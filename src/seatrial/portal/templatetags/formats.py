r"""Filters: how times, sizes, money, digests and untrusted text are written on a page.

- Times are UTC and say so. `now` is an argument: a page gets it once, so that all of its clocks agree.
- `untrusted` shows what cannot be seen: control characters, overrides of the writing direction, and characters of no
  width stand as escapes. Line breaks and tabs stay. The result is escaped HTML for a `<pre>`; nothing becomes a link.

>>> untrusted("a\x1b[31m<b>\u202e")
'a<span class="st-escape">\\x1b</span>[31m&lt;b&gt;<span class="st-escape">\\u202e</span>'
>>> money(12_345_678_900), money(4_200), size(3 * 1024**3), digest("sha256:" + "ab" * 32)
('$12,345.68', 'under $0.01', '3.0 GiB', 'sha256:abababab…abababab')
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from django import template
from django.utils.html import escape, format_html
from django.utils.safestring import mark_safe

if TYPE_CHECKING:
    from django.utils.safestring import SafeString

register = template.Library()

# Controls (C0 without tab and line feed, DEL, C1), soft hyphen, marks and overrides of direction, characters of no
# width, line and paragraph separators, fillers that show nothing, half surrogates, tag characters.
UNSEEN = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\xad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u2028-\u202e\u2060-\u206f"
    "\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufffb\ud800-\udfff\U0001bca0-\U0001bca3\U0001d173-\U0001d17a"
    "\U000e0000-\U000e0fff]"
)
DIGEST_ENDS = 8  # hexadecimal digits shown at either end: enough to tell two apart by eye, never to verify by
MICRODOLLARS = 1_000_000
UNITS = ("KiB", "MiB", "GiB", "TiB", "PiB")


@register.filter
def untrusted(text: object) -> SafeString:
    """Text of a model, a finding or an upload, for a `<pre>`: escaped, with unseen characters as escapes."""
    shown = str(escape(str(text)))
    return mark_safe(UNSEEN.sub(_escaped, shown))  # noqa: S308 - escaped above; only spans of our own are added


def _escaped(found: re.Match[str]) -> str:
    code = ord(found[0])
    written = f"\\x{code:02x}" if code <= 0xFF else f"\\u{code:04x}" if code <= 0xFFFF else f"\\U{code:08x}"
    return f'<span class="st-escape">{written}</span>'


@register.filter
def instant(value: datetime | str | None) -> SafeString | str:
    """A time, which may be written as ISO 8601, to the minute, in UTC, in words and for machines; a dash for none."""
    if value is None:
        return "—"
    at = (datetime.fromisoformat(value) if isinstance(value, str) else value).astimezone(UTC)
    return format_html('<time datetime="{}">{}</time>', f"{at:%Y-%m-%dT%H:%M:%SZ}", f"{at.day} {at:%b %Y, %H:%M} UTC")


@register.filter
def due_in(due: datetime, now: datetime) -> str:
    """How long until then, or how long since: two units at most."""
    left = due - now
    if abs(left) < timedelta(minutes=1):
        return "due now"
    return f"in {span(left)}" if left > timedelta(0) else f"{span(-left)} overdue"


@register.filter
def span(length: timedelta) -> str:
    """A length of time in two units at most: `3 days 4 h`, `25 min`."""
    minutes = int(length.total_seconds() // 60)
    days, hours, rest = minutes // 1440, minutes % 1440 // 60, minutes % 60
    if days:
        return f"{days} day{'s' * (days != 1)}" + (f" {hours} h" if hours else "")
    if hours:
        return f"{hours} h" + (f" {rest} min" if rest else "")
    return f"{rest} min" if rest else "under 1 min"


@register.filter
def digest(value: str) -> str:
    """The two ends of a digest; the whole one is what the `digest` component lets a reader copy."""
    kind, _, digits = value.rpartition(":")
    if len(digits) <= 2 * DIGEST_ENDS + 1:
        return value
    return f"{kind}{':' * bool(kind)}{digits[:DIGEST_ENDS]}…{digits[-DIGEST_ENDS:]}"


@register.filter("bytes")
def size(count: int) -> str:
    """A number of bytes in binary units, which it names."""
    if count < 1024:
        return f"{count} byte{'s' * (count != 1)}"
    amount = float(count)
    for unit in UNITS:
        amount /= 1024
        if amount < 1023.95 or unit == UNITS[-1]:
            break
    return f"{amount:,.1f} {unit}"


@register.filter
def money(microdollars: int) -> str:
    """Millionths of a U.S. dollar, written in dollars and cents."""
    if 0 < microdollars < MICRODOLLARS // 100:
        return "under $0.01"
    sign = "-" if microdollars < 0 else ""
    return f"{sign}${abs(microdollars) / MICRODOLLARS:,.2f}"


@register.filter
def count(number: int | None) -> str:
    """A number with its thousands apart; a dash for none."""
    return "—" if number is None else f"{number:,}"
