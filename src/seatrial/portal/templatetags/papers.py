"""`paper`: the text of a paper that a pack's template made, as a page shows it; every character of it escaped.

Papers are Markdown of a few shapes: headings, tables, lists and paragraphs. Whatever else stands in one is shown as it
is written; nothing becomes a link.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from django import template
from django.utils.html import format_html, format_html_join
from django.utils.safestring import mark_safe

from seatrial.portal.templatetags.formats import untrusted

if TYPE_CHECKING:
    from collections.abc import Sequence

    from django.utils.safestring import SafeString

register = template.Library()

_HEADING = re.compile(r"(#{1,4}) (.+)")
_CELL = re.compile(r"(?<!\\)\|")
DEEPEST = 6


@register.filter
def paper(text: str, level: int = 3) -> SafeString:
    """The paper; its first heading is of this level."""
    blocks = [block.splitlines() for block in re.split(r"\n\s*\n", text.strip())]
    return format_html_join("\n", "{}", ((_block(lines, level),) for lines in blocks if lines))


def _block(lines: Sequence[str], level: int) -> SafeString:
    heading = _HEADING.fullmatch(lines[0])
    if heading and len(lines) == 1:
        name = f"h{min(DEEPEST, level + len(heading[1]) - 1)}"
        return format_html("<{}>{}</{}>", mark_safe(name), untrusted(heading[2]), mark_safe(name))  # noqa: S308 - h1 to h6
    if len(lines) > 1 and lines[0].startswith("|") and set(lines[1]) <= set("|- "):
        return _table(lines)
    if all(line.startswith("- ") for line in lines):
        items = format_html_join("", "<li>{}</li>", ((untrusted(line[2:]),) for line in lines))
        return format_html('<ul class="usa-list">{}</ul>', items)
    return format_html("<p>{}</p>", untrusted(" ".join(lines)))


def _table(lines: Sequence[str]) -> SafeString:
    head, rows = _cells(lines[0]), [_cells(line) for line in lines[2:]]
    named = format_html_join("", '<th scope="col">{}</th>', ((cell,) for cell in head)) if any(head) else ""
    body = format_html_join(
        "",
        '<tr><th scope="row">{}</th>{}</tr>',
        ((row[0], format_html_join("", "<td>{}</td>", ((cell,) for cell in row[1:]))) for row in rows if row),
    )
    top = format_html("<thead><tr>{}</tr></thead>", named) if named else ""
    return format_html(
        '<div class="usa-table-container--scrollable st-table" tabindex="0" role="region" aria-label="{}">'
        '<table class="usa-table usa-table--borderless">{}<tbody>{}</tbody></table></div>',
        " and ".join(str(cell) for cell in head if cell) or "Particulars",
        top,
        body,
    )


def _cells(line: str) -> list[SafeString]:
    inner = _CELL.split(line.strip())[1:-1]
    return [untrusted(re.sub(r"\\([\\|])", r"\1", cell.strip()).replace("&lt;", "<")) for cell in inner]
