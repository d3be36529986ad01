"""An installation: the house with custody's answers to its orders, over one directory.

Custody is opened first: it has to answer even where the house does not open.
"""

from __future__ import annotations

import hmac
import json
import os
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from seatrial.custody.home import CustodyHome
    from seatrial.custody.shred import Holding
    from seatrial.evaluation.submitted_runs import SubmittedRuns
    from seatrial.framework.pack import PackRef, PolicyPack
    from seatrial.framework.standing import Standing
    from seatrial.framework.submission_store import Record
    from seatrial.house import CarryOut, House
    from seatrial.ledger.event import Actor

HOUSE = "house"
"""The organisation under which the custody service acts."""


def now() -> datetime:
    """The time, which every room below is told."""
    return datetime.now(UTC)


def home() -> Path:
    """Where the installation is: `SEATRIAL_HOME`, or its default."""
    given = os.environ.get("SEATRIAL_HOME")
    return (Path(given) if given else Path.home() / ".local/share/seatrial").absolute()


def submitted_runs(place: Path | None = None) -> SubmittedRuns:
    """Where the installation remembers the runs of submissions."""
    from seatrial.evaluation.submitted_runs import SubmittedRuns

    return SubmittedRuns((place or home()) / "runs")


@dataclass(frozen=True, slots=True)
class Installation:
    """The house and custody over one directory."""

    house: House
    custody: CustodyHome
    holdings: tuple[Holding, ...]
    """What goes with a submission that is shredded, beside what custody itself holds."""

    @classmethod
    def open(cls, custody: CustodyHome | None = None) -> Installation:
        """Open both; custody first, for it has to answer even where the house does not open."""
        from seatrial.adopted import any_pack
        from seatrial.custody.entries import record_owed
        from seatrial.custody.home import CustodyHome
        from seatrial.evaluation.submitted_runs import why_stopped
        from seatrial.framework.standing import Effect
        from seatrial.framework.submission import STILL
        from seatrial.framework.viewer import Viewer
        from seatrial.house import House
        from seatrial.publication import Publications

        place = home()
        opened = custody or CustodyHome.open(place)

        def end_leases(standing: Standing, now: datetime) -> None:
            opened.leases.revoke_scope(standing.object, now)
            opened.leases.resume_scope(standing.object)  # whatever is issued after a new grant is not held back
            opened.opened.remove_all(standing.object, now)

        def hold_leases(standing: Standing, now: datetime) -> None:
            if standing.state in STILL:  # and not by the order, which may be an old one
                opened.leases.suspend_scope(standing.object, now)
            else:
                opened.leases.resume_scope(standing.object)

        runs = submitted_runs(place)

        def stop_runs(standing: Standing, now: datetime) -> None:  # noqa: ARG001 - a room is told the time
            runs.stop(standing.object, why_stopped(standing.state))

        def start_deletion(standing: Standing, now: datetime) -> None:
            opened.shredder((runs,)).start_clock(standing.object, now)

        def delete_now(standing: Standing, now: datetime) -> None:
            opened.opened.remove_all(standing.object, now)
            opened.shredder((runs,)).shred(standing.object, now)
            with suppress(Exception):  # what the ledger does not take now stays owed, under a name used once
                record_owed(opened.entries, made.house.log, made.custodian)
            opened.forget(standing.object)

        def paper(submission: str, digest: str) -> bytes:
            return made.house.papers.get(Viewer.for_submission(submission), submission, digest)

        rooms: dict[Effect, CarryOut] = {
            Effect.END_LEASES: end_leases,
            Effect.SUSPEND_LEASES: hold_leases,
            Effect.RESUME_LEASES: hold_leases,
            Effect.STOP_RUNS: stop_runs,
            Effect.START_DELETION: start_deletion,
            Effect.DELETE_NOW: delete_now,
            Effect.SETTLE_PUBLICATION: Publications(place, paper).settle,
        }

        def packs(ref: PackRef | None) -> PolicyPack:
            return any_pack(made.house, ref)

        made = cls(House.open(place, packs=packs, rooms=rooms), opened, (runs,))
        return made

    def record(self, submission: str) -> Record:
        """The submission with its history. Raises `NotHere`."""
        from seatrial.framework.viewer import Viewer

        return self.house.submissions.load(Viewer.for_submission(submission), submission)

    def actor(self, submission: str, organisation: str, role: str) -> Actor:
        """Who acts, as the log names them."""
        from seatrial.ledger.event import Actor, pseudonym

        return Actor(role, pseudonym(self.house.stream_keys.of(submission), organisation))

    def note(
        self,
        submission: str,
        kind: str,
        refs: dict[str, str],
        ids: dict[str, str] | None = None,
        nums: dict[str, int] | None = None,
    ) -> None:
        """Write what a run of a submission came to into the record; durable on return.

        The same again is there already: its nonce follows, under the key of the submission, from what it says, so that
        a process that goes on where a killed one stopped records nothing twice.
        """
        from seatrial.ledger.event import NONCE_BYTES, Event, instant

        said = json.dumps([kind, refs, ids or {}, nums or {}], sort_keys=True).encode()
        nonce = hmac.digest(self.house.stream_keys.of(submission), said, "sha256")[:NONCE_BYTES].hex()
        runner = self.actor(submission, HOUSE, "runner")
        event = Event(kind, instant(now()), submission, runner, nonce, refs=refs, ids=ids or {}, nums=nums or {})
        if lacking := self.house.log.missing([event]):
            self.house.log.append(lacking)

    def record_owed(self) -> bool:
        """Have the ledger take what custody owes it; whether that is owed still. What was done, stays done."""
        from seatrial.custody.entries import record_owed
        from seatrial.rounds import prove_receipts

        try:
            record_owed(self.custody.entries, self.house.log, self.custodian)
            prove_receipts(self, now())
        except Exception:  # noqa: BLE001 - a ledger that cannot append holds up no end; the next round makes it up
            return True
        return False

    def custodian(self, submission: str) -> Actor:
        """The custody service, as the log names it."""
        return self.actor(submission, HOUSE, "custodian")
