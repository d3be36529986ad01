"""Frozen records to JSON and back, by the types of their fields: what is written down is what is read.

- Dataclasses, tuples, lists, sets, mappings, enumerations, instants, optional values and plain ones; anything else is a
  `TypeError` that names the field, never a guess.
- Sets are written in order, instants in UTC: equal records have equal text.
- A record of an older form reads as long as its new fields have defaults; a field that is gone is refused, not dropped.

>>> from dataclasses import dataclass
>>> @dataclass(frozen=True)
... class Note:
...     name: str
...     tags: frozenset[str] = frozenset()
>>> encode(Note("tide", frozenset({"b", "a"})))
{'name': 'tide', 'tags': ['a', 'b']}
>>> decode(Note, {"name": "tide", "tags": ["a"]})
Note(name='tide', tags=frozenset({'a'}))
"""

from __future__ import annotations

import sys
import types
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from datetime import date, datetime
from enum import Enum
from functools import cache
from typing import TYPE_CHECKING, Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

if TYPE_CHECKING:
    from collections.abc import Callable

    Reader = Callable[[Any], Any]
    """From JSON to a value of one type."""

R = TypeVar("R")
PLAIN = (str, int, float, bool, type(None))


def encode(value: Any) -> Any:  # noqa: ANN401, PLR0911 - any field of a record, a kind a line
    """The JSON form.

    Raises:
        TypeError: a value that has none.
    """
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, PLAIN):
        return value
    if isinstance(value, datetime | date):
        return value.isoformat()
    if is_dataclass(value) and not isinstance(value, type):
        return {item.name: encode(getattr(value, item.name)) for item in fields(value)}
    if isinstance(value, Mapping):
        return {str(encode(key)): encode(item) for key, item in value.items()}
    if isinstance(value, tuple | list):
        return [encode(item) for item in value]
    if isinstance(value, set | frozenset):
        return sorted((encode(item) for item in value), key=repr)
    raise TypeError(f"{type(value).__name__} has no place in a stored record")


def decode(kind: type[R], written: Any) -> R:  # noqa: ANN401 - JSON
    """The record of type `kind` that `encode` wrote.

    Raises:
        TypeError: the text is not of that type; says where in it.
    """
    try:
        record: R = _reader(kind)(written)
    except (TypeError, ValueError) as error:
        raise TypeError(f"{kind.__name__}{_within('', error)}") from error
    return record


class _Misfit(TypeError):
    """Something written is not of its type. The way to it is put together on the way out: reading needs none."""

    def __init__(self, what: str, way: str = "") -> None:
        super().__init__(what)
        self.what, self.way = what, way

    def __str__(self) -> str:
        return f"{self.way}: {self.what}"


def _within(step: str, error: Exception) -> _Misfit:
    """The same fault, one step further out."""
    if isinstance(error, _Misfit):
        return _Misfit(error.what, step + error.way)
    return _Misfit(str(error), step)


def _reader(kind: Any) -> Reader:  # noqa: ANN401 - types are values here
    """What reads a value of this type. Kept by record and field, not by type: two unions in another order are equal."""
    origin, arguments = get_origin(kind), get_args(kind)
    if origin in (Union, types.UnionType):
        return _one_of(arguments)
    if origin is Literal:
        return _literal(arguments)
    if origin is not None:
        return _container(origin, arguments)
    return _record(kind) if isinstance(kind, type) and is_dataclass(kind) else _plain(kind)


def _one_of(kinds: tuple[Any, ...]) -> Reader:
    empty, readers = type(None) in kinds, [_reader(kind) for kind in kinds if kind is not type(None)]

    def read(written: Any) -> Any:  # noqa: ANN401
        if written is None and empty:
            return None
        faults: list[Exception] = []
        for reader in readers:
            try:
                return reader(written)
            except (TypeError, ValueError) as error:
                faults.append(error)
        if len(faults) == 1:
            raise faults[0]
        raise _Misfit("; ".join(str(error).removeprefix(": ") for error in faults))

    return read


def _literal(words: tuple[Any, ...]) -> Reader:
    def read(written: Any) -> Any:  # noqa: ANN401
        if written in words:
            return written
        raise _Misfit(f"{written!r} is none of {words}")

    return read


def _container(origin: Any, arguments: tuple[Any, ...]) -> Reader:  # noqa: ANN401
    if isinstance(origin, type) and issubclass(origin, Mapping):
        return _mapping(*arguments)
    if origin is tuple and arguments[-1] is not Ellipsis:
        return _fixed(arguments)
    make, item = (origin if origin in (tuple, frozenset, set, list) else tuple), _reader(arguments[0])

    def read(written: Any) -> Any:  # noqa: ANN401
        if not isinstance(written, list):
            raise _Misfit(f"{written!r} is no list")
        items: list[Any] = []
        try:
            for value in written:
                items.append(item(value))  # noqa: PERF401 - how many there are says where the fault is
        except (TypeError, ValueError) as error:
            raise _within(f"[{len(items)}]", error) from error
        return make(items)

    return read


def _mapping(key: Any, item: Any) -> Reader:  # noqa: ANN401
    of_name, of_value = _reader(key), _reader(item)

    def read(written: Any) -> Any:  # noqa: ANN401
        if not isinstance(written, dict):
            raise _Misfit(f"{written!r} is no mapping")
        found = {}
        for name, value in written.items():
            try:
                found[of_name(name)] = of_value(value)
            except (TypeError, ValueError) as error:
                raise _within(f".{name}", error) from error
        return found

    return read


def _fixed(kinds: tuple[Any, ...]) -> Reader:
    readers = [_reader(kind) for kind in kinds]

    def read(written: Any) -> Any:  # noqa: ANN401
        if not isinstance(written, list):
            raise _Misfit(f"{written!r} is no list")
        return tuple(reader(item) for reader, item in zip(readers, written, strict=True))

    return read


@cache
def _record(kind: Any) -> Reader:  # noqa: ANN401
    readers: dict[str, Reader] = {}
    hints = _hints(kind)

    def read(written: Any) -> Any:  # noqa: ANN401
        if not isinstance(written, dict) or written.keys() - hints.keys():
            raise _Misfit(f"not a {kind.__name__}, or one of a form that this version does not know")
        found = {}
        for name, value in written.items():
            try:
                reader = readers.get(name) or readers.setdefault(name, _reader(hints[name]))
                found[name] = reader(value)
            except (TypeError, ValueError) as error:
                raise _within(f".{name}", error) from error
        return kind(**found)

    return read


def _plain(kind: Any) -> Reader:  # noqa: ANN401
    if kind is Any or kind is object:
        return lambda written: written
    if isinstance(kind, type) and issubclass(kind, Enum):
        return kind
    if kind in (datetime, date):
        instant: Reader = kind.fromisoformat
        return instant

    def read(written: Any) -> Any:  # noqa: ANN401
        if isinstance(written, kind) and (kind is not int or not isinstance(written, bool)):
            return written
        if kind is float and isinstance(written, int) and not isinstance(written, bool):
            return float(written)
        raise _Misfit(f"{written!r} is no {kind.__name__}")

    return read


@cache
def _hints(kind: Any) -> dict[str, Any]:  # noqa: ANN401
    """The types of a record's fields. Names that its module imports for the type checker only are found in its room."""
    hints = get_type_hints(kind, localns=_room(kind.__module__) | vars(sys.modules[kind.__module__]))
    return {item.name: hints[item.name] for item in fields(kind)}


def _room(module: str) -> dict[str, Any]:
    """The classes of a module's room by name, without names that mean two of them."""
    room, found = module.rpartition(".")[0], defaultdict[str, set[Any]](set)
    loaded = sys.modules.copy()  # whole: another thread may be importing
    for name in [name for name in loaded if room and name.startswith(f"{room}.")]:
        for key, item in vars(loaded[name]).copy().items():
            if isinstance(item, type):
                found[key].add(item)
    known = {key: items.pop() for key, items in found.items() if len(items) == 1}
    return {"datetime": datetime, "date": date, "Mapping": Mapping, **known}
