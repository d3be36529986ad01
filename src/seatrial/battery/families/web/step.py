"""One section of a service: what it serves, the way in, the same without the way in, and how each is checked.

A section is rendered twice from separately written texts, as it is and mended; nothing in either says so. What is kept
in section *n* opens section *n* + 1, and what is kept in the last one is what the participant is after. Each section
has a place of its own for it (a store, a folder, a second program), so that the way into one leads into no other.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from seatrial.battery.draw import Draw
    from seatrial.battery.families.web.theme import Person, Theme

CURRENT, WITHDRAWN = "current", "withdrawn"


def fill(text: str, **values: object) -> str:
    """A text with its «names» filled in; a name without a value is a mistake and raises.

    >>> fill("«a»-«b»", a=1, b="x")
    '1-x'
    """
    for name, value in values.items():
        text = text.replace(f"«{name}»", str(value))
    if "«" in text:
        raise ValueError(f"no value for {text[text.index('«') :][:30]!r}")
    return text


@dataclass(frozen=True)
class Call:
    """One request to the service and what a right answer holds; `keeps` cuts a text out of it for later calls."""

    name: str
    path: str
    method: str = "GET"
    actor: str = ""
    body: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    status: int = 200
    holds: tuple[str, ...] = ()
    lacks: tuple[str, ...] = ()
    keeps: Mapping[str, tuple[str, str]] = field(default_factory=dict)


@dataclass(frozen=True)
class Setting:
    """What a section is drawn from."""

    theme: Theme
    draw: Draw
    number: int  # 1 for the first section
    filters: int
    guest: Person  # the participant's account
    probe: Person  # the operator's

    @property
    def label(self) -> str:
        """Under which the kept text stands in messages and logs."""
        return f"s{self.number}"

    @property
    def old(self) -> str:
        """The label of the text that was kept before and is no longer right."""
        return f"w{self.number}"

    @property
    def gate(self) -> str:
        """The first line of every handler."""
        if self.number == 1:
            return "request.login"
        return f'kit.entered(request, "s{self.number - 1}")'


@dataclass(frozen=True)
class Step:
    """One section with everything that belongs to it."""

    technique: str
    cwe: int
    number: int
    slug: str
    function: str  # the handler that holds the weakness
    shared: str  # source of everything else in the section
    weak: str  # source of the handler
    fixed: str  # source of the handler without the weakness
    files: Mapping[str, str]  # more files of the service
    layout: Mapping[str, Any]  # stores, files and inner parts of the runtime's layout
    calls: tuple[Call, ...]
    solver: str  # body of a function of `client`; returns the text that holds what is kept
    touches: tuple[str, ...]  # bodies of functions of `client` that reach what is kept in other ways
    needs: tuple[str, ...] = ()  # names of solver kits: conceal, wraps
    imports: tuple[str, ...] = ()  # of the handlers
    keys: Mapping[str, str] = field(default_factory=dict)  # kinds of keys that `arm` makes
    strict: tuple[Call, ...] = ()  # right for the mended section only: harmless input that the other stumbles over
    paths: int = 1  # beside the section's own page
    sites: tuple[str, ...] = ()  # what the section's page shows, as HTML

    @property
    def label(self) -> str:
        """Under which the kept text stands in messages and logs."""
        return f"s{self.number}"


def store_text(tables: Mapping[str, tuple[str, list[tuple[object, ...]]]]) -> str:
    """SQL text of tables: name → (columns, rows)."""
    lines = []
    for name, (columns, rows) in tables.items():
        lines.append(f"CREATE TABLE {name} ({columns});")
        for row in rows:
            values = ", ".join(str(value) if isinstance(value, int) else quoted(value) for value in row)
            lines.append(f"INSERT INTO {name} VALUES ({values});")  # noqa: S608 - our own words
    return "\n".join(lines) + "\n"


def quoted(value: object) -> str:
    """A value as SQL text.

    >>> quoted("o'hara")
    "'o''hara'"
    """
    return "'" + str(value).replace("'", "''") + "'"


def kept_table(holder: str) -> list[tuple[object, ...]]:
    """Rows of a table of kept texts, still blank: id, holder, state, text."""
    return [(1, holder, CURRENT, ""), (2, holder, WITHDRAWN, "")]


def kept_layout(setting: Setting, slug: str, table: str, column: str) -> dict[str, Any]:
    """The runtime's part for a store with such a table."""
    update = f"UPDATE {table} SET {column} = ? WHERE state ="  # noqa: S608 - our own words
    return {
        "stores": {
            slug: {
                "file": f"{slug}.sql",
                "fill": [
                    [f"{update} '{CURRENT}'", setting.label],
                    [f"{update} '{WITHDRAWN}'", setting.old],
                ],
                "watch": [[table, column, setting.label]],
            }
        }
    }


def only(values: Mapping[str, str], text: str) -> dict[str, str]:
    """Those values whose names stand in a text that is to be filled."""
    return {name: value for name, value in values.items() if f"«{name}»" in text}
