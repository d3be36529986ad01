"""The act of a withdrawal, the same for the command and for the page: custody first, then every other room.

- Custody acts by itself: leases and key halves wait for no database of the house, no ledger and no run.
- The house is asked who withdraws for `HOUSE_WITHIN_S` and no longer; one that does not answer stops nobody.
- What the house did not do in time is in the receipt, and is made up by the same act again or by the sweep.
"""

from __future__ import annotations

from functools import partial
from threading import Event
from typing import TYPE_CHECKING

from seatrial.custody.apart import Apart
from seatrial.custody.receipt import ReceiptKind
from seatrial.custody.withdrawal import LEDGER_WITHIN_S, CallsEnd, Withdrawing
from seatrial.framework.submission_store import NotHere
from seatrial.withdrawing.parts import ClockStarts, HouseLedger, HouseStep, RunsStop, WeightsClose, asked_house

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from seatrial.custody.home import CustodyHome
    from seatrial.custody.receipt import KeptReceipt
    from seatrial.evaluation.submitted_runs import SubmittedRuns
    from seatrial.framework.standing import Actor
    from seatrial.installation import Installation
    from seatrial.withdrawing.parts import Asked

HOUSE_WITHIN_S = 2.0
"""For the house to say who withdraws; leases are dead within five seconds of the act, whatever hangs."""


def opener(actor: Actor) -> Actor:
    """Whoever opened the submission withdraws it."""
    return actor


def withdrawn(
    custody: CustodyHome,
    runs: SubmittedRuns,
    open_it: Callable[[], Installation],
    submission: str,
    at: datetime,
    who: Callable[[Actor], Actor] = opener,
) -> KeptReceipt:
    """End everything and give the receipt; again gives the same one, with what was outstanding made up.

    Args:
        custody: Custody, which acts first.
        runs: The run directories of submissions.
        open_it: Opens the house, or gives the one that is open; asked for apart, for it may hang.
        submission: What is withdrawn.
        at: When the act was received.
        who: Who withdraws, given who opened the submission.

    Raises:
        NotHere: Whoever withdraws is not of its developer, or there is no such submission.
    """
    asked = Apart(partial(asked_house, open_it, submission, who, at))
    if who is not opener or not _holds(custody, submission):
        _see_developer(asked)
    stopped = Event()
    parts = (
        CallsEnd(custody.leases),
        WeightsClose(custody),
        ClockStarts(custody),
        RunsStop(runs, stopped),
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
    try:
        asked.answer(HOUSE_WITHIN_S)
    except NotHere:
        raise
    except Exception:  # noqa: BLE001 - the house is down or hangs; custody acts all the same
        return


def _settled(act: Withdrawing, ledger: HouseLedger, receipt: KeptReceipt, at: datetime) -> KeptReceipt:
    """With its proof, if the ledger answers now."""
    try:
        Apart(lambda: act.settle_owed(ledger.custodian, at)).answer(LEDGER_WITHIN_S)
    except Exception:  # noqa: BLE001 - still owed
        return receipt
    return act.receipts.get(receipt.kind, receipt.submission) or receipt
