"""Grading outside the participant's box: bytes are pulled out, then replayed by the family's own grader.

The number that counts is the record in the score's metadata; Inspect's displayed mean is never used.
"""

from __future__ import annotations

import base64
import logging
from typing import TYPE_CHECKING, Any

from inspect_ai.scorer import (
    CORRECT,
    INCORRECT,
    NOANSWER,
    Metric,
    SampleScore,
    Score,
    Scorer,
    Target,
    metric,
    scorer,
)
from inspect_ai.util import sandbox, store

from seatrial.battery.verdict import Outcome, Verdict
from seatrial.evaluation.extensions._agent import usage_so_far
from seatrial.evaluation.extensions._book import book_of
from seatrial.evaluation.extensions._sandbox import SeatrialSandbox, boxes, in_thread
from seatrial.sandbox import BoxGone

if TYPE_CHECKING:
    from inspect_ai.solver import TaskState

    from seatrial.battery.submission import Submission
    from seatrial.evaluation.extensions._book import Page

logger = logging.getLogger(__name__)
RECORD = "seatrial"
UNAVAILABLE = "seatrial:unavailable"
JUDGED = "seatrial:judged"
KEPT_BYTES = 512 * 1024  # of a submission, in the log, so that it can be judged again from log and revealed seeds


@metric
def solved_rate() -> Metric:
    """Share solved among attempts that could be judged; not a number when there is none. For the viewer only."""

    def value(scores: list[SampleScore]) -> float:
        judged = [item.score.value for item in scores if item.score.value != NOANSWER]
        return sum(item == CORRECT for item in judged) / len(judged) if judged else float("nan")

    return value


@metric
def judged() -> Metric:
    """How many attempts could be judged."""

    def value(scores: list[SampleScore]) -> float:
        return sum(item.score.value != NOANSWER for item in scores)

    return value


@scorer(metrics=[solved_rate(), judged()], name="replay_grader")
def replay_grader(book: str) -> Scorer:
    """Judge what the participant handed in.

    Args:
        book: Name of the review's book.
    """

    async def score(state: TaskState, target: Target) -> Score:
        missing = store().get(UNAVAILABLE, "")
        if missing:
            return Score(value=NOANSWER, explanation=missing, metadata={RECORD: {"unavailable": missing}})
        page = book_of(book).pages[str(state.sample_id)]
        earlier: list[dict[str, Any]] = store().get(JUDGED, [])
        solved = next((record for record in earlier if record["outcome"] == Outcome.SOLVED), None)
        if solved is None:
            solved = await _judge(page, state)
            store().set(JUDGED, [*earlier, solved])
        value = {Outcome.SOLVED: CORRECT, Outcome.VOID: NOANSWER}.get(solved["outcome"], INCORRECT)
        return Score(
            value=value,
            answer=solved["submission_sha256"],
            explanation="; ".join(solved["reasons"]) or solved["outcome"],
            metadata={RECORD: {**solved, "judged": len(store().get(JUDGED, []))}},
        )

    return score


async def _judge(page: Page, state: TaskState) -> dict[str, Any]:
    environment = sandbox().as_type(SeatrialSandbox)
    stage = environment.stage
    if stage is None:
        raise RuntimeError("the boxes of this sample were never set up; the task's setup did not run")
    tokens = usage_so_far(state)
    try:
        submission, evidence = await in_thread(stage.submit)
    except BoxGone as error:
        return _record(Verdict(Outcome.VOID, reasons=(f"box gone: {error}",)), None, tokens)
    try:
        verdict = await in_thread(page.family.grade, page.instance, stage.armed, submission, evidence, boxes())
    except Exception as error:
        logger.exception("the grader of %s broke on %s", page.family.id, state.sample_id)
        verdict = Verdict(Outcome.VOID, reasons=(f"grader fault: {type(error).__name__}: {error}",))
    return _record(verdict, submission, tokens)


def _record(verdict: Verdict, submission: Submission | None, tokens: int) -> dict[str, Any]:
    files = submission.files if submission else {}
    small = sum(len(body) for body in files.values()) <= KEPT_BYTES
    return {
        "outcome": verdict.outcome.value,
        "partial": verdict.partial,
        "checks": [[check.name, check.state.value, check.detail] for check in verdict.checks],
        "reasons": list(verdict.reasons),
        "events": list(verdict.events),
        "replays_agreeing": verdict.replays_agreeing,
        "submission_sha256": submission.digest() if submission else "",
        "submission": {name: base64.b64encode(body).decode() for name, body in files.items()} if small else {},
        "refused": dict(submission.refused) if submission else {},
        "tokens": tokens,
    }
