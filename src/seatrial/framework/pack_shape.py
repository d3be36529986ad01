"""The shape of a pack's file: which tables it has, which keys an entry has, and what each key holds."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any

from seatrial.framework.identifier import DIGEST, ID, REFERENCE
from seatrial.framework.instant import check_date

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

SCHEMA = 1  # of this shape
VERSION = re.compile(r"\d{4}\.\d{1,4}")
_ROOMS_FILE = re.compile(r"[a-z0-9][a-z0-9._-]*(?:/[a-z0-9][a-z0-9._-]*)*")  # below the pack's folder, never above it


@dataclass(frozen=True, slots=True)
class Key:
    """What a key holds: a word for the reader, and how it is seen to be right."""

    word: str
    holds: Callable[[Any], bool]
    needed: bool = True

    def optional(self) -> Key:
        """The same, but it may be left out."""
        return Key(self.word, self.holds, needed=False)


def _text(value: Any) -> bool:  # noqa: ANN401 - whatever the file says
    return isinstance(value, str) and bool(value.strip())


def _date(value: Any) -> bool:  # noqa: ANN401 - the same
    if isinstance(value, date):
        return True
    try:
        return isinstance(value, str) and bool(check_date(value, "date"))
    except ValueError:
        return False


def _whole(value: Any, least: int) -> bool:  # noqa: ANN401 - the same
    return isinstance(value, int) and not isinstance(value, bool) and value >= least


def _list_of(holds: Callable[[Any], bool]) -> Callable[[Any], bool]:
    return lambda value: isinstance(value, list) and all(holds(item) for item in value)


TEXT = Key("a text", _text)
NAME = Key(
    "an id of lowercase letters, digits and - between words", lambda value: _text(value) and bool(ID.fullmatch(value))
)
DATE = Key("a date: YYYY, YYYY-MM or YYYY-MM-DD", _date)
BOOL = Key("true or false", lambda value: isinstance(value, bool))
HOURS = Key("a whole number of hours above 0", lambda value: _whole(value, 1))
COUNT = Key("a whole number, 0 or more", lambda value: _whole(value, 0))
NAMES = Key("a list of ids", _list_of(NAME.holds))
TEXTS = Key("a list of texts", _list_of(_text))
DIGESTED = Key("sha256: and 64 lowercase hex digits", lambda value: _text(value) and bool(DIGEST.fullmatch(value)))
FILE = Key("a file below the pack's folder", lambda value: _text(value) and bool(_ROOMS_FILE.fullmatch(value)))
TABLE = Key("a table of its own", lambda value: isinstance(value, dict))
PACK_VERSION = Key("a version: YYYY.N", lambda value: _text(value) and bool(VERSION.fullmatch(value)))
ANY_REFERENCE = Key("letters, digits and -", lambda value: _text(value) and bool(REFERENCE.fullmatch(value)))

_PROVENANCE = {"source": NAME, "effective_from": DATE, "unverified": BOOL.optional(), "note": TEXT.optional()}

SINGLE: Mapping[str, Mapping[str, Key]] = {
    "pack": {
        "id": NAME,
        "version": PACK_VERSION,
        "schema": COUNT,
        "title": TEXT,
        "status": NAME,
        "effective_from": DATE,
        "effective_to": DATE.optional(),
        "unverified": TEXTS,
    },
    "course": {"inquiry": BOOL, "partners": NAME, "findings_to": NAME, "purposes": NAMES, **_PROVENANCE},
    "terms": {
        "access_hours": HOURS,
        "agreed_end_required": BOOL,
        "plan_hours": HOURS,
        "comment_hours": HOURS,
        "retention_hours": TABLE,
        "analysis_after_window": BOOL,
        "tos_waiver": BOOL,
        "budget": TABLE.optional(),
        "funding": TEXT,
        **_PROVENANCE,
    },
    "matrix": {"file": FILE, "sha256": DIGESTED, **_PROVENANCE},
    "vocabulary": {"extra": TEXTS, **_PROVENANCE},
}
LISTS: Mapping[str, Mapping[str, Key]] = {
    "source": {
        "id": NAME,
        "title": TEXT,
        "publisher": TEXT,
        "date": DATE,
        "locator": TEXT,
        "kind": NAME,
        "quote": TEXT.optional(),
    },
    "organisation": {
        "id": NAME,
        "name": TEXT,
        "kind": NAME,
        "federal_civilian": BOOL,
        "place": NAME,
        **_PROVENANCE,
    },
    "holding": {"organisation": NAME, "role": NAME, "scope": TEXT, **_PROVENANCE},
    "clock": {
        "id": NAME,
        "starts": NAME,
        "hours": HOURS,
        "kind": NAME,
        "owner": NAME,
        "extra_hours": COUNT.optional(),
        "extra_times": COUNT.optional(),
        "extender": NAME.optional(),
        "pauses_on": NAMES.optional(),
        **_PROVENANCE,
    },
    "document": {
        "kind": NAME,
        "required_at": NAME.optional(),
        "issued_at": NAME.optional(),
        "signers": NAMES,
        "fields": NAMES,
        "template": FILE.optional(),
        "sha256": DIGESTED.optional(),
        **_PROVENANCE,
    },
    "two_key": {
        "action": NAME,
        "first": NAMES,
        "second": NAMES,
        "distinct_organisations": BOOL,
        "requester_votes": BOOL.optional(),
        "vote_hours": HOURS,
        **_PROVENANCE,
    },
    "table": {"id": NAME, "file": FILE, "sha256": DIGESTED, **_PROVENANCE},
}
OPTIONAL_TABLES = frozenset({"vocabulary"})


def entry_name(table: str, values: Mapping[str, Any], index: int) -> str:
    """What an entry is called in a message: its id, or what stands for one, or its place in the list."""
    if table == "holding":
        return f"{values.get('organisation', '?')}/{values.get('role', '?')}"
    for key in ("id", "kind", "action"):
        if isinstance(values.get(key), str):
            return str(values[key])
    return f"#{index + 1}"


def misshapen(values: Mapping[str, Any], shape: Mapping[str, Key]) -> Iterator[tuple[str, str]]:
    """What is wrong with an entry's keys: (rule, what is said)."""
    for name, value in values.items():
        if name not in shape:
            yield "unknown-key", f"{name!r} is no key here; known: {', '.join(shape)}"
        elif not shape[name].holds(value):
            yield "value", f"{name} = {value!r} must be {shape[name].word}"
    for name, key in shape.items():
        if key.needed and name not in values:
            rule = "missing-source" if name == "source" else "missing-key"
            yield rule, f"{name} is missing; it is {key.word}"
