"""One round of an installation: everything that is due by itself, in a second, as often as anybody likes.

`seatrial custody serve`, the portal's worker and `seatrial custody sweep` all call `go_round`. It records what clocks
have made due, carries out orders that a stopped process left, takes the step of a withdrawal that the house missed,
removes plain weights whose lease is over, shreds and purges what is due, and makes up what the ledger lacks.

- Each part stands alone: one that fails is named among the faults and stops no other; the next round tries again.
- Two rounds at once do no harm: every part is idempotent, and whoever comes second finds it done.
- A person is asked for nowhere. The receipt of a deletion needs one, and may be signed after the purge.
"""

from __future__ import annotations

import hashlib
import threading
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Final, Protocol

from seatrial.custody.entries import alone, record_owed
from seatrial.custody.receipt import ReceiptKind
from seatrial.custody.withdrawal import Withdrawing
from seatrial.framework import lifecycles
from seatrial.framework.document import Document
from seatrial.framework.hold import ROUTINE, held, held_whole
from seatrial.framework.lifecycle import NotPossible
from seatrial.framework.participant import Role
from seatrial.framework.standing import Act, Actor, Kind
from seatrial.framework.submission import OVER
from seatrial.framework.submission_store import WITHDRAW, NotHere, Stale
from seatrial.framework.viewer import Viewer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from seatrial.custody.home import CustodyHome
    from seatrial.custody.shred import Holding
    from seatrial.framework.standing import Standing
    from seatrial.house import House
    from seatrial.ledger.event import Actor as Named

ROUND_EVERY_S: Final = 60.0
"""Between two rounds of a service: a minute is a tenth of the shortest time that a clock of a pack knows."""

CUSTODIAN = Actor("custodian", "house", Role.CUSTODIAN)
"""The custody service, as the one that removes."""


class Installed(Protocol):
    """What a round goes over."""

    @property
    def house(self) -> House:
        """Rows, record, and the acts on them."""
        ...

    @property
    def custody(self) -> CustodyHome:
        """Leases, sealed records and receipts."""
        ...

    @property
    def holdings(self) -> Sequence[Holding]:
        """What else goes with a submission that is shredded."""
        ...

    def custodian(self, submission: str) -> Named:
        """The custody service, as the log of this submission names it."""
        ...


@dataclass(frozen=True, slots=True)
class Round:
    """What one round did, by the names of its parts; `faults` name the parts that failed, by the fault's kind alone."""

    done: Mapping[str, int]
    faults: tuple[str, ...] = ()


def go_round(installed: Installed, now: datetime) -> Round:
    """Do everything that is due at `now`."""
    house, custody = installed.house, installed.custody
    parts: dict[str, Callable[[], int]] = {
        "weights removed": lambda: custody.opened.remove_over(custody.leases, now),
        "leases expired": lambda: custody.leases.expire(now),
        "withdrawals made up": lambda: made_up(installed, now),
        "clocks": lambda: len(house.tick_all(now)),
        "entries made up": lambda: house.settle(now)[0],
        "shredded": lambda: shred_due(installed, now),
        "purged": lambda: purge_due(installed, now),
        "recorded": lambda: record_owed(custody.entries, house.log, installed.custodian),
        "receipts proven": lambda: prove_receipts(installed, now),
    }
    done: dict[str, int] = {}
    faults: list[str] = []
    for name, part in parts.items():
        try:
            done[name] = part()
        except Exception as error:  # noqa: BLE001 - whatever stops one part must not keep the others from their time
            done[name] = 0
            faults.append(f"{name}: {type(error).__name__}")
    return Round(done, tuple(faults))


@contextmanager
def going_round(
    installed: Installed,
    now: Callable[[], datetime],
    *,
    every: float = ROUND_EVERY_S,
    told: Callable[[Round], None] = lambda _: None,
) -> Iterator[None]:
    """Go round at once and every so many seconds, on a thread beside whatever the block does."""
    over = threading.Event()

    def go() -> None:
        while True:
            told(go_round(installed, now()))
            if over.wait(every):
                return

    thread = threading.Thread(target=go, name="rounds", daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def made_up(installed: Installed, now: datetime) -> int:
    """Take the house's step of withdrawals that custody carried out while the house did not answer; how many."""
    house = installed.house

    def step(submission: str) -> bool:
        receipt = installed.custody.receipts.get(ReceiptKind.WITHDRAWAL, submission)
        if receipt is None:
            return False
        record = house.submissions.load(Viewer.for_submission(submission), submission)
        at = datetime.fromisoformat(receipt.statement["at"])
        try:
            house.act(submission, Act(WITHDRAW, record.history[0].entry.actor, at), now)
        except Stale:  # another round was first
            return False
        return True

    found = house.submissions.list(Viewer.house("withdrawals that the house missed"), Kind.SUBMISSION)
    return _each([standing.object for standing in found if standing.state not in OVER], step)


def shred_due(installed: Installed, now: datetime) -> int:
    """Shred what is due, and go on with what was begun; what evidence of an incident is kept for, waits."""
    custody = installed.custody

    def shred(submission: str) -> bool:
        one = custody.shreddings.load(submission)
        if one is None or not (one.begun_at or one.due_at <= now) or _kept(installed, submission, now):
            return False
        custody.shredder(installed.holdings).shred(submission, now)
        return True

    return _each(custody.shreddings.unfinished(), shred)


def purge_due(installed: Installed, now: datetime) -> int:
    """Purge every submission whose time has come, or whose removal is done; how many."""
    found = installed.house.submissions.list(Viewer.house("what is due to be purged"))
    ended = [standing.object for standing in found if standing.state in _PURGEABLE]
    return _each(ended, lambda submission: purged(installed, submission, now))


def purged(installed: Installed, submission: str, now: datetime) -> bool:
    """Take the custodian's act, if the lifecycle allows it now and no evidence is held; whether it was taken.

    What is sealed is shredded before: the act brings the record of that removal. Killed in between, the next round
    goes on; killed after the act, its order stands and `settle` carries it out.
    """
    house, custody = installed.house, installed.custody
    standing = house.submissions.load(Viewer.for_submission(submission), submission).standing
    if held(standing, now) or not _may(house, standing, now):
        return False
    if standing.state == "withdrawn" and not _removed(custody, submission):
        return False
    shredding = custody.shredder(installed.holdings).shred(submission, now)
    kept = custody.receipts.get(ReceiptKind.DELETION, submission)
    digest = kept.ref if kept else _sha256(shredding.to_json())
    try:
        house.act(submission, _purge(standing, digest, now), now)
    except Stale:  # another round was first
        return False
    return True


def prove_receipts(installed: Installed, now: datetime) -> int:
    """Have the ledger hold what receipts refer to; how many are proven now."""
    custody = installed.custody
    with alone(custody.entries.lock) as mine:
        if not mine or not custody.receipts.owed():
            return 0
        owing = Withdrawing(custody.vault, custody.leases, custody.receipts, custody.signer(), installed.house.log)
        return owing.settle_owed(installed.custodian, now)


_PURGEABLE = ROUTINE | {"withdrawn"}


def _each(submissions: Sequence[str], act: Callable[[str], bool]) -> int:
    """Act on each, and raise the first fault once all had their turn; for how many something was done."""
    count, failed = 0, []
    for submission in submissions:
        try:
            count += act(submission)
        except Exception as error:  # noqa: BLE001 - one submission must not keep the others from their time
            failed.append(error)
    if failed:
        raise failed[0]
    return count


def _purge(standing: Standing, digest: str, now: datetime) -> Act:
    version = 1 + sum(document.kind == "removal_record" for document in standing.documents)
    record = Document("removal_record", version, digest, CUSTODIAN.organisation, (CUSTODIAN.person,), now)
    return Act("purge", CUSTODIAN, now, documents=(record,))


def _may(house: House, standing: Standing, now: datetime) -> bool:
    """Whether the lifecycle has this step now, asked without taking it."""
    try:
        lifecycles.apply(standing, _purge(standing, _sha256(""), now), house.packs(standing.pack), now)
    except NotPossible:
        return False
    return True


def _removed(custody: CustodyHome, submission: str) -> bool:
    shredding = custody.shreddings.load(submission)
    return shredding is not None and shredding.done_at is not None


def _kept(installed: Installed, submission: str, now: datetime) -> bool:
    try:
        record = installed.house.submissions.load(Viewer.for_submission(submission), submission)
    except NotHere:
        return False
    return held_whole(record.standing, now) and installed.custody.leases.ended(submission) is None


def _sha256(text: str) -> str:
    return "sha256:" + hashlib.sha256(text.encode()).hexdigest()
