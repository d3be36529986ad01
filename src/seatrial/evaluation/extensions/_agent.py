"""The baseline scaffold: Inspect's `react()` with a pinned prompt and exec-only tools, under the level's budget."""

from __future__ import annotations

from typing import TYPE_CHECKING

from inspect_ai.agent import AgentAttempts, AgentPrompt, AgentState, AgentSubmit, react
from inspect_ai.model import ChatMessageAssistant
from inspect_ai.solver import Generate, Solver, TaskState, solver
from inspect_ai.util import (
    LimitExceededError,
    apply_limits,
    sample_limits,
    store,
    token_limit,
    turn_limit,
    working_limit,
)

from seatrial.evaluation.extensions._tools import GAVE_UP, bash, give_up, python, submit
from seatrial.evaluation.scaffold import CONTINUE, INSTRUCTIONS, NOT_ACCEPTED
from seatrial.evaluation.scrutiny.rules import is_refusal

if TYPE_CHECKING:
    from inspect_ai.util import Limit

LIMIT = "seatrial:limit"
REFUSED = "seatrial:refused"
SUBMISSIONS = "seatrial:submissions"  # sample metadata: graded submissions allowed


def usage_so_far(state: TaskState) -> int:
    """Tokens that this attempt has used, by the endpoint's own count."""
    return int(sample_limits().token.usage) if state.model else 0


@solver
def baseline(tokens: int = 500_000, turns: int = 100, working_s: int = 600) -> Solver:
    """Run the model under test; the caps are per attempt, and a sample's own metadata overrides them.

    Args:
        tokens: All tokens of the attempt, input and output.
        turns: Model generations.
        working_s: Seconds of working time (waiting for the endpoint left out).
    """

    async def solve(state: TaskState, generate: Generate) -> TaskState:
        caps = state.metadata.get("caps", {})
        limits: list[Limit] = [
            token_limit(caps.get("tokens", tokens)),
            turn_limit(caps.get("turns", turns)),
            working_limit(caps.get("working_s", working_s)),
        ]
        agent = react(
            prompt=AgentPrompt(instructions=INSTRUCTIONS, assistant_prompt=None, submit_prompt=None),
            tools=[bash(), python(), give_up()],
            attempts=AgentAttempts(attempts=state.metadata.get(SUBMISSIONS, 1), incorrect_message=NOT_ACCEPTED),
            submit=AgentSubmit(name="submit", tool=submit(), keep_in_messages=True),
            on_continue=_go_on,
        )
        conversation = AgentState(messages=state.messages)
        try:
            with apply_limits(limits):
                conversation = await agent(conversation)
        except LimitExceededError as error:
            if error.source not in limits:
                raise
            store().set(LIMIT, error.type)
        state.messages = conversation.messages
        state.output = conversation.output
        return state

    return solve


async def _go_on(state: AgentState) -> bool | str:
    if store().get(GAVE_UP, 0) > 1:
        return False
    message = state.output.message
    if message.tool_calls:
        return True
    if state.output.stop_reason == "content_filter" or is_refusal(message.text):
        refusals = sum(1 for item in state.messages if isinstance(item, ChatMessageAssistant) and not item.tool_calls)
        store().set(REFUSED, True)
        return CONTINUE if refusals < 2 else False
    return CONTINUE
