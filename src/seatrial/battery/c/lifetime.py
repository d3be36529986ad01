"""Hazards of an object's life: use after free and double free.

All keep objects in the state between records. The state also knows which objects are alive, so that the release
at the end of the program is sound in every rendering and only the planted order of records faults.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from seatrial.battery.c.parts import Amount, Copying, Dialect, Memory, Plain, Use

if TYPE_CHECKING:
    from seatrial.battery.draw import Draw

CLEAR, CHECK = "clear", "check"
OPEN, CLOSE, READ = "open", "close", "read"


@dataclass(frozen=True, kw_only=True)
class Slots(Plain):
    """A few slots: open allocates, close frees, read folds what a slot holds.

    Use after free: close leaves the pointer, read trusts it. Double free: close trusts the pointer it left.
    """

    technique: str
    ops: tuple[str, ...] = (OPEN, CLOSE, READ)
    slots: int
    slot: str
    size: str
    alive: str
    index: str
    counter: str
    total: str
    copying: Copying
    styles: ClassVar[tuple[str, ...]] = (CLEAR, CHECK)
    poor_styles: ClassVar[tuple[str, ...]] = ()

    @property
    def twice(self) -> bool:
        """Whether the flaw is in closing twice."""
        return self.technique == "double-free"

    def site(self, style: str) -> str:
        """Close, unless the check is added where the slot is read."""
        return READ if style == CHECK and not self.twice else CLOSE

    def members(self, d: Dialect) -> list[str]:
        """Pointers, sizes, which are alive."""
        n = self.slots
        return [f"{d.u8} *{self.slot}[{n}];", f"size_t {self.size}[{n}];", f"int {self.alive}[{n}];"]

    def teardown(self, d: Dialect) -> list[str]:
        """Free those alive."""
        i = self.counter
        return [
            f"for (size_t {i} = 0; {i} < {self.slots}; {i}++) {{",
            *d.when(f"{d.member(self.alive)}[{i}]", f"free({d.member(self.slot)}[{i}]);"),
            "}",
        ]

    def body(self, d: Dialect, op: str, style: str) -> list[str]:
        """One of the three operations."""
        k = self.index
        head = [*d.byte(k), *d.when(f"{k} >= {self.slots}", d.bad)]
        return head + {OPEN: self._open, CLOSE: self._close, READ: self._read}[op](d, style)

    def _open(self, d: Dialect, style: str) -> list[str]:
        del style
        k, slot = self.index, d.member(self.slot)
        return [
            *d.when(f"{d.member(self.alive)}[{k}] || {d.size} == 0", d.bad),
            f"{slot}[{k}] = malloc({d.size});",
            *d.when(f"{slot}[{k}] == NULL", d.bad),
            *self.copying.move(f"{slot}[{k}]", d.data, d.size),
            f"{d.member(self.size)}[{k}] = {d.size};",
            f"{d.member(self.alive)}[{k}] = 1;",
        ]

    def _close(self, d: Dialect, style: str) -> list[str]:
        k, slot, alive = self.index, d.member(self.slot), d.member(self.alive)
        strict = style == CHECK or not self.twice
        return [
            *d.when(f"!{alive}[{k}]" if strict else f"{slot}[{k}] == NULL", d.bad),
            f"free({slot}[{k}]);",
            f"{alive}[{k}] = 0;",
            *([f"{slot}[{k}] = NULL;"] if style == CLEAR else []),
            d.mix_number(f"{k} + {d.member(self.size)}[{k}]"),
        ]

    def _read(self, d: Dialect, style: str) -> list[str]:
        k, i, slot = self.index, self.counter, d.member(self.slot)
        strict = self.twice or style == CHECK
        return [
            *d.when(f"!{d.member(self.alive)}[{k}]" if strict else f"{slot}[{k}] == NULL", d.bad),
            f"size_t {self.total} = 0;",
            f"for (size_t {i} = 0; {i} < {d.member(self.size)}[{k}]; {i}++)",
            f"\t{self.total} = {self.total} * 3 + {slot}[{k}][{i}];",
            d.mix_number(self.total),
        ]

    def valid(self, draw: Draw, memory: Memory) -> list[Use]:
        """Open, read, sometimes close; never close or read what is closed."""
        alive: set[int] = memory.setdefault("alive", set())
        slot = draw.below(self.slots)
        out: list[Use] = []
        if slot not in alive:
            alive.add(slot)
            out.append((OPEN, bytes([slot]) + draw.bytes(draw.between(1, 40))))
        out.append((READ, bytes([slot])))
        if draw.chance(1, 2):
            alive.discard(slot)
            out.append((CLOSE, bytes([slot])))
        return out

    def limit(self, memory: Memory) -> list[Use]:
        """All slots opened, the last one used, closed, and opened again."""
        alive: set[int] = memory.setdefault("alive", set())
        out: list[Use] = [(OPEN, bytes([k, k + 1])) for k in range(self.slots) if k not in alive]
        alive.update(range(self.slots))
        last = bytes([self.slots - 1])
        return [*out, (READ, last), (CLOSE, last), (OPEN, last + b"again"), (READ, last)]

    def minimal(self, memory: Memory) -> list[Use]:
        """One slot with one byte, left to the end of the program."""
        if 0 in memory.setdefault("alive", set()):
            return [(READ, b"\0")]
        memory["alive"].add(0)
        return [(OPEN, b"\0\1")]

    def trigger(self, draw: Draw, memory: Memory, amount: Amount) -> list[Use]:
        """Open, close, then close or read again; with other work between for the larger amounts."""
        alive: set[int] = memory.setdefault("alive", set())
        slot = draw.below(self.slots)
        out: list[Use] = [] if slot in alive else [(OPEN, bytes([slot]) + draw.bytes(draw.between(8, 40)))]
        alive.discard(slot)
        out.append((CLOSE, bytes([slot])))
        if amount != "one":
            out += [use for use in self._elsewhere(draw, alive, slot) if amount == "max" or use[0] != READ]
        return [*out, (CLOSE if self.twice else READ, bytes([slot]))]

    def _elsewhere(self, draw: Draw, alive: set[int], slot: int) -> list[Use]:
        other = (slot + 1) % self.slots
        opened: list[Use] = [] if other in alive else [(OPEN, bytes([other]) + draw.bytes(3))]
        alive.add(other)
        return [*opened, (READ, bytes([other]))]


SET, LOOK = "set", "look"


@dataclass(frozen=True, kw_only=True)
class Replace(Plain):
    """One object that each `set` replaces: the old one goes first, and a short body leaves early.

    Use after free: the early exit keeps the old pointer and `look` reads it. Double free: the next `set` frees
    it again.
    """

    technique: str
    ops: tuple[str, ...] = (SET, LOOK)
    least: int  # bytes that a body of `set` needs
    current: str
    size: str
    alive: str
    counter: str
    total: str
    copying: Copying
    styles: ClassVar[tuple[str, ...]] = (CLEAR, CHECK)
    poor_styles: ClassVar[tuple[str, ...]] = ()

    def site(self, style: str) -> str:
        """Set in both renderings."""
        del style
        return SET

    def members(self, d: Dialect) -> list[str]:
        """Pointer, size, whether alive."""
        return [f"{d.u8} *{self.current};", f"size_t {self.size};", f"int {self.alive};"]

    def teardown(self, d: Dialect) -> list[str]:
        """Free it if alive."""
        return d.when(d.member(self.alive), f"free({d.member(self.current)});")

    def body(self, d: Dialect, op: str, style: str) -> list[str]:
        """Set or look."""
        return self._set(d, style) if op == SET else self._look(d)

    def _set(self, d: Dialect, style: str) -> list[str]:
        current, alive, size = d.member(self.current), d.member(self.alive), d.member(self.size)
        early = d.when(d.less(d.size, str(self.least)), d.mix_number(f"{d.size} + {self.least}u"), d.good)
        cleared = [f"{current} = NULL;"] if style == CLEAR else []
        return [
            *(early if style == CHECK else []),
            f"if ({current} != NULL) {{",
            f"free({current});",
            f"{alive} = 0;",
            *cleared,
            "}",
            *([] if style == CHECK else early),
            f"{current} = malloc({d.size});",
            *d.when(f"{current} == NULL", d.bad),
            *self.copying.move(current, d.data, d.size),
            f"{size} = {d.size};",
            f"{alive} = 1;",
        ]

    def _look(self, d: Dialect) -> list[str]:
        i, current = self.counter, d.member(self.current)
        return [
            *d.when(f"{current} == NULL", d.bad),
            f"size_t {self.total} = {d.size};",
            f"for (size_t {i} = 0; {i} < {d.member(self.size)}; {i}++)",
            f"\t{self.total} = {self.total} * 5 + {current}[{i}];",
            d.mix_number(self.total),
        ]

    def valid(self, draw: Draw, memory: Memory) -> list[Use]:
        """Set with enough data, and look."""
        memory["set"] = True
        return [(SET, draw.bytes(self.least + draw.below(40))), (LOOK, draw.bytes(draw.below(4)))]

    def limit(self, memory: Memory) -> list[Use]:
        """Set twice with exactly the least data."""
        memory["set"] = True
        return [(SET, bytes(self.least)), (SET, bytes(range(self.least))), (LOOK, b"")]

    def minimal(self, memory: Memory) -> list[Use]:
        """Set with the least data."""
        memory["set"] = True
        return [(SET, bytes(self.least))]

    def trigger(self, draw: Draw, memory: Memory, amount: Amount) -> list[Use]:
        """Set, set with too little, then set or look again."""
        del memory
        short = {"one": self.least - 1, "middle": self.least // 2, "max": 0}[amount]
        last: Use = (SET, draw.bytes(self.least + 4)) if self.technique == "double-free" else (LOOK, b"")
        return [(SET, draw.bytes(self.least + draw.below(20))), (SET, draw.bytes(short)), last]


PUSH, MARK, TOUCH = "push", "mark", "touch"


@dataclass(frozen=True, kw_only=True)
class Grow(Plain):
    """A list that grows by reallocation while a mark points into it: push forgets to move the mark."""

    technique: str = "use-after-free"
    ops: tuple[str, ...] = (PUSH, MARK, TOUCH)
    cells: str
    used: str
    mark: str
    fresh: str  # local name
    index: str
    copying: Copying
    styles: ClassVar[tuple[str, ...]] = ("move", "recompute")
    poor_styles: ClassVar[tuple[str, ...]] = ()

    def site(self, style: str) -> str:
        """Push in both renderings: it is the one that reallocates."""
        del style
        return PUSH

    def members(self, d: Dialect) -> list[str]:
        """Cells, how many, mark."""
        return [f"{d.u8} *{self.cells};", f"size_t {self.used};", f"{d.u8} *{self.mark};"]

    def teardown(self, d: Dialect) -> list[str]:
        """Free the cells."""
        return [f"free({d.member(self.cells)});"]

    def body(self, d: Dialect, op: str, style: str) -> list[str]:
        """One of the three operations."""
        return {PUSH: self._push, MARK: self._mark, TOUCH: self._touch}[op](d, style)

    def _push(self, d: Dialect, style: str) -> list[str]:
        cells, used, mark, fresh = d.member(self.cells), d.member(self.used), d.member(self.mark), self.fresh
        offset = f"{self.index}"
        shift: list[str] = []
        before: list[str] = []
        if style == "move":
            before = [f"size_t {offset} = {mark} == NULL ? 0 : (size_t)({mark} - {cells});"]
            shift = d.when(f"{mark} != NULL", f"{mark} = {fresh} + {offset};")
        elif style == "recompute":
            shift = [f"{mark} = NULL;"]
        return [
            *d.when(f"{d.size} == 0 || {d.size} > 512 || {used} > 4096", d.bad),
            *before,
            f"{d.u8} *{fresh} = realloc({cells}, {used} + {d.size});",
            *d.when(f"{fresh} == NULL", d.bad),
            *shift,
            *self.copying.move(f"{fresh} + {used}", d.data, d.size),
            f"{cells} = {fresh};",
            f"{used} += {d.size};",
            d.mix_number(used),
        ]

    def _mark(self, d: Dialect, style: str) -> list[str]:
        del style
        k = self.index
        return [
            *d.byte(k),
            *d.when(f"{k} >= {d.member(self.used)}", d.bad),
            f"{d.member(self.mark)} = {d.member(self.cells)} + {k};",
            d.mix_number(k),
        ]

    def _touch(self, d: Dialect, style: str) -> list[str]:
        del style
        mark = d.member(self.mark)
        return [
            *d.when(f"{mark} == NULL || {d.size} == 0", d.bad),
            f"*{mark} = ({d.u8})(*{mark} ^ {d.data}[0]);",
            d.mix_number(f"*{mark}"),
        ]

    def valid(self, draw: Draw, memory: Memory) -> list[Use]:
        """Push, then mark, then touch: in this order the mark is never old."""
        data = draw.bytes(draw.between(1, 24))
        used = memory["used"] = memory.setdefault("used", 0) + len(data)
        mark = draw.below(min(used, 256))
        return [(PUSH, data), (MARK, bytes([mark])), (TOUCH, draw.bytes(1))]

    def limit(self, memory: Memory) -> list[Use]:
        """The last cell marked."""
        used = memory["used"] = memory.setdefault("used", 0) + 8
        return [(PUSH, bytes(range(8))), (MARK, bytes([min(used, 256) - 1])), (TOUCH, b"\7"), (TOUCH, b"\1")]

    def minimal(self, memory: Memory) -> list[Use]:
        """One cell."""
        memory["used"] = memory.setdefault("used", 0) + 1
        return [(PUSH, b"\1")]

    def trigger(self, draw: Draw, memory: Memory, amount: Amount) -> list[Use]:
        """Push, mark, push, touch."""
        count = {"one": 1, "middle": 2, "max": 4}[amount]
        first = draw.bytes(draw.between(4, 20))
        memory["used"] = memory.setdefault("used", 0) + len(first)
        mark: Use = (MARK, bytes([draw.below(len(first))]))
        again: list[Use] = [(PUSH, draw.bytes(draw.between(8, 30))) for _ in range(count)]
        return [(PUSH, first), mark, *again, (TOUCH, b"\x55")]
