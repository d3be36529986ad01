"""What is wrong with a pack, and where: the file, the line, the table, the entry, and the rule."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

_HEADER = re.compile(r"^\s*\[\[?\s*([A-Za-z0-9_.-]+)\s*\]\]?")


@dataclass(frozen=True, slots=True)
class Problem:
    """One fault. `line` 0 is the whole file."""

    file: str
    line: int
    table: str
    entry: str
    rule: str
    said: str

    def __str__(self) -> str:
        """As compilers say it, so that editors can jump there."""
        place = ".".join(part for part in (self.table, self.entry) if part)
        return f"{self.file}:{self.line}: {place}: {self.said} ({self.rule})"


class PackError(ValueError):
    """A pack that is not loaded: every problem that was found, none of it in force."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(map(str, self.problems)))


def header_lines(text: str) -> dict[tuple[str, int], int]:
    """The line of each table header: (table, how many of that name stand before it) to line."""
    lines: dict[tuple[str, int], int] = {}
    seen: dict[str, int] = {}
    for number, line in enumerate(text.splitlines(), 1):
        if found := _HEADER.match(line):
            count = seen.get(found[1], 0)
            lines[found[1], count] = number
            seen[found[1]] = count + 1
    return lines
