"""What the compiler really saw and what the program really asks for, written down while a tree is built.

A name that macros paste together, a header that only the build finds, code that only one build compiles: none of it
shows in the added lines. So each build writes down how the compilers were called (`look.sh`), and afterwards each call
is preprocessed again, with its own options and once more without those that switch a sanitizer on. Only lines of the
tree count, at their places, so that a header counts once however often it is included.

* `uses`: constructs at their places, see `constructs`.
* `conditional`: lines that are there only with, or only without a sanitizer. A program that behaves under a sanitizer
  as it does not without one mends nothing.
* `imports`, `defines`: the functions that the programs take from libraries, and those that they put before a library's.
"""

from __future__ import annotations

import posixpath
import re
from bisect import bisect_right
from collections import Counter
from dataclasses import dataclass, field
from functools import cached_property
from importlib.resources import files
from itertools import pairwise
from typing import TYPE_CHECKING

from seatrial.battery.c.build import HOME, SOURCE
from seatrial.battery.grading import constructs

if TYPE_CHECKING:
    from collections.abc import Iterable

    from seatrial.battery.grading.constructs import Uses

TOOLS, CALLS, SCRIPT, WRITTEN = f"{HOME}/tools", f"{HOME}/calls", f"{HOME}/look.sh", f"{HOME}/look.txt"
ALSO = "SEATRIAL_ALSO"  # in a build's environment: options that every compiler gets as well
MOST_CALLS = 400  # of compilers that are looked at again: a second for a toy, a minute for a large project
LOOK_S = 120.0
_COMPILERS = ("*gcc", "*g++", "*gcc-[0-9]*", "*g++-[0-9]*", "*clang", "*clang++", "*clang-[0-9]*", "*clang++-[0-9]*")
LIST = (
    "sh",
    "-c",
    f"cd /usr/bin && for name in cc c++ c89 c99 tcc {' '.join(_COMPILERS)}; do [ ! -x $name ] || echo $name; done",
)
_AGAIN = f"timeout {LOOK_S:.0f} sh {SCRIPT} again {CALLS} {SOURCE} {MOST_CALLS} > {WRITTEN}"
AFTER = ("sh", "-c", f"{_AGAIN}; exit 0")
_STUB = """#!/bin/sh
call={calls}/$$
while [ -e "$call" ]; do call=$call-; done
printf '%s\\0' "$PWD" {real} "$@" > "$call"
exec {real} "$@" ${{{also}-}}
"""
# The same functions under the names that other dialects of C link them by.
_OTHER_NAMES = ("__sysv_signal", "__bsd_signal", "__sigaction", "__libc_sigaction", "__fork", "__libc_fork", "__vfork")
_WATCHED_IMPORTS = frozenset((*constructs.CALLS, *_OTHER_NAMES))
_INTERFACE = re.compile(r"__(?:asan|lsan|sanitizer|ubsan|msan|tsan)_\w+")


def equipment(compilers: Iterable[str]) -> dict[str, tuple[bytes, int]]:
    """What a box needs below `HOME` so that a build is written down: wrappers around the compilers that it has."""
    script = files(__package__).joinpath("look.sh").read_bytes()
    stubs = {
        f"tools/{name}": (_STUB.format(calls=CALLS, real=f"/usr/bin/{name}", also=ALSO).encode(), 0o755)
        for name in compilers
        if re.fullmatch(r"[\w.+-]+", name)
    }
    return {"look.sh": (script, 0o644), "calls/.none": (b"", 0o644), **stubs}


@dataclass(frozen=True)
class Look:
    """What was seen of one build."""

    uses: Uses = field(default_factory=Counter)
    conditional: frozenset[str] = frozenset()
    imports: frozenset[str] = frozenset()
    defines: frozenset[str] = frozenset()
    missed: int = 0  # compiler calls that could not be looked at again

    @classmethod
    def read(cls, written: bytes) -> Look:
        """From what `look.sh` printed."""
        units, missed = [], 0
        imports: set[str] = set()
        defines: set[str] = set()
        for line in written.decode("utf-8", "replace").split("\n"):
            letter, _, rest = line.partition(" ")
            if letter == "C":
                form, _, folder = rest.partition(" ")
                units.append(_Unit(form, folder))
            elif letter == "M":
                missed += int(rest) if rest.isdigit() else 1
            elif letter in {"U", "D"}:
                (imports if letter == "U" else defines).add(rest.partition("@")[0])
            elif units:
                units[-1].take(letter, rest)
        return cls(_uses(units), _conditional(units), frozenset(imports), frozenset(defines), missed)

    def more_than(self, base: Look, *, plain: bool) -> tuple[str, ...]:
        """What this build has and that of the base has not, in words."""
        news = constructs.found(Counter({use: self.uses[use] - base.uses[use] for use in self.uses}))
        found = {name for name in news if not self.cleared(name)}
        found |= {f"{name}()" for name in (self.imports - base.imports) & _WATCHED_IMPORTS}
        found |= {f"its own {name}()" for name in (self.defines - base.defines) & set(constructs.WATCHED)}
        if plain:
            named = (self.imports | self.defines) - (base.imports | base.defines)
            found |= {name for name in named if _INTERFACE.fullmatch(name)}
        found |= {f"code that depends on the sanitizer ({line[:60]})" for line in self.conditional - base.conditional}
        return tuple(sorted(found))

    def cleared(self, name: str) -> bool:
        """Whether a name that looks like a library's function is none: the programs import nothing of that name."""
        return name in constructs.CALLS and bool(self.imports) and not any(name in item for item in self.imports)


class _Unit:
    """The tree's own lines of one compiler call."""

    def __init__(self, form: str, folder: str) -> None:
        self.bare = form == "bare"
        self._folder = folder
        self._file = ""
        self._text: list[str] = []
        self._starts: list[int] = []
        self._places: list[tuple[str, int, bool]] = []
        self._length = 0

    def take(self, letter: str, rest: str) -> None:
        """One line of what was printed."""
        if letter == "F":
            path = posixpath.normpath(posixpath.join(self._folder, rest))
            self._file = path if path.startswith(f"{SOURCE}/") else ""
        elif letter in {"T", "S"} and self._file:
            number, _, text = rest.partition(" ")
            self._starts.append(self._length)
            self._places.append((self._file, int(number) if number.isdigit() else 0, letter == "S"))
            self._text.append(text)
            self._length += len(text) + 1

    @cached_property
    def text(self) -> str:
        """All its lines."""
        return "\n".join(self._text)

    def lines(self) -> Counter[str]:
        """Its lines, without the system's macros, whatever the blanks."""
        pairs = zip(self._text, self._places, strict=True)
        return Counter(" ".join(text.split()) for text, (_, _, system) in pairs if not system and text.strip())

    def uses(self) -> Counter[tuple[str, int, str, str]]:
        """Constructs at their places; what a system's macro stands for counts only where it names the sanitizer."""
        out: Counter[tuple[str, int, str, str]] = Counter()
        for offset, name, within in constructs.uses_in(constructs.blanked(self.text)):
            file, line, system = self._places[bisect_right(self._starts, offset) - 1]
            if not system or (name, "") in constructs.targeted(name):
                out[file, line, name, within] += 1
        return out


def _uses(units: list[_Unit]) -> Uses:
    places: Counter[tuple[str, int, str, str]] = Counter()
    for unit in units:
        places |= unit.uses()
    uses: Uses = Counter()
    for (_, _, name, within), number in places.items():
        uses[name, within] += number
    return uses


def _conditional(units: list[_Unit]) -> frozenset[str]:
    """Lines of which a call has more than the same call without the sanitizer has, or fewer."""
    found: set[str] = set()
    for full, bare in pairwise(units):
        if bare.bare and not full.bare:
            mine, other = full.lines(), bare.lines()
            found |= set(mine - other) | set(other - mine)
    return frozenset(found)
