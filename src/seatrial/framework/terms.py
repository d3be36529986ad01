"""The terms of an agreement: each a typed value with a default, all of them shown before anybody signs.

- Some terms are fixed: they stand in every agreement, and no pack and no signature changes them.
- Hours are elapsed hours; retention counts from the close of the submission.
- An agreement shows every term, also those left at their default, with the word `fixed` where it is one.
"""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from types import MappingProxyType
from typing import TYPE_CHECKING

from seatrial.framework.data_class import DataClass, classed

if TYPE_CHECKING:
    from collections.abc import Mapping

PLAN_HOURS = 336  # our decision: 14 days, what some laboratories wished for
COMMENT_HOURS = 72  # our decision
RETENTION_HOURS = 720  # our decision: 30 days after close

FIXED_TERMS: Mapping[str, str] = MappingProxyType(
    {
        "no_training": "Nothing the evaluator receives is used to train a model.",
        "no_distillation": "Nothing the evaluator receives is used to imitate the model.",
        "release_is_developers": "When and whether the model is made available is the developer's decision alone; "
        "nothing in this agreement waits for it or stands in its way.",
        "findings_survive_withdrawal": "Vulnerabilities in other people's software that were already handed to the "
        "clearinghouse continue to disclosure after a withdrawal, without any fact about the model and with their "
        "origin reduced to 'AI-assisted'. Candidates not handed over are deleted unmined. Faults of the developer's "
        "own model or product go back to the developer and follow its withdrawal.",
        "developer_reads_transcripts": "The developer may read all transcripts of its own model except held-out task "
        "content: there it sees times, tokens, tool names, exit reasons, errors and outcomes. Reading a transcript "
        "with an embargoed finding is logged on that finding and binds the reader to the embargo.",
        "new_checkpoint_is_new_subject": "A new checkpoint, system prompt or safeguard setting is a new subject, with "
        "its own consent and its own window of access.",
        "delivered_reports_stay": "A signed report that was already delivered cannot be recalled; it is marked with "
        "the date of a withdrawal.",
        "incident_evidence_is_kept": "Evidence that a third party was harmed is sealed and kept after a withdrawal.",
        "withdrawal_at_any_moment": "The developer may withdraw at any moment, alone and without giving a reason.",
    }
)


class BadTerms(ValueError):
    """Terms that contradict themselves or change what is fixed."""


@dataclass(frozen=True, slots=True)
class Budget:
    """What a review may use at most; `None` is not agreed."""

    tokens: int | None = field(default=None, metadata=classed(DataClass.P))
    microdollars: int | None = field(default=None, metadata=classed(DataClass.P))
    calls: int | None = field(default=None, metadata=classed(DataClass.P))

    def __post_init__(self) -> None:
        for item in fields(self):
            value = getattr(self, item.name)
            if value is not None and value <= 0:
                raise BadTerms(f"budget.{item.name}: {value}; a budget is above zero or not agreed")


@dataclass(frozen=True, slots=True)
class Terms:
    """What an agreement may settle; `FIXED_TERMS` stand beside it."""

    access_hours: int = field(default=720, metadata=classed(DataClass.P))
    agreed_end_required: bool = field(default=True, metadata=classed(DataClass.P))
    plan_hours: int = field(default=PLAN_HOURS, metadata=classed(DataClass.P))
    comment_hours: int = field(default=COMMENT_HOURS, metadata=classed(DataClass.P))
    retention_hours: Mapping[DataClass, int] = field(
        default_factory=lambda: MappingProxyType(
            dict.fromkeys((DataClass.T, DataClass.M, DataClass.S), RETENTION_HOURS)
        ),
        metadata=classed(DataClass.P),
    )
    analysis_after_window: bool = field(default=False, metadata=classed(DataClass.P))
    tos_waiver: bool = field(default=False, metadata=classed(DataClass.P))
    budget: Budget = field(default_factory=Budget, metadata=classed(DataClass.P))
    funding: str = field(default="each side bears its own cost", metadata=classed(DataClass.P))

    def __post_init__(self) -> None:
        for name in ("access_hours", "plan_hours", "comment_hours"):
            if getattr(self, name) <= 0:
                raise BadTerms(f"terms.{name}: {getattr(self, name)}; hours are above zero")
        for data_class, hours in self.retention_hours.items():
            if hours < 0:
                raise BadTerms(f"terms.retention_hours.{data_class}: {hours} is negative")
