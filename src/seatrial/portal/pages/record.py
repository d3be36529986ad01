"""The record as outsiders read it: the newest checkpoint, the hash tiles (C2SP tlog-tiles), and the public keys.

Entries are not among them: that the log only grows is everybody's to check, what an entry says is its parties'.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.http import HttpResponse
from django.shortcuts import render

from seatrial.disclosed import log_keys, record_head
from seatrial.framework.submission_store import NotHere
from seatrial.ledger.errors import LedgerError
from seatrial.ledger.tiles import WIDTH, Tile, read_tile
from seatrial.portal.opening import house

if TYPE_CHECKING:
    from seatrial.portal.acting import PortalRequest

NEVER_CHANGES = "public, max-age=31536000, immutable"
CHANGES = "no-cache"


def show(request: PortalRequest) -> HttpResponse:
    """How large the record is, what its log has signed, and who has witnessed it."""
    head = record_head(house())
    return render(request, "record/show.html", {"head": head, "note": head.note.decode()})


def keys(request: PortalRequest) -> HttpResponse:
    """What to verify with, and how to see that it is the right one."""
    head = record_head(house())
    return render(request, "record/keys.html", {"logs": log_keys(house()), "witnesses": head.witnesses})


def checkpoint(_request: PortalRequest) -> HttpResponse:
    """The newest signed checkpoint."""
    answer = HttpResponse(house().log.checkpoint(), content_type="text/plain; charset=utf-8")
    answer["Cache-Control"] = CHANGES
    return answer


def tile(_request: PortalRequest, path: str) -> HttpResponse:
    """A tile of hashes; a full one never changes."""
    log = house().log
    try:
        wanted = Tile.parse(f"tile/{path}")
        size = log.check().size
        with log.store.reading() as tx:
            content = read_tile(tx.node, size, wanted)
    except (LedgerError, LookupError) as error:
        raise NotHere(path) from error
    answer = HttpResponse(content, content_type="application/octet-stream")
    answer["Cache-Control"] = NEVER_CHANGES if wanted.width == WIDTH else CHANGES
    return answer
