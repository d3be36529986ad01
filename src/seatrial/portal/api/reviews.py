"""Reviews as units of the plan: asked for, how far they are, called off; and their estimates, once they are done."""

# ruff: noqa: TC001 - the types of an operation's arguments are read when the API is made
from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import Annotated, Any

from ninja import Router, Schema, Status
from pydantic import Field

from seatrial.evaluation.jobs import PlanUnit, Where
from seatrial.evaluation.queued import RUN_REVIEW, report_of, review_of, shown
from seatrial.evaluation.request import Request, cells_of
from seatrial.evaluation.rundir import RunError
from seatrial.framework.standing import Kind
from seatrial.framework.submission_store import NotHere
from seatrial.portal.acting import PortalRequest
from seatrial.portal.api.bringing import desk, found, request_digest
from seatrial.portal.api.problems import Conflict, NotAccepted
from seatrial.portal.api.shapes import Given, Nothing, ObjectName, Word, Words
from seatrial.portal.opening import house

router = Router(tags=["reviews"])
UnitName = Annotated[str, Field(pattern=r"^[a-z]{3}_[0-9a-f]{32}$", examples=["unt_000102030405060708090a0b0c0d0e0f"])]
MOST_UNITS = 200
Dollars = Annotated[str, Field(pattern=r"^[0-9]{1,9}(\.[0-9]{1,6})?$", examples=["250"])]
Count = Annotated[int, Field(ge=1, le=2**53)]


class Budget(Given):
    """Where a review ends by itself, and what a million tokens cost; what is left out has no end of its own."""

    total_tokens: Count | None = None
    total_usd: Dollars | None = None
    total_s: Count | None = None
    usd_per_million: Annotated[list[Dollars], Field(min_length=2, max_length=2)] | None = None


class PlanGiven(Given):
    """A review that is wanted: of which model as the endpoint calls it, in which tier, within which budget.

    `plan` is the digest of the paper that was registered as its plan.
    """

    model: Word = Field(examples=["heron-7"])
    plan: Annotated[str, Field(pattern=r"^sha256:[0-9a-f]{64}$", examples=["sha256:" + "0" * 64])]
    tier: Annotated[str, Field(pattern=r"^[a-z0-9_-]{1,40}$", examples=["ci"])] = "screen"
    families: list[Word] = Field(default=[], max_length=100)
    levels: list[Annotated[int, Field(ge=0, le=20)]] = Field(default=[], max_length=20)
    instances: Annotated[int, Field(ge=1, le=1000)] | None = None
    seed: Annotated[Words, Field(max_length=64)] = ""
    budget: Budget = Budget()

    def request(self) -> Request:
        """As a review is asked for. Raises `NotAccepted`."""
        prices = self.budget.usd_per_million
        made = Request(
            model=self.model,
            participants=(),
            tier=self.tier,
            families=tuple(self.families),
            levels=tuple(self.levels),
            instances=self.instances,
            seed=self.seed,
            total_tokens=self.budget.total_tokens,
            total_usd=self.budget.total_usd,
            total_s=self.budget.total_s,
            usd_per_million=(prices[0], prices[1]) if prices else ("", ""),
        )
        try:
            cells_of(made)
        except (RunError, ValueError, LookupError) as error:
            raise NotAccepted("plan", str(error)) from error
        return made


class WordsGiven(Given):
    """Why."""

    reason: Words = Field(default="", examples=["not wanted any more"])


class Unit(Schema):
    """One unit of the plan: what it makes complete and why, how far it is, and whose turn it is."""

    id: str
    kind: str
    why: str
    by: str
    state: str
    stage: str
    done: int
    total: int
    line: str
    eta_s: float | None
    spend: dict[str, Any] | None
    reason: str
    waits_for: str
    attempt: int
    asked_at: datetime
    due_at: datetime
    ended_at: datetime | None


class Wanted(Schema):
    """A unit that was asked for, or that was open already."""

    id: str
    state: str


class CalledOff(Schema):
    """How many units were called off."""

    id: str
    units: int


@router.get("reviews/{name}/runs", response=list[Unit])
def runs_list(request: PortalRequest, name: ObjectName) -> list[Any]:
    """List the units of a submission's plan, newest first, each with its progress."""
    found(desk(request), name, Kind.SUBMISSION)
    return [_unit(one) for one in house().jobs.units(request.who.viewer, name)[:MOST_UNITS]]


@router.post("reviews/{name}/plan", response={201: Wanted})
def plan_post(request: PortalRequest, name: ObjectName, given: PlanGiven) -> Status[Any]:
    """Ask for a review under a plan that was registered before; asking again for what is open gives the same unit."""
    standing = found(desk(request), name, Kind.SUBMISSION).standing
    if given.plan not in {one.digest for one in standing.documents if one.kind == "plan"}:
        raise Conflict(f"no plan of this digest is registered for {name}; the lead registers it first: register_plan")
    wanted = review_of(name, given.request(), by=request.who.person, plan=given.plan)
    if key := request_digest(request):
        asked = [one for one in house().jobs.units(request.who.viewer, name) if one.wanted.what.get("asked") == key]
        if asked:  # before an answer was lost; the run may be over by now
            return Status(201, {"id": asked[-1].id, "state": asked[-1].state})
        wanted = replace(wanted, what={**wanted.what, "asked": key})
    unit = house().jobs.enqueue(request.who.viewer, wanted, request.now)
    return Status(201, {"id": unit.id, "state": unit.state})


@router.get("reviews/{name}/runs/{unit}", response=Unit)
def run_show(request: PortalRequest, name: ObjectName, unit: UnitName) -> dict[str, Any]:
    """Show one unit with its progress."""
    return _unit(_of(request, name, unit))


@router.post("reviews/{name}/runs/{unit}/cancel", response=CalledOff)
def run_cancel(request: PortalRequest, name: ObjectName, unit: UnitName, given: WordsGiven) -> dict[str, Any]:
    """Call a unit off; what runs ends within seconds."""
    held = _of(request, name, unit)
    reason = given.reason.strip() or f"called off by {request.who.person}"
    return {"id": unit, "units": house().jobs.cancel(request.who.viewer, Where(unit=held.id), reason, request.now)}


@router.post("reviews/{name}/runs/{unit}/report", response={201: Wanted})
def report_post(request: PortalRequest, name: ObjectName, unit: UnitName, given: Nothing) -> Status[Any]:  # noqa: ARG001 - an empty object
    """Ask for a review's report once more, from its rows; after the review, when that still runs."""
    held = _of(request, name, unit)
    if held.wanted.kind != RUN_REVIEW:
        raise NotHere(unit)
    wanted = house().jobs.enqueue(request.who.viewer, report_of(held, by=request.who.person), request.now)
    return Status(201, {"id": wanted.id, "state": wanted.state})


def _of(request: PortalRequest, name: str, unit: str) -> PlanUnit:
    """A unit of this submission. Raises `NotHere`."""
    held = house().jobs.unit(request.who.viewer, unit)
    if held.wanted.submission != name:
        raise NotHere(unit)
    return held


def _unit(one: PlanUnit) -> dict[str, Any]:
    stands = shown(one)
    return {
        "id": one.id,
        "kind": one.wanted.kind,
        "why": one.wanted.why,
        "by": one.wanted.by,
        "state": stands.state,
        "stage": stands.stage,
        "done": stands.done,
        "total": stands.total,
        "line": stands.line,
        "eta_s": stands.eta_s,
        "spend": dict(stands.spend) if stands.spend else None,
        "reason": stands.reason,
        "waits_for": stands.waits_for,
        "attempt": one.attempt,
        "asked_at": one.asked_at,
        "due_at": one.due_at,
        "ended_at": one.ended_at,
    }
