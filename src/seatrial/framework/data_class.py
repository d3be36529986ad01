"""Data classes: what a record is about, what may be done with it, and what is left of it for others.

- Every field of a stored record carries a class: `name: str = field(metadata=classed(DataClass.M))`.
- `strip` drops the fields of the classes it is told and gives a new id to what remains; a field without a class is
  refused, so nothing survives because somebody forgot it.
- There is no class for classified content: it has no column and no field, and is turned away where it comes in.

>>> from dataclasses import dataclass, field
>>> @dataclass(frozen=True, slots=True)
... class Note:
...     id: str = field(metadata=classed(DataClass.F, id=True))
...     claim: str = field(metadata=classed(DataClass.F))
...     model: str = field(metadata=classed(DataClass.M))
>>> strip(Note("fin-1", "overflow in parse()", "heron-7"), {DataClass.M}, new_ids={"fin-1": "fin-9"})
{'id': 'fin-9', 'claim': 'overflow in parse()'}
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import Field, fields, is_dataclass
from enum import StrEnum
from typing import Any

CLASS_KEY = "seatrial.class"
ID_KEY = "seatrial.id"


class DataClass(StrEnum):
    """One letter a class, as in the columns of the matrix."""

    W = "W"
    K = "K"
    M = "M"
    T = "T"
    H = "H"
    P = "P"
    S = "S"
    R = "R"
    F = "F"
    X = "X"
    V = "V"
    I = "I"  # noqa: E741 - the letter of the column
    L = "L"
    N = "N"
    A = "A"

    @property
    def content(self) -> str:
        """What records of this class hold, in words."""
        return CONTENT[self]


CONTENT: Mapping[DataClass, str] = {
    DataClass.W: "model weights: sealed artefacts, mounted, never read",
    DataClass.K: "endpoint keys, as handles to a vault",
    DataClass.M: "model facts: name, dates, variants, prompts, safeguards",
    DataClass.T: "transcripts: messages, reasoning, tool calls, packet captures",
    DataClass.H: "held-out tasks: items, flags, solutions",
    DataClass.P: "papers: plan, agreement, comments, receipts",
    DataClass.S: "scores and drafts: item-level results",
    DataClass.R: "reports: signed views for each reader",
    DataClass.F: "findings: claim, crash, root cause, reproducer",
    DataClass.X: "exploit artefacts, under a key of their own",
    DataClass.V: "contacts of vendors: personal data",
    DataClass.I: "incidents: code-named facts",
    DataClass.L: "log: digests and ids only, append-only",
    DataClass.N: "notices: defensive annex, advisories",
    DataClass.A: "aggregates: counts from fixed tables over many submissions",
}

STRIPPED_ON_WITHDRAWAL = frozenset({DataClass.M, DataClass.T, DataClass.S, DataClass.W, DataClass.K})


class Action(StrEnum):
    """What may be done with a record. `use` is use unseen: mounted or sent, never read by a person."""

    READ = "read"
    WRITE = "write"
    USE = "use"
    SHARE = "share"
    PUBLISH = "publish"
    DESTROY = "destroy"


class Tlp(StrEnum):
    """Traffic Light Protocol 2.0 (FIRST, 2022): how far a recipient may pass a thing on."""

    TLP_RED = "TLP:RED"
    TLP_AMBER_STRICT = "TLP:AMBER+STRICT"
    TLP_AMBER = "TLP:AMBER"
    TLP_GREEN = "TLP:GREEN"
    TLP_CLEAR = "TLP:CLEAR"


class Untagged(TypeError):
    """A record with a field that carries no class."""


def classed(data_class: DataClass, *, id: bool = False) -> Mapping[str, Any]:  # noqa: A002 - the word for the field
    """Metadata for a field: its class, and whether it is an id that must not survive stripping as it is."""
    return {CLASS_KEY: data_class, ID_KEY: id}


def class_of(tagged: Field[Any]) -> DataClass:
    """The class of a field.

    Raises:
        Untagged: it carries none.
    """
    found = tagged.metadata.get(CLASS_KEY)
    if not isinstance(found, DataClass):
        raise Untagged(f"field {tagged.name!r} carries no data class; tag it with classed(...)")
    return found


def classes_of(record: type) -> dict[str, DataClass]:
    """The class of every field of a record type, by name.

    Raises:
        Untagged: not a dataclass, or a field without a class.
    """
    if not is_dataclass(record):
        raise Untagged(f"{record!r} is not a dataclass: its fields carry no data class")
    return {item.name: class_of(item) for item in fields(record)}


def strip(record: object, classes: Collection[DataClass], *, new_ids: Mapping[str, str]) -> dict[str, Any]:
    """The record without the fields of `classes`, nested records too; ids replaced by `new_ids`, drawn by the caller.

    Raises:
        Untagged: a field, here or below, carries no class.
        LookupError: an id that stays has no new one.
    """
    classes_of(type(record))
    left = {}
    for item in fields(record):  # type: ignore[arg-type]  # classes_of has refused all but dataclasses
        if class_of(item) in classes:
            continue
        value = getattr(record, item.name)
        left[item.name] = _renamed(value, new_ids) if item.metadata.get(ID_KEY) else _inner(value, classes, new_ids)
    return left


def _inner(value: Any, classes: Collection[DataClass], new_ids: Mapping[str, str]) -> Any:  # noqa: ANN401 - any field
    if is_dataclass(value) and not isinstance(value, type):
        return strip(value, classes, new_ids=new_ids)
    if isinstance(value, Mapping):
        return {key: _inner(item, classes, new_ids) for key, item in value.items()}
    if isinstance(value, tuple | list):
        return tuple(_inner(item, classes, new_ids) for item in value)
    if isinstance(value, set | frozenset):
        return frozenset(_inner(item, classes, new_ids) for item in value)
    return value


def _renamed(value: Any, new_ids: Mapping[str, str]) -> Any:  # noqa: ANN401 - one id, several, or none
    if value is None:
        return None
    if isinstance(value, tuple | list):
        return tuple(_renamed(item, new_ids) for item in value)
    if isinstance(value, set | frozenset):
        return frozenset(_renamed(item, new_ids) for item in value)
    if value not in new_ids:
        raise LookupError("an id that stays needs a new one in new_ids, so that it cannot be traced back")
    return new_ids[value]
