"""What a review of a submission writes into the installation's record, in the order in which it happens.

plan.registered, then, in state `preflight`, the runner's act `boundary_closed`, then run.started, run.ended,
logs.recorded, report.drafted: ids, digests and integers, no text.

- Nothing is recorded as closed that was not shown closed: the act brings the preflights of the very boxes that the run
  will have, and what the endpoint answered to its first questions. Both papers are kept under their digests.
- An open boundary is recorded as open, and the review stops.
- A review begins only where the submission stands in `preflight` or `running`; elsewhere it says who acts next.
- An ending that cannot be recorded is said, and holds nothing up: a withdrawal may have ended the record itself.
"""

from __future__ import annotations

import hashlib
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import click
import rfc8785

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from seatrial.evaluation.plan import ReviewPlan
    from seatrial.evaluation.submission import Access
    from seatrial.framework.document import Document
    from seatrial.framework.standing import Standing
    from seatrial.sandbox.preflight import PreflightRecord

RUNNER = "runner"
"""The service that acts, by its own name; it is nobody's member."""
_NEXT = {
    "access_open": "an evaluator starts the preflight: seatrial submission act {name} start_preflight --as PERSON "
    "{evaluator} evaluator",
    "paused": "the side that paused goes on: seatrial submission act {name} resume --as PERSON ORGANISATION ROLE",
    "incident_hold": "both sides turn their keys for resume_after_incident, and one of them acts",
}


@dataclass(frozen=True, slots=True)
class SubmittedReview:
    """One review's part in the record of the submission that it is of."""

    submission: str

    def check(self) -> Standing:
        """Where the submission stands. Raises `RunError` unless runs may begin there; says who acts next."""
        from seatrial.evaluation.rundir import RunError
        from seatrial.installation import Installation

        standing = Installation.open().record(self.submission).standing
        if standing.state not in {"preflight", "running"}:
            usual = "the developer opens access first, then an evaluator starts the preflight"
            who = _NEXT.get(standing.state, usual).format(name=self.submission, evaluator=standing.evaluator)
            raise RunError(f"{self.submission}: is in state {standing.state}, where no run begins; {who}")
        return standing

    def enter(self, run: Path) -> None:
        """Where the run is, so that a withdrawal finds it and a deletion takes it."""
        from seatrial.installation import submitted_runs

        submitted_runs().enter(self.submission, run)

    def planned(self, plan: ReviewPlan) -> None:
        """The plan's digest, before the first call."""
        self._note("plan.registered", refs={"plan": f"sha256:{plan.digest()}"})

    @contextmanager
    def shown_closed(self) -> Iterator[None]:
        """A boundary that is found open in the block is recorded as open, where the record waits for that."""
        from seatrial.sandbox import NotSealed

        try:
            yield
        except NotSealed as error:
            if error.record is not None and self._act("boundary_open", preflights=(error.record,)):  # type: ignore[arg-type]  # the sandbox's own
                click.echo(f"seatrial: recorded for {self.submission}: boundary_open", err=True)
            raise

    def closed(self, run: Path, access: Access) -> None:
        """Show the boundary closed and the endpoint sane, and record it, where the record waits for that."""
        from seatrial.evaluation import boundary
        from seatrial.evaluation.rundir import RunDirectory
        from seatrial.sandbox import SealedBoxes

        waiting = self.check().state == "preflight"
        preflights: tuple[PreflightRecord, ...] = ()
        if waiting:
            with self.shown_closed(), SealedBoxes() as boxes:
                preflights = boundary.show_closed(RunDirectory.open(run), boxes)
        sanity = first_questions(run, access)
        if waiting and not self._act("boundary_closed", preflights=preflights, sanity=sanity):
            self.check()

    def began(self, run: Path, access: Access, attempt: int) -> None:
        """A run begins: which plan, under which lease, as which attempt."""
        self._note("run.started", refs=_plan(run), ids={"lease": access.lease_id}, nums={"attempt": attempt})

    def ended(self, run: Path, state: str) -> None:
        """A run has ended, and how many attempts at samples it knows of; of a finished one, all that it logged."""
        from seatrial.evaluation.rows import read_rows
        from seatrial.evaluation.rundir import RunDirectory

        with self._said():
            rows, opened = len(read_rows(run / "samples.csv")), RunDirectory.open(run)
            nums = {"attempt": opened.read("run.json")["resumed"] + 1, "rows": rows, "finished": state == "finished"}
            self._note("run.ended", refs=_plan(run), nums={name: int(value) for name, value in nums.items()})
            if state == "finished":
                logs = _listed(opened.logs)
                refs = {"items": _digest(opened.path / "samples.csv"), "logs": _sha256(logs.encode())}
                self._note("logs.recorded", refs=refs, nums={"rows": rows, "logs": len(logs.splitlines())})

    def drafted(self, assessment: Path) -> None:
        """The report that was written."""
        with self._said():
            self._note("report.drafted", refs={"assessment": _digest(assessment)})

    def goes_on(self, run: Path) -> str:
        """How a review that was stopped is carried on; nothing of a submission that is over is."""
        from seatrial.framework.submission import OVER
        from seatrial.installation import Installation

        with self._said():
            state = Installation.open().record(self.submission).standing.state
            if state in OVER:
                return f"{self.submission}: is in state {state}; nothing carries on"
        return f"carry on with: seatrial resume {run} --submission {self.submission}"

    def _act(self, event: str, *, preflights: tuple[PreflightRecord, ...], sanity: bytes = b"") -> bool:
        """The runner's act, where the record waits for it; whether it took effect."""
        from seatrial.evaluation.boundary import paper
        from seatrial.framework.participant import Role
        from seatrial.framework.standing import Act, Actor
        from seatrial.framework.submission_store import Stale
        from seatrial.installation import HOUSE, Installation, now

        installation, at = Installation.open(), now()
        standing = installation.record(self.submission).standing
        if standing.state != "preflight":
            return False
        papers = [("preflight_record", paper(record)) for record in preflights]
        papers += [("endpoint_sanity_record", sanity)] if sanity else []
        documents: list[Document] = []
        for kind, content in papers:
            version = 1 + sum(one.kind == kind for one in (*standing.documents, *documents))
            documents.append(_document(installation, self.submission, kind, version, content, at))
        act = Act(event, Actor(RUNNER, HOUSE, Role.RUNNER), at, documents=tuple(documents))
        try:
            installation.house.act(self.submission, act, at)
        except Stale:  # another review of it was first
            return False
        return True

    def _note(self, kind: str, **named: Any) -> None:  # noqa: ANN401 - refs, ids and nums
        from seatrial.installation import Installation

        Installation.open().note(self.submission, kind, **named)

    @contextmanager
    def _said(self) -> Iterator[None]:
        try:
            yield
        except Exception as error:  # noqa: BLE001 - the run is over; what cannot be recorded is said and undoes nothing
            click.echo(f"seatrial: {self.submission}: not recorded: {type(error).__name__}: {error}", err=True)


def first_questions(run: Path, access: Access) -> bytes:
    """Ask the endpoint its first questions; the record, as it is kept in the run directory. Raises `RunError`."""
    from seatrial.evaluation import endpoint_sanity
    from seatrial.evaluation.rundir import RunDirectory
    from seatrial.installation import now

    opened = RunDirectory.open(run)
    model = opened.plan().subject.model.rpartition("/")[2]
    content: bytes = rfc8785.dumps(endpoint_sanity.look(access, model, now()))
    opened.write_text(endpoint_sanity.RECORD, content.decode())
    return content


def _document(installation: Any, submission: str, kind: str, version: int, content: bytes, at: Any) -> Document:  # noqa: ANN401
    from seatrial.framework.data_class import DataClass
    from seatrial.framework.document import Document
    from seatrial.framework.viewer import Viewer
    from seatrial.installation import HOUSE

    viewer = Viewer.for_submission(submission)
    digest = installation.house.papers.put(viewer, submission, DataClass.P, content)
    return Document(kind, version, digest, HOUSE, (RUNNER,), at)


def _plan(run: Path) -> dict[str, str]:
    return {"plan": f"sha256:{(run / 'plan.digest').read_text().strip()}"}


def _listed(logs: Path) -> str:
    """A line for each log, as `sha256sum` prints them in the run directory, sorted by path."""
    paths = sorted(path for path in logs.rglob("*.eval"))
    return "".join(f"{_digest(path).removeprefix('sha256:')}  {path.relative_to(logs.parent)}\n" for path in paths)


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return f"sha256:{hashlib.file_digest(file, 'sha256').hexdigest()}"


def _sha256(content: bytes) -> str:
    return f"sha256:{hashlib.sha256(content).hexdigest()}"
