"""The record for everybody: its checkpoint, its tiles, proofs that it only grows, and the keys that sign.

What an entry says is seen by its parties, in the receipts of their submissions; here are digests alone.
"""

# ruff: noqa: TC001 - the types of an operation's arguments are read when the API is made
from __future__ import annotations

import base64
from typing import Annotated, Any

from django.http import HttpResponse
from ninja import Query, Router, Schema
from pydantic import Field

from seatrial.framework.submission_store import NotHere
from seatrial.ledger import merkle
from seatrial.ledger.checkpoint import Checkpoint
from seatrial.ledger.errors import LedgerError
from seatrial.ledger.note import Note
from seatrial.ledger.tiles import Tile, read_tile
from seatrial.portal.acting import PortalRequest
from seatrial.portal.opening import house, installation

router = Router(tags=["record"])
Size = Annotated[int, Query(ge=0, le=2**53)]


class SignedCheckpoint(Schema):
    """The newest checkpoint that was published: a C2SP note, and what it says."""

    number: int
    origin: str
    size: int
    root: str = Field(description="base64")
    note: str


class Consistency(Schema):
    """The proof that the record of `new` entries grew from that of `old` (RFC 6962); hashes in base64."""

    old: int
    new: int
    path: list[str]


class Inclusion(Schema):
    """The way from a leaf to the root of `size` entries (RFC 6962); hashes in base64."""

    index: int
    size: int
    path: list[str]


class Keys(Schema):
    """Public keys: of the record, as a C2SP verifier; of custody, which signs receipts, as PEM."""

    log: str
    custody: str


@router.get("ledger/checkpoint", response=SignedCheckpoint)
def ledger_checkpoint(request: PortalRequest) -> dict[str, Any]:  # noqa: ARG001 - every operation has it
    """Show the newest checkpoint."""
    note = house().log.checkpoint()
    stated = Checkpoint.parse(Note.parse(note).text)
    return {
        "number": house().ledger.number,
        "origin": stated.origin,
        "size": stated.size,
        "root": base64.b64encode(stated.root).decode(),
        "note": note.decode(),
    }


_TILE = {"description": "Hashes", "content": {"application/octet-stream": {"schema": {"type": "string"}}}}


@router.get("ledger/{path:tile}", response={200: None}, openapi_extra={"responses": {200: _TILE}})
def ledger_tile(request: PortalRequest, tile: str) -> HttpResponse:  # noqa: ARG001 - every operation has it
    """Fetch a tile of hashes (C2SP tlog-tiles), 32 bytes each: `tile/<level>/<index>[.p/<width>]`."""
    log = house().log
    try:
        wanted = Tile.parse(tile)
        with log.store.reading() as tx:
            content = read_tile(tx.node, tx.size(), wanted)
    except LedgerError:
        raise NotHere(tile) from None
    return HttpResponse(content, content_type="application/octet-stream")


@router.get("ledger/proofs/consistency", response=Consistency)
def ledger_consistency(request: PortalRequest, old: Size, new: Size) -> dict[str, Any]:  # noqa: ARG001 - every operation has it
    """Prove that the record only grew."""
    try:
        path = house().log.consistency(old, new)
    except LedgerError:
        raise NotHere("proof") from None
    return {"old": old, "new": new, "path": [base64.b64encode(one).decode() for one in path]}


@router.get("ledger/proofs/inclusion", response=Inclusion)
def ledger_inclusion(request: PortalRequest, index: Size, size: Size) -> dict[str, Any]:  # noqa: ARG001 - every operation has it
    """Prove that an entry is in the record of a size."""
    with house().log.store.reading() as tx:
        if not 0 <= index < size <= tx.size():
            raise NotHere("proof")
        path = merkle.inclusion_path(tx.node, index, size)
    return {"index": index, "size": size, "path": [base64.b64encode(one).decode() for one in path]}


@router.get("keys", response=Keys)
def keys_show(request: PortalRequest) -> dict[str, Any]:  # noqa: ARG001 - every operation has it
    """Show the public keys that sign here."""
    custody = installation().custody
    custody.signer()
    pem = (custody.home / "keys" / "custody.pub.pem").read_text()
    return {"log": house().log.signer.verifier.text, "custody": pem}
