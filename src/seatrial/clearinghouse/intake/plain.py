"""Our own plain form: an object, an array of them, or one a line.

    {"purl": "pkg:generic/tinyxml@2.1", "title": "overflow", "locations": [{"uri": "parse.c"}]}

- A purl or a name of the product, a title, and a place or an artefact: without them it cannot be looked into.
- Artefacts are given in line (`data`, base64, or `text`); files are a bundle's.
- A field that this form does not know is refused by name, so that nothing is lost in silence.
"""

from __future__ import annotations

import base64
import binascii
import json
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from seatrial.clearinghouse.blobs import BLOB_BYTES
from seatrial.clearinghouse.finding import (
    AiOrigin,
    ArtefactRole,
    Claim,
    ClaimKind,
    FinderSeverity,
    Location,
    Reference,
    ReporterKind,
    Target,
)
from seatrial.clearinghouse.intake.fields import Reading, kind_of, title_of
from seatrial.clearinghouse.intake.item import Draft, Facts, File, Unreadable, as_dict, as_list, as_text
from seatrial.clearinghouse.intake.limits import clean, json_of
from seatrial.clearinghouse.intake.recipe import recipe_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from seatrial.clearinghouse.intake.item import Defaults, Item, Source

TARGET = ("purl", "product_name", "version", "commit", "cpe", "vers", "repo", "component")
FIELDS = frozenset(
    {
        *TARGET, "title", "summary", "kind", "cwe", "locations", "severity", "artefacts", "recipe", "references", "tlp",
        "reporter_kind", "ai_origin", "model", "run", "sample",
    }
)  # fmt: skip
HINT = "Give purl or product_name, title, and a location or an artefact"


def read(source: Source, defaults: Defaults) -> Iterator[Item]:
    """The findings of a file of JSON, or of JSON a line."""
    for where, given in _given(source):
        if isinstance(given, Unreadable):
            yield given.fault
            continue
        try:
            yield draft_of(given, where, defaults)
        except Unreadable as error:
            yield error.fault


def _given(source: Source) -> Iterator[tuple[str, Any]]:
    try:
        whole = json_of(source.data, source.name)
    except Unreadable:
        lines = [one for one in source.data.split(b"\n") if one.strip()]
        if len(lines) < 2:
            raise
        for number, line in enumerate(source.data.split(b"\n"), start=1):
            if line.strip():
                where = f"line {number}"
                try:
                    yield where, json_of(line, where)
                except Unreadable as error:
                    yield where, error
        return
    if isinstance(whole, list):
        yield from ((f"$[{number}]", one) for number, one in enumerate(whole))
    else:
        yield "$", whole


def draft_of(given: Any, where: str, defaults: Defaults, files: tuple[File, ...] = ()) -> Draft:  # noqa: ANN401 - JSON
    """The draft that one object says.

    Raises:
        Unreadable: It names the field.
    """
    fields = as_dict(given, where)
    if unknown := sorted(fields.keys() - FIELDS):
        raise Unreadable(f"{where}.{unknown[0]}", "is no field of this form", f"Known are {', '.join(sorted(FIELDS))}")
    reading = Reading()
    text = {name: as_text(fields.get(name), f"{where}.{name}") for name in ("reporter_kind", "ai_origin")}
    target = target_of(fields, where, reading)
    cwe = reading.cwe(as_list(fields.get("cwe"), f"{where}.cwe"))
    title = as_text(fields.get("title"), f"{where}.title")
    if not title.strip():
        raise Unreadable(f"{where}.title", "is missing", HINT)
    claim = Claim(
        title=title_of(title, ""),
        kind=reading.one_of(ClaimKind, as_text(fields.get("kind"), f"{where}.kind"), kind_of(cwe), "claim.kind"),
        cwe=cwe,
        locations=tuple(_locations(fields, where)),
        summary=clean(as_text(fields.get("summary"), f"{where}.summary")),
    )
    files = (*files, *_files(fields, where))
    if not claim.locations and not files:
        raise Unreadable(where, "has neither a location nor an artefact", HINT)
    recipe, attention = recipe_of(fields["recipe"], f"{where}.recipe") if fields.get("recipe") else (None, "")
    return Draft(
        where,
        target,
        claim,
        files,
        recipe,
        _severity(fields, where),
        tuple(_references(fields, where, reading)),
        reporter_kind=reading.one_of(ReporterKind, text["reporter_kind"], defaults.reporter_kind, "reporter_kind"),
        ai_origin=reading.one_of(AiOrigin, text["ai_origin"], defaults.ai_origin, "ai_origin"),
        tlp=reading.tlp(as_text(fields.get("tlp"), f"{where}.tlp"), defaults.tlp),
        attention=attention,
        facts=_facts(fields, where),
        unread=tuple(reading.unread),  # last: by now every field was read
    )  # fmt: skip


def target_of(fields: dict[str, Any], where: str, reading: Reading) -> Target:
    """The target that these fields name; what does not follow its grammar is kept as text."""
    text = {name: clean(as_text(fields.get(name), f"{where}.{name}"), 2048) for name in TARGET}
    checked = {"purl": reading.purl(text["purl"]), "cpe": reading.cpe(text["cpe"]), "vers": reading.vers(text["vers"])}
    return Target(**(text | checked))


def _locations(fields: dict[str, Any], where: str) -> Iterator[Location]:
    for number, given in enumerate(as_list(fields.get("locations"), f"{where}.locations")):
        here = f"{where}.locations[{number}]"
        try:
            yield Location.model_validate(as_dict(given, here))
        except ValidationError as error:
            raise _first(error, here, "A location is {uri, start_line, end_line, function, role}") from error


def _files(fields: dict[str, Any], where: str) -> Iterator[File]:
    for number, given in enumerate(as_list(fields.get("artefacts"), f"{where}.artefacts")):
        here = f"{where}.artefacts[{number}]"
        one = as_dict(given, here)
        try:
            role = ArtefactRole(str(one.get("role", "")))
        except ValueError as error:
            raise Unreadable(f"{here}.role", f"is {one.get('role')!r}", f"One of {', '.join(ArtefactRole)}") from error
        data = _data(one, here)
        if len(data) > BLOB_BYTES:
            raise Unreadable(here, f"is larger than {BLOB_BYTES // 2**20} MiB", "Hand in a smaller reproducer")
        name = clean(as_text(one.get("name"), f"{here}.name"), 200)
        media = as_text(one.get("media_type"), f"{here}.media_type")
        yield File(role, name or f"{role}-{number}", data, clean(media, 100) or "application/octet-stream")


def _data(one: dict[str, Any], where: str) -> bytes:
    if isinstance(one.get("text"), str):
        return clean(one["text"], BLOB_BYTES).encode()
    try:
        return base64.b64decode(as_text(one.get("data"), f"{where}.data"), validate=True)
    except (binascii.Error, ValueError) as error:
        raise Unreadable(f"{where}.data", f"is not base64 ({error})", "Encode the bytes, or give text") from error


def _severity(fields: dict[str, Any], where: str) -> FinderSeverity | None:
    given = fields.get("severity")
    if given in (None, "", {}):
        return None
    if isinstance(given, dict):
        try:
            return FinderSeverity.model_validate({key: clean(str(value), 300) for key, value in given.items()})
        except ValidationError as error:
            raise _first(error, f"{where}.severity", "A severity is {scheme, value, vector}") from error
    return FinderSeverity(scheme="text", value=clean(str(given), 300))


def _references(fields: dict[str, Any], where: str, reading: Reading) -> Iterator[Reference]:
    for number, given in enumerate(as_list(fields.get("references"), f"{where}.references")):
        if (found := reading.reference(as_text(given, f"{where}.references[{number}]"))) is not None:
            yield found


def _facts(fields: dict[str, Any], where: str) -> Facts:
    model = clean(as_text(fields.get("model"), f"{where}.model"), 200)
    sample = clean(as_text(fields.get("sample"), f"{where}.sample"), 500)
    run = clean(as_text(fields.get("run"), f"{where}.run"), 200)
    return Facts((model,) if model else (), run, (sample,) if sample else ())


def _first(error: ValidationError, where: str, to_do: str) -> Unreadable:
    one = error.errors()[0]
    path = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in one["loc"])
    return Unreadable(f"{where}{path}", str(one["msg"]), to_do)


def is_plain(given: Any) -> bool:  # noqa: ANN401 - JSON
    """Whether JSON looks like this form."""
    first = given[0] if isinstance(given, list) and given else given
    return isinstance(first, dict) and "title" in first and bool(first.keys() & {*TARGET, "locations", "artefacts"})


def looks_like_lines(head: bytes) -> bool:
    """Whether the first line alone is an object of this form."""
    try:
        return is_plain(json.loads(head.split(b"\n", 1)[0]))
    except ValueError:
        return False
