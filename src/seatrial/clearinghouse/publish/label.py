"""What every document says about how it came to be: the AI-origin label, and what wrote it."""

from __future__ import annotations

from importlib.metadata import version
from typing import TYPE_CHECKING

from seatrial.clearinghouse.finding import AiOrigin

if TYPE_CHECKING:
    from seatrial.clearinghouse.publish.advisory_set import AdvisorySet

NAME = "Seatrial"

_FOUND = {
    AiOrigin.GENERATED: "The report behind this advisory was written by an AI model",
    AiOrigin.ANNOTATED: "The report behind this advisory was annotated by an AI model",
    AiOrigin.SYNTHESIZED: "The report behind this advisory was put together by an AI model from the output of tools",
}
_PATCH = {
    AiOrigin.GENERATED: "A suggested fix was written by an AI model",
    AiOrigin.ANNOTATED: "A suggested fix was annotated by an AI model",
    AiOrigin.SYNTHESIZED: "A suggested fix was put together by an AI model",
}


def origin_note(advisory: AdvisorySet) -> str:
    """The label in words, for the report and for a suggested fix; empty where no model had a part in either."""
    told = [
        words[origin]
        for words, origin in ((_FOUND, advisory.ai_origin), (_PATCH, advisory.patch_ai_origin))
        if origin in words
    ]
    return ". ".join(
        [*told, "It was reproduced and reviewed, and a named person signed it off before it left."] if told else []
    )


def generator() -> dict[str, str]:
    """Name and version of what wrote a document."""
    return {"name": NAME, "version": version("seatrial")}
