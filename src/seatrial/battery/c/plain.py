"""Plain work of a handler: fixed fields, varints, options, switches, rings, tallies, tables. No memory hazard.

Each checks what it needs and folds what it keeps, so that no optimiser may drop it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from seatrial.battery.c.message import varint
from seatrial.battery.c.parts import Dialect, Memory, Part, Plain, Use, distinct

if TYPE_CHECKING:
    from seatrial.battery.c.names import Namer
    from seatrial.battery.draw import Draw


@dataclass(frozen=True, kw_only=True)
class Fixed(Plain):
    """Numbers of fixed width; some must stay below a limit."""

    widths: tuple[Literal[1, 2, 4], ...]
    names: tuple[str, ...]
    limits: tuple[int, ...]  # 0: any value
    exact: bool  # nothing may follow
    kept: str

    def members(self, d: Dialect) -> list[str]:
        """The last number."""
        return [f"{d.u32} {self.kept};"]

    def body(self, d: Dialect, op: str, style: str) -> list[str]:
        """Read, check and fold one after the other."""
        del op, style
        total = sum(self.widths)
        lines = d.when(f"{d.size} != {total}", d.bad) if self.exact else d.need(total)
        at = 0
        for width, name, limit in zip(self.widths, self.names, self.limits, strict=True):
            where = f"{d.data} + {at}" if at else d.data
            read = {1: f"{d.data}[{at}]", 2: f"{d.get16}({where})", 4: f"{d.get32}({where})"}[width]
            lines.append(f"{d.u32} {name} = {read};")
            if limit:
                lines += d.when(f"{name} > {limit}u", d.bad)
            lines.append(d.mix_number(f"{name} ^ {d.member(self.kept)}"))
            at += width
        return [*lines, f"{d.member(self.kept)} = {self.names[-1]};"]

    def valid(self, draw: Draw, memory: Memory) -> list[Use]:
        """Numbers within their limits."""
        values = [
            draw.below(limit + 1 if limit else 1 << (8 * width))
            for width, limit in zip(self.widths, self.limits, strict=True)
        ]
        return self._use(memory, values, b"" if self.exact else draw.bytes(draw.below(4)))

    def limit(self, memory: Memory) -> list[Use]:
        """The greatest numbers."""
        top = [limit or (1 << (8 * width)) - 1 for width, limit in zip(self.widths, self.limits, strict=True)]
        return self._use(memory, top, b"")

    def minimal(self, memory: Memory) -> list[Use]:
        """Zeros."""
        return self._use(memory, [0] * len(self.widths), b"")

    def _use(self, memory: Memory, values: list[int], rest: bytes) -> list[Use]:
        parts = [value.to_bytes(width, memory["order"]) for value, width in zip(values, self.widths, strict=True)]
        return [(self.ops[0], b"".join(parts) + rest)]


@dataclass(frozen=True, kw_only=True)
class Varints(Plain):
    """Varints until the end of the body, at most some, each folded with its position."""

    most: int
    value: str
    count: str

    def body(self, d: Dialect, op: str, style: str) -> list[str]:
        """A loop."""
        del op, style
        return [
            f"{d.u32} {self.count} = 0;",
            f"while ({d.size} > 0) {{",
            f"{d.u32} {self.value};",
            *d.when(f"{d.varint}(&{d.data}, &{d.size}, &{self.value}) != 0", d.bad),
            *d.when(f"++{self.count} > {self.most}", d.bad),
            d.mix_number(f"{self.value} + {self.count}"),
            "}",
        ]

    def valid(self, draw: Draw, memory: Memory) -> list[Use]:
        """A few."""
        del memory
        values = [draw.below(1 << draw.between(1, 28)) for _ in range(draw.between(0, self.most))]
        return [(self.ops[0], b"".join(map(varint, values)))]

    def limit(self, memory: Memory) -> list[Use]:
        """As many as are accepted."""
        del memory
        return [(self.ops[0], bytes(range(self.most)))]

    def minimal(self, memory: Memory) -> list[Use]:
        """None."""
        del memory
        return [(self.ops[0], b"")]


@dataclass(frozen=True, kw_only=True)
class Options(Plain):
    """Small type-length-value entries; known types are folded with a weight, others skipped."""

    types: tuple[int, ...]
    weights: tuple[int, ...]
    kind: str
    span: str

    def body(self, d: Dialect, op: str, style: str) -> list[str]:
        """A loop with a switch."""
        del op, style
        lines = [
            f"while ({d.size} >= 2) {{",
            f"size_t {self.kind} = {d.data}[0], {self.span} = {d.data}[1];",
            *d.skip(2),
            *d.when(d.less(d.size, self.span), d.bad),
            f"switch ({self.kind}) {{",
        ]
        for number, (code, weight) in enumerate(zip(self.types, self.weights, strict=True)):
            work = d.mix(d.data, self.span) if number % 2 else d.mix_number(f"{self.span} * {weight}u")
            lines += [f"case {code}:", work, "break;"]
        return [*lines, "default:", "break;", "}", *d.skip(self.span), "}"]

    def valid(self, draw: Draw, memory: Memory) -> list[Use]:
        """Known and unknown entries."""
        del memory
        out = b""
        for _ in range(draw.between(0, 4)):
            data = draw.bytes(draw.below(10))
            out += bytes([draw.choice((*self.types, draw.below(256))), len(data)]) + data
        return [(self.ops[0], out)]

    def limit(self, memory: Memory) -> list[Use]:
        """Every known type, the last entry ending with the body."""
        del memory
        return [(self.ops[0], b"".join(bytes([code, 3, 1, 2, 3]) for code in self.types))]

    def minimal(self, memory: Memory) -> list[Use]:
        """None."""
        del memory
        return [(self.ops[0], b"")]


@dataclass(frozen=True, kw_only=True)
class Switches(Plain):
    """Sets and clears bits of a mask."""

    mask: str
    index: str

    def members(self, d: Dialect) -> list[str]:
        """The mask."""
        return [f"{d.u32} {self.mask};"]

    def body(self, d: Dialect, op: str, style: str) -> list[str]:
        """A byte a switch: five bits of number, one of value."""
        del op, style
        k, mask = self.index, d.member(self.mask)
        return [
            f"for (size_t {k} = 0; {k} < {d.size}; {k}++) {{",
            f"{d.u32} bit = ({d.u32})1 << ({d.data}[{k}] & 31);",
            f"{mask} = ({d.data}[{k}] & 32) ? {mask} | bit : {mask} & ~bit;",
            "}",
            d.mix_number(mask),
        ]

    def valid(self, draw: Draw, memory: Memory) -> list[Use]:
        """Any bytes."""
        del memory
        return [(self.ops[0], draw.bytes(draw.between(0, 8)))]

    def limit(self, memory: Memory) -> list[Use]:
        """All set, one cleared."""
        del memory
        return [(self.ops[0], bytes(range(32, 64)) + b"\5")]

    def minimal(self, memory: Memory) -> list[Use]:
        """None."""
        del memory
        return [(self.ops[0], b"")]


@dataclass(frozen=True, kw_only=True)
class Ring(Plain):
    """Keeps the last bytes in a ring of a power of two."""

    cells: str
    head: str
    size: Literal[8, 16, 32]
    index: str

    def members(self, d: Dialect) -> list[str]:
        """The ring and its head."""
        return [f"{d.u8} {self.cells}[{self.size}];", f"{d.u32} {self.head};"]

    def body(self, d: Dialect, op: str, style: str) -> list[str]:
        """Write each byte, then fold the ring."""
        del op, style
        k, head = self.index, d.member(self.head)
        return [
            f"for (size_t {k} = 0; {k} < {d.size}; {k}++)",
            f"\t{d.member(self.cells)}[{head}++ & {self.size - 1}] = {d.data}[{k}];",
            d.mix(d.member(self.cells), f"sizeof {d.member(self.cells)}"),
        ]

    def valid(self, draw: Draw, memory: Memory) -> list[Use]:
        """Any bytes."""
        del memory
        return [(self.ops[0], draw.bytes(draw.between(0, 40)))]

    def limit(self, memory: Memory) -> list[Use]:
        """Once around and one more."""
        del memory
        return [(self.ops[0], bytes(range(self.size + 1)))]

    def minimal(self, memory: Memory) -> list[Use]:
        """None."""
        del memory
        return [(self.ops[0], b"")]


@dataclass(frozen=True, kw_only=True)
class Tally(Plain):
    """Counts by class of byte in a table that every byte has a cell of."""

    table: str
    shift: int
    index: str

    def members(self, d: Dialect) -> list[str]:
        """A cell for each class."""
        return [f"{d.u32} {self.table}[{256 >> self.shift}];"]

    def body(self, d: Dialect, op: str, style: str) -> list[str]:
        """Count each byte of the body."""
        del op, style
        k, cell = self.index, f"{d.member(self.table)}[{d.data}[{self.index}] >> {self.shift}]"
        return [
            *d.need(1),
            f"for (size_t {k} = 0; {k} < {d.size}; {k}++) {{",
            f"{cell} += {d.data}[{k}] | 1u;",
            d.mix_number(cell),
            "}",
        ]

    def valid(self, draw: Draw, memory: Memory) -> list[Use]:
        """Any bytes, at least one."""
        del memory
        return [(self.ops[0], draw.bytes(draw.between(1, 20)))]

    def limit(self, memory: Memory) -> list[Use]:
        """The greatest byte."""
        del memory
        return [(self.ops[0], b"\xff\xff")]

    def minimal(self, memory: Memory) -> list[Use]:
        """One zero."""
        del memory
        return [(self.ops[0], b"\0")]


def _fixed(draw: Draw, names: Namer) -> Part:
    count = draw.between(1, 4)
    sizes: tuple[Literal[1, 2, 4], ...] = (1, 1, 2, 2, 4)
    widths = tuple(draw.choice(sizes) for _ in range(count))
    limits = tuple(draw.between(20, (1 << (8 * w)) - 2) if draw.chance(1, 3) else 0 for w in widths)
    words = [f"{draw.choice(names.nouns)}{number}" for number in range(count)]
    return Fixed(widths=widths, names=tuple(words), limits=limits, exact=draw.chance(1, 2), kept=names.member())


def _varints(draw: Draw, names: Namer) -> Part:
    value, count = names.local("value", "count")
    return Varints(most=draw.between(4, 20), value=value, count=count)


def _options(draw: Draw, names: Namer) -> Part:
    kind, span = names.local("index", "length")
    types = distinct(draw, 1, 250, draw.between(2, 5))
    return Options(types=types, weights=tuple(draw.between(3, 999) for _ in types), kind=kind, span=span)


def _switches(draw: Draw, names: Namer) -> Part:
    del draw
    return Switches(mask=names.member(), index=names.local("counter")[0])


def _ring(draw: Draw, names: Namer) -> Part:
    size: tuple[Literal[8, 16, 32], ...] = (8, 16, 32)
    return Ring(cells=names.member(), head=names.member(), size=draw.choice(size), index=names.local("counter")[0])


def _tally(draw: Draw, names: Namer) -> Part:
    return Tally(table=names.member(), shift=draw.between(3, 6), index=names.local("counter")[0])


_MAKERS = (_fixed, _fixed, _varints, _options, _switches, _ring, _tally)


def plain_part(draw: Draw, names: Namer) -> Part:
    """A drawn part without hazard."""
    return draw.choice(_MAKERS)(draw, names)
