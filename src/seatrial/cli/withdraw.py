"""`seatrial withdraw`: the developer ends access, alone, without a reason; the receipt is printed and written.

- `seatrial.withdrawing` does it, for the portal's page as well; here it is asked for, printed and written.
- Where a person is named, the house is asked whether they are its developer, for two seconds and no longer.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from seatrial.cli.custodial import spoken
from seatrial.cli.remote import at_portal
from seatrial.installation import Installation, home, now, submitted_runs
from seatrial.shipped import DEFAULT_PACK, pack_named

if TYPE_CHECKING:
    from datetime import datetime

    from seatrial.cli.remote import Portal
    from seatrial.custody.receipt import KeptReceipt
    from seatrial.custody.shred import Known
    from seatrial.framework.standing import Actor


@click.command()
@click.argument("submission")
@click.option("--person", default="", help="Who withdraws, by id. Default: whoever opened the submission.")
@click.option("--to", "folder", type=click.Path(path_type=Path, file_okay=False), help="Where the receipt is written.")
@at_portal
def withdraw(submission: str, person: str, folder: Path | None, portal: Portal | None) -> None:
    """Withdraw SUBMISSION now: leases end, the key half is destroyed, runs stop, deletion begins. No reason is asked.

    May be repeated: the same receipt is given again.
    """
    from seatrial.cli import remote_submission

    with spoken():
        if portal is not None:
            receipt = remote_submission.withdrawn(portal, submission)
        else:
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
    from dataclasses import replace
    from functools import partial

    from seatrial.custody.home import CustodyHome
    from seatrial.custody.keys import check_id
    from seatrial.withdrawing.act import opener, withdrawn

    check_id(submission, "sub")
    custody = CustodyHome.open(home())

    def named(actor: Actor) -> Actor:
        return replace(actor, person=person)

    who = named if person else opener
    return withdrawn(custody, submitted_runs(), partial(Installation.open, custody), submission, at, who)


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
