"""What a withdrawal asks of each room: custody's clock, the runs, and the house with its ledger.

Each part may fail or hang by itself: whoever runs it has a deadline, and what it told before stands in the receipt.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from seatrial.custody.withdrawn import Told
from seatrial.framework.departure import departed, staying
from seatrial.framework.lifecycle import NotPossible
from seatrial.framework.standing import Act, of_developer
from seatrial.framework.submission_store import NotHere
from seatrial.framework.viewer import Viewer
from seatrial.framework.withdrawal import Ended
from seatrial.installation import now

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path
    from threading import Event

    from seatrial.custody.apart import Apart
    from seatrial.custody.home import CustodyHome
    from seatrial.evaluation.submitted_runs import SubmittedRuns
    from seatrial.framework.standing import Actor, Standing
    from seatrial.installation import Installation
    from seatrial.ledger.event import Actor as LedgerActor
    from seatrial.ledger.event import Event as Entry
    from seatrial.ledger.receipt import Receipt

RUNS_WITHIN_S = 20.0
"""For running reviews: each is asked to end for eight seconds, then killed."""

STEP_WITHIN_S = 40.0
"""For the house's own step: it follows the runs' end, and waits for its database as long as a writer waits there."""

CLOCK_WITHIN_S = 5.0
"""For the deletion clock: one row in custody's own file."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What the house answered: itself, where the submission stands, and who withdraws."""

    installation: Installation
    standing: Standing
    actor: Actor


def asked_house(
    open_it: Callable[[], Installation], submission: str, who: Callable[[Actor], Actor], at: datetime
) -> Asked:
    """Ask the house; who withdraws, given who opened it, is seen to be of the developer. Raises `NotHere`."""
    installation = open_it()
    record = installation.house.submissions.load(Viewer.for_submission(submission), submission)
    actor = who(record.history[0].entry.actor)
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
class WeightsClose:
    """The part of custody itself: weights that lie open leave memory. While they do not, the key's end is not whole."""

    custody: CustodyHome
    confirms: tuple[str, ...] = ("destroy_key_half",)
    within: float = RUNS_WITHIN_S

    def act(self, submission: str, at: datetime, tell: Callable[[Told], None]) -> None:
        """Remove every plain copy of them."""
        try:
            self.custody.opened.remove_all(submission, at)
        except Exception:
            tell(Told(outstanding=frozenset(self.confirms)))
            raise


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
        try:
            places = self.runs.of(submission)
            tell(Told(runs=tuple(_run(place, None) for place in places)))
            self.runs.stop(submission)
        finally:
            self.stopped.set()
        seen = self.clock()
        tell(Told(runs=tuple(_run(place, seen) for place in places)))


def _run(place: Path, stopped: datetime | None) -> Ended:
    """A run by its folder's name and its plan, with its own end, or when it was seen stopped."""
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
    house, viewer = found.installation.house, Viewer.for_submission(submission)
    grants = tuple(grant.id for grant in house.permissions.grants(viewer, submission) if grant.active(at))
    try:
        outcome = house.act(submission, Act("withdraw", found.actor, at), at)
    except NotPossible:
        still = any(grant.active(at) for grant in house.permissions.grants(viewer, submission))
        return (), frozenset({"end_grants"} if still else ())
    return grants, frozenset(effect.value for effect in outcome.outstanding)
