"""Who asks for what twice: a request that a valid result already answers is answered with a proposal to share it.

- Two requests are the same when subject digest, suite, scaffold and budget are equal; one letter apart is another.
- A result that is not valid answers nothing. Nothing is shared by this: the developer decides on the proposal.
- The developer sees all who asked, whatever was answered.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from seatrial.framework.data_class import DataClass, classed
from seatrial.framework.identifier import check_digest, check_id
from seatrial.framework.instant import utc

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime


@dataclass(frozen=True, slots=True)
class Asked:
    """What is asked to be measured: of which subject, with which suite and scaffold, at which budget."""

    subject_digest: str = field(metadata=classed(DataClass.M))
    suite: str = field(metadata=classed(DataClass.P))
    scaffold: str = field(metadata=classed(DataClass.P))
    budget: str = field(metadata=classed(DataClass.P))

    def __post_init__(self) -> None:
        check_digest(self.subject_digest, "asked.subject_digest")
        for name in ("suite", "scaffold", "budget"):
            if not getattr(self, name).strip():
                raise ValueError(f"asked.{name}: empty; equal requests are recognised by it")


@dataclass(frozen=True, slots=True)
class EvaluationRequest:
    """One organisation's request."""

    id: str = field(metadata=classed(DataClass.P, id=True))
    organisation: str = field(metadata=classed(DataClass.P))
    asked: Asked = field(metadata=classed(DataClass.P))
    at: datetime = field(metadata=classed(DataClass.P))

    def __post_init__(self) -> None:
        check_id(self.id, "request.id")
        check_id(self.organisation, "request.organisation")
        object.__setattr__(self, "at", utc(self.at, "request.at"))


@dataclass(frozen=True, slots=True)
class Result:
    """What a review has shown, by the id of its record; `valid` false where it was voided or cut short."""

    object: str = field(metadata=classed(DataClass.S, id=True))
    asked: Asked = field(metadata=classed(DataClass.S))
    valid: bool = field(metadata=classed(DataClass.S))


@dataclass(frozen=True, slots=True)
class GrantProposal:
    """What the developer is asked instead of a second review: to open this object to that organisation."""

    request: str
    object: str
    organisation: str


def proposals(requests: Iterable[EvaluationRequest], results: Iterable[Result]) -> tuple[GrantProposal, ...]:
    """For each request that a valid result answers, the earliest such result, proposed for sharing."""
    known: dict[Asked, str] = {}
    for result in results:
        if result.valid:
            known.setdefault(result.asked, result.object)
    return tuple(
        GrantProposal(request.id, known[request.asked], request.organisation)
        for request in requests
        if request.asked in known
    )


def askers(requests: Iterable[EvaluationRequest], subject_digest: str) -> tuple[str, ...]:
    """Every organisation that asked for this subject, in the order of their first request; for its developer."""
    about = sorted((item for item in requests if item.asked.subject_digest == subject_digest), key=lambda item: item.at)
    return tuple(dict.fromkeys(item.organisation for item in about))
