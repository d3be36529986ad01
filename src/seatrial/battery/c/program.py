"""The model of one generated program: its grammar, its handlers, what unlocks the flawed one, its files.

`draw_program(size, technique, draws)` makes it; `render` writes it as C; `Composer` writes messages for it. The
model is the same for the flawed program and all its repaired renderings.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import TYPE_CHECKING, Literal

from seatrial.battery.c.bugs import POOLS, draw_hazard
from seatrial.battery.c.message import Checksum, Grammar, LengthKind, Order, Relation
from seatrial.battery.c.names import Namer
from seatrial.battery.c.parts import Dialect, Hazard, Part, distinct
from seatrial.battery.c.plain import plain_part

if TYPE_CHECKING:
    from seatrial.battery.draw import Draw

Draws = Callable[[str], "Draw"]  # the name of a purpose → its own stream


@dataclass(frozen=True)
class Size:
    """How large and how guarded a program is: the knobs of a ladder as plain numbers."""

    steps: int  # records that must come first, in order
    handlers: int
    lookalikes: int
    checksum: Literal["none", "sum16", "crc16", "crc32"]
    header_checksum: bool
    relations: int  # fields that depend on all earlier records
    nesting: int  # 1: records at the top only
    files: int
    pool: int  # 1..4: how many techniques look-alikes are drawn from


@dataclass(frozen=True)
class Token:
    """A number that moves the program from one phase to the next."""

    value: int
    width: Literal[1, 2, 4]
    before: int
    after: int


@dataclass(frozen=True)
class Handler:
    """One C function for one tag. `codes` tells operations apart when one function does several."""

    name: str
    tag: int
    depth: int
    unit: int
    ops: tuple[str, ...]
    codes: Mapping[str, int] = field(default_factory=dict)
    gate: int | None = None  # the phase in which it works; in any other it only folds
    token: Token | None = None
    relation: Relation | None = None
    comment: str = ""


@dataclass(frozen=True)
class Unit:
    """A part and the file that holds its handlers; `style` is its rendering unless it is the flawed one."""

    part: Part
    style: str
    file: int
    hazard: bool


@dataclass(frozen=True)
class Names:
    """Names of the program's own functions, files and members."""

    theme: str
    program: str
    walk: str
    dispatch: str
    release: str
    check: str
    descend: str
    digest: str
    running: str
    phase: str
    level: str
    header: str
    files: tuple[str, ...]


@dataclass(frozen=True)
class Program:
    """Everything that is drawn about one program."""

    grammar: Grammar
    dialect: Dialect
    names: Names
    units: tuple[Unit, ...]
    handlers: tuple[Handler, ...]  # in the order of their functions
    flawed: int  # index of the flawed unit
    repair: str  # the style of its usual repair
    chain: tuple[str, ...]  # names of the handlers that unlock, in order
    phases: tuple[int, ...]  # phase values; phases[0] is the first
    resets: bool  # a wrong token moves back to the first phase
    nesting: int
    by_table: bool  # dispatch by a table instead of a switch
    static_state: bool

    @property
    def hazard(self) -> Hazard:
        """The flawed part."""
        part: Hazard = self.units[self.flawed].part  # type: ignore[assignment]  # the flawed unit is drawn as one
        return part

    def handlers_of(self, unit: int) -> tuple[Handler, ...]:
        """The functions of one unit."""
        return tuple(handler for handler in self.handlers if handler.unit == unit)

    def handler_for(self, unit: int, op: str) -> Handler:
        """The function of one operation."""
        return next(handler for handler in self.handlers_of(unit) if op in handler.ops)

    def site(self, style: str | None = None) -> Handler:
        """The function that a repair changes."""
        return self.handler_for(self.flawed, self.hazard.site(style or self.repair))


_BITS32 = (1 << 32) - 1


def _checksum(kind: str, draw: Draw) -> Checksum | None:
    if kind == "sum16":
        return Checksum("sum16", 2 * draw.between(1, 120) + 1, draw.below(1 << 16))
    if kind == "crc16":
        return Checksum("crc16", draw.below(1 << 16) | 1, draw.choice((0, 0xFFFF, 0x1D0F)))
    if kind == "crc32":
        return Checksum("crc32", draw.below(1 << 32) | 0x80000000, draw.below(1 << 32), draw.choice((0, _BITS32)))
    return None


def _grammar(size: Size, draw: Draw) -> Grammar:
    kinds: tuple[LengthKind, ...] = ("u8", "u16", "varint") if size.nesting == 1 else ("u16", "varint")
    orders: tuple[Order, ...] = ("big", "little")
    letters = "ABCDEFGHJKLMNPQRSTUVWXYZ"
    magic = "".join(draw.choice(letters) for _ in range(draw.between(2, 3))) + chr(draw.between(0x80, 0xFE))
    return Grammar(
        magic=magic.encode("latin-1"),
        version=draw.between(1, 40),
        tag_width=2 if size.handlers > 100 or draw.chance(1, 4) else 1,
        length=draw.choice(kinds),
        order=draw.choice(orders),
        tag_first=draw.chance(2, 3),
        checksum=_checksum(size.checksum, draw),
        header_checksum=size.header_checksum,
        sum_factor=2 * draw.between(0, 15) + 1,
    )


def _dialect(names: Namer, draw: Draw) -> Dialect:
    plain = draw.chance(1, 2)
    short = draw.choice((("u8", "u16", "u32", "u64"), ("byte", "word", "dword", "qword"), ("B", "H", "W", "Q")))
    kinds = ("uint8_t", "uint16_t", "uint32_t", "uint64_t") if plain else short
    verb, fold = draw.choice(("get", "load", "fetch", "peek")), draw.choice(("mix", "absorb", "fold", "blend"))
    return Dialect(
        *kinds,
        state=draw.choice(("s", "st", "ctx", "self", "w", "job")),
        data=draw.choice(("p", "in", "data", "src", "body")),
        size=draw.choice(("n", "len", "size", "left")),
        struct=names.fresh(draw.choice(names.nouns), draw.choice(("state", "context", "session", "desk", "job"))),
        bad=draw.choice(("return -1;", "return 1;", "return REFUSED;")),
        good="return 0;",
        get16=names.fresh(verb, "u16"),
        get32=names.fresh(verb, "u32"),
        varint=names.fresh(verb, "varint"),
        fold=names.fresh(fold, "bytes"),
        fold_number=names.fresh(fold, "number"),
        indent=draw.choice(("    ", "  ", "\t")),
        yoda=draw.chance(1, 4),
        wide_braces=draw.chance(1, 3),
    )


def _names(names: Namer, size: Size, draw: Draw) -> Names:
    stems = list(names.nouns)
    files = tuple(f"{stems[number % len(stems)]}{number // len(stems) or ''}.c" for number in range(size.files))
    return Names(
        theme=names.theme,
        program=names.nouns[-1],
        walk=names.fresh(draw.choice(("walk", "scan", "run", "each")), "records"),
        dispatch=names.fresh(draw.choice(("dispatch", "route", "deliver")), "record"),
        release=names.fresh(draw.choice(("release", "drop", "tidy")), draw.choice(names.nouns)),
        check=names.fresh(draw.choice(("seal", "tally", "proof")), "value"),
        descend=names.fresh(draw.choice(("open", "enter", "unpack")), "group"),
        digest=names.fresh("digest"),
        running=names.fresh(draw.choice(("running", "balance", "ledger"))),
        phase=names.fresh(draw.choice(("phase", "stage", "status"))),
        level=names.fresh(draw.choice(("level", "depth", "inside"))),
        header=f"{names.nouns[-1]}.h",
        files=files,
    )


class _Assembly:
    """Collects handlers and units while a program is drawn."""

    def __init__(self, size: Size, names: Namer, grammar: Grammar, draw: Draw) -> None:
        self.size, self.names, self.draw = size, names, draw
        top = 250 if grammar.tag_width == 1 else 60_000
        self._tags = iter(distinct(draw, 1, top, size.handlers + 1))
        self.container = next(self._tags) if size.nesting > 1 else None
        self.units: list[Unit] = []
        self.handlers: list[Handler] = []
        self.spare = size.handlers - (1 + size.lookalikes + size.steps + (size.nesting > 1))

    def handler(self, unit: int, ops: tuple[str, ...], codes: Mapping[str, int] | None = None) -> Handler:
        handler = Handler(
            name=self.names.function(),
            tag=next(self._tags),
            depth=self.draw.below(self.size.nesting),
            unit=unit,
            ops=ops,
            codes=MappingProxyType(dict(codes or {})),
            comment=self.draw.choice(("", "", f"One {self.draw.choice(self.names.nouns)} record.")),
        )
        self.handlers.append(handler)
        return handler

    def plain(self) -> Handler:
        self.units.append(Unit(plain_part(self.draw, self.names), "plain", self._file(), hazard=False))
        return self.handler(len(self.units) - 1, ("do",))

    def hazard(self, technique: str) -> int:
        part = draw_hazard(technique, self.draw, self.names)
        self.units.append(Unit(part, self.draw.choice(part.styles), self._file(), hazard=True))
        unit, ops = len(self.units) - 1, part.ops
        if len(ops) > 1 and self.spare >= len(ops) - 1 and self.draw.chance(2, 3):
            self.spare -= len(ops) - 1
            for op in ops:
                self.handler(unit, (op,))
        else:
            codes = distinct(self.draw, 1, 250, len(ops)) if len(ops) > 1 else ()
            self.handler(unit, ops, dict(zip(ops, codes, strict=False)))
        return unit

    def _file(self) -> int:
        return self.draw.below(self.size.files)

    def change(self, name: str, **changes: object) -> None:
        at = next(number for number, handler in enumerate(self.handlers) if handler.name == name)
        self.handlers[at] = replace(self.handlers[at], **changes)  # type: ignore[arg-type]


def draw_program(size: Size, technique: str, draws: Draws) -> Program:
    """A program of that size with one hazard of that technique, drawn from one stream a purpose."""
    names, grammar_draw, draw = Namer(draws("names")), draws("grammar"), draws("program")
    grammar = _grammar(size, grammar_draw)
    dialect = _dialect(names, draws("style"))
    own = _names(names, size, draws("files"))
    build = _Assembly(size, names, grammar, draw)
    flawed = build.hazard(technique)
    decoys = [build.hazard(draw.choice(POOLS[size.pool - 1])) for _ in range(size.lookalikes)]
    chain = [build.plain().name for _ in range(size.steps)]
    for _ in range(max(0, build.spare)):
        build.plain()
    phases = (0, *distinct(draw, 1, 200, size.steps))
    _lock(build, flawed, decoys, chain, phases)
    _relate(build, flawed, chain)
    for handler in [item for item in build.handlers if item.unit == flawed]:
        build.change(handler.name, depth=size.nesting - 1)
    hazard: Hazard = build.units[flawed].part  # type: ignore[assignment]  # `hazard()` made it
    return Program(
        grammar=replace(grammar, container=build.container),
        dialect=dialect,
        names=own,
        units=tuple(build.units),
        handlers=draw.shuffled(build.handlers),
        flawed=flawed,
        repair=draw.choice(hazard.styles[:2]),
        chain=tuple(chain),
        phases=phases,
        resets=draw.chance(1, 2),
        nesting=size.nesting,
        by_table=draw.chance(1, 2),
        static_state=draw.chance(1, 2),
    )


def _lock(build: _Assembly, flawed: int, decoys: list[int], chain: list[str], phases: tuple[int, ...]) -> None:
    """Give each step its token, the flawed unit the last phase, and half of the decoys some phase."""
    draw = build.draw
    for number, name in enumerate(chain):
        width: Literal[1, 2, 4] = draw.choice((1, 2, 2, 4))
        token = Token(draw.below(1 << (8 * width)), width, phases[number], phases[number + 1])
        build.change(name, token=token)
    if not chain:
        return
    gates = {flawed: phases[-1]} | {unit: draw.choice(phases[1:]) for unit in decoys if draw.chance(1, 2)}
    for handler in list(build.handlers):
        if handler.unit in gates:
            build.change(handler.name, gate=gates[handler.unit])


def _relate(build: _Assembly, flawed: int, chain: list[str]) -> None:
    """Put relations on the path to the flaw: some steps, or the flawed handlers themselves."""
    draw = build.draw
    path = [*chain, next(handler.name for handler in build.handlers if handler.unit == flawed)]
    others = [handler.name for handler in build.handlers if handler.unit != flawed and handler.name not in chain]
    chosen = draw.sample(path, min(build.size.relations, len(path)))
    extra = draw.sample(others, min(len(others), build.size.relations))
    for name in (*chosen, *extra):
        build.change(name, relation=Relation(2 * draw.between(0, 127) + 1, draw.below(1 << 16)))
