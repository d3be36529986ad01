"""One transcript as one page: what was asked, said, run and answered, in order.

Every text in it is untrusted. It is escaped, shown in `<pre>`, never linked; hidden characters are written out; texts
beyond a limit are cut, and the page says by how much. The page loads nothing and runs nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from seatrial.report.pages import environment, style
from seatrial.report.text import cut, visible

if TYPE_CHECKING:
    from seatrial.evaluation.transcripts import Transcript

MAX_CHARS = 20_000  # of one entry: some 300 lines, more than a reader follows; the log holds the whole
WHO = {
    "prompt": "Task",
    "assistant": "Participant",
    "tool-call": "Command",
    "tool-result": "Answer",
    "system": "System",
    "score": "Grader",
    "error": "Fault",
}


@dataclass(frozen=True)
class _Step:
    kind: str
    who: str
    title: str
    text: str
    left_off: int


def render_transcript(transcript: Transcript) -> str:
    """The page as HTML."""
    steps = []
    for entry in transcript.entries:
        text, left_off = cut(visible(entry.text), MAX_CHARS)
        who = WHO.get(entry.kind, entry.kind)
        title = "" if entry.title.casefold() == who.casefold() else entry.title
        steps.append(_Step(entry.kind, who, title, text, left_off))
    page = environment().get_template("transcript.html.j2")
    return page.render(transcript=transcript, steps=steps, style=style("transcript.css"))
