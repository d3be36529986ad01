"""A review of a submission, by whatever door it is planned and started: its figures, its papers, its runs.

- What a review would take is said before anything runs, by the same forecast as at the command line.
- The plan that is registered is the request itself, as canonical JSON: a run is asked for from that paper and from
  nothing else, so that what runs is what was registered.
- The model is the submission's own, under the name by which its endpoint serves it; nobody types another.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import rfc8785

from seatrial.battery.ladder import caps
from seatrial.battery.tiers import REPEATS, repeat_share
from seatrial.evaluation.forecast import ENDPOINT_SAMPLES, forecast, precision
from seatrial.evaluation.queued import RUN_REVIEW, carried_on, request_of, review_of, run_folder
from seatrial.evaluation.request import cells_of
from seatrial.framework.submission_store import NotHere
from seatrial.paperwork import sha256, subject_of
from seatrial.report.glance import Glance

if TYPE_CHECKING:
    from datetime import datetime

    from seatrial.evaluation.jobs import PlanUnit
    from seatrial.evaluation.request import Request
    from seatrial.framework.document import Document
    from seatrial.framework.standing import Standing
    from seatrial.framework.viewer import Viewer
    from seatrial.house import House

PLAN, BUDGET, DEVIATIONS = "plan", "budget", "deviations"
SCHEMA, BUDGET_SCHEMA = "seatrial.planned_review/1", "seatrial.planned_budget/1"
MILLION = 1_000_000


@dataclass(frozen=True, slots=True)
class Figures:
    """What a review would run and take at most, before anything runs.

    Attributes:
        families: How many instances of each level, by family.
        runs: Attempts of all participants together.
        model_runs: Those of the model.
        tokens: The model's, at most: the caps of its attempts, or the cap of the whole review where that is less.
        hours: Working time of the model's attempts at their caps, run `ENDPOINT_SAMPLES` at once.
        dollars: What the tokens cost at most, by the dearer of the two prices; None without prices.
        adaptive: Runs, tokens and hours that the wanted precision takes, with what else to expect; None without one.
        notes: What somebody who registers this should know.
    """

    families: dict[str, dict[int, int]]
    instances: int
    participants: tuple[str, ...]
    runs: int
    model_runs: int
    tokens: int
    hours: float
    dollars: str | None
    adaptive: dict[str, Any] | None
    notes: tuple[str, ...]


def figures(request: Request) -> Figures:
    """What a request would take. Raises `RunError` or `ValueError` for one that cannot be met."""
    told, cells = forecast(request), cells_of(request)
    repeats = 1 + repeat_share(request.tier) * (REPEATS - 1)
    tokens = round(repeats * sum(request.limit_tokens or caps(cell.level).tokens for cell in cells))
    seconds = repeats * sum(request.limit_working_s or caps(cell.level).working_s for cell in cells)
    wanted = precision(request) if request.precision else None
    if wanted is not None:
        tokens, each = wanted["tokens_at_most"], wanted["runs"]
    else:
        each = told["attempts"]
    most = min(tokens, request.total_tokens or tokens)
    hours = wanted["hours_at_most"] if wanted else round(seconds / 3600 / ENDPOINT_SAMPLES, 1)
    return Figures(
        families=told["families"],
        instances=told["instances"],
        participants=tuple(told["participants"]),
        runs=each * len(told["participants"]),
        model_runs=each if request.model else 0,
        tokens=most,
        hours=min(hours, round(request.total_s / 3600, 1)) if request.total_s else hours,
        dollars=_dollars(request, most),
        adaptive=wanted,
        notes=tuple(note for note in (*told["notes"], *(wanted["notes"] if wanted else ())) if _here(note)),
    )


def _here(note: str) -> bool:
    """Whether a note of the forecast says more than the figures do, and names no option of the command line."""
    return "--" not in note and not note.startswith("at most")


def _dollars(request: Request, tokens: int) -> str | None:
    if not request.usd_per_million[0]:
        return None
    dearer = max(Decimal(price) for price in request.usd_per_million)
    most = (dearer * tokens / MILLION).quantize(Decimal("0.01"))
    return str(min(most, Decimal(request.total_usd)) if request.total_usd else most)


def plan_papers(standing: Standing, request: Request) -> tuple[tuple[str, bytes], ...]:
    """The plan and the budget of a review, as the act that registers them brings them."""
    said = figures(request)
    about = {"submission": standing.object, "subject": subject_of(standing).digest}
    plan: dict[str, Any] = {"schema": SCHEMA, **about, "request": {**asdict(request), "calibration": None}}
    budget: dict[str, Any] = {
        "schema": BUDGET_SCHEMA,
        **about,
        "plan": sha256(rfc8785.dumps(plan)),
        "runs": said.runs,
        "model_runs": said.model_runs,
        "tokens": said.tokens,
        "hours": str(said.hours),
        "usd": said.dollars,
    }
    return (PLAN, rfc8785.dumps(plan)), (BUDGET, rfc8785.dumps(budget))


def planned(content: bytes) -> Request:
    """The request of a registered plan. Raises `ValueError` for a paper that holds none."""
    try:
        paper = json.loads(content)
        known = paper["schema"] == SCHEMA
    except (ValueError, KeyError, TypeError):
        known = False
    if not known:
        raise ValueError("the plan that was registered is no request that a run can begin from; register one here")
    return request_of(paper)


def newest(standing: Standing, kind: str) -> Document | None:
    """The last paper of a kind; None where there is none."""
    return next((one for one in reversed(standing.documents) if one.kind == kind), None)


@dataclass(frozen=True, slots=True)
class ReviewRuns:
    """The runs of submissions in one house."""

    house: House

    def of(self, viewer: Viewer, submission: str = "") -> tuple[PlanUnit, ...]:
        """The runs that the viewer sees, newest first; of one submission, or of all."""
        units = self.house.jobs.units(viewer, submission)
        return tuple(unit for unit in units if unit.wanted.kind == RUN_REVIEW and unit.wanted.submission)

    def one(self, viewer: Viewer, submission: str, unit: str) -> PlanUnit:
        """One run of a submission. Raises `NotHere`."""
        found = self.house.jobs.unit(viewer, unit)
        if found.wanted.kind != RUN_REVIEW or found.wanted.submission != submission:
            raise NotHere(unit)
        return found

    def glance(self, unit: PlanUnit) -> Glance:
        """Its run directory."""
        return Glance(run_folder(self.house.home, unit))

    def plan(self, viewer: Viewer, standing: Standing) -> tuple[Document, Request] | None:
        """The newest registered plan and its request; None where none is registered. Raises `ValueError`."""
        document = newest(standing, PLAN)
        if document is None:
            return None
        try:
            content = self.house.papers.get(viewer, standing.object, document.digest)
        except LookupError:
            raise ValueError("the plan that was registered is not kept here; register it from its form") from None
        return document, planned(content)

    def ask(self, viewer: Viewer, standing: Standing, now: datetime) -> PlanUnit:
        """Ask for a run of the registered plan; again gives the one that is open. Raises `ValueError`."""
        found = self.plan(viewer, standing)
        if found is None:
            raise ValueError("no plan is registered; a lead registers one before any run")
        document, request = found
        wanted = review_of(standing.object, request, by=viewer.person, plan=document.digest)
        return self.house.jobs.enqueue(viewer, wanted, now)

    def carry_on(self, viewer: Viewer, unit: PlanUnit, now: datetime) -> PlanUnit:
        """Carry on with a run that was stopped; finished samples are kept. Raises `ValueError` if it is not."""
        return self.house.jobs.enqueue(viewer, carried_on(unit, by=viewer.person), now)
