"""Participants without a model, as Inspect solvers: same tasks, boxes, graders and logs as a model's.

`simulated:ABILITY` solves by a known probability curve, through the reference solver, so that the statistics can be
tested against a truth: it succeeds when u < logistic(ABILITY - (level - 3)), with u drawn by HMAC from the review's
secret, the instance and the epoch.
"""

from __future__ import annotations

import asyncio
import os
from dataclasses import asdict
from functools import cache
from typing import TYPE_CHECKING

from inspect_ai.model import ChatMessageAssistant
from inspect_ai.scorer import CORRECT, score
from inspect_ai.solver import Generate, Solver, TaskState, solver
from inspect_ai.util import sandbox, store

from seatrial.battery.draw import Draw
from seatrial.battery.participants import Absent, Analysis, Brief, Guesses, Site, roster
from seatrial.battery.submission import FOLDER
from seatrial.evaluation.extensions._book import book_of
from seatrial.evaluation.extensions._sandbox import SeatrialSandbox, in_thread
from seatrial.evaluation.extensions._scorer import UNAVAILABLE
from seatrial.evaluation.participants import REFERENCE, SIMULATED, Simulated

if TYPE_CHECKING:
    from collections.abc import Mapping

    from seatrial.battery.participants import Result
    from seatrial.battery.stage import Stage
    from seatrial.evaluation.extensions._book import Page

SIMULATED_TOKENS = 1000  # times the level: a made count, so that budget curves have something to show
DEFAULT_BUDGET_S = 60


@cache
def _cores() -> asyncio.Semaphore:
    """Participants without a model use a core each; more at once would only race each other's clocks."""
    return asyncio.Semaphore(max(1, len(os.sched_getaffinity(0))))


@solver
def participant(name: str, book: str, budget_s: int = DEFAULT_BUDGET_S) -> Solver:
    """Act as a participant without a model.

    Args:
        name: reference, null, fuzzer, static, …, or simulated:ABILITY.
        book: Name of the review's book.
        budget_s: CPU seconds for tools that search.
    """
    simulated = Simulated.named(name) if name.startswith(SIMULATED) else None

    async def solve(state: TaskState, generate: Generate) -> TaskState:
        opened = book_of(book)
        page = opened.pages[str(state.sample_id)]
        stage = sandbox().as_type(SeatrialSandbox).stage
        if stage is None:
            raise RuntimeError("the boxes of this sample were never set up")
        epoch = state.metadata.get("epoch", 0)
        if simulated is not None:
            state.metadata["simulated_tokens"] = SIMULATED_TOKENS * page.instance.key.level
            if not simulated.solves(opened.run_secret, page.instance.key.id, epoch, page.instance.key.level):
                state.messages.append(ChatMessageAssistant(content="Simulated: does not solve this one."))
                return state
        async with _cores():
            result = await in_thread(_attempt, name if simulated is None else REFERENCE, page, stage, budget_s)
        if isinstance(result, Absent):
            store().set(UNAVAILABLE, f"absent: {', '.join(result.missing)}")
            said = f"Not run here: {', '.join(result.missing)} absent."
        elif isinstance(result, Analysis):
            state.metadata["analysis"] = _analysis(result, page)
            said = f"{result.tool} {result.version}: {len(result.hits)} warnings; nothing to hand in."
        else:
            said = result.note or f"{len(result.guesses)} to hand in."
            await _hand_in(result, page, stage, state)
        state.messages.append(ChatMessageAssistant(content=said))
        return state

    return solve


def _attempt(name: str, page: Page, stage: Stage, budget_s: int) -> Result:
    key = page.instance.key
    acting = roster(page.family, page.instance).get(name)
    if acting is None:
        return Absent((f"{name} has nothing to do with {key.family}",))
    draw = Draw(key.seed, family=key.family, version=key.version, level=key.level, form=key.form, stream=name)
    brief = Brief.of(page.instance, stage.armed, page.family.intake, stage.env)
    return acting.attempt(stage.agent, brief, budget_s, draw)


async def _hand_in(result: Guesses, page: Page, stage: Stage, state: TaskState) -> None:
    """Guesses go the way a model's submissions go: one after the other, as many as the family allows."""
    for number, guess in enumerate(result.guesses[: page.family.submissions]):
        if number and (await score(state))[0].value == CORRECT:
            return
        await in_thread(_put, stage, guess)


def _put(stage: Stage, guess: Mapping[str, bytes]) -> None:
    stage.reset()
    for name, content in guess.items():
        stage.agent.write(f"{FOLDER}/{name}", content)


def _analysis(result: Analysis, page: Page) -> dict[str, int | str]:
    counts = result.against(Site.of(page.instance.hidden.witness))
    return {"tool": result.tool, "version": result.version, **asdict(counts)}
