"""Reading a pack: from bytes to a `PolicyPack`, or every problem that it has. There is no partial load.

The files that a pack names (matrix, tables, templates) are asked for by name; whoever calls knows where they are.
"""

from __future__ import annotations

import hashlib
import tomllib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from types import MappingProxyType
from typing import Any

from seatrial.framework import ceilings
from seatrial.framework.document import places
from seatrial.framework.matrix import Matrix, MatrixError, beyond, read_matrix
from seatrial.framework.pack import Entry, PackRef, PolicyPack
from seatrial.framework.pack_building import BUILDERS, Files, assemble, key_rule, unknown_words
from seatrial.framework.pack_problem import PackError, Problem, header_lines
from seatrial.framework.pack_shape import LISTS, OPTIONAL_TABLES, SCHEMA, SINGLE, entry_name, misshapen
from seatrial.framework.papers import PLACES
from seatrial.framework.participant import OrganisationKind
from seatrial.framework.terms import FIXED_TERMS
from seatrial.framework.vocabulary import Form, Surface, Wording, check

NEEDED_CLOCKS = (
    "access_window",
    *("plan", "preflight", "runs", "review", "comment", "signature", "interim"),
    *("disclosure", "exploited", "no_response", "full_details"),
)  # what the lifecycles count by
QUOTED = frozenset({"quote", "locator", "sha256", "file", "template"})  # law, addresses and file names, not our words
LABELLED = frozenset({"id", "kind", "action", "starts", "status", "partners", "findings_to"})

Reader = Callable[[str], bytes]


def parse_pack(raw: bytes, read: Reader, file: str = "pack.toml") -> PolicyPack:
    """The pack in these bytes; `read` gives the files that it names.

    Raises:
        PackError: with every problem that was found.
    """
    reading = _Reading(raw, read, file)
    pack = reading.pack()
    if reading.problems or pack is None:
        raise PackError(reading.problems)
    return pack


def digest_of(raw: bytes) -> str:
    """The digest by which a pack and its files are known."""
    return f"sha256:{hashlib.sha256(raw).hexdigest()}"


class _Reading:
    """One pass over one file, collecting problems."""

    def __init__(self, raw: bytes, read: Reader, file: str) -> None:
        self.raw, self.read, self.file = raw, read, file
        self.problems: list[Problem] = []
        self.lines: Mapping[tuple[str, int], int] = {}
        self.tables: dict[str, Any] = {}

    def pack(self) -> PolicyPack | None:
        """The pack, or None with the problems collected."""
        if not self._parsed():
            return None
        self._tables()
        for table, index, values in self._entries():
            self._entry(table, index, values)
        self._references()
        self._words()
        return self._built() if not self.problems else None

    def _say(self, table: str, index: int, entry: str, rule: str, said: str) -> None:
        self.problems.append(Problem(self.file, self.lines.get((table, index), 0), table, entry, rule, said))

    def _parsed(self) -> bool:
        try:
            text = self.raw.decode("utf-8")
            self.tables = tomllib.loads(text)
        except (UnicodeDecodeError, tomllib.TOMLDecodeError, RecursionError) as error:
            self._say("", 0, "", "toml", f"is not TOML: {error}")
            return False
        self.lines = header_lines(text)
        return True

    def _tables(self) -> None:
        for name, value in self.tables.items():
            known = SINGLE if name in SINGLE else LISTS if name in LISTS else None
            if known is None:
                rule, said = ceilings.of_table(name) or ("unknown-table", f"[{name}] is no table of a pack")
                self._say(name, 0, "", rule, said)
            elif (known is SINGLE) != isinstance(value, dict) or (known is LISTS and not _tables_only(value)):
                self._say(name, 0, "", "shape", f"write [{name}]" if known is SINGLE else f"write [[{name}]]")
        for name in (*SINGLE, *LISTS):
            if name not in self.tables and name not in OPTIONAL_TABLES and name != "table":
                self._say(name, 0, "", "missing-table", f"[{name}] is missing")

    def _entries(self) -> Iterator[tuple[str, int, Mapping[str, Any]]]:
        for name, value in self.tables.items():
            if name in SINGLE and isinstance(value, dict):
                yield name, 0, value
            elif name in LISTS and _tables_only(value):
                yield from ((name, index, item) for index, item in enumerate(value))

    def _entry(self, table: str, index: int, values: Mapping[str, Any]) -> None:
        shape = SINGLE.get(table) or LISTS[table]
        name = "" if table in SINGLE else entry_name(table, values, index)
        kept = {}
        for key, value in values.items():
            of_principle = ceilings.of_key(table, key, value) if key not in shape else None
            if of_principle:
                self._say(table, index, name, *of_principle)
            elif not (table == "terms" and key in FIXED_TERMS):
                kept[key] = value
        for rule, said in (*misshapen(kept, shape), *self._beyond(table, values), *unknown_words(table, values)):
            self._say(table, index, name, rule, said)

    def _beyond(self, table: str, values: Mapping[str, Any]) -> Iterator[ceilings.Finding]:
        """The ceilings of one entry."""
        if table == "holding":
            yield from ceilings.of_holding(values, self._kind(values.get("organisation")))
        elif table == "document":
            yield from ceilings.of_event(str(values.get("required_at", "")), demanded="required_at" in values)
        elif table == "clock":
            yield from ceilings.of_clock(values)
        elif table == "terms":
            yield from ceilings.of_terms(values)
        elif table == "course":
            yield from ceilings.of_purposes(values.get("purposes"))
        elif table == "two_key":
            yield from ceilings.of_two_key(values, key_rule(values))
        elif table == "vocabulary":
            yield from ceilings.of_extra_words(values.get("extra"))

    def _kind(self, organisation: Any) -> OrganisationKind | None:  # noqa: ANN401 - whatever the file says
        for values in self._list("organisation"):
            if values.get("id") == organisation and values.get("kind") in set(OrganisationKind):
                return OrganisationKind(values["kind"])
        return None

    def _list(self, table: str) -> list[Mapping[str, Any]]:
        value = self.tables.get(table, [])
        return value if _tables_only(value) else []

    def _references(self) -> None:
        """Ids twice, and names of what is not there."""
        sources = {values.get("id") for values in self._list("source")}
        organisations = {values.get("id") for values in self._list("organisation")}
        for table, index, values in self._entries():
            name = entry_name(table, values, index)
            if "source" in values and values["source"] not in sources:
                self._say(table, index, name, "unknown-source", f"source = {values['source']!r} is no [[source]]")
            if table == "holding" and values.get("organisation") not in organisations:
                self._say(table, index, name, "unknown-organisation", f"{values.get('organisation')!r} is not listed")
        for table in LISTS:
            names = [entry_name(table, values, index) for index, values in enumerate(self._list(table))]
            for name, count in Counter(names).items():
                if count > 1:
                    self._say(table, names.index(name), name, "twice", f"stands {count} times")
        known = {values.get("id") for values in self._list("clock")}
        for clock in NEEDED_CLOCKS:
            if "clock" in self.tables and clock not in known:
                self._say("clock", 0, clock, "missing-clock", "is missing; the lifecycles count by it")

    def _words(self) -> None:
        """Words that never stand in a pack, outside quotations."""
        extra = self.tables.get("vocabulary", {})
        words = extra.get("extra", []) if isinstance(extra, dict) else []
        added = [word for word in words if isinstance(word, str)] if isinstance(words, list) else []
        for table, index, values in self._entries():
            if table == "vocabulary":
                continue
            for key, text in _texts(values):
                form = Form.LABEL if key in LABELLED else Form.PROSE
                wording = Wording(Surface.PACK, f"{table}.{key}", text, form)
                for hit in check([wording], added):
                    name = entry_name(table, values, index) if table in LISTS else ""
                    self._say(table, index, name, "vocabulary", f"{key}: {hit.word!r} never stands there ({hit.rule})")

    def _attached(self, table: str, index: int, entry: str, values: Mapping[str, Any], key: str = "file") -> str | None:
        """The text of a file that an entry names, once its digest is seen to be the one that the entry gives."""
        name = str(values[key])
        try:
            raw = self.read(name)
            text = raw.decode("utf-8")
        except (OSError, LookupError, UnicodeDecodeError) as error:
            self._say(table, index, entry, "file", f"{name}: cannot be read ({type(error).__name__})")
            return None
        if values.get("sha256") != digest_of(raw):
            said = f"{name} has the digest {digest_of(raw)}; the entry says {values.get('sha256')}"
            self._say(table, index, entry, "digest", said)
            return None
        return text

    def _matrix(self) -> Matrix | None:
        values = self.tables["matrix"]
        text = self._attached("matrix", 0, "", values)
        if text is None:
            return None
        try:
            matrix = read_matrix(text)
        except MatrixError as error:
            self._cell(values["file"], error, error.rule)
            return None
        for cell in beyond(matrix):
            self._cell(values["file"], cell, "matrix-ceiling")
        return matrix

    def _cell(self, file: str, error: MatrixError, rule: str) -> None:
        entry = f"{error.role or 'header'}/{error.column or '-'}"
        said = error.said if rule == error.rule else f"{error.said} ({error.rule})"
        self.problems.append(Problem(str(file), 0, "matrix", entry, rule, said))

    def _tables_of_values(self) -> dict[str, str]:
        found = {}
        for index, values in enumerate(self._list("table")):
            text = self._attached("table", index, str(values["id"]), values)
            if text is not None:
                found[str(values["id"])] = text
        return found

    def _templates(self) -> dict[str, str]:
        found = {}
        for index, values in enumerate(self._list("document")):
            kind = str(values["kind"])
            if "template" not in values:
                continue
            text = self._attached("document", index, kind, values, "template")
            if text is None:
                continue
            found[kind] = text
            wanted = frozenset(values["fields"]) | PLACES.get(kind, frozenset())
            if wrong := wanted ^ places(text):
                said = f"{values['template']}: places and fields differ in {', '.join(sorted(wrong))}"
                self._say("document", index, kind, "template-fields", said)
            extra = self.tables.get("vocabulary", {}).get("extra", [])
            for hit in check([Wording(Surface.DOCUMENT, str(values["template"]), text)], extra):
                self._say("document", index, kind, "vocabulary", f"{values['template']}: {hit.word!r} ({hit.rule})")
        return found

    def _built(self) -> PolicyPack | None:
        head = self.tables["pack"]
        if head["schema"] != SCHEMA:
            self._say("pack", 0, "", "schema", f"schema = {head['schema']}: this version reads schema {SCHEMA}")
        files = Files(self._matrix(), self._tables_of_values(), self._templates())
        made = {table: self._made(table, build) for table, build in BUILDERS.items()}
        if self.problems or files.matrix is None:
            return None
        entries = tuple(
            Entry(table, entry_name(table, values, index) if table in LISTS else "", MappingProxyType(dict(values)))
            for table, index, values in self._entries()
        )
        return assemble(PackRef(head["id"], head["version"], digest_of(self.raw)), head, made, files, entries)

    def _made(self, table: str, build: Callable[[Mapping[str, Any]], Any]) -> list[Any]:
        """The records of a table; what its own type refuses is a problem of its entry."""
        found = []
        for name, index, values in self._entries():
            if name == table:
                try:
                    found.append(build(values))
                except ValueError as error:
                    self._say(
                        table, index, entry_name(table, values, index) if table in LISTS else "", "value", str(error)
                    )
        return found


def _tables_only(value: Any) -> bool:  # noqa: ANN401 - whatever the file says
    return isinstance(value, list) and all(isinstance(item, dict) for item in value)


def _texts(values: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Every text of an entry that is in our words, with its key; keys too, where an entry has a table of its own."""
    for key, value in values.items():
        if key in QUOTED:
            continue
        items: Iterable[Any] = (
            value if isinstance(value, list) else value.keys() if isinstance(value, dict) else (value,)
        )
        yield from ((key, item) for item in items if isinstance(item, str))
