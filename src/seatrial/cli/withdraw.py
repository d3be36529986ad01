"""`seatrial withdraw`: the developer ends access, alone, without a reason; the receipt is printed and written."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from seatrial.cli.installation import Installation, home, now, spoken, submitted_runs

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime

    from seatrial.custody.home import CustodyHome
    from seatrial.custody.receipt import KeptReceipt
    from seatrial.framework.standing import Actor, Standing


Answer = TypeVar("Answer")

HOUSE_WITHIN_S = 10.0
"""For the house to say who withdraws; a locked database or a hung disk must not keep leases alive for longer."""


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
    statement = receipt.statement
    click.echo(f"withdrawn: {submission} at {statement['at']}")
    for name, due in sorted(statement["deletion_due"].items()):
        click.echo(f"class {name} deleted by {due}")
    for left in statement["outstanding"]:
        click.echo(f"outstanding: {left}")
    click.echo("receipt: " + ", ".join(str(path) for path in paths) + ("" if receipt.proof else " (proof owed)"))


def _withdrawn(submission: str, person: str, at: datetime) -> KeptReceipt:
    from seatrial.custody.home import CustodyHome
    from seatrial.custody.keys import check_id
    from seatrial.custody.receipt import ReceiptKind
    from seatrial.custody.withdrawal import CallsEnd, Withdrawing
    from seatrial.framework.submission_store import NotHere

    check_id(submission, "sub")
    custody = CustodyHome.open(home())
    try:
        installation, standing, actor = _in_time(lambda: _known(custody, submission, person, at))
    except NotHere:
        raise
    except Exception as error:  # noqa: BLE001 - the house is down; custody acts all the same, which only protects
        return _without_house(custody, submission, at, type(error).__name__)
    step = HouseStep(installation, submission, actor)
    parts = (CallsEnd(custody.leases), step)
    named = installation.actor(submission, actor.organisation, "developer")
    try:
        ledger = _in_time(lambda: installation.house.log)
    except Exception:  # noqa: BLE001 - a log that cannot append holds up no withdrawal; its entry is owed
        ledger = None
    act = Withdrawing(custody.vault, custody.leases, custody.receipts, custody.signer(), ledger, parts)
    subject = standing.subject
    facts: Mapping[str, Any] = {
        "code_name": subject.code_name if subject else "",
        "subject_digests": [subject.digest] if subject else [],
    }
    asked_again = custody.receipts.get(ReceiptKind.WITHDRAWAL, submission) is not None
    receipt = act.withdraw(submission, named, at, facts)
    return _settled(act, installation, receipt, at) if asked_again else receipt


def _in_time(ask: Callable[[], Answer]) -> Answer:
    """The answer, or whatever it raised, or `TimeoutError`; a hung one is left behind."""
    import threading

    answers: list[Answer] = []
    raised: list[Exception] = []

    def run() -> None:
        try:
            answers.append(ask())
        except Exception as error:  # noqa: BLE001 - raised again below
            raised.append(error)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    thread.join(HOUSE_WITHIN_S)
    for error in raised:
        raise error
    if not answers:
        raise TimeoutError
    return answers[0]


def _settled(act: Any, installation: Installation, receipt: KeptReceipt, at: datetime) -> KeptReceipt:  # noqa: ANN401
    """With its proof, if that was owed and the ledger answers now."""
    if receipt.proof is None:
        try:
            act.settle_owed(installation.custodian, at)
        except Exception:  # noqa: BLE001 - still owed
            return receipt
    return installation.custody.receipts.get(receipt.kind, receipt.submission) or receipt


def _known(custody: CustodyHome, submission: str, person: str, at: datetime) -> tuple[Installation, Standing, Actor]:
    """The house, the standing, and who withdraws: seen to be the developer. Raises `NotHere`."""
    from dataclasses import replace

    from seatrial.framework.standing import of_developer
    from seatrial.framework.submission_store import NotHere

    installation = Installation.open(custody)
    record = installation.record(submission)
    opener = record.history[0].entry.actor
    actor = replace(opener, person=person) if person else opener
    installation.house.viewer(actor, submission, at)
    if not of_developer(actor) or actor.organisation != record.standing.developer:
        raise NotHere(submission)
    return installation, record.standing, actor


def _without_house(custody: CustodyHome, submission: str, at: datetime, why: str) -> KeptReceipt:
    """Custody's own part, when nothing else answers; the rest is outstanding."""
    from seatrial.custody.withdrawal import CallsEnd, Withdrawing
    from seatrial.ledger.event import Actor

    nobody = Actor("developer", "psd_" + "0" * 32)
    custody.shredder().start_clock(submission, at)
    submitted_runs().stop(submission)
    act = Withdrawing(
        custody.vault,
        custody.leases,
        custody.receipts,
        custody.signer(),
        None,
        (CallsEnd(custody.leases), _Absent(why)),
    )
    return act.withdraw(submission, nobody, at, {})


@dataclass(frozen=True, slots=True)
class HouseStep:
    """The part of the house: the lifecycle's step, grants and votes, the deletion clock, and orders to other rooms."""

    installation: Installation
    submission: str
    actor: Actor
    name: str = "lifecycle step, grants and votes ended, deletion clock started"
    within: float = 30.0

    def act(self, submission: str, at: datetime) -> Mapping[str, Any]:
        """Take the step; a state that is over already is no fault."""
        from seatrial.framework.lifecycle import NotPossible
        from seatrial.framework.standing import Act

        try:
            outcome = self.installation.house.act(submission, Act("withdraw", self.actor, at), at)
        except NotPossible:
            return {"state": self.installation.record(submission).standing.state}
        return {"state": outcome.standing.state, "outstanding": [str(order) for order in outcome.outstanding]}


@dataclass(frozen=True, slots=True)
class _Absent:
    """A house that does not open."""

    why: str
    name: str = "lifecycle step, grants and votes ended"
    within: float = 1.0
    left: list[str] = field(default_factory=list)

    def act(self, submission: str, at: datetime) -> Mapping[str, Any]:  # noqa: ARG002 - a part's signature
        raise OSError(self.why)


def written(receipt: KeptReceipt, folder: Path) -> tuple[Path, ...]:
    """Write a receipt's files, and tell where."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    envelope = folder / f"{receipt.kind.value}-{receipt.submission}.dsse.json"
    envelope.write_bytes(receipt.envelope)
    if receipt.proof is None:
        return (envelope,)
    proof = folder / f"{receipt.kind.value}-{receipt.submission}.tlog-proof"
    proof.write_bytes(receipt.proof)
    return envelope, proof
