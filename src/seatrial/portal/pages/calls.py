"""The gateway's log of one submission: every call under a lease, with its way to a root that the record holds.

- A row holds digests and figures; nothing that was said.
- Files hold every row with its inclusion proof, written as they are read: their length is nobody's memory.
"""

from __future__ import annotations

import csv
import io
import json
from dataclasses import fields
from typing import TYPE_CHECKING, cast

from django.http import StreamingHttpResponse

from seatrial.custody.access_extract import extract
from seatrial.custody.access_log import AccessRow
from seatrial.custody.sqlite_access import SqliteAccessStore
from seatrial.framework.submission_store import NotHere
from seatrial.portal.about import about
from seatrial.portal.opening import installation

if TYPE_CHECKING:
    from collections.abc import Iterator

    from django.http import HttpResponse

    from seatrial.custody.access_extract import ProvenRow
    from seatrial.portal.acting import PortalRequest

PAGE = 100
COLUMNS = tuple(field.name for field in fields(AccessRow))
PROOF = ("root", "root_first", "root_count", "index", "path")


def show(request: PortalRequest, name: str) -> HttpResponse:
    """The newest calls; those before them a page at a time."""
    here = about(request, name)
    given = request.GET.get("before", "")
    before = int(given) if given.isascii() and given.isdigit() and len(given) < 16 else None
    found = _store().page(name, before, PAGE + 1)
    shown = found[:PAGE]
    roots = _store().roots()
    covered = roots[-1].first + roots[-1].count if roots else 0
    lines = [{"number": number, "row": row, "rooted": number < covered} for number, row in shown]
    more = f"?before={shown[-1][0]}" if len(found) > PAGE else ""
    return here.page("developer/calls.html", {"lines": lines, "more": more, "first": before is not None})


def download(request: PortalRequest, name: str, ending: str) -> HttpResponse:
    """Every call with its proof: a JSON object or a line of CSV each."""
    about(request, name)
    made = {"jsonl": (_json_lines, "application/jsonl"), "csv": (_csv_lines, "text/csv; charset=utf-8")}.get(ending)
    if made is None:
        raise NotHere(name)
    lines, kind = made
    answer = StreamingHttpResponse(
        lines(extract(_store(), name)),
        content_type=kind,
        headers={"Content-Disposition": f'attachment; filename="calls-{name}.{ending}"'},
    )
    return cast("HttpResponse", answer)


def _store() -> SqliteAccessStore:
    return SqliteAccessStore(installation().custody.file)


def _json_lines(rows: Iterator[ProvenRow]) -> Iterator[bytes]:
    for row in rows:
        yield row.to_json().encode() + b"\n"


def _csv_lines(rows: Iterator[ProvenRow]) -> Iterator[bytes]:
    yield _csv_line(["number", *COLUMNS, *PROOF])
    for one in rows:
        said = json.loads(one.entry)
        proof = (
            [one.root.ref, one.root.first, one.root.count, one.index, " ".join(step.hex() for step in one.path)]
            if one.root
            else [""] * len(PROOF)
        )
        yield _csv_line([one.number, *(said[name] for name in COLUMNS), *proof])


def _csv_line(values: list[object]) -> bytes:
    line = io.StringIO()
    csv.writer(line, lineterminator="\n").writerow(values)
    return line.getvalue().encode()
