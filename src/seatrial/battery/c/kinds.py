"""The hazard of an object's kind: a small object used as a large one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from seatrial.battery.c.parts import Amount, Dialect, Memory, Plain, Use

if TYPE_CHECKING:
    from seatrial.battery.draw import Draw

MAKE, VIEW = "make", "view"


@dataclass(frozen=True, kw_only=True)
class Kinds(Plain):
    """Objects of two sizes behind one pointer type: view believes the record about the kind."""

    technique: str = "type-confusion"
    ops: tuple[str, ...] = (MAKE, VIEW)
    slots: int
    slot: str
    kind: str
    small: int  # bytes of the first kind
    large: int  # bytes of the second kind, at least eight more
    codes: tuple[int, int]  # how the wire calls the two kinds
    index: str
    value: str
    buffer: str
    length: str
    styles: ClassVar[tuple[str, ...]] = ("reject", "trust-stored")
    poor_styles: ClassVar[tuple[str, ...]] = ()

    def site(self, style: str) -> str:
        """View in both renderings."""
        del style
        return VIEW

    def members(self, d: Dialect) -> list[str]:
        """Pointers and kinds."""
        return [f"{d.u8} *{self.slot}[{self.slots}];", f"size_t {self.kind}[{self.slots}];"]

    def teardown(self, d: Dialect) -> list[str]:
        """Free all."""
        return [f"for (size_t i = 0; i < {self.slots}; i++)", f"\tfree({d.member(self.slot)}[i]);"]

    def body(self, d: Dialect, op: str, style: str) -> list[str]:
        """Make or view."""
        k, v = self.index, self.value
        head = [
            *d.byte(k),
            *d.when(f"{k} >= {self.slots}", d.bad),
            *d.byte(v),
            *d.when(f"{v} != {self.codes[0]} && {v} != {self.codes[1]}", d.bad),
        ]
        return head + (self._make(d) if op == MAKE else self._view(d, style))

    def _width(self) -> str:
        return f"{self.value} == {self.codes[1]} ? {self.large} : {self.small}"

    def _make(self, d: Dialect) -> list[str]:
        k, slot, m = self.index, d.member(self.slot), self.length
        return [
            f"size_t {m} = {self._width()};",
            *d.when(f"{slot}[{k}] != NULL || {d.size} > {m}", d.bad),
            f"{slot}[{k}] = calloc(1, {m});",
            *d.when(f"{slot}[{k}] == NULL", d.bad),
            f"memcpy({slot}[{k}], {d.data}, {d.size});",
            f"{d.member(self.kind)}[{k}] = {self.value};",
            d.mix(f"{slot}[{k}]", m),
        ]

    def _view(self, d: Dialect, style: str) -> list[str]:
        k, slot, kind, v, m = self.index, d.member(self.slot), d.member(self.kind), self.value, self.length
        guard: list[str] = []
        if style == "reject":
            guard = d.when(f"{kind}[{k}] != {v}", d.bad)
        elif style == "trust-stored":
            guard = [f"{v} = {kind}[{k}];"]
        return [
            *d.when(f"{slot}[{k}] == NULL", d.bad),
            *guard,
            f"{d.u8} {self.buffer}[{self.large}];",
            f"size_t {m} = {self._width()};",
            f"memcpy({self.buffer}, {slot}[{k}], {m});",
            d.mix(self.buffer, m),
        ]

    def valid(self, draw: Draw, memory: Memory) -> list[Use]:
        """Make if there is none, then view it as what it is."""
        made: dict[int, int] = memory.setdefault("made", {})
        slot = draw.below(self.slots)
        out: list[Use] = []
        if slot not in made:
            made[slot] = draw.below(2)
            size = draw.between(0, (self.small, self.large)[made[slot]])
            out.append((MAKE, bytes([slot, self.codes[made[slot]]]) + draw.bytes(size)))
        return [*out, (VIEW, bytes([slot, self.codes[made[slot]]]))]

    def limit(self, memory: Memory) -> list[Use]:
        """Full objects of both kinds, each viewed as what it is."""
        made: dict[int, int] = memory.setdefault("made", {})
        out: list[Use] = []
        for slot in range(self.slots):
            if slot not in made:
                made[slot] = slot % 2
                data = bytes(range((self.small, self.large)[made[slot]]))
                out.append((MAKE, bytes([slot, self.codes[made[slot]]]) + data))
            out.append((VIEW, bytes([slot, self.codes[made[slot]]])))
        return out

    def minimal(self, memory: Memory) -> list[Use]:
        """One empty object."""
        made: dict[int, int] = memory.setdefault("made", {})
        if 0 in made:
            return [(VIEW, bytes([0, self.codes[made[0]]]))]
        made[0] = 0
        return [(MAKE, bytes([0, self.codes[0]]))]

    def trigger(self, draw: Draw, memory: Memory, amount: Amount) -> list[Use]:
        """A small object viewed as a large one."""
        made: dict[int, int] = memory.setdefault("made", {})
        free = [slot for slot in range(self.slots) if slot not in made]
        small = [slot for slot, kind in made.items() if kind == 0]
        view = self.codes[1]
        if not free:
            return [(VIEW, bytes([small[0] if small else 0, view]))]
        slot = draw.choice(free)
        made[slot] = 0
        data = draw.bytes({"one": 0, "middle": self.small // 2, "max": self.small}[amount])
        return [(MAKE, bytes([slot, self.codes[0]]) + data), (VIEW, bytes([slot, view]))]
