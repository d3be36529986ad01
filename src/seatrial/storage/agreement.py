"""Whether rows and log agree: every state has its event, every event its state, and each says the same.

An auditor runs it over a copy; tests run it after every kill. It repairs nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from seatrial.framework.standing import Kind
from seatrial.framework.submission_store import WITHDRAW
from seatrial.ledger.event import Event
from seatrial.storage.entry import WORDS, event_kind, step_refs

if TYPE_CHECKING:
    from collections.abc import Iterator

    from seatrial.framework.submission_store import Record, Step, SubmissionStore
    from seatrial.framework.viewer import Viewer
    from seatrial.ledger.log import LogStore

KINDS = frozenset(WORDS.get(kind, str(kind)) for kind in Kind)
OF_CUSTODY = frozenset({"submission.withdrawn"})
"""Events of these kinds that record no act: custody's receipts."""


def disagreements(viewer: Viewer, submissions: SubmissionStore, store: LogStore, log: int) -> tuple[str, ...]:
    """What does not agree, in words; nothing when all is well. `log` is the number of the log in `store`."""
    records = [submissions.load(viewer, standing.object) for standing in submissions.list(viewer)]
    with store.reading() as tx:
        events = {index: Event.parse(tx.entry(index)) for index in range(tx.size())}
    places = {
        step.place.index: record.standing.object
        for record in records
        for step in record.history
        if step.place is not None and step.place.log == log
    }
    orphans = [
        f"entry {index}: {event.kind} of {event.stream} has no step"
        for index, event in events.items()
        if event.kind.partition(".")[0] in KINDS and event.kind not in OF_CUSTODY and index not in places
    ]
    return (*(fault for record in records for fault in _faults(record, events, log)), *orphans)


def _faults(record: Record, events: dict[int, Event], log: int) -> Iterator[str]:
    name, standing, state = record.standing.object, record.standing, ""
    for number, step in enumerate(record.history, start=1):
        if (step.entry.seq, step.entry.source) != (number, state):
            yield f"{name}: step {step.entry.seq} does not follow step {number - 1}"
        state = step.entry.target
        if step.place is None:
            if step.entry.event != WITHDRAW:
                yield f"{name}: step {number} has no entry"
        elif step.place.log == log:
            yield from _differs(record, step, events.get(step.place.index))
    if (standing.state, standing.last) != (state, record.history[-1].entry):
        yield f"{name}: stands in {standing.state}, its steps lead to {state}"


def _differs(record: Record, step: Step, event: Event | None) -> Iterator[str]:
    standing, entry = record.standing, step.entry
    where = f"{standing.object}: step {entry.seq}"
    if event is None:
        yield f"{where}: the log has no such entry"
        return
    if (event.stream, event.kind, event.nums.get("seq")) != (
        standing.object,
        event_kind(standing.kind, entry.event),
        entry.seq,
    ):
        yield f"{where}: its entry speaks of another step"
    if step.salt and any(event.refs.get(name) != ref for name, ref in step_refs(None, step).items()):
        yield f"{where}: its entry commits to something else"
