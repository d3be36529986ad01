"""Receipts as a person reads them: the framework's papers, filled in from the signed statement and nothing else.

- The envelope is the receipt; this text is beside it, and can be made again from it at any time, offline.
- A receipt of an earlier form has no paper: its statement is shown as it is.
"""

from __future__ import annotations

import json
from datetime import datetime
from typing import TYPE_CHECKING, Any

from seatrial.custody.receipt import KeptReceipt, ReceiptKind
from seatrial.custody.withdrawn import stated
from seatrial.framework.papers import Deleted, deletion_receipt, withdrawal_receipt
from seatrial.ledger.event import Event
from seatrial.ledger.note import Note
from seatrial.ledger.receipt import Receipt

if TYPE_CHECKING:
    from collections.abc import Mapping

    from seatrial.framework.pack import PolicyPack

UNKNOWN = "not known: the house did not answer"


def paper(receipt: KeptReceipt, pack: PolicyPack) -> str:
    """The receipt's text by a pack's template. Raises `NotThisReceipt` for bytes that are none."""
    fields = receipt.statement
    try:
        if receipt.kind is ReceiptKind.WITHDRAWAL:
            named = {"under": fields["pack"] or UNKNOWN, "checkpoint": _record(receipt)}
            return withdrawal_receipt(pack, stated(fields), **named)
        return deletion_receipt(pack, _deleted(fields, _record(receipt)), under=fields["pack"] or UNKNOWN)
    except (KeyError, ValueError, TypeError):
        return json.dumps(fields, indent=2) + "\n"


def _record(receipt: KeptReceipt) -> str:
    """Where the ledger holds it. What the proof says is not verified by reading it."""
    if receipt.proof is None:
        return f"owed: the ledger had not taken {receipt.ref} when this was written"
    proof = Receipt.parse(receipt.proof)
    event, origin = Event.parse(proof.entry), Note.parse(proof.note).text.partition("\n")[0]
    return f"{event.kind}, entry {proof.index} of {origin}, holds {receipt.ref}"


def _deleted(fields: Mapping[str, Any], checkpoint: str) -> Deleted:
    done = datetime.fromisoformat(fields["done_at"])
    backup = fields["oldest_backup"]
    return Deleted(
        code_name=fields["code_name"] or fields["submission"],
        digests=tuple(_gone(fields)),
        keys=tuple(
            (f"{key['key']} of {key['scope']}, wrapped {key['wrapped_digest']}", done) for key in fields["keys"]
        ),
        completed_at=done,
        checkpoint=checkpoint,
        oldest_backup=datetime.fromisoformat(backup) if backup else None,
    )


def _gone(fields: Mapping[str, Any]) -> list[str]:
    """What was removed: subjects and manifests by digest, everything else by count and bytes."""
    held = [f"{name}: {one['count']}, {one['bytes']} bytes" for name, one in sorted(fields["held"].items())]
    return [
        *fields["subject_digests"],
        *(f"manifest, by its commitment: {manifest}" for manifest in fields["manifests"]),
        f"sealed credentials: {fields['credentials']}",
        *held,
    ]
