"""Unified diffs between two renderings of a program, and small edits of its text."""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from seatrial.battery.c.render import Source

CONTEXT = 3


def diff(before: Mapping[str, str], after: Mapping[str, str]) -> bytes:
    """A diff in git's manner (`a/…`, `b/…`) from one set of files to another; deleted files are not supported."""
    out = []
    for name in sorted({*before, *after}):
        old, new = before.get(name, ""), after.get(name, "")
        if old == new:
            continue
        source = f"a/{name}" if name in before else "/dev/null"
        lines = difflib.unified_diff(
            old.splitlines(keepends=True), new.splitlines(keepends=True), source, f"b/{name}", n=CONTEXT
        )
        out += [line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n" for line in lines]
    return "".join(out).encode()


@dataclass(frozen=True)
class Text:
    """A program's files below `src/`, with the places of its functions, to be edited one way or another."""

    files: Mapping[str, str]
    places: Mapping[str, tuple[str, int, int]]

    @classmethod
    def of(cls, source: Source) -> Text:
        """From a rendering."""
        files = {f"src/{name}": text for name, text in source.files.items()}
        return cls(files, {name: (f"src/{file}", first, last) for name, (file, first, last) in source.places.items()})

    def main(self) -> str:
        """The file that holds `main`."""
        return next(name for name, text in self.files.items() if "\nint main(" in text)

    def inside(self, function: str, *lines: str) -> Mapping[str, str]:
        """The files with lines put at the beginning of a function's body."""
        file, first, _ = self.places[function]
        text = self.files[file].split("\n")
        opening = next(at for at in range(first - 1, len(text)) if text[at].rstrip().endswith("{"))
        return {**self.files, file: "\n".join([*text[: opening + 1], *lines, *text[opening + 1 :]])}

    def emptied(self, function: str) -> Mapping[str, str]:
        """The files with a function that does nothing and succeeds."""
        file, first, last = self.places[function]
        text = self.files[file].split("\n")
        opening = next(at for at in range(first - 1, len(text)) if text[at].rstrip().endswith("{"))
        return {**self.files, file: "\n".join([*text[: opening + 1], "\treturn 0;", *text[last - 1 :]])}

    def in_main(self, *lines: str) -> Mapping[str, str]:
        """The files with lines put at the beginning of `main`."""
        name = self.main()
        head, _, rest = self.files[name].partition("\nint main(")
        signature, _, body = rest.partition("\n")
        return {**self.files, name: "\n".join([f"{head}\nint main({signature}", *lines, body])}

    def above(self, function: str, *lines: str) -> Mapping[str, str]:
        """The files with lines put above a function."""
        file, first, _ = self.places[function]
        text = self.files[file].split("\n")
        return {**self.files, file: "\n".join([*text[: first - 1], *lines, *text[first - 1 :]])}

    def on_top(self, file: str, *lines: str) -> Mapping[str, str]:
        """The files with lines put at the top of one of them."""
        return {**self.files, file: "\n".join([*lines, self.files[file]])}
