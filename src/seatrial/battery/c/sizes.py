"""Hazards whose allocation size wraps around: rows times width, amount plus padding, lead plus amount."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from seatrial.battery.c.parts import FLAWED, Amount, Copying, Dialect, Memory, Plain, Use, amount_in

if TYPE_CHECKING:
    from seatrial.battery.draw import Draw

REJECT, WIDEN = "reject", "widen"
_SHORT = 1 << 16
_BYTE = 1 << 8


@dataclass(frozen=True, kw_only=True)
class Wrapping(Plain):
    """Common to all: a heap object whose size is computed in a type that is too narrow."""

    technique: str = "int-overflow-alloc"
    buffer: str
    total: str  # local name of the computed size
    length: str
    copying: Copying
    bound: int  # the greatest accepted factor or addend of the rejecting rendering
    poor_styles: ClassVar[tuple[str, ...]] = ()
    styles: ClassVar[tuple[str, ...]] = (REJECT, WIDEN)

    def site(self, style: str) -> str:
        """There is one operation only."""
        del style
        return self.ops[0]

    def sized(self, d: Dialect, narrow: str, expression: str, style: str) -> list[str]:
        """Declare the size, in the narrow type unless widened."""
        if style == FLAWED:
            return [f"{narrow} {self.total} = ({narrow})({expression});"]
        del d
        return [f"size_t {self.total} = {expression};"]

    def object(self, d: Dialect) -> list[str]:
        """Allocate it."""
        return [f"{d.u8} *{self.buffer} = malloc({self.total});", *d.when(f"{self.buffer} == NULL", d.bad)]


@dataclass(frozen=True, kw_only=True)
class Rows(Wrapping):
    """`count` rows of `width` bytes each; the body may hold fewer."""

    count: str
    width: str

    def body(self, d: Dialect, op: str, style: str) -> list[str]:
        """Two factors, their product, a loop over rows."""
        del op
        i, num, width = self.copying.counter, self.count, self.width
        inner = Copying(counter="q", loop=self.copying.loop)
        return [
            *d.short(num),
            *d.byte(width),
            *d.when(f"{num} == 0 || {width} == 0", d.bad),
            *(d.when(f"{num} > {self.bound} / {width}", d.bad) if style == REJECT else []),
            *self.sized(d, d.u16, f"{num} * {width}", style),
            *self.object(d),
            f"size_t {i} = 0;",
            f"while ({i} < {num} && {d.size} >= {width}) {{",
            *inner.move(f"{self.buffer} + {i} * {width}", d.data, width),
            *d.skip(width),
            f"{i}++;",
            "}",
            d.mix(self.buffer, f"{i} * {width}"),
            f"free({self.buffer});",
        ]

    def valid(self, draw: Draw, memory: Memory) -> list[Use]:
        """A product below the bound."""
        width = draw.between(1, 24)
        rows = draw.between(1, min(20, self.bound // width))
        return self._use(memory, rows, width, draw.bytes(width * draw.between(0, min(rows, 120 // width))))

    def limit(self, memory: Memory) -> list[Use]:
        """The greatest product that is accepted."""
        return self._use(memory, self.bound // 16, 16, bytes(range(32)))

    def minimal(self, memory: Memory) -> list[Use]:
        """One row of one byte, absent."""
        return self._use(memory, 1, 1, b"")

    def trigger(self, draw: Draw, memory: Memory, amount: Amount) -> list[Use]:
        """A product that wraps to a few bytes, and one to four rows more than fit."""
        width = draw.between(4, 24)
        rows = -(-_SHORT // width) + draw.between(0, 2)
        total = rows * width - _SHORT
        held = total // width + amount_in(draw, amount, 1, 4)
        return self._use(memory, rows, width, draw.bytes(held * width))

    def _use(self, memory: Memory, rows: int, width: int, data: bytes) -> list[Use]:
        return [(self.ops[0], rows.to_bytes(2, memory["order"]) + bytes([width]) + data)]


@dataclass(frozen=True, kw_only=True)
class Room(Wrapping):
    """The data of the body and a margin, or the next multiple of a unit, computed in one byte."""

    pad: int

    def body(self, d: Dialect, op: str, style: str) -> list[str]:
        """Amount, size, object, move."""
        del op
        m = self.length
        return [
            f"size_t {m} = {d.size};",
            *(d.when(d.less(str(self.bound), m), d.bad) if style == REJECT else []),
            *self.sized(d, d.u8, f"{m} + {self.pad}", style),
            *self.object(d),
            *self.copying.move(self.buffer, d.data, m),
            d.mix(self.buffer, m),
            f"free({self.buffer});",
        ]

    def valid(self, draw: Draw, memory: Memory) -> list[Use]:
        """A short body."""
        del memory
        return [(self.ops[0], draw.bytes(draw.between(0, 60)))]

    def limit(self, memory: Memory) -> list[Use]:
        """The longest body whose size does not wrap."""
        del memory
        return [(self.ops[0], bytes(range(self.bound)))]

    def minimal(self, memory: Memory) -> list[Use]:
        """No data."""
        del memory
        return [(self.ops[0], b"")]

    def trigger(self, draw: Draw, memory: Memory, amount: Amount) -> list[Use]:
        """A body whose size wraps."""
        del memory
        return [(self.ops[0], draw.bytes(amount_in(draw, amount, _BYTE - self.pad, _BYTE - self.pad + 12)))]


@dataclass(frozen=True, kw_only=True)
class Lead(Wrapping):
    """An announced reserve and the data of the body, added in two bytes."""

    lead: str

    def body(self, d: Dialect, op: str, style: str) -> list[str]:
        """Reserve, size, object, move."""
        del op
        m = self.length
        return [
            *d.short(self.lead),
            f"size_t {m} = {d.size};",
            *(d.when(d.less(str(self.bound), self.lead), d.bad) if style == REJECT else []),
            *self.sized(d, d.u16, f"{self.lead} + {m}", style),
            *self.object(d),
            *self.copying.move(self.buffer, d.data, m),
            d.mix(self.buffer, m),
            d.mix_number(self.total),
            f"free({self.buffer});",
        ]

    def valid(self, draw: Draw, memory: Memory) -> list[Use]:
        """A reserve below the bound."""
        return self._use(memory, draw.between(0, self.bound), draw.bytes(draw.between(0, 50)))

    def limit(self, memory: Memory) -> list[Use]:
        """The greatest reserve that is accepted."""
        return self._use(memory, self.bound, bytes(range(16)))

    def minimal(self, memory: Memory) -> list[Use]:
        """Nothing."""
        return self._use(memory, 0, b"")

    def trigger(self, draw: Draw, memory: Memory, amount: Amount) -> list[Use]:
        """A sum that wraps to a few bytes less than the data."""
        data = draw.bytes(draw.between(24, 60))
        return self._use(memory, _SHORT - amount_in(draw, amount, 1, 16), data)

    def _use(self, memory: Memory, lead: int, data: bytes) -> list[Use]:
        return [(self.ops[0], lead.to_bytes(2, memory["order"]) + data)]
