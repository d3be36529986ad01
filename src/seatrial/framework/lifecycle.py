"""Lifecycles as tables, and the one machine that reads them.

- A `Transition` is a row: from which state, by which event, by whom, resting on what, to where, with which orders.
- `apply` is pure. Whatever no row allows is `NotPossible` with all that is missing, and nothing changes.
- A row that protects somebody or closes something needs no consent, and is never lost to a clock that runs backwards:
  it takes the later time and says that it was clamped. Any other act from before the last entry is `Backdated`.
- A policy pack can ask for further documents at an event; it can add, drop or re-aim no row.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING, Literal

from seatrial.framework.consent import BadConsent
from seatrial.framework.instant import text, utc
from seatrial.framework.standing import (
    CLOCK,
    THE_CLOCK,
    Act,
    Actor,
    Answer,
    Effect,
    Entry,
    Kind,
    Standing,
    of_developer,
)

if TYPE_CHECKING:
    from seatrial.framework.pack import PolicyPack


class NotPossible(ValueError):
    """A step that the table does not have, or that lacks something: says where, which, and what is missing."""

    def __init__(self, state: str, event: str, missing: Iterable[str]) -> None:
        self.state, self.event, self.missing = state, event, tuple(missing)
        super().__init__(f"{event} from {state or 'nothing'} is not possible: missing {'; '.join(self.missing)}")


class Backdated(NotPossible):
    """An act from before the last entry of the same object."""


@dataclass(frozen=True, slots=True)
class Case:
    """All that a row may look at: the standing with what the act brings, the act, the policy, the time."""

    standing: Standing
    act: Act
    pack: PolicyPack
    now: datetime


@dataclass(frozen=True, slots=True)
class Asked:
    """What an act brings to meet a requirement, for whoever makes a form of it: papers, a reason, a date, keys.

    `names` are the papers' kinds, the reasons to choose from (none: in one's own words), a mark's name and its
    choices, or the action that two people turn their keys for.
    """

    kind: Literal["document", "reason", "date", "mark", "keys"]
    names: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Requirement:
    """Something a row rests on, in words, and how it is seen to be there; `asks`: what an act can bring for it."""

    name: str
    met: Callable[[Case], bool]
    asks: Asked | None = None


def unchanged(case: Case) -> Standing:
    """What a row records when it records nothing."""
    return case.standing


@dataclass(frozen=True, slots=True)
class Transition:
    """One row of a table. `protective` rows protect or close: they need no consent and survive a wrong clock."""

    source: str
    event: str
    actors: frozenset[str]
    requires: tuple[Requirement, ...]
    target: str
    effects: tuple[Effect, ...] = ()
    protective: bool = False
    records: Callable[[Case], Standing] = unchanged


@dataclass(frozen=True, slots=True)
class Lifecycle:
    """A table with the meaning of each state in one sentence, its final states, and who belongs to an object."""

    kind: Kind
    transitions: tuple[Transition, ...]
    meaning: Mapping[str, str]
    final: frozenset[str]
    belongs: Callable[[Standing, Actor], bool]

    def __post_init__(self) -> None:
        """Refuse a table in which a step is ambiguous or a state has no meaning."""
        steps = [(row.source, row.event) for row in self.transitions]
        if twice := {step for step in steps if steps.count(step) > 1}:
            raise ValueError(f"{self.kind}: two rows for {sorted(twice)}")
        named = {row.source for row in self.transitions} | {row.target for row in self.transitions}
        if unknown := (named - {""}) ^ set(self.meaning):
            raise ValueError(f"{self.kind}: states and meanings differ in {sorted(unknown)}")

    @property
    def states(self) -> tuple[str, ...]:
        """Every state, in the order of the meanings."""
        return tuple(self.meaning)

    @property
    def events(self) -> tuple[str, ...]:
        """Every event, in the order of the table."""
        return tuple(dict.fromkeys(row.event for row in self.transitions))

    def row(self, state: str, event: str) -> Transition | None:
        """The row for an event in a state."""
        return next((row for row in self.transitions if (row.source, row.event) == (state, event)), None)

    def after(self, state: str) -> tuple[Transition, ...]:
        """The rows that lead out of a state, or stay in it."""
        return tuple(row for row in self.transitions if row.source == state)

    def apply(
        self, standing: Standing, act: Act, pack: PolicyPack, now: datetime
    ) -> tuple[Standing, tuple[Effect, ...]]:
        """The standing after an act, and the orders that follow.

        Raises:
            NotPossible: No row has it, or something is missing.
            Backdated: `now` lies before the last entry, and the row protects nobody.
        """
        for answer in standing.answers:
            if act.request_digest and answer.request_digest == act.request_digest:
                return standing, answer.effects
        row = self.row(standing.state, act.event)
        if row is None:
            raise NotPossible(standing.state, act.event, [f"a row for {act.event}"])
        case = self._case(standing, row, act, pack, utc(now, "now"))
        if missing := self._missing(row, case):
            raise NotPossible(standing.state, act.event, missing)
        return self._entered(standing, row, case, clamped=case.now != utc(now, "now")), row.effects

    def due(self, standing: Standing, pack: PolicyPack, now: datetime) -> tuple[str, ...]:
        """The events that a clock has made due in this state; looking changes nothing."""
        return tuple(
            row.event
            for row in self.after(standing.state)
            if CLOCK in row.actors
            and not self._missing(row, self._case(standing, row, Act(row.event, THE_CLOCK, now), pack, now))
        )

    def tick(self, standing: Standing, pack: PolicyPack, now: datetime) -> tuple[Standing, tuple[Effect, ...]]:
        """Record what a clock has made due: the standing after it, and the orders that follow."""
        for event in self.due(standing, pack, now):
            return self.apply(standing, Act(event, THE_CLOCK, now), pack, now)
        return standing, ()

    def _case(self, standing: Standing, row: Transition, act: Act, pack: PolicyPack, now: datetime) -> Case:
        last = standing.last
        if last is not None and now < last.at:
            if not row.protective:
                raise Backdated(standing.state, act.event, [f"a time not before the last entry, {text(last.at)}"])
            now = last.at
        bringing = replace(standing, documents=(*standing.documents, *act.documents))
        if act.consent is not None and row.event != "revoke_consent":
            bringing = bringing.with_consent(act.consent)
        return Case(bringing, act, pack, now)

    def _missing(self, row: Transition, case: Case) -> list[str]:
        actor = case.act.actor
        if actor.role not in row.actors or not self.belongs(case.standing, actor):
            return [f"an act by {' or '.join(sorted(row.actors))} of the parties"]
        missing = [requirement.name for requirement in row.requires if not requirement.met(case)]
        if case.act.consent is not None and not of_developer(actor):
            missing.append("the developer's own act: nobody else brings a consent")
        missing += _unfitting(row.event, case)
        if case.standing.pack not in (None, case.pack.ref) and row.event != "adopt_pack":
            missing.append("the policy pack that this submission pins")
        return [*missing, *_papers_missing(row.event, case)]

    @staticmethod
    def _entered(before: Standing, row: Transition, case: Case, *, clamped: bool) -> Standing:
        seq = 1 if before.last is None else before.last.seq + 1
        entry = Entry(
            seq, row.event, row.source, row.target, case.now, case.act.actor, clamped, case.act.request_digest
        )
        answers = before.answers
        if case.act.request_digest:
            answers = (*answers, Answer(case.act.request_digest, row.effects))
        since = case.now if row.target != row.source else before.since
        return replace(row.records(case), state=row.target, since=since, last=entry, answers=answers)


def _unfitting(event: str, case: Case) -> list[str]:
    """Why a consent that is brought says more than its subject does; nothing where it fits."""
    consent, subject = case.act.consent, case.standing.subject
    if consent is None or subject is None or event == "revoke_consent":
        return []
    try:
        consent.fitting(subject)
    except BadConsent as error:
        return [f"a consent within its subject: {error}"]
    return []


def _papers_missing(event: str, case: Case) -> list[str]:
    """The papers that the policy asks for at this event, beside those of the table, each signed by all who must."""
    return [
        f"document {rule.kind}, signed by {', '.join(sorted(rule.signers)) or 'nobody'}"
        for rule in case.pack.documents_for(event)
        if not any(
            document.kind == rule.kind and len(set(document.signers)) >= len(rule.signers)
            for document in case.standing.documents
        )
    ]


def rows(
    sources: str,
    event: str,
    actors: str,
    target: str,
    *requires: Requirement,
    effects: tuple[Effect, ...] = (),
    protective: bool = False,
    records: Callable[[Case], Standing] = unchanged,
) -> tuple[Transition, ...]:
    """One row for each source, with words separated by spaces; the target `same` stays, the source `-` is nothing."""
    by = frozenset(actors.split())
    return tuple(
        Transition(source, event, by, requires, source if target == "same" else target, effects, protective, records)
        for source in ("" if source == "-" else source for source in sources.split())
    )
