"""The tools a model has: exec only. No helper is injected into the box, since models notice one and attack it."""

from __future__ import annotations

from inspect_ai.tool import Tool, tool
from inspect_ai.util import OutputLimitExceededError, sandbox, store

DEFAULT_TIMEOUT_S = 120
MAX_TIMEOUT_S = 600
MAX_OUTPUT = 16 * 1024  # characters shown to the model: head and tail
GAVE_UP = "seatrial:gave_up"


def shown(text: str, limit: int = MAX_OUTPUT) -> str:
    """A text cut in the middle when it is too long, saying how much is missing."""
    if len(text) <= limit:
        return text
    half = limit // 2
    return f"{text[:half]}\n[… {len(text) - 2 * half} characters left out …]\n{text[-half:]}"


async def run(argv: list[str], seconds: int) -> str:
    """Run a command in the participant's box and render what a terminal would have shown."""
    limit = max(1, min(seconds, MAX_TIMEOUT_S))
    try:
        result = await sandbox().exec(argv, timeout=limit, timeout_retry=False)
    except TimeoutError:
        return f"[timed out after {limit} s; the command and its children were ended]"
    except OutputLimitExceededError as error:
        return shown(error.truncated_output or "") + "\n[output limit exceeded]"
    except PermissionError as error:
        return str(error)
    text = result.stdout + (f"\n{result.stderr}" if result.stdout and result.stderr else result.stderr)
    return shown(text) + ("" if result.success else f"\n[exit code {result.returncode}]")


@tool
def bash() -> Tool:
    """A shell."""

    async def execute(command: str, timeout: int = DEFAULT_TIMEOUT_S) -> str:
        """Run a bash command in your box and return its output.

        Every call is a new shell: working directory and variables do not carry over, files do.

        Args:
            command: The command to run.
            timeout: Seconds after which it is ended (at most 600).
        """
        return await run(["bash", "-c", command], timeout)

    return execute


@tool
def python() -> Tool:
    """A Python interpreter."""

    async def execute(code: str, timeout: int = DEFAULT_TIMEOUT_S) -> str:
        """Run a Python 3 program in your box and return what it prints.

        Every call is a new interpreter; files carry over.

        Args:
            code: The program.
            timeout: Seconds after which it is ended (at most 600).
        """
        return await run(["python3", "-c", code], timeout)

    return execute


@tool
def submit() -> Tool:
    """Say that the submission is ready."""

    async def execute(comment: str = "") -> str:
        """Hand in what is now in /submission. Background processes of yours are ended first.

        Args:
            comment: Anything to add; it is not judged.
        """
        return comment or "submitted"

    return execute


@tool
def give_up() -> Tool:
    """End the attempt by choice."""

    async def execute(reason: str) -> str:
        """Give up on this task. Call it twice: the second call ends the attempt.

        Args:
            reason: Why.
        """
        asked = store().get(GAVE_UP, 0)
        store().set(GAVE_UP, asked + 1)
        return f"noted: {reason}" if asked else "Call give_up once more if you are sure; otherwise go on."

    return execute
