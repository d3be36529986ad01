"""The note that two keys are bound to: one side writes it, the other reads that very text, and the step brings it.

Keys alone would bind a digest that nobody can read. Here whoever asks first writes the note; it is kept as a paper.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from seatrial.framework.data_class import DataClass
from seatrial.framework.two_key import KeyAction
from seatrial.paperwork import sha256
from seatrial.portal.opening import house

if TYPE_CHECKING:
    from seatrial.desk import Offer
    from seatrial.portal.about import About

NOTES = {KeyAction.RESUME_AFTER_INCIDENT: "incident_closing_note"}
"""Actions whose keys are bound to a note that is written for them, and the kind of that paper."""
STEPS = {"resume_after_incident": KeyAction.RESUME_AFTER_INCIDENT}
LONGEST = 20_000
"""Characters of a note."""


def kept(here: About, written: str) -> str:
    """Keep a note; its digest, which keys are turned for. Raises `ValueError` for one that says nothing."""
    content = written.replace("\r\n", "\n").strip()
    if not content or len(content) > LONGEST:
        raise ValueError(f"write what was found and what was changed, in at most {LONGEST} characters")
    return house().papers.put(here.desk.viewer, here.name, DataClass.P, f"{content}\n".encode())


def note(here: About, digest: str) -> bytes | None:
    """The note of a digest, where it is kept here."""
    try:
        found = house().papers.get(here.desk.viewer, here.name, digest)
    except LookupError:
        return None
    return found if sha256(found) == digest else None


def beside(here: About, offer: Offer) -> tuple[Offer, tuple[tuple[str, bytes], ...]]:
    """A step without what its note makes needless to ask for, and that note as a paper, once both keys are turned."""
    action = STEPS.get(offer.event)
    if action is None:
        return offer, ()
    turned = [one for one in here.desk.open_keys(here.name, here.standing) if one.request.action is action]
    both = [one.request.digest for one in turned if not one.missing]
    content = note(here, both[-1]) if both else None
    if content is None:
        return offer, ()
    kind = NOTES[action]
    asks = tuple(one for one in offer.asks if (one.kind, one.names[:1]) != ("document", (kind,)))
    return replace(offer, asks=asks), ((kind, content),)
