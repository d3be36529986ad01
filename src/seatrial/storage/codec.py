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
from typing import Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

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
        TypeError: the text is not of that type.
    """
    record: R = _decode(kind, written, kind.__name__)
    return record


def _decode(kind: Any, written: Any, where: str) -> Any:  # noqa: ANN401 - types are values here
    origin, arguments = get_origin(kind), get_args(kind)
    if origin in (Union, types.UnionType):
        return _one_of(arguments, written, where)
    if origin is Literal:
        if written in arguments:
            return written
        raise TypeError(f"{where}: {written!r} is none of {arguments}")
    if origin is not None:
        return _container(origin, arguments, written, where)
    if is_dataclass(kind):
        return _record(kind, written, where)
    return _plain(kind, written, where)


def _one_of(kinds: tuple[Any, ...], written: Any, where: str) -> Any:  # noqa: ANN401
    if written is None and type(None) in kinds:
        return None
    faults = []
    for kind in kinds:
        if kind is type(None):
            continue
        try:
            return _decode(kind, written, where)
        except (TypeError, ValueError) as error:
            faults.append(str(error))
    raise TypeError("; ".join(faults))


def _container(origin: Any, arguments: tuple[Any, ...], written: Any, where: str) -> Any:  # noqa: ANN401
    if isinstance(origin, type) and issubclass(origin, Mapping):
        key, item = arguments
        return {_decode(key, name, where): _decode(item, value, f"{where}.{name}") for name, value in written.items()}
    if not isinstance(written, list):
        raise TypeError(f"{where}: {written!r} is no list")
    if origin is tuple and arguments[-1] is not Ellipsis:
        return tuple(_decode(kind, item, where) for kind, item in zip(arguments, written, strict=True))
    items = (_decode(arguments[0], item, f"{where}[{number}]") for number, item in enumerate(written))
    if origin in (tuple, frozenset, set, list):
        return origin(items)
    return tuple(items)


def _record(kind: Any, written: Any, where: str) -> Any:  # noqa: ANN401
    hints = _hints(kind)
    if not isinstance(written, dict) or written.keys() - hints.keys():
        raise TypeError(f"{where}: not a {kind.__name__}, or one of a form that this version does not know")
    return kind(**{name: _decode(hints[name], value, f"{where}.{name}") for name, value in written.items()})


def _plain(kind: Any, written: Any, where: str) -> Any:  # noqa: ANN401
    if kind is Any or kind is object:
        return written
    if isinstance(kind, type) and issubclass(kind, Enum):
        return kind(written)
    if kind in (datetime, date):
        return kind.fromisoformat(written)
    if kind is float and isinstance(written, int) and not isinstance(written, bool):
        return float(written)
    if isinstance(written, kind) and (kind is not int or not isinstance(written, bool)):
        return written
    raise TypeError(f"{where}: {written!r} is no {kind.__name__}")


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
