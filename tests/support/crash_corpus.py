"""Small C programs with planted bugs, proofs of each by several call paths, and patches of every quality.

What a seed draws, per program: one to four bugs in these shapes, and who brings which patch.

- *plain*: one missing check in the function that crashes, reached by three paths of different depth.
- *two stacks, one bug*: one missing check in a function that has returned, whose number two functions use.
- *same stack, two bugs*: two such functions, whose numbers go through the same calls to one crash.
- *shared sink*: two missing checks in callers of one function that crashes.

Every bug `k` is mended by `-DFIX_k`; which bug a proof shows is found by running it on each of those builds.
"""

from __future__ import annotations

import difflib
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from random import Random

WORDS = ("parse", "read", "emit", "scan", "fold", "walk", "grow", "seek", "pack", "trim", "load", "map", "join", "mark")
THINGS = ("row", "cell", "node", "tag", "name", "page", "span", "edge", "part", "unit", "slot", "tile", "atom", "item")
SHAPES = {"plain": 12, "two_stacks": 4, "same_stack": 1, "shared_sink": 3}
"""How often each shape is drawn, of twenty: bugs that share a stack are rare, and are here to be met."""
QUALITY = {"root": 12, "other_root": 4, "silencing": 2, "broad": 1, "breaking": 1}
"""How often a patch is of each kind, of twenty."""
LIMIT = 7  # the largest number that every program can take
TEST = r"""for r in ROUTES; do for p in 0 1 2; do for n in 0 3 5; do
printf '%s%s%s' $r $p $n > given; [ "$(./target given)" = "ok $n" ] || exit 1
done; done; done"""


class Sink(StrEnum):
    """How a number above the limit ends."""

    HEAP_WRITE = "char *b = malloc(8); for (int i = 0; i <= n; i++) b[i] = (char)i; free(b);"
    HEAP_READ = "int *b = calloc(8, 4); volatile int seen = b[n]; (void)seen; free(b);"
    STACK = "volatile char b[8]; b[n] = 1;"
    FREED = "volatile char *b = malloc(40); if (n > 7) free((void *)b); b[1] = 1; if (n <= 7) free((void *)b);"
    NOWHERE = "int here = 0; volatile int *b = n > 7 ? 0 : &here; *b = n;"


@dataclass(frozen=True)
class Proof:
    """An input, and the number of the bug it was made for."""

    pov: bytes
    bug: int


@dataclass(frozen=True)
class Mend:
    """A patch that came with a proof: from whom, of which kind, and its unified diff."""

    proof: int
    origin: str
    quality: str
    diff: bytes


@dataclass(frozen=True)
class Program:
    """One project of the corpus."""

    name: str
    source: str
    bugs: int
    proofs: tuple[Proof, ...]
    mends: tuple[Mend, ...]
    test: str
    shapes: tuple[str, ...]


@dataclass
class _Writer:
    """A program as it is written."""

    rng: Random
    functions: list[str] = field(default_factory=list)
    routes: list[str] = field(default_factory=list)
    proofs: list[Proof] = field(default_factory=list)
    sinks: dict[int, list[str]] = field(default_factory=dict)
    firsts: list[tuple[int, int, str]] = field(default_factory=list)
    bugs: int = 0
    named: set[str] = field(default_factory=set)

    def name(self) -> str:
        while True:
            found = f"{self.rng.choice(WORDS)}_{self.rng.choice(THINGS)}_{self.rng.choice(THINGS)}"
            if found not in self.named:
                self.named.add(found)
                return found

    def function(self, *lines: str) -> str:
        """A function of one number; its last line returns."""
        name = self.name()
        body = "\n".join(f"  {line}" if not line.startswith("#") else line for line in lines)
        self.functions.append(f"static int {name}(int n) {{\n{body}\n}}")
        return name

    def root(self) -> tuple[int, tuple[str, ...]]:
        """The number of a new bug, and the lines where its check is missing."""
        self.bugs += 1
        return self.bugs, (
            f"#ifdef FIX_{self.bugs}",
            f"if (n > {LIMIT}) n = {LIMIT};",
            "#endif",
            f"/* root {self.bugs} */",
        )

    def sink(self, *checks: str) -> str:
        return self.function(*checks, "/* sink */", str(self.rng.choice(list(Sink))), "return n;")

    def chain(self, end: str, depth: int) -> str:
        for _ in range(depth):
            end = self.function(f"int r = {end}(n);", "return r;")
        return end

    def route(self, starts: list[str], take: str = "") -> str:
        """A letter of the input whose next digit says which of these is called."""
        letter = chr(ord("a") + len(self.routes))
        given = f"{take}(n)" if take else "n"
        calls = " ".join(f"if (p == {number}) return {start}(m);" for number, start in enumerate(starts))
        name = self.name()
        self.functions.append(f"static int {name}(int n, int p) {{\n  int m = {given};\n  {calls}\n  return -1;\n}}")
        self.routes.append(name)
        return letter

    def prove(self, bug: int, letter: str, paths: list[int], sink: str) -> None:
        self.firsts.append((len(self.proofs), bug, sink))
        for path in paths:
            number = self.rng.randrange(8, 10)  # just beyond what it can take
            self.proofs.append(Proof(f"{letter}{path}{number}".encode(), bug))


def _three(writer: _Writer, end: str) -> list[str]:
    """Three ways to a function, of different depth, through some of the same callers."""
    near = writer.chain(end, writer.rng.randrange(1, 3))
    return [near, writer.chain(near, writer.rng.randrange(1, 3)), writer.chain(end, writer.rng.randrange(2, 4))]


def _plain(writer: _Writer) -> None:
    bug, lines = writer.root()
    sink = writer.sink(*lines)
    writer.prove(bug, writer.route(_three(writer, sink)), [0, 1, 2], sink)


def _two_stacks(writer: _Writer) -> None:
    bug, lines = writer.root()
    take = writer.function(*lines, "return n;")
    one, other = writer.sink(), writer.sink()
    starts = [*_three(writer, one)[:2], writer.chain(other, 2)]
    letter = writer.route(starts, take)
    writer.prove(bug, letter, [0, 1], one)
    writer.prove(bug, letter, [2], other)


def _same_stack(writer: _Writer) -> None:
    (first, lines), (second, more) = writer.root(), writer.root()
    takes = [writer.function(*lines, "return n;"), writer.function(*more, "return n;")]
    sink = writer.sink()
    chosen = writer.function(f"return route == '{chr(ord('a') + len(writer.routes))}' ? {takes[0]}(n) : {takes[1]}(n);")
    starts = _three(writer, sink)
    writer.prove(first, writer.route(starts, chosen), [0, 1, 2], sink)
    writer.routes.append(writer.routes[-1])
    writer.prove(second, chr(ord("a") + len(writer.routes) - 1), [0, 1, 2], sink)


def _shared_sink(writer: _Writer) -> None:
    sink = writer.sink()
    for _ in range(2):
        bug, lines = writer.root()
        caller = writer.function(*lines, f"int r = {sink}(n);", "return r;")
        writer.prove(bug, writer.route(_three(writer, caller)), [0, 1, 2], sink)


_MAKE = {"plain": _plain, "two_stacks": _two_stacks, "same_stack": _same_stack, "shared_sink": _shared_sink}
_BUGS = {"plain": 1, "two_stacks": 1, "same_stack": 2, "shared_sink": 2}


def program(rng: Random, name: str, only: str = "") -> Program:
    """One program of a seed; with `only`, of this one shape."""
    writer, wanted, shapes = _Writer(rng), _BUGS[only] if only else rng.randrange(1, 5), []
    while writer.bugs < wanted:
        fitting = [only] if only else [shape for shape in SHAPES if writer.bugs + _BUGS[shape] <= wanted]
        [shape] = rng.choices(fitting, [SHAPES[one] for one in fitting])
        _MAKE[shape](writer)
        shapes.append(shape)
    cases = "\n".join(
        f"  if (route == '{chr(ord('a') + number)}') r = {one}(n, p);" for number, one in enumerate(writer.routes)
    )
    source = "\n".join(
        [
            "#include <stdio.h>\n#include <stdlib.h>\nstatic int route;",
            *writer.functions,
            "int main(int argc, char **argv) {",
            '  unsigned char text[4] = {0}; FILE *in = argc > 1 ? fopen(argv[1], "rb") : 0;',
            "  if (!in || fread(text, 1, 3, in) != 3) return 0;",
            "  route = text[0]; int p = text[1] - '0', n = text[2] - '0', r = -1;",
            "  if (n < 0) return 0;\n  /* given */",
            cases,
            '  printf("ok %d\\n", r);\n  return 0;\n}\n',
        ]
    )
    letters = " ".join(chr(ord("a") + number) for number in range(len(writer.routes)))
    mends = tuple(_mend(rng, source, *first) for first in writer.firsts)
    return Program(
        name, source, writer.bugs, tuple(writer.proofs), mends, TEST.replace("ROUTES", letters), tuple(shapes)
    )


def corpus(rng: Random, count: int) -> list[Program]:
    """As many programs."""
    return [program(rng, f"made-{number:02d}") for number in range(count)]


def _mend(rng: Random, source: str, proof: int, bug: int, sink: str) -> Mend:
    [quality] = rng.choices(list(QUALITY), list(QUALITY.values()))
    spelled = rng.choice(
        (f"if (n > {LIMIT}) return 0;", f"if (n >= {LIMIT + 1}) return 0;", f"if ({LIMIT} < n) return -1;")
    )
    clamped = rng.choice((f"n = n < {LIMIT} ? n : {LIMIT};", f"while (n > {LIMIT}) n--;", f"if (n > {LIMIT}) n = 1;"))
    root = f"/* root {bug} */"
    place, line = {
        "root": (root, clamped),
        "other_root": (root, spelled),
        "silencing": (f"static int {sink}(int n) {{", spelled),
        "broad": ("/* given */", spelled),
        "breaking": ("/* given */", "return 0;"),
    }[quality]
    before = source.splitlines(keepends=True)
    at = next(number for number, one in enumerate(before) if place in one) + 1
    after = [*before[:at], f"  {line}\n", *before[at:]]
    diff = "".join(difflib.unified_diff(before, after, "a/target.c", "b/target.c"))
    return Mend(proof, f"origin-{rng.randrange(3)}", quality, diff.encode())
