"""`seatrial withdraw`: the developer ends access, alone, without a reason; the receipt is printed and written.

- Custody acts first and by itself: leases and key halves wait for no database of the house, no ledger and no run.
- Where a person is named, the house is asked whether they are its developer, for `HOUSE_WITHIN_S` and no longer.
- What the house did not do in time is in the receipt, and is made up by the same command again or by the sweep.
"""

from __future__ import annotations

from datetime import datetime
from functools import partial
from pathlib import Path
from threading import Event
from typing import TYPE_CHECKING, Any

import click

from seatrial.cli.installation import DEFAULT_PACK, home, now, pack_named, spoken, submitted_runs
from seatrial.cli.withdrawal_parts import (
    Asked,
    ClockStarts,
    HouseLedger,
    HouseStep,
    RunsStop,
    WeightsClose,
    asked_house,
)

if TYPE_CHECKING:
    from seatrial.cli.installation import Installation
    from seatrial.custody.apart import Apart
    from seatrial.custody.home import CustodyHome
    from seatrial.custody.receipt import KeptReceipt
    from seatrial.custody.shred import Known

HOUSE_WITHIN_S = 2.0
"""For the house to say who withdraws; leases are dead within five seconds of the act, whatever hangs."""


@click.command()
@click.argument("submission")
@click.option("--person", default="", help="Who withdraws, by id. Default: whoever opened the submission.")
@click.option("--to", "folder", type=click.Path(path_type=Path, file_okay=False), help="Where the receipt is written.")
def withdraw(submission: str, person: str, folder: Path | None) -> None:
    """Withdraw SUBMISSION now: leases end, the key half is destroyed, runs stop, deletion begins. No reason is asked.

    May be repeated: the same receipt is given again.
    """
    with spoken():
        receipt = _withdrawn(submission, person, now())
        paths = written(receipt, folder or home() / "receipts")
    for line in told(receipt):
        click.echo(line)
    click.echo("receipt: " + ", ".join(str(path) for path in paths) + ("" if receipt.proof else " (proof owed)"))


def told(receipt: KeptReceipt) -> list[str]:
    """What a receipt of withdrawal says, in a few lines; the whole of it is in the paper beside it."""
    said = receipt.statement
    why = said.get("why", {})
    return [
        f"withdrawn: {receipt.submission} at {said['at']}",
        *(f"lease {one.get('id', one.get('lease'))} ended {one.get('ended_at') or '-'}" for one in said["leases"]),
        *(f"run {one['id']} ended {one['ended_at'] or '-'}" for one in said.get("runs", ())),
        *(f"class {name} deleted by {due}" for name, due in sorted(said["deletion_due"].items())),
        *(f"outstanding: {left}" + (f": {why[left]}" if left in why else "") for left in said["outstanding"]),
    ]


def _withdrawn(submission: str, person: str, at: datetime) -> KeptReceipt:
    from seatrial.custody.apart import Apart
    from seatrial.custody.home import CustodyHome
    from seatrial.custody.keys import check_id
    from seatrial.custody.receipt import ReceiptKind
    from seatrial.custody.withdrawal import CallsEnd, Withdrawing

    check_id(submission, "sub")
    custody = CustodyHome.open(home())
    asked = Apart(partial(asked_house, custody, submission, person, at))
    if person or not _holds(custody, submission):
        _see_developer(asked)
    stopped = Event()
    parts = (
        CallsEnd(custody.leases),
        WeightsClose(custody),
        ClockStarts(custody),
        RunsStop(submitted_runs(), stopped),
        HouseStep(asked, stopped),
    )
    ledger = HouseLedger(asked)
    act = Withdrawing(custody.vault, custody.leases, custody.receipts, custody.signer(), ledger, parts)
    again = custody.receipts.get(ReceiptKind.WITHDRAWAL, submission) is not None
    receipt = act.withdraw(submission, ledger.developer, at)
    return _settled(act, ledger, receipt, at) if again and receipt.proof is None else receipt


def _holds(custody: CustodyHome, submission: str) -> bool:
    """Whether custody knows the submission by itself: then it is one, and its default person is its opener."""
    return bool(custody.leases.of_submission(submission) or custody.vault.keys.of_submission(submission))


def _see_developer(asked: Apart[Asked]) -> None:
    """Raise `NotHere` for who is not its developer. A house that does not answer stops nobody: ending protects."""
    from seatrial.framework.submission_store import NotHere

    try:
        asked.answer(HOUSE_WITHIN_S)
    except NotHere:
        raise
    except Exception:  # noqa: BLE001 - the house is down or hangs; custody acts all the same
        return


def _settled(act: Any, ledger: HouseLedger, receipt: KeptReceipt, at: datetime) -> KeptReceipt:  # noqa: ANN401
    """With its proof, if the ledger answers now."""
    from seatrial.custody.apart import Apart
    from seatrial.custody.withdrawal import LEDGER_WITHIN_S

    try:
        Apart(lambda: act.settle_owed(ledger.custodian, at)).answer(LEDGER_WITHIN_S)
    except Exception:  # noqa: BLE001 - still owed
        return receipt
    return act.receipts.get(receipt.kind, receipt.submission) or receipt


def known_of(installation: Installation, submission: str) -> Known:
    """What a deletion receipt says that custody does not know: names and digests, and the ledger's manifests."""
    from seatrial.custody.shred import Known
    from seatrial.ledger.event import Event as Entry

    standing = installation.record(submission).standing
    with installation.house.log.store.reading() as log:
        events = [Entry.parse(log.entry(index)) for index in log.indexes(submission)]
    return Known(
        code_name=standing.subject.code_name if standing.subject else "",
        subject_digests=(standing.subject.digest,) if standing.subject else (),
        pack=str(standing.pack or ""),
        manifests=tuple(dict.fromkeys(event.refs["manifest"] for event in events if "manifest" in event.refs)),
    )


def printed(receipt: KeptReceipt) -> str:
    """A receipt as a person reads it, by the template of its pack; of the default pack, where that is not shipped."""
    from seatrial.custody.printed import paper

    name, _, version = str(receipt.statement.get("pack", "")).partition(" ")
    try:
        pack = pack_named(name, version)
    except (ValueError, LookupError, OSError):
        pack = pack_named(DEFAULT_PACK)
    return paper(receipt, pack)


def written(receipt: KeptReceipt, folder: Path) -> tuple[Path, ...]:
    """Write a receipt's files (the envelope, its proof, and the paper that a person reads), and tell where."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    contents = {".dsse.json": receipt.envelope, ".tlog-proof": receipt.proof, ".md": printed(receipt).encode()}
    paths = []
    for ending, content in contents.items():
        if content is not None:
            paths.append(folder / f"{receipt.kind.value}-{receipt.submission}{ending}")
            paths[-1].write_bytes(content)
    return tuple(paths)
