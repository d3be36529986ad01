"""Withdrawal: what it does, said plainly, and one button; then what ended, and the receipts.

- Asked again, it makes up what was not confirmed, and the receipt stays the same.
- The developer's side alone, in every state that is not over, without a reason and without a second question.
- Custody acts first; the answer comes once everything has ended or its time is over, and says which.
- Nothing of the answer is written for: where the house's database takes no writing, the receipt is shown all the same.
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any, cast

from django.http import HttpResponse

from seatrial.custody.printed import paper
from seatrial.custody.receipt import ReceiptKind
from seatrial.framework.data_class import CONTENT
from seatrial.framework.submission import FINAL
from seatrial.framework.submission_store import NotHere
from seatrial.framework.withdrawal import STAYS, orders
from seatrial.installation import submitted_runs
from seatrial.portal.about import PAPERS, about
from seatrial.portal.opening import installation
from seatrial.portal.pages.submissions import back
from seatrial.withdrawing.act import withdrawn

if TYPE_CHECKING:
    from collections.abc import Mapping

    from seatrial.custody.receipt import KeptReceipt
    from seatrial.installation import Installation
    from seatrial.portal.about import About
    from seatrial.portal.acting import PortalRequest

STEPS = 100
FILES = {"dsse.json": "application/json", "tlog-proof": "text/plain", "md": "text/markdown"}


def withdraw(request: PortalRequest, name: str) -> HttpResponse:
    """The page with the button, and the act."""
    here = about(request, name)
    if here.standing.state in FINAL and (request.method != "POST" or here.standing.state == "purged"):
        return back(here, "submission-receipts")
    if request.method == "POST":
        _withdrawn(here)
        request.session.modified = False
        return back(here, "submission-receipts")
    at = request.now
    done = [(order.words, order.due - at) for order in orders(at)]
    stays = [(CONTENT[key], why) for key, why in STAYS.items()]
    return here.page("developer/withdraw.html", {"done": done, "stays": stays})


def receipts(request: PortalRequest, name: str) -> HttpResponse:
    """The receipts of withdrawal and deletion, as a person reads them and as files."""
    here = about(request, name)
    found = [_shown(here, receipt) for kind in ReceiptKind if (receipt := _receipt(name, kind)) is not None]
    context = {"receipts": found, "history": here.record.history[-STEPS:], "marking": PAPERS}
    return here.page("developer/receipts.html", context)


def receipt_file(request: PortalRequest, name: str, kind: str, ending: str) -> HttpResponse:
    """One file of a receipt: the envelope, its proof, or the paper."""
    here = about(request, name)
    receipt = _receipt(name, ReceiptKind(kind)) if kind in set(ReceiptKind) else None
    if receipt is None or ending not in FILES:
        raise NotHere(name)
    content = {"dsse.json": receipt.envelope, "tlog-proof": receipt.proof}.get(ending, b"")
    if ending == "md":
        content = paper(receipt, here.pack).encode()
    if content is None:
        raise NotHere(name)
    return HttpResponse(
        content,
        content_type=FILES[ending],
        headers={"Content-Disposition": f'attachment; filename="{kind}-{name}.{ending}"'},
    )


def _withdrawn(here: About) -> KeptReceipt:
    opened = cast("Installation", installation())
    return withdrawn(
        opened.custody,
        submitted_runs(opened.custody.home),
        lambda: opened,
        here.name,
        here.desk.now,
        lambda _opener: here.desk.actor,
    )


def _receipt(name: str, kind: ReceiptKind) -> KeptReceipt | None:
    return installation().custody.receipts.get(kind, name)


def _shown(here: About, receipt: KeptReceipt) -> dict[str, Any]:
    said = receipt.statement
    endings = [ending for ending in FILES if ending != "tlog-proof" or receipt.proof is not None]
    what = {
        "dsse.json": "the signed statement",
        "tlog-proof": "the proof that the record holds it",
        "md": "the same as a paper",
    }
    return {
        "kind": receipt.kind.value,
        "statement": said,
        "leases": [_ended(one) for one in said.get("leases", ())],
        "runs": [_ended(one) for one in said.get("runs", ())],
        "outstanding": [
            (left.replace("_", " "), said.get("why", {}).get(left, "")) for left in said.get("outstanding", ())
        ],
        "owed": receipt.proof is None,
        "paper": paper(receipt, here.pack),
        "files": [
            {
                "url": here.address("submission-receipt", receipt.kind.value, ending),
                "name": f"{receipt.kind.value}.{ending}",
                "what": what[ending],
            }
            for ending in endings
        ],
    }


def _ended(one: Mapping[str, Any]) -> dict[str, Any]:
    """A lease or run of a receipt; those of an earlier form name a lease otherwise."""
    at = one.get("ended_at")
    return {"id": one.get("id", one.get("lease")), "ended_at": datetime.fromisoformat(at) if at else None}
