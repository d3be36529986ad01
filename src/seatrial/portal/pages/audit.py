"""For an auditor: the record entry by entry with proofs followed step by step, rows against the record, who read what.

What a page shows was computed here, so it proves no more than this installation's word; each proof can be fetched and
checked elsewhere.
"""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import TYPE_CHECKING
from urllib.parse import urlencode

from django.http import HttpResponse
from django.shortcuts import render

from seatrial.checking import checked, climbed
from seatrial.disclosed import log_keys, record_head, witness_policy
from seatrial.framework.submission_store import NotHere
from seatrial.ledger import merkle
from seatrial.ledger.checkpoint import Checkpoint
from seatrial.ledger.errors import LedgerError
from seatrial.ledger.event import ID, KIND, Event
from seatrial.ledger.note import Note
from seatrial.ledger.receipt import SUFFIX, Receipt
from seatrial.portal.opening import house
from seatrial.storage.reads import ReadTables, root_of
from seatrial.storage.stores.entries import EntryTables

if TYPE_CHECKING:
    from seatrial.portal.acting import PortalRequest

MOST_AGREEMENT = 5000
"""Entries up to which a page compares rows and record; beyond, the command does it, for it takes minutes."""
MARKING = {"data_class": "L", "words": "log: digests and ids only", "tlp": "amber"}


def index(request: PortalRequest) -> HttpResponse:
    """The entries of the record, newest first, by kind and by object."""
    kind, stream = (request.GET.get(name, "").strip() for name in ("kind", "stream"))
    wrong = (kind and not KIND.fullmatch(kind)) or (stream and not ID.fullmatch(stream))
    before = request.GET.get("before", "")
    page = EntryTables(house().database).page(
        request.who.viewer,
        house().ledger.number,
        int(before) if before.isdecimal() else -1,
        "" if wrong else kind,
        "" if wrong else stream,
    )
    query = urlencode({"kind": kind, "stream": stream, "before": page.before})
    context = {
        "head": record_head(house()),
        "page": page,
        "older": f"?{query}" if page.before > 0 else "",
        "kind": kind,
        "stream": stream,
        "wrong": wrong,
        "marking": MARKING,
    }
    return render(request, "audit/index.html", context)


def entry(request: PortalRequest, index: int) -> HttpResponse:
    """One entry, and the proof that it is in the record, a step a line."""
    receipt = _receipt(index)
    checkpoint = Checkpoint.parse(Note.parse(receipt.note).text)
    leaf = merkle.leaf_hash(receipt.entry)
    event = Event.parse(receipt.entry)
    context = {
        "index": index,
        "event": event,
        **{part: tuple(getattr(event, part).items()) for part in ("refs", "ids", "nums")},
        "written": receipt.entry.decode(),
        "leaf": leaf.hex(),
        "steps": climbed(leaf, index, checkpoint.size, receipt.path),
        "checkpoint": checkpoint,
        "result": checked(receipt.encode(), log_keys(house()), witness_policy(house())),
        "marking": MARKING,
    }
    return render(request, "audit/entry.html", context)


def receipt(_request: PortalRequest, index: int) -> HttpResponse:
    """The receipt of an entry, for a check elsewhere."""
    answer = HttpResponse(_receipt(index).encode(), content_type="text/plain; charset=utf-8")
    answer["Content-Disposition"] = f'attachment; filename="{index}{SUFFIX}"'
    return answer


def growth(request: PortalRequest) -> HttpResponse:
    """Whether the record of one size grew from that of a smaller one."""
    head = record_head(house())
    sizes = [request.GET.get(name, "") for name in ("old", "new")]
    old, new = (int(size) if size.isdecimal() else 0 for size in sizes)
    context: dict[str, object] = {
        "head": head,
        "old": old or "",
        "new": new or head.checkpoint.size,
        "marking": MARKING,
    }
    if sizes[0]:
        context |= _grown(old, new or head.checkpoint.size, head.checkpoint.size)
    return render(request, "audit/growth.html", context, status=422 if context.get("fault") else 200)


def agreement(request: PortalRequest) -> HttpResponse:
    """Whether rows and record say the same; looked at when it is asked for."""
    size = record_head(house()).checkpoint.size
    context = {"size": size, "most": MOST_AGREEMENT, "marking": MARKING, "looked": request.method == "POST"}
    if request.method == "POST" and size <= MOST_AGREEMENT:
        context["faults"] = house().disagreements()
    return render(request, "audit/agreement.html", context)


def reads(request: PortalRequest) -> HttpResponse:
    """Who was given what, newest first; one day against its root in the record, where a day is named."""
    store, viewer = ReadTables(house().database), request.who.viewer
    before, day = request.GET.get("before", ""), _day(request.GET.get("day", ""))
    found = store.page(viewer, int(before) if before.isdecimal() else 0)
    older = f"?before={found[-1].number}" if len(found) == store.MOST else ""
    context = {"reads": found, "older": older, "day": day, "closed": _closed(request, day), "marking": MARKING}
    return render(request, "audit/reads.html", context)


def _receipt(index: int) -> Receipt:
    try:
        return house().log.receipt(index)
    except (LedgerError, LookupError) as error:
        raise NotHere(str(index)) from error


def _grown(old: int, new: int, most: int) -> dict[str, object]:
    if not 1 <= old <= new <= most:
        return {"fault": f"Choose sizes with 1 ≤ the smaller ≤ the larger ≤ {most}."}
    log = house().log
    path = log.consistency(old, new)
    with log.store.reading() as tx:
        roots = [merkle.root(tx.node, size) for size in (old, new)]
    holds = merkle.verify_consistency(old, new, roots[0], roots[1], path)
    return {
        "path": [one.hex() for one in path],
        "old_root": roots[0].hex(),
        "new_root": roots[1].hex(),
        "holds": holds,
        "shown": True,
    }


def _day(written: str) -> date | None:
    try:
        return datetime.strptime(written, "%Y-%m-%d").replace(tzinfo=UTC).date()
    except ValueError:
        return None


def _closed(request: PortalRequest, day: date | None) -> dict[str, object] | None:
    """A day's reads against the root that the record has of them."""
    if day is None:
        return None
    store, viewer = ReadTables(house().database), request.who.viewer
    found, place = store.of_day(viewer, day), store.place(viewer, day)
    root = f"sha256:{root_of(found).hex()}"
    if place is None or place[0] != house().ledger.number:
        return {"many": len(found), "root": root, "place": None}
    with house().log.store.reading() as tx:
        said = Event.parse(tx.entry(place[1])).refs["root"]
    return {"many": len(found), "root": root, "place": place[1], "said": said, "same": said == root}
