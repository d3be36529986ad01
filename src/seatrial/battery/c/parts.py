"""The pieces that handlers of a generated program are made of, and the C dialect they are written in.

A *part* is what one or several handlers do with a record's body: plain work, or a *hazard*, which touches memory
and exists in one flawed and several sound renderings (*styles*). All draws happen when a part is made; `body` is
pure, so that two renderings of a program differ in the flawed check and nowhere else.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, Protocol

if TYPE_CHECKING:
    from seatrial.battery.draw import Draw

FLAWED = "flawed"
Use = tuple[str, bytes]  # an operation of a part and the body of its record
Memory = dict[str, Any]  # what a part remembers while one message is written
Amount = Literal["one", "middle", "max"]
AMOUNTS: tuple[Amount, ...] = ("one", "middle", "max")


@dataclass(frozen=True)
class Dialect:
    """Names and habits of one program's author."""

    u8: str
    u16: str
    u32: str
    u64: str
    state: str
    data: str
    size: str
    struct: str
    bad: str  # statement that refuses a record
    good: str  # statement that accepts a record
    get16: str
    get32: str
    varint: str
    fold: str  # folds bytes into the digest
    fold_number: str  # folds a number into the digest
    indent: str
    yoda: bool  # writes `3 > n` for `n < 3`
    wide_braces: bool  # puts braces around single statements

    def when(self, condition: str, *then: str) -> list[str]:
        """An `if` around one or more statements."""
        if len(then) == 1 and not self.wide_braces:
            return [f"if ({condition})", f"\t{then[0]}"]
        return [f"if ({condition}) {{", *then, "}"]

    def less(self, left: str, right: str) -> str:
        """`left < right` in the author's order."""
        return f"{right} > {left}" if self.yoda else f"{left} < {right}"

    def need(self, count: int | str) -> list[str]:
        """Refuse a body with fewer than `count` bytes left."""
        return self.when(self.less(self.size, str(count)), self.bad)

    def skip(self, count: int | str) -> list[str]:
        """Advance in the body."""
        return [f"{self.data} += {count};", f"{self.size} -= {count};"]

    def byte(self, name: str) -> list[str]:
        """Read one byte of the body into a new local."""
        return [*self.need(1), f"size_t {name} = {self.data}[0];", *self.skip(1)]

    def short(self, name: str) -> list[str]:
        """Read two bytes of the body into a new local."""
        return [*self.need(2), f"size_t {name} = {self.get16}({self.data});", *self.skip(2)]

    def mix(self, pointer: str, size: str) -> str:
        """Fold bytes."""
        return f"{self.fold}({self.state}, {pointer}, {size});"

    def mix_number(self, value: str) -> str:
        """Fold a number."""
        return f"{self.fold_number}({self.state}, {value});"

    def member(self, name: str) -> str:
        """A member of the state."""
        return f"{self.state}->{name}"


@dataclass(frozen=True)
class Copying:
    """How an author moves bytes: `memcpy`, or a loop with this counter."""

    counter: str
    loop: bool

    def move(self, target: str, source: str, size: str) -> list[str]:
        """Copy `size` bytes."""
        if not self.loop:
            return [f"memcpy({target}, {source}, {size});"]
        i, base = self.counter, f"({target})" if "+" in target else target
        return [f"for (size_t {i} = 0; {i} < {size}; {i}++)", f"\t{base}[{i}] = {source}[{i}];"]

    def fill(self, target: str, value: str, size: str) -> list[str]:
        """Set `size` bytes to a value."""
        if not self.loop:
            return [f"memset({target}, {value}, {size});"]
        i, base = self.counter, f"({target})" if "+" in target else target
        return [f"for (size_t {i} = 0; {i} < {size}; {i}++)", f"\t{base}[{i}] = {value};"]


class Part(Protocol):
    """What handlers do. Operations of one part share members; each record names its operation."""

    @property
    def ops(self) -> tuple[str, ...]:
        """Names of the operations, at least one."""
        ...

    def members(self, d: Dialect) -> list[str]:
        """Declarations inside the state structure."""
        ...

    def globals(self, d: Dialect, style: str) -> list[str]:
        """Declarations at file scope."""
        ...

    def teardown(self, d: Dialect) -> list[str]:
        """Statements that release what the part holds."""
        ...

    def body(self, d: Dialect, op: str, style: str) -> list[str]:
        """Statements of one operation, before the final `return`."""
        ...

    def valid(self, draw: Draw, memory: Memory) -> list[Use]:
        """Records that every rendering accepts; may be empty when the message left no room."""
        ...

    def limit(self, memory: Memory) -> list[Use]:
        """Records exactly at what every rendering still accepts."""
        ...

    def minimal(self, memory: Memory) -> list[Use]:
        """The smallest accepted records."""
        ...


class Hazard(Part, Protocol):
    """A part with a flawed rendering."""

    @property
    def technique(self) -> str:
        """The bug class."""
        ...

    @property
    def styles(self) -> tuple[str, ...]:
        """Sound renderings, the usual one first."""
        ...

    @property
    def poor_styles(self) -> tuple[str, ...]:
        """Renderings that look like a repair and are none."""
        ...

    def site(self, style: str) -> str:
        """The operation whose code differs between the flawed and the sound rendering of that style."""
        ...

    def trigger(self, draw: Draw, memory: Memory, amount: Amount) -> list[Use]:
        """Records that make the flawed rendering fault and every sound one not."""
        ...


@dataclass(frozen=True, kw_only=True)
class Plain:
    """Empty answers that most parts share."""

    ops: tuple[str, ...] = field(default=("do",))

    def members(self, d: Dialect) -> list[str]:
        """No member."""
        del d
        return []

    def globals(self, d: Dialect, style: str) -> list[str]:
        """Nothing at file scope."""
        del d, style
        return []

    def teardown(self, d: Dialect) -> list[str]:
        """Nothing to release."""
        del d
        return []


def amount_in(draw: Draw, amount: Amount, low: int, high: int) -> int:
    """The least, some middle, or the greatest number of a range."""
    if amount == "one":
        return low
    return high if amount == "max" else draw.between(low + (high - low) // 4, high - (high - low) // 4)


def distinct(draw: Draw, low: int, high: int, count: int) -> tuple[int, ...]:
    """Different numbers of [low, high] in the order drawn; quick while they are few."""
    out: dict[int, None] = {}
    while len(out) < count:
        out[draw.between(low, high)] = None
    return tuple(out)
