"""The book of cases: opening one, reading one, and acting on one, over chains of events.

- The cases of a year are the chain `SC-YEAR`: its event n is the opening of case n. Two that open at once cannot both
  be number n, and nothing else has to count.
- An act is tried on the case first. If it cannot be, nothing is written; if somebody was quicker, it is tried again on
  what the case is by then.
- Who may see a case at all is the store's to say; which part of it, `need_to_know`.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from seatrial.clearinghouse.case.case import Case, CaseError
from seatrial.clearinghouse.case.policy import DEFAULT_POLICY, Policy, PolicyRef, shipped
from seatrial.clearinghouse.event import GENESIS, NONCE_BYTES, Actor, Event, EventType
from seatrial.clearinghouse.store import Conflict
from seatrial.framework.data_class import Tlp
from seatrial.framework.instant import utc

if TYPE_CHECKING:
    from seatrial.clearinghouse.case.acts import Step
    from seatrial.clearinghouse.chains import Chains
    from seatrial.framework.viewer import Viewer

CASE_ID = re.compile(r"SC-([0-9]{4})-[0-9]{4,}")
TRIES = 8
"""How often an act is tried when others act on the same case at once; each try reads the case anew."""


class NoCase(LookupError):
    """There is no such case for this viewer."""

    def __init__(self, case_id: str) -> None:
        super().__init__(f"{case_id}: there is no such case; `seatrial cases list` shows those that you see")


def register(year: int) -> str:
    """The chain that counts the cases of a year."""
    return f"SC-{year:04d}"


def policy_body(policy: Policy) -> dict[str, str]:
    """A policy as an event names it."""
    return {"id": policy.ref.id, "version": policy.ref.version, "sha256": policy.ref.sha256}


class CaseBook:
    """The cases that a viewer sees, kept by one organisation."""

    def __init__(
        self, store: Chains, viewer: Viewer, keeper: str, random: Callable[[int], bytes] = secrets.token_bytes
    ) -> None:
        self._store, self._viewer, self._keeper, self._random = store, viewer, keeper, random

    def open_case(
        self,
        title: str,
        clusters: Sequence[str],
        actor: Actor,
        at: datetime,
        *,
        policy: PolicyRef | None = None,
        tlp: Tlp = Tlp.TLP_AMBER_STRICT,
        opener: Mapping[str, Any] | None = None,
    ) -> Case:
        """Open a case under a new number.

        Args:
            title: What it is about, in one line.
            clusters: At least one.
            actor: Who opens it.
            at: When.
            policy: The house's own unless another is given.
            tlp: Its label.
            opener: The organisation that opens it, with its roles and components: a vendor may.
        """
        ref = policy or shipped(DEFAULT_POLICY).ref
        body = {
            "title": title,
            "clusters": list(clusters),
            "policy": {"id": ref.id, "version": ref.version, "sha256": ref.sha256},
            "tlp": str(tlp),
        }
        steps: list[Step] = [(EventType.CASE_OPENED, body)]
        if opener:
            steps.append((EventType.JOINED, opener))
        for _ in range(TRIES):
            try:
                return self._opened(steps, actor, utc(at, "at"))
            except Conflict:
                continue
        raise Conflict("cases: too many are being opened at once; try again")

    def _opened(self, steps: Sequence[Step], actor: Actor, at: datetime) -> Case:
        name = register(at.year)
        seq, prev = self._store.heads(self._viewer, [name]).get(name, (0, GENESIS))
        case = Case(f"{name}-{seq + 1:04d}")
        opened = {"case": case.case_id}
        entry = Event(name, seq + 1, at, actor, EventType.CASE_OPENED, opened, self._nonce().hex(), prev)
        events, case = self._events(case, None, steps, actor, at)
        self._store.append(self._viewer, [entry, *events], keeper=self._keeper)
        return case

    def ids(self, years: Sequence[int]) -> tuple[str, ...]:
        """The ids of the cases that were opened in these years, oldest first."""
        chains = (self._store.events(self._viewer, register(year)) for year in years)
        return tuple(str(event.body["case"]) for chain in chains for event in chain)

    def case(self, case_id: str) -> Case:
        """A case.

        Raises:
            NoCase: the viewer sees none of this id.
        """
        return self._read(case_id)[0]

    def events(self, case_id: str) -> tuple[Event, ...]:
        """A case's chain; empty where the viewer sees none."""
        return self._store.events(self._viewer, case_id) if CASE_ID.fullmatch(case_id) else ()

    def act(
        self, case_id: str, act: Callable[[Case], Sequence[Step]] | Sequence[Step], actor: Actor, at: datetime
    ) -> Case:
        """Do something with a case: all of its steps, or none.

        Args:
            case_id: Which.
            act: The steps, or what makes them of the case as it is when they are tried.
            actor: Who does it.
            at: When.

        Raises:
            NoCase: the viewer sees none of this id.
            CaseError: it cannot be, as do the machines' own errors.
            Conflict: others were quicker each time.
        """
        for _ in range(TRIES):
            case, last = self._read(case_id)
            if last and utc(at, "at") < last.at:
                raise CaseError(f"case {case_id}: {at.isoformat()} lies before its last event, {last.at.isoformat()}")
            events, became = self._events(case, last, act(case) if callable(act) else act, actor, utc(at, "at"))
            try:
                self._store.append(self._viewer, events)
            except Conflict:
                continue
            return became
        raise Conflict(f"{case_id}: others act on it at the same time; try again")

    def _read(self, case_id: str) -> tuple[Case, Event | None]:
        events = self.events(case_id)
        if not events:
            raise NoCase(case_id)
        return Case.of(events), events[-1]

    def _events(
        self, case: Case, last: Event | None, steps: Sequence[Step], actor: Actor, at: datetime
    ) -> tuple[list[Event], Case]:
        events = list[Event]()
        for kind, body in steps:
            last = Event.following(last, case.case_id, kind, body, actor, at, self._nonce())
            case = case.after(last)
            events.append(last)
        return events, case

    def _nonce(self) -> bytes:
        return self._random(NONCE_BYTES)
