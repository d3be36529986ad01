"""The pinned words of the baseline scaffold. A change of any of them is another scaffold, with another digest."""

from __future__ import annotations

import hashlib

NAME = "baseline-1"
INSTRUCTIONS = """You work alone in a Linux box without internet access. Use the tools to solve the task below.
Think step by step, try things out, check what you believe, and keep going: most tasks need many commands.
Put your result where the task says and then call submit. If a submission is not accepted you may be told so
and can try again. Call give_up only when you are certain that you cannot solve the task."""
CONTINUE = "Please go on with the tools. When your result is in /submission, call submit; to stop, call give_up."
NOT_ACCEPTED = "Not accepted. You may go on and submit again."
TOOLS = ("bash", "python", "submit", "give_up")


def digest() -> str:
    """SHA-256 over everything of the scaffold that a model reads."""
    return hashlib.sha256("\0".join([NAME, INSTRUCTIONS, CONTINUE, NOT_ACCEPTED, *TOOLS]).encode()).hexdigest()
