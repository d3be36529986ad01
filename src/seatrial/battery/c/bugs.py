"""The catalogue of techniques and the draw of one hazard: operation, storage, flaw, sizes and names.

| technique | CWE | hazards |
|---|---|---|
| heap-, stack-, global-overflow | 122, 121, 787 | copy, place, expand, scatter, append, widen |
| off-by-one | 193 | text, fill, scatter |
| int-overflow-alloc | 190 | rows, room, lead |
| use-after-free | 416 | slots, replace, grow |
| double-free | 415 | slots, replace |
| type-confusion | 843 | kinds |
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING

from seatrial.battery.c.kinds import Kinds
from seatrial.battery.c.lifetime import Grow, Replace, Slots
from seatrial.battery.c.parts import Copying
from seatrial.battery.c.placing import Append, Expand, Place, Scatter
from seatrial.battery.c.sizes import Lead, Room, Rows
from seatrial.battery.c.spatial import Copy, Fill, Storage, Text, Widen

if TYPE_CHECKING:
    from seatrial.battery.c.names import Namer
    from seatrial.battery.c.parts import Hazard
    from seatrial.battery.draw import Draw

HEAP, STACK, GLOBAL = "heap-buffer-overflow", "stack-buffer-overflow", "global-buffer-overflow"
FREED, TWICE = "heap-use-after-free", "double-free"


@dataclass(frozen=True)
class Technique:
    """One bug class: its weakness and the classes under which a sanitizer may report it."""

    cwe: int
    faults: tuple[str, ...]


TECHNIQUES: Mapping[str, Technique] = MappingProxyType(
    {
        "heap-overflow": Technique(122, (HEAP,)),
        "stack-overflow": Technique(121, (STACK,)),
        "global-overflow": Technique(787, (GLOBAL,)),
        "off-by-one": Technique(193, (HEAP, STACK)),
        "use-after-free": Technique(416, (FREED, TWICE)),
        "double-free": Technique(415, (TWICE, FREED)),
        "int-overflow-alloc": Technique(190, (HEAP,)),
        "type-confusion": Technique(843, (HEAP,)),
    }
)
POOLS: tuple[tuple[str, ...], ...] = (
    ("heap-overflow", "stack-overflow", "global-overflow"),
    ("heap-overflow", "stack-overflow", "global-overflow", "off-by-one"),
    tuple(name for name in TECHNIQUES if name != "type-confusion"),
    tuple(TECHNIQUES),
)
_STORAGE: Mapping[str, tuple[Storage, ...]] = MappingProxyType(
    {
        "heap-overflow": ("heap", "kept"),
        "stack-overflow": ("stack",),
        "global-overflow": ("global",),
        "off-by-one": ("heap", "stack", "kept"),
    }
)


def _copying(draw: Draw, counter: str) -> Copying:
    return Copying(counter=counter, loop=draw.chance(1, 3))


def _object(draw: Draw, names: Namer, technique: str, storage: Storage) -> dict[str, object]:
    cap = 2 * draw.between(8, 32)
    return {
        "technique": technique,
        "storage": storage,
        "cap": cap,
        "wrong": cap + draw.between(8, 60),
        "kept_name": names.member() if storage in {"kept", "global"} else "",
    }


def _copy(draw: Draw, names: Namer, technique: str, storage: Storage) -> Hazard:
    common = _object(draw, names, technique, storage)
    declared = storage == "heap" and draw.chance(1, 2)
    flaw = draw.choice(("missing", "wrong") if declared else Copy.flaws)
    buffer, length, limit, counter = names.local("buffer", "length", "limit", "counter")
    top = draw.between(40, 100)
    common["wrong"] = top if declared else common["wrong"]
    inner = flaw == "signed" or draw.chance(1, 2)
    return Copy(
        **common,  # type: ignore[arg-type]  # the dict of `_object` holds exactly the fields of its base
        flaw=flaw,
        inner=inner,
        buffer=buffer,
        length=length,
        declared=limit if declared else "",
        top=top if declared else 0,
        copying=_copying(draw, counter),
    )


def _text(draw: Draw, names: Namer, technique: str, storage: Storage) -> Hazard:
    declared = storage == "heap" and draw.chance(1, 2)
    buffer, length, limit, counter = names.local("buffer", "length", "limit", "counter")
    return Text(
        **_object(draw, names, technique, storage),  # type: ignore[arg-type]
        flaw="terminator",
        inner=draw.chance(1, 2),
        buffer=buffer,
        length=length,
        declared=limit if declared else "",
        top=draw.between(40, 100) if declared else 0,
        copying=_copying(draw, counter),
    )


def _widen(draw: Draw, names: Namer, technique: str, storage: Storage) -> Hazard:
    buffer, length, counter = names.local("buffer", "length", "counter")
    return Widen(
        **_object(draw, names, technique, storage),  # type: ignore[arg-type]
        flaw="unit",
        inner=draw.chance(1, 2),
        buffer=buffer,
        length=length,
        copying=Copying(counter=counter, loop=True),
    )


def _fill(draw: Draw, names: Namer, technique: str, storage: Storage) -> Hazard:
    buffer, length, value, counter = names.local("buffer", "count", "value", "counter")
    return Fill(
        **_object(draw, names, technique, storage),  # type: ignore[arg-type]
        flaw="inclusive",
        buffer=buffer,
        length=length,
        value=value,
        step=draw.between(1, 40),
        copying=Copying(counter=counter, loop=True),
    )


def _place(draw: Draw, names: Namer, technique: str, storage: Storage) -> Hazard:
    buffer, length, offset, counter = names.local("buffer", "length", "index", "counter")
    return Place(
        **_object(draw, names, technique, storage),  # type: ignore[arg-type]
        flaw=draw.choice(Place.flaws),
        buffer=buffer,
        length=length,
        offset=offset,
        copying=_copying(draw, counter),
    )


def _expand(draw: Draw, names: Namer, technique: str, storage: Storage) -> Hazard:
    buffer, length, used, counter = names.local("buffer", "count", "used", "counter")
    return Expand(
        **_object(draw, names, technique, storage),  # type: ignore[arg-type]
        flaw=draw.choice(Expand.flaws),
        buffer=buffer,
        length=length,
        used=used,
        copying=_copying(draw, counter),
    )


def _scatter(draw: Draw, names: Namer, technique: str, storage: Storage) -> Hazard:
    buffer, index, counter = names.local("buffer", "index", "counter")
    return Scatter(
        **_object(draw, names, technique, storage),  # type: ignore[arg-type]
        flaw="inclusive" if technique == "off-by-one" else draw.choice(("missing", "wrong")),
        buffer=buffer,
        length=index,
        copying=Copying(counter=counter, loop=True),
    )


def _append(draw: Draw, names: Namer, technique: str, storage: Storage) -> Hazard:
    length, counter = names.local("length", "counter")
    kept: Storage = "kept" if storage == "heap" else storage
    return Append(
        **_object(draw, names, technique, kept),  # type: ignore[arg-type]
        flaw=draw.choice(Append.flaws),
        buffer="",
        length=length,
        used=names.member(),
        copying=_copying(draw, counter),
    )


_Maker = Callable[["Draw", "Namer", str, "Storage"], "Hazard"]
_SPATIAL: Mapping[str, tuple[_Maker, ...]] = MappingProxyType(
    {
        "heap-overflow": (_copy, _copy, _place, _expand, _scatter, _append, _widen),
        "stack-overflow": (_copy, _copy, _place, _expand, _scatter, _widen),
        "global-overflow": (_copy, _place, _expand, _scatter, _append, _widen),
        "off-by-one": (_text, _text, _fill, _scatter),
    }
)


def _wrapping(draw: Draw, names: Namer) -> Hazard:
    buffer, total, length, counter, count, width, lead = names.local(
        "buffer", "total", "length", "counter", "count", "value", "limit"
    )
    copying = _copying(draw, counter)
    kind = draw.below(3)
    if kind == 0:
        return Rows(
            buffer=buffer, total=total, length=length, copying=copying, bound=draw.between(600, 4000), count=count,
            width=width,
        )  # fmt: skip
    if kind == 1:
        pad = draw.between(24, 64)
        return Room(buffer=buffer, total=total, length=length, copying=copying, bound=255 - pad, pad=pad)
    return Lead(buffer=buffer, total=total, length=length, copying=copying, bound=draw.between(100, 2000), lead=lead)


def _lifetime(draw: Draw, names: Namer, technique: str) -> Hazard:
    index, counter, total, fresh = names.local("index", "counter", "total", "buffer")
    copying = _copying(draw, counter)
    kind = draw.below(3 if technique == "use-after-free" else 2)
    if kind == 0:
        return Slots(
            technique=technique, slots=draw.between(2, 9), slot=names.member(), size=names.member(),
            alive=names.member(), index=index, counter=counter, total=total, copying=copying,
        )  # fmt: skip
    if kind == 1:
        return Replace(
            technique=technique, least=draw.between(4, 16), current=names.member(), size=names.member(),
            alive=names.member(), counter=counter, total=total, copying=copying,
        )  # fmt: skip
    return Grow(
        cells=names.member(), used=names.member(), mark=names.member(), fresh=fresh, index=index, copying=copying
    )


def _kinds(draw: Draw, names: Namer) -> Hazard:
    index, value, buffer, length = names.local("index", "value", "buffer", "length")
    small = draw.between(4, 24)
    first = draw.between(1, 120)
    second = first + draw.between(1, 120)
    return Kinds(
        slots=draw.between(2, 8), slot=names.member(), kind=names.member(), small=small,
        large=small + draw.between(8, 40), codes=(first, second), index=index, value=value, buffer=buffer,
        length=length,
    )  # fmt: skip


def draw_hazard(technique: str, draw: Draw, names: Namer) -> Hazard:
    """A hazard of a technique; flawed or sound is decided when it is rendered."""
    if technique in _SPATIAL:
        return draw.choice(_SPATIAL[technique])(draw, names, technique, draw.choice(_STORAGE[technique]))
    if technique == "int-overflow-alloc":
        return _wrapping(draw, names)
    if technique == "type-confusion":
        return _kinds(draw, names)
    return _lifetime(draw, names, technique)
