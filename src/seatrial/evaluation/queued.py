"""A review as a unit of the plan: what is asked for as JSON, and how far it is in words and figures.

>>> wanted = review_of("sub_" + "0" * 32, Request(model="alpha", tier="ci"), by="per-1", plan="sha256:" + "0" * 64)
>>> request_of(wanted.what).tier, wanted.lane.value, wanted.kind
('ci', 'reviews', 'run_review')
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, fields, replace
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any

from seatrial.evaluation.jobs import Lane, UnitState, Wanted
from seatrial.evaluation.progress import describe, eta_s
from seatrial.evaluation.request import Request

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from seatrial.evaluation.campaign import Progress
    from seatrial.evaluation.jobs import PlanUnit

RUN_REVIEW = "run_review"
RENDER_REPORT = "render_report"
REVIEWS = "reviews"
"""The folder of an installation in which reviews lie, a folder a unit."""


def review_of(submission: str, request: Request, *, by: str, plan: str = "", base_url: str = "") -> Wanted:
    """A review that is wanted; `submission` is empty for a self-test, `plan` the digest of the registered paper.

    The same request for the same submission is the same unit for as long as that is open.
    """
    asked = asdict(request) | {"calibration": str(request.calibration) if request.calibration else None}
    digest = sha256(json.dumps([asked, plan], sort_keys=True).encode()).hexdigest()
    return Wanted(
        kind=RUN_REVIEW,
        key=f"{submission or 'self-test'}/{digest[:32]}",
        submission=submission,
        what={"request": asked, "plan": plan, "base_url": base_url},
        why=f"the plan that was registered, {plan}" if plan else "a self-test",
        by=by,
        lane=Lane.REVIEWS,
    )


def carried_on(review: PlanUnit, *, by: str) -> Wanted:
    """The rest of a review whose unit is over and whose run is not: the same run directory, its finished samples kept.

    Raises `ValueError` for a unit that is open still, or complete.
    """
    if review.open or review.state is UnitState.COMPLETE:
        raise ValueError(f"{review.id}: is {review.state}; there is nothing to carry on with")
    wanted, run = review.wanted, run_id(review)
    return replace(wanted, key=f"{wanted.submission or 'self-test'}/{run}", what={**wanted.what, "run": run}, by=by)


def run_id(review: PlanUnit) -> str:
    """The unit whose folder a review's run is in: its own, or that of the one it carries on."""
    return str(review.wanted.what.get("run") or review.id)


def each_run(units: Iterable[PlanUnit]) -> Iterator[PlanUnit]:
    """The units of different runs: of those that carried one on, the first in the order given."""
    seen: set[str] = set()
    for unit in units:
        if (run := run_id(unit)) not in seen:
            seen.add(run)
            yield unit


def run_folder(home: Path, review: PlanUnit) -> Path:
    """Where an installation has the run of a review, or will have it."""
    return home / REVIEWS / run_id(review) / "run"


def report_of(review: PlanUnit, *, by: str) -> Wanted:
    """The report of a review, rendered again; after the review, when that still runs."""
    return Wanted(
        kind=RENDER_REPORT,
        key=review.id,
        submission=review.wanted.submission,
        what={"review": run_id(review)},
        why="the report of a review, from its rows",
        by=by,
        after=review.id if review.open else "",
    )


def request_of(what: Mapping[str, Any]) -> Request:
    """What a unit asks for. Raises `ValueError` for one that this version does not know."""
    written = dict(what["request"])
    if unknown := written.keys() - {field.name for field in fields(Request)}:
        raise ValueError(f"a review with options that this version does not know: {', '.join(sorted(unknown))}")
    read: dict[str, Any] = {name: tuple(value) if isinstance(value, list) else value for name, value in written.items()}
    calibration = read.pop("calibration", None)
    return Request(**read, calibration=Path(calibration) if calibration else None)


def told(now: Progress) -> dict[str, Any]:
    """A review's progress as its unit keeps it."""
    figures = now.figures
    return {
        "stage": now.stage,
        "done": now.done,
        "total": now.total,
        "line": describe(now),
        "eta_s": eta_s(figures) if figures else None,
        "spend": figures.get("spend"),
    }


@dataclass(frozen=True, slots=True)
class Shown:
    """How far a unit is, for a page.

    Attributes:
        line: One line in words; nothing in it comes from a model.
        eta_s: Seconds left, by the pace so far; None: not known yet.
        spend: Tokens and USD so far, as the run counts them; None before the first call.
        waits_for: Whose turn it is, while nothing runs.
    """

    state: UnitState
    stage: str
    done: int
    total: int
    line: str
    eta_s: float | None
    spend: Mapping[str, Any] | None
    reason: str
    waits_for: str


def shown(unit: PlanUnit) -> Shown:
    """How far a unit is."""
    known = unit.progress
    waits = {UnitState.WAITING: "a worker (owner: operator)", UnitState.ERROR: "an evaluator, who asks for it again"}
    return Shown(
        state=unit.state,
        stage=known.get("stage", ""),
        done=known.get("done", 0),
        total=known.get("total", 0),
        line=known.get("line", str(unit.state)),
        eta_s=known.get("eta_s") if unit.state == UnitState.RUNNING else None,
        spend=known.get("spend"),
        reason=unit.stopping or unit.reason,
        waits_for=waits.get(unit.state, ""),
    )
