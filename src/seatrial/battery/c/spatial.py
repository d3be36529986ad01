"""Hazards that write past the end of an object: eight operations on heap, stack and file-scope storage.

Operation, storage and flaw are drawn apart: eight ways to write, three places to write to, and for each way the
checks that people forget or get wrong. The technique follows from storage and flaw.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Literal

from seatrial.battery.c.parts import Amount, Copying, Dialect, Memory, Plain, Use, amount_in

if TYPE_CHECKING:
    from seatrial.battery.draw import Draw

Storage = Literal["heap", "kept", "stack", "global"]  # `kept` is heap memory that lives as long as the state
REJECT, TRUNCATE, RESIZE = "reject", "truncate", "resize"
LITTLE, HALF = "little", "half"  # poor repairs: a little more room without a check; clamp to half of the room
BYTE_ROOM = 257  # room for whatever one byte can count, and a terminator


@dataclass(frozen=True, kw_only=True)
class Spatial(Plain):
    """Common to all: one object of `cap` bytes and its declaration."""

    technique: str
    storage: Storage
    flaw: str
    cap: int
    wrong: int  # the limit that a wrong check compares with; always above `cap`
    buffer: str  # local name of the object
    kept_name: str  # its name when it outlives the call
    length: str  # local name of the amount
    copying: Copying
    inner: bool = False  # the amount stands in a byte of the body instead of being its size
    zeroed: ClassVar[bool] = False  # the object is read where nothing was written

    @property
    def styles(self) -> tuple[str, ...]:
        """Reject and truncate always; enlarge where one byte bounds the amount."""
        return (REJECT, TRUNCATE, RESIZE) if self.inner else (REJECT, TRUNCATE)

    @property
    def poor_styles(self) -> tuple[str, ...]:
        """What a hasty repair does."""
        return (LITTLE, HALF)

    def site(self, style: str) -> str:
        """There is one operation only."""
        del style
        return self.ops[0]

    def room(self, style: str) -> int:
        """Size of the object in a rendering."""
        return {RESIZE: BYTE_ROOM, LITTLE: self.cap + 1}.get(style, self.cap)

    def members(self, d: Dialect) -> list[str]:
        """The pointer of a kept object."""
        return [f"{d.u8} *{self.kept_name};"] if self.storage == "kept" else []

    def globals(self, d: Dialect, style: str) -> list[str]:
        """The array of a file-scope object."""
        return [f"static {d.u8} {self.kept_name}[{self.room(style)}];"] if self.storage == "global" else []

    def teardown(self, d: Dialect) -> list[str]:
        """A kept object is freed at the end."""
        return [f"free({d.member(self.kept_name)});"] if self.storage == "kept" else []

    def at(self, d: Dialect) -> str:
        """The expression that names the object."""
        return {"kept": d.member(self.kept_name), "global": self.kept_name}.get(self.storage, self.buffer)

    def declare(self, d: Dialect, style: str, size: str = "") -> list[str]:
        """Statements that make the object."""
        size = size or str(self.room(style))
        if self.storage == "stack":
            lines = [f"{d.u8} {self.buffer}[{size}];"]
            return [*lines, f"memset({self.buffer}, 0, sizeof {self.buffer});"] if self.zeroed else lines
        if self.storage == "heap":
            call = f"calloc({size}, 1)" if self.zeroed else f"malloc({size})"
            return [f"{d.u8} *{self.buffer} = {call};", *d.when(f"{self.buffer} == NULL", d.bad)]
        if self.storage == "kept":
            name = d.member(self.kept_name)
            inner = [f"{name} = calloc(1, {size});", *d.when(f"{name} == NULL", d.bad)]
            return [f"if ({name} == NULL) {{", *inner, "}"]
        return []

    def release(self) -> list[str]:
        """Statements that end a temporary object."""
        return [f"free({self.buffer});"] if self.storage == "heap" else []

    def refuse(self, d: Dialect, condition: str) -> list[str]:
        """Refuse the record once the object exists."""
        return d.when(condition, *self.release(), d.bad)

    def amount(self, d: Dialect) -> list[str]:
        """Read the amount to move."""
        if self.inner:
            return [*d.byte(self.length), *d.when(self.less_left(d), d.bad)]
        return [f"size_t {self.length} = {d.size};"]

    def less_left(self, d: Dialect) -> str:
        """The body holds less than the amount."""
        return d.less(d.size, self.length)

    def pack(self, data: bytes) -> bytes:
        """A body with that data."""
        return (bytes([len(data)]) if self.inner else b"") + data


@dataclass(frozen=True, kw_only=True)
class Copy(Spatial):
    """Moves the data of the body into an object of fixed or announced size."""

    declared: str = ""  # local name of the announced size; only on the heap
    top: int = 0  # greatest announced size
    flaws: ClassVar[tuple[str, ...]] = ("missing", "wrong", "signed")

    @property
    def styles(self) -> tuple[str, ...]:
        """On the heap the object can also grow with the data."""
        if self.storage == "heap":
            return (REJECT, TRUNCATE, RESIZE)
        return super().styles

    @property
    def poor_styles(self) -> tuple[str, ...]:
        """An announced size has no fixed half."""
        return () if self.declared else super().poor_styles

    def body(self, d: Dialect, op: str, style: str) -> list[str]:
        """Sizes, check, object, move."""
        del op
        lines: list[str] = []
        if self.declared:
            lines += [*d.byte(self.declared), *d.when(f"{self.declared} == 0 || {self.declared} > {self.top}", d.bad)]
        lines += self.amount(d)
        lines += self.check(d, style)
        lines += self.declare(d, style, self.size(style))
        lines += self.copying.move(self.at(d), d.data, self.length)
        return [*lines, d.mix(self.at(d), self.length), *self.release()]

    def size(self, style: str) -> str:
        """Size of the object as an expression."""
        limit = self.declared or str(self.room(style))
        if style == RESIZE and self.storage == "heap":
            limit = self.declared or str(self.cap)
            return f"{self.length} > {limit} ? {self.length} : {limit}"
        return limit

    def check(self, d: Dialect, style: str) -> list[str]:
        """The check of a rendering."""
        limit, m = self.declared or str(self.cap), self.length
        if style == REJECT:
            return d.when(d.less(limit, m), d.bad)
        if style in {TRUNCATE, HALF}:
            limit = str(self.cap // 2) if style == HALF else limit
            return d.when(d.less(limit, m), f"{m} = {limit};")
        if style in {RESIZE, LITTLE} or self.flaw == "missing":
            return []
        if self.flaw == "signed":
            return d.when(f"(signed char){m} > {limit}", d.bad)
        return d.when(d.less(str(self.wrong), m), d.bad)

    def valid(self, draw: Draw, memory: Memory) -> list[Use]:
        """Up to the capacity."""
        del memory
        room = draw.between(1, self.top) if self.declared else self.cap
        return self._use(room, draw.bytes(draw.between(0, room)))

    def limit(self, memory: Memory) -> list[Use]:
        """Exactly the capacity."""
        del memory
        room = self.top if self.declared else self.cap
        return self._use(room, bytes(range(room)))

    def minimal(self, memory: Memory) -> list[Use]:
        """No data."""
        del memory
        return self._use(1, b"")

    def trigger(self, draw: Draw, memory: Memory, amount: Amount) -> list[Use]:
        """More than the capacity, no more than the wrong check allows."""
        del memory
        room = draw.between(1, max(1, self.top // 2)) if self.declared else self.cap
        low, high = room + 1, room + 40
        if self.flaw == "signed":
            low, high = 128, 168
        elif self.flaw == "wrong":
            high = min(high, self.wrong)
        return self._use(room, draw.bytes(amount_in(draw, amount, low, high)))

    def _use(self, room: int, data: bytes) -> list[Use]:
        return [(self.ops[0], (bytes([room]) if self.declared else b"") + self.pack(data))]


@dataclass(frozen=True, kw_only=True)
class Widen(Copy):
    """Writes two characters for every byte."""

    flaws: ClassVar[tuple[str, ...]] = ("unit",)

    @property
    def styles(self) -> tuple[str, ...]:
        """Two renderings."""
        return (REJECT, TRUNCATE)

    def body(self, d: Dialect, op: str, style: str) -> list[str]:
        """As a copy, with a nibble a character."""
        del op
        i, m, at = self.copying.counter, self.length, self.at(d)
        return [
            *self.amount(d),
            *self.check(d, style),
            *self.declare(d, style),
            f"for (size_t {i} = 0; {i} < {m}; {i}++) {{",
            f'{at}[2 * {i}] = ({d.u8})"0123456789abcdef"[{d.data}[{i}] >> 4];',
            f'{at}[2 * {i} + 1] = ({d.u8})"0123456789abcdef"[{d.data}[{i}] & 15];',
            "}",
            d.mix(at, f"2 * {m}"),
            *self.release(),
        ]

    def check(self, d: Dialect, style: str) -> list[str]:
        """Half of the room, or by mistake all of it."""
        m, limit = self.length, f"{self.cap} / 2"
        if style == REJECT:
            return d.when(d.less(limit, m), d.bad)
        if style in {TRUNCATE, HALF}:
            limit = f"{self.cap} / 4" if style == HALF else limit
            return d.when(d.less(limit, m), f"{m} = {limit};")
        return d.when(d.less(str(self.cap), m), d.bad)

    def valid(self, draw: Draw, memory: Memory) -> list[Use]:
        """Up to half of the room."""
        del memory
        return self._use(0, draw.bytes(draw.between(0, self.cap // 2)))

    def limit(self, memory: Memory) -> list[Use]:
        """Half of the room."""
        del memory
        return self._use(0, bytes(range(self.cap // 2)))

    def trigger(self, draw: Draw, memory: Memory, amount: Amount) -> list[Use]:
        """More than half of the room; at least two more, so that a little more room does not help."""
        del memory
        half = self.cap // 2
        return self._use(0, draw.bytes(amount_in(draw, amount, half + 2, min(self.cap, half + 16))))


@dataclass(frozen=True, kw_only=True)
class Text(Copy):
    """Moves the data and writes a terminator behind it."""

    flaws: ClassVar[tuple[str, ...]] = ("terminator",)

    @property
    def styles(self) -> tuple[str, ...]:
        """A byte more of room is a full repair here."""
        return (REJECT, TRUNCATE) if self.declared else (REJECT, TRUNCATE, RESIZE)

    @property
    def poor_styles(self) -> tuple[str, ...]:
        """Clamp to half."""
        return () if self.declared else (HALF,)

    def size(self, style: str) -> str:
        """One more when enlarged."""
        return self.declared or str(self.cap + 1 if style == RESIZE else self.cap)

    def body(self, d: Dialect, op: str, style: str) -> list[str]:
        """As a copy, then the terminator."""
        lines = super().body(d, op, style)
        where = lines.index(d.mix(self.at(d), self.length))
        lines[where] = d.mix(self.at(d), f"{self.length} + 1")
        lines.insert(where, f"{self.at(d)}[{self.length}] = 0;")
        return lines

    def check(self, d: Dialect, style: str) -> list[str]:
        """At least one byte must stay free."""
        limit, m = self.declared or str(self.cap), self.length
        if style == REJECT:
            return d.when(f"{m} >= {limit}", d.bad)
        if style in {TRUNCATE, HALF}:
            return d.when(f"{m} >= {limit}", f"{m} = {limit} - 1;" if style == TRUNCATE else f"{m} = {limit} / 2;")
        return d.when(d.less(limit, m), d.bad)

    def valid(self, draw: Draw, memory: Memory) -> list[Use]:
        """Less than the capacity."""
        del memory
        room = draw.between(1, self.top) if self.declared else self.cap
        return self._use(room, draw.bytes(draw.between(0, room - 1)))

    def limit(self, memory: Memory) -> list[Use]:
        """One less than the capacity."""
        del memory
        room = self.top if self.declared else self.cap
        return self._use(room, bytes(range(room - 1)))

    def trigger(self, draw: Draw, memory: Memory, amount: Amount) -> list[Use]:
        """Exactly the capacity: one byte over, whatever the amount."""
        del memory, amount
        room = draw.between(1, self.top) if self.declared else self.cap
        return self._use(room, draw.bytes(room))


@dataclass(frozen=True, kw_only=True)
class Fill(Spatial):
    """Fills as many cells as the body says, from a start value."""

    value: str
    step: int
    flaws: ClassVar[tuple[str, ...]] = ("inclusive",)

    @property
    def styles(self) -> tuple[str, ...]:
        """The check stays; only the loop differs. One cell more is a full repair too."""
        return (REJECT, RESIZE)

    @property
    def poor_styles(self) -> tuple[str, ...]:
        """None that keeps the meaning."""
        return ()

    def room(self, style: str) -> int:
        """One more when enlarged."""
        return self.cap + 1 if style == RESIZE else self.cap

    def body(self, d: Dialect, op: str, style: str) -> list[str]:
        """Count, start, loop."""
        del op
        i, m, at = self.copying.counter, self.length, self.at(d)
        sign = "<" if style == REJECT else "<="
        return [
            *d.byte(m),
            *d.when(d.less(str(self.cap), m), d.bad),
            *d.byte(self.value),
            *self.declare(d, style),
            f"for (size_t {i} = 0; {i} {sign} {m}; {i}++)",
            f"\t{at}[{i}] = ({d.u8})({self.value} + {i} * {self.step});",
            d.mix(at, m),
            *self.release(),
        ]

    def valid(self, draw: Draw, memory: Memory) -> list[Use]:
        """Fewer cells than there are."""
        del memory
        return [(self.ops[0], bytes([draw.below(self.cap), draw.below(256)]))]

    def limit(self, memory: Memory) -> list[Use]:
        """One cell fewer than there are: the most that the flawed rendering takes as well."""
        del memory
        return [(self.ops[0], bytes([self.cap - 1, 7]))]

    def minimal(self, memory: Memory) -> list[Use]:
        """No cell."""
        del memory
        return [(self.ops[0], bytes(2))]

    def trigger(self, draw: Draw, memory: Memory, amount: Amount) -> list[Use]:
        """All cells, and one more."""
        del memory, amount
        return [(self.ops[0], bytes([self.cap, draw.below(256)]))]
