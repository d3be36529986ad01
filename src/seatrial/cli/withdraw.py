"""`seatrial withdraw`: the developer ends access, alone, without a reason; the receipt is printed and written.

- Custody acts first and by itself: leases and key halves wait for no database of the house, no ledger and no run.
- Where a person is named, the house is asked whether they are its developer, for `HOUSE_WITHIN_S` and no longer.
- What the house did not do in time is in the receipt, and is made up by the same command again or by the sweep.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from functools import partial
from pathlib import Path
from threading import Event
from typing import TYPE_CHECKING, Any

import click

from seatrial.cli.installation import DEFAULT_PACK, Installation, home, now, pack_named, spoken, submitted_runs

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from seatrial.custody.apart import Apart
    from seatrial.custody.home import CustodyHome
    from seatrial.custody.receipt import KeptReceipt
    from seatrial.custody.shred import Known
    from seatrial.custody.withdrawn import Told
    from seatrial.evaluation.submitted_runs import SubmittedRuns
    from seatrial.framework.standing import Actor, Standing
    from seatrial.ledger.event import Actor as LedgerActor
    from seatrial.ledger.event import Event as Entry
    from seatrial.ledger.receipt import Receipt

HOUSE_WITHIN_S = 2.0
"""For the house to say who withdraws; leases are dead within five seconds of the act, whatever hangs."""

RUNS_WITHIN_S = 20.0
"""For running reviews: each is asked to end for eight seconds, then killed."""

STEP_WITHIN_S = 40.0
"""For the house's own step: it follows the runs' end, and waits for its database as long as a writer waits there."""

CLOCK_WITHIN_S = 5.0
"""For the deletion clock: one row in custody's own file."""


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


@dataclass(frozen=True, slots=True)
class Asked:
    """What the house answered: itself, where the submission stands, and who withdraws."""

    installation: Installation
    standing: Standing
    actor: Actor


def asked_house(custody: CustodyHome, submission: str, person: str, at: datetime) -> Asked:
    """Ask the house; who withdraws is seen to be of the developer. Raises `NotHere`."""
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
    return Asked(installation, record.standing, actor)


@dataclass(frozen=True, slots=True)
class HouseLedger:
    """The ledger of a house that may not answer; whoever asks has a deadline of their own."""

    asked: Apart[Asked]

    def append(self, events: Sequence[Entry]) -> Sequence[Receipt]:
        """Append, once the house is open."""
        return self._installation.house.log.append(events)

    def developer(self, submission: str) -> LedgerActor:
        """Who withdraws, as the log names them."""
        found = self.asked.answer(STEP_WITHIN_S)
        return found.installation.actor(submission, found.actor.organisation, "developer")

    def custodian(self, submission: str) -> LedgerActor:
        """The custody service, as the log names it."""
        return self._installation.custodian(submission)

    @property
    def _installation(self) -> Installation:
        return self.asked.answer(STEP_WITHIN_S).installation


@dataclass(frozen=True, slots=True)
class ClockStarts:
    """The part of custody itself: the deletion clock."""

    custody: CustodyHome
    confirms: tuple[str, ...] = ("start_deletion",)
    within: float = CLOCK_WITHIN_S

    def act(self, submission: str, at: datetime, tell: Callable[[Told], None]) -> None:  # noqa: ARG002 - a part's own
        """Start it, unless it runs."""
        self.custody.shredder().start_clock(submission, at)


@dataclass(frozen=True, slots=True)
class RunsStop:
    """The part of the evaluation: running reviews end, and their boxes with them."""

    runs: SubmittedRuns
    stopped: Event
    confirms: tuple[str, ...] = ("cancel_jobs", "kill_boxes")
    within: float = RUNS_WITHIN_S
    clock: Callable[[], datetime] = now

    def act(self, submission: str, at: datetime, tell: Callable[[Told], None]) -> None:  # noqa: ARG002 - a part's own
        """Name every run there is, then stop them."""
        from seatrial.custody.withdrawn import Told

        try:
            places = self.runs.of(submission)
            tell(Told(runs=tuple(_run(place, None) for place in places)))
            self.runs.stop(submission)
        finally:
            self.stopped.set()
        seen = self.clock()
        tell(Told(runs=tuple(_run(place, seen) for place in places)))


def _run(place: Path, stopped: datetime | None) -> Any:  # noqa: ANN401 - the framework's `Ended`, imported when called
    """A run by its folder's name and its plan, with its own end, or when it was seen stopped."""
    import json

    from seatrial.framework.withdrawal import Ended

    plan, record = place / "plan.digest", place / "run.json"
    digest = plan.read_text().strip()[:12] if plan.is_file() else ""
    ended = json.loads(record.read_text()).get("ended") if record.is_file() else None
    name = f"{place.name} (plan {digest})" if digest else place.name
    return Ended(name, datetime.fromisoformat(ended) if ended else stopped)


@dataclass(frozen=True, slots=True)
class HouseStep:
    """The part of the house: the lifecycle's step with grants and votes; it knows what had left, and what stays.

    It follows the runs' end: the step stops them too, and a review that is asked twice at once loses its grace.
    No room of the house sends exports; where one does, it has to be a part of its own for `drop_exports`.
    """

    asked: Apart[Asked]
    stopped: Event
    confirms: tuple[str, ...] = ("end_grants", "void_votes", "drop_exports", "strip_findings")
    within: float = STEP_WITHIN_S

    def act(self, submission: str, at: datetime, tell: Callable[[Told], None]) -> None:
        """Take the step; a state that is over already is no fault."""
        from seatrial.custody.withdrawn import Told
        from seatrial.framework.departure import departed, staying

        found = self.asked.answer(self.within)
        subject, standing = found.standing.subject, found.standing
        tell(
            Told(
                code_name=subject.code_name if subject else "",
                digests=(subject.digest,) if subject else (),
                pack=str(standing.pack or ""),
                departed=departed(standing),
                holds=staying(standing),
            )
        )
        self.stopped.wait(RUNS_WITHIN_S)
        grants, left = _stepped(found, submission, at)
        tell(Told(grants=grants, outstanding=left))


def _stepped(found: Asked, submission: str, at: datetime) -> tuple[tuple[str, ...], frozenset[str]]:
    """The grants that the step ended, and the orders that the house could not carry out."""
    from seatrial.framework.lifecycle import NotPossible
    from seatrial.framework.standing import Act
    from seatrial.framework.viewer import Viewer

    house, viewer = found.installation.house, Viewer.for_submission(submission)
    grants = tuple(grant.id for grant in house.permissions.grants(viewer, submission) if grant.active(at))
    try:
        outcome = house.act(submission, Act("withdraw", found.actor, at), at)
    except NotPossible:
        still = any(grant.active(at) for grant in house.permissions.grants(viewer, submission))
        return (), frozenset({"end_grants"} if still else ())
    return grants, frozenset(effect.value for effect in outcome.outstanding)


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
