"""Hazards that write at a place or in portions: place, expand, scatter, append."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from seatrial.battery.c.parts import Amount, Dialect, Memory, Use, amount_in
from seatrial.battery.c.spatial import HALF, LITTLE, REJECT, RESIZE, TRUNCATE, Spatial

if TYPE_CHECKING:
    from seatrial.battery.draw import Draw


@dataclass(frozen=True, kw_only=True)
class Place(Spatial):
    """Writes the data of the body at an offset that the body names."""

    offset: str
    zeroed: ClassVar[bool] = True
    flaws: ClassVar[tuple[str, ...]] = ("start", "extent")

    @property
    def poor_styles(self) -> tuple[str, ...]:
        """A little more room."""
        return (LITTLE,)

    def body(self, d: Dialect, op: str, style: str) -> list[str]:
        """Offset, check, object, move."""
        del op
        at, off, m = self.at(d), self.offset, self.length
        where = f"{at} + {off}"
        return [
            *d.byte(off),
            f"size_t {m} = {d.size};",
            *self.check(d, style),
            *self.declare(d, style),
            *self.copying.move(where, d.data, m),
            d.mix(where, m),
            *self.release(),
        ]

    def check(self, d: Dialect, style: str) -> list[str]:
        """Both ends, or by mistake one of them."""
        off, m, cap = self.offset, self.length, self.cap
        if style == REJECT:
            return d.when(f"{off} > {cap} || {m} > {cap} - {off}", d.bad)
        if style == TRUNCATE:
            first = d.when(f"{off} > {cap}", f"{off} = {cap};")
            return [*first, *d.when(f"{m} > {cap} - {off}", f"{m} = {cap} - {off};")]
        return d.when(f"{off} >= {cap}" if self.flaw == "start" else d.less(str(cap), m), d.bad)

    def valid(self, draw: Draw, memory: Memory) -> list[Use]:
        """Inside."""
        del memory
        off = draw.below(self.cap)
        return self._use(off, draw.bytes(draw.between(1, self.cap - off)))

    def limit(self, memory: Memory) -> list[Use]:
        """Ends exactly at the end."""
        del memory
        return self._use(self.cap // 2, bytes(range(self.cap - self.cap // 2)))

    def minimal(self, memory: Memory) -> list[Use]:
        """One byte at the start."""
        del memory
        return self._use(0, b"\1")

    def trigger(self, draw: Draw, memory: Memory, amount: Amount) -> list[Use]:
        """Begins inside and ends past the end, by at least two bytes."""
        del memory
        back = draw.between(1, 4)
        return self._use(self.cap - back, draw.bytes(back + amount_in(draw, amount, 2, 11)))

    def _use(self, offset: int, data: bytes) -> list[Use]:
        return [(self.ops[0], bytes([offset]) + data)]


@dataclass(frozen=True, kw_only=True)
class Expand(Spatial):
    """Unpacks pairs of count and value."""

    used: str
    flaws: ClassVar[tuple[str, ...]] = ("each", "pairs")

    def body(self, d: Dialect, op: str, style: str) -> list[str]:
        """A loop over the pairs."""
        del op
        at, m, used = self.at(d), self.length, self.used
        pairs = style not in {REJECT, TRUNCATE, HALF} and self.flaw == "pairs"
        return [
            *(d.when(f"{d.size} / 2 > {self.cap}", d.bad) if pairs else []),
            *self.declare(d, style),
            f"size_t {used} = 0;",
            f"while ({d.size} >= 2) {{",
            f"size_t {m} = {d.data}[0];",
            *([] if pairs else self.check(d, style)),
            *self.copying.fill(f"{at} + {used}", f"{d.data}[1]", m),
            f"{used} += {m};",
            *d.skip(2),
            "}",
            d.mix(at, used),
            *self.release(),
        ]

    def check(self, d: Dialect, style: str) -> list[str]:
        """The room that is left, or by mistake the whole room each time."""
        m, used, cap = self.length, self.used, self.cap
        if style == REJECT:
            return self.refuse(d, f"{m} > {cap} - {used}")
        if style in {TRUNCATE, HALF}:
            cap = cap // 2 if style == HALF else cap
            return d.when(f"{m} > {cap} - {used}", f"{m} = {cap} - {used};")
        return self.refuse(d, d.less(str(cap), m))

    def valid(self, draw: Draw, memory: Memory) -> list[Use]:
        """Pairs that fit together."""
        del memory
        return self._use(self._portions(draw, draw.between(1, self.cap)), draw)

    def limit(self, memory: Memory) -> list[Use]:
        """Pairs that fill the room exactly."""
        del memory
        half = self.cap // 2
        return [(self.ops[0], bytes([half, 1, self.cap - half, 2]))]

    def minimal(self, memory: Memory) -> list[Use]:
        """No pair."""
        del memory
        return [(self.ops[0], b"")]

    def trigger(self, draw: Draw, memory: Memory, amount: Amount) -> list[Use]:
        """Pairs of which each fits and the sum does not, by at least two."""
        del memory
        return self._use(self._portions(draw, self.cap + amount_in(draw, amount, 2, 14)), draw)

    def _portions(self, draw: Draw, total: int) -> list[int]:
        out = []
        while total:
            out.append(min(total, draw.between(max(1, self.cap // 4), self.cap // 2)))
            total -= out[-1]
        return out

    def _use(self, portions: list[int], draw: Draw) -> list[Use]:
        return [(self.ops[0], b"".join(bytes([portion, draw.below(256)]) for portion in portions))]


@dataclass(frozen=True, kw_only=True)
class Scatter(Spatial):
    """Writes single cells at indices that the body names."""

    zeroed: ClassVar[bool] = True
    flaws: ClassVar[tuple[str, ...]] = ("missing", "wrong", "inclusive")
    inner: bool = True  # an index is one byte: the object can be made large enough

    @property
    def poor_styles(self) -> tuple[str, ...]:
        """A little more room, where the index was more than one too high."""
        return () if self.flaw == "inclusive" else (LITTLE,)

    def body(self, d: Dialect, op: str, style: str) -> list[str]:
        """A loop over pairs of index and value."""
        del op
        at, k = self.at(d), self.length
        return [
            *self.declare(d, style),
            f"while ({d.size} >= 2) {{",
            f"size_t {k} = {d.data}[0];",
            *self.check(d, style),
            f"{at}[{k}] = ({d.u8})({at}[{k}] + {d.data}[1]);",
            d.mix_number(f"{at}[{k}] * 3u + {k}"),
            *d.skip(2),
            "}",
            *self.release(),
        ]

    def check(self, d: Dialect, style: str) -> list[str]:
        """The index against the number of cells."""
        k = self.length
        if style == REJECT:
            return self.refuse(d, f"{k} >= {self.cap}")
        if style == TRUNCATE:
            return d.when(f"{k} >= {self.cap}", f"{k} = {self.cap} - 1;")
        if style == RESIZE or self.flaw == "missing":
            return []
        bound = f"{k} > {self.cap}" if self.flaw == "inclusive" else f"{k} >= {self.wrong}"
        return self.refuse(d, bound)

    def valid(self, draw: Draw, memory: Memory) -> list[Use]:
        """Indices inside."""
        del memory
        return [(self.ops[0], b"".join(self._pair(draw, draw.below(self.cap)) for _ in range(draw.between(1, 6))))]

    def limit(self, memory: Memory) -> list[Use]:
        """The last cell."""
        del memory
        return [(self.ops[0], bytes([self.cap - 1, 9, 0, 8]))]

    def minimal(self, memory: Memory) -> list[Use]:
        """No pair."""
        del memory
        return [(self.ops[0], b"")]

    def trigger(self, draw: Draw, memory: Memory, amount: Amount) -> list[Use]:
        """An index behind the last cell: by one for a wrong comparison, else by two or more."""
        before = self.valid(draw, memory)[0][1]
        past = self.cap if self.flaw == "inclusive" else self.cap + amount_in(draw, amount, 1, self._reach())
        return [(self.ops[0], before + self._pair(draw, past))]

    def _reach(self) -> int:
        return min(13, self.wrong - self.cap - 1) if self.flaw == "wrong" else 13

    @staticmethod
    def _pair(draw: Draw, index: int) -> bytes:
        return bytes([index, draw.between(1, 255)])


@dataclass(frozen=True, kw_only=True)
class Append(Spatial):
    """Adds the data of each record behind that of the former ones."""

    used: str  # member that counts what is there
    flaws: ClassVar[tuple[str, ...]] = ("each", "before")

    def members(self, d: Dialect) -> list[str]:
        """The count beside the object."""
        return [*super().members(d), f"size_t {self.used};"]

    def body(self, d: Dialect, op: str, style: str) -> list[str]:
        """Check, object, move, count."""
        del op
        at, m, used = self.at(d), self.length, d.member(self.used)
        return [
            f"size_t {m} = {d.size};",
            *self.check(d, style),
            *self.declare(d, style),
            *self.copying.move(f"{at} + {used}", d.data, m),
            d.mix(f"{at} + {used}", m),
            f"{used} += {m};",
        ]

    def check(self, d: Dialect, style: str) -> list[str]:
        """The room that is left, or by mistake the whole room, or the state before."""
        m, used, cap = self.length, d.member(self.used), self.cap
        if style == REJECT:
            return d.when(f"{m} > {cap} - {used}", d.bad)
        if style in {TRUNCATE, HALF}:
            cap = cap // 2 if style == HALF else cap
            if style == HALF:
                return d.when(f"{used} > {cap} || {m} > {cap} - {used}", f"{m} = {used} > {cap} ? 0 : {cap} - {used};")
            return d.when(f"{m} > {cap} - {used}", f"{m} = {cap} - {used};")
        return d.when(f"{used} >= {cap}" if self.flaw == "before" else d.less(str(cap), m), d.bad)

    def valid(self, draw: Draw, memory: Memory) -> list[Use]:
        """At most half of the room that is left, so that there is always some."""
        room = (self.cap - memory.setdefault("used", 0)) // 2
        return self._use(memory, draw.bytes(draw.between(1, room))) if room else []

    def limit(self, memory: Memory) -> list[Use]:
        """Fills the room exactly, in two records."""
        room = self.cap - memory.setdefault("used", 0)
        if room < 2:
            return []
        first = self._use(memory, bytes(range(room // 2)))
        return first + self._use(memory, bytes(range(room - room // 2)))

    def minimal(self, memory: Memory) -> list[Use]:
        """One byte."""
        return self._use(memory, b"\1") if memory.setdefault("used", 0) < self.cap else []

    def trigger(self, draw: Draw, memory: Memory, amount: Amount) -> list[Use]:
        """Fills all but a few bytes, then adds at least two more than are free."""
        left = self.cap - memory.setdefault("used", 0)
        back = min(left, draw.between(1, 3))
        first = self._use(memory, draw.bytes(left - back)) if left > back else []
        return first + self._use(memory, draw.bytes(back + amount_in(draw, amount, 2, 11)))

    def _use(self, memory: Memory, data: bytes) -> list[Use]:
        memory["used"] += len(data)
        return [(self.ops[0], data)]
