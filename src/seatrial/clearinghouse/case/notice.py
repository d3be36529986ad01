"""What a maintainer is told about one root cause: all of it, in one record, before it takes any form.

- One root cause a notice, with its variants; never a list of crashes.
- A finding and a patch each say how much of them a model wrote; no model, tool of a model or run is named, and there is
  no field for one.
- The proof is named and never in it: it lies in a compartment of its own and is handed over when it is asked for.
- A notice rests on a reproducer, or on two reviewers; without either there is none.
- Dates are with their zone, and so is how to set the pace or stop it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING

from seatrial.clearinghouse.finding import AiOrigin

if TYPE_CHECKING:
    from seatrial.framework.data_class import Tlp

ORIGIN_WORDS: Mapping[AiOrigin, str] = {
    AiOrigin.GENERATED: "written by an AI model and checked as described here",
    AiOrigin.ANNOTATED: "found by a person or tool; an AI model added to the text",
    AiOrigin.SYNTHESIZED: "put together by an AI model from several sources and checked as described here",
    AiOrigin.NONE: "no AI model took part",
}


class NotTellable(ValueError):
    """Something that a maintainer cannot be told like this: says what it lacks."""


@dataclass(frozen=True, slots=True)
class Rated:
    """What people decided: severity in a word, vectors, weakness, who decided, and who else proposed what."""

    severity: str
    cvss_4: str = ""
    cvss_3: str = ""
    cwe: str = ""
    decided_by: str = ""
    proposals: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Fix:
    """A patch that would help, how much of it a model wrote, and what backs it (patch and proof, replayed)."""

    diff: str
    origin: AiOrigin
    backed_by: str

    def __post_init__(self) -> None:
        if not self.backed_by.strip():
            raise NotTellable("fix: a patch is suggested only with the replays that back it")


@dataclass(frozen=True, slots=True)
class Dates:
    """By which policy, and when what is due: instants with the zone that the recipient reads them in."""

    policy: str
    zone: str
    advisory: datetime | None = None
    details: datetime | None = None
    embargo_end: datetime | None = None


@dataclass(frozen=True, slots=True)
class Notice:
    """All that is told about one root cause."""

    case_id: str
    cluster: str
    title: str
    product: str
    project: str
    versions: str
    root: str
    steps: str
    origin: AiOrigin
    rated: Rated
    dates: Dates
    tlp: Tlp
    pace: str
    reply_to: str
    package: Mapping[str, str] = field(default_factory=dict)
    variants: tuple[str, ...] = ()
    proof: str = ""
    reviewers: tuple[str, ...] = ()
    own_harness: bool = False
    fix: Fix | None = None
    references: tuple[str, ...] = ()
    credit: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not self.steps.strip() and len(set(self.reviewers)) < 2:
            raise NotTellable(f"{self.cluster}: it needs steps that reproduce it, or two reviewers")
        if not self.rated.severity or not self.rated.decided_by:
            raise NotTellable(f"{self.cluster}: its rating is not decided by a person")
        if not self.pace.strip() or not self.reply_to.strip():
            raise NotTellable(f"{self.cluster}: it says how to set the pace or stop, and whom to answer")
