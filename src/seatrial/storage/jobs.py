"""Jobs in the house's database: the plan's units, their claims and beats, and the messages that wake workers.

- Asking for a unit is part of the open transaction: what is rolled back leaves neither unit nor message.
- A unit is claimed in one transaction with the message that named it; the claim is refused to whoever comes second.
- A submission whose state is final has no open units: what waits is cancelled, what runs is told at its next beat,
  whoever ended the submission and however.
- Whose claim was taken away writes nothing any more: every write names the number of the attempt.
"""

from __future__ import annotations

import secrets
from dataclasses import asdict
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from django.db import IntegrityError
from django.db.models import F, Max, Q

from seatrial.evaluation.jobs import (
    MOST_FAILURES,
    MOST_LOST,
    OPEN_STATES,
    Ending,
    Lane,
    PlanUnit,
    Process,
    UnitState,
    Wanted,
    is_due,
    wait_after,
)
from seatrial.framework.submission import FINAL
from seatrial.framework.submission_store import NotHere
from seatrial.framework.viewer import Viewer
from seatrial.storage import wakes
from seatrial.storage.stores.submissions import beside_seen, seen_by
from seatrial.storage.tables import rows

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime

    from django.db.models import QuerySet

    from seatrial.evaluation.jobs import Where
    from seatrial.storage.session import Database, Frame

Claim = tuple[str, int]
OVER = "the submission is over (owner: developer)"
_WORKING = "units are worked on, for every submission"


class JobTables:
    """A `JobQueue` in the house's database."""

    def __init__(self, database: Database, random: Callable[[int], bytes] = secrets.token_bytes) -> None:
        self._database = database
        self._random = random

    def enqueue(self, viewer: Viewer, wanted: Wanted, now: datetime) -> PlanUnit:
        """Write a unit down and wake a worker; again gives the open unit."""
        with self._database.session(viewer, writing=True) as frame:
            self._check(viewer, wanted)
            same = rows.PlanUnit.objects.filter(kind=wanted.kind, key=wanted.key, state__in=OPEN_STATES)
            try:
                with self._database.session(viewer, writing=True):
                    row = same.first() or self._written(wanted, now)
            except IntegrityError:  # somebody asked for the same at the same time
                row = same.get()
            if row.state == UnitState.WAITING and row.attempt == 0 and row.after_id is None:
                wakes.send(frame, row.lane, row.pk)
            return _unit(row)

    def cancel(self, viewer: Viewer, where: Where, reason: str, now: datetime) -> int:
        """End what waits, tell what runs; how many there were."""
        with self._database.session(viewer, writing=True):
            meant = Q(pk=where.unit) if where.unit else Q(submission_id=where.submission)
            found = self._seen(viewer).filter(meant, state__in=OPEN_STATES)
            waiting = found.filter(state=UnitState.WAITING).update(
                state=UnitState.CANCELLED, reason=reason, ended_at=now
            )
            return waiting + found.filter(state=UnitState.RUNNING, stopping="").update(stopping=reason)

    def forget(self, viewer: Viewer, submission: str) -> None:
        """Take away what was said of the units of a submission that is purged; that they were is left."""
        with self._database.session(viewer, writing=True):
            told = rows.PlanUnit.objects.filter(submission_id=submission)
            told.update(what={}, why="", progress={}, reason="", stopping="")

    def units(self, viewer: Viewer, submission: str = "") -> tuple[PlanUnit, ...]:
        """The units that a viewer sees, newest first; of one submission, or of all."""
        with self._database.session(viewer):
            found = self._seen(viewer)
            found = found.filter(submission_id=submission) if submission else found
            return tuple(_unit(row) for row in found.order_by("-asked_at", "pk"))

    def unit(self, viewer: Viewer, unit: str) -> PlanUnit:
        """One unit. Raises `NotHere`."""
        with self._database.session(viewer):
            row = self._seen(viewer).filter(pk=unit).first()
            if row is None:
                raise NotHere(unit)
            return _unit(row)

    def claim(self, lane: Lane, process: Process, now: datetime) -> PlanUnit | None:
        """Take a unit that is due; None when there is none."""
        house = Viewer.house(_WORKING)
        with self._database.session(house) as frame:
            if not wakes.any_in(frame, lane):
                return None
        with self._database.session(house, writing=True) as frame:
            while (unit := wakes.take(frame, lane)) is not None:
                row = _due(now).select_for_update(of=("self",)).filter(pk=unit).first()
                if row is None or not is_due(row.due_set_at, row.due_at, now):
                    continue  # over, another's, or not yet: the message came late or twice
                row.state, row.attempt, row.process = UnitState.RUNNING, row.attempt + 1, asdict(process)
                row.stopping, row.beats, row.reason = "", 0, ""
                row.save()
                return _unit(row)
        return None

    def beat(self, claims: Mapping[Claim, Mapping[str, Any]]) -> dict[Claim, str | None]:
        """Say that these claims live, and how far they are; each hears why to stop, or None when it is lost."""
        heard: dict[Claim, str | None] = {}
        if not claims:
            return heard
        with self._database.session(Viewer.house(_WORKING), writing=True):
            for (unit, attempt), progress in claims.items():
                held = _held(unit, attempt)
                live = held.update(beats=F("beats") + 1, progress=dict(progress))
                row = held.select_related("submission").first() if live else None
                heard[unit, attempt] = None if row is None else row.stopping or _over(row)
        return heard

    def settle(self, unit: PlanUnit, ending: Ending, reason: str, now: datetime) -> bool:
        """Write down how an attempt ended; False when the claim was another's meanwhile."""
        with self._database.session(Viewer.house(_WORKING), writing=True) as frame:
            row = _held(unit.id, unit.attempt).select_for_update(of=("self",)).first()
            if row is None:
                return False
            _end(row, ending, reason, now)
            row.save()
            if row.state == UnitState.WAITING and ending is Ending.HANDED_BACK:
                wakes.send(frame, row.lane, row.pk)
            if row.state == UnitState.COMPLETE:
                for following in rows.PlanUnit.objects.filter(after=row, state=UnitState.WAITING):
                    wakes.send(frame, following.lane, following.pk)
            return True

    def wake(self, now: datetime) -> int:
        """Wake what is due and has no message, and cancel what can come to nothing; how many were woken."""
        house = Viewer.house(_WORKING)
        with self._database.session(house) as frame:
            vain, due = self._vain(), self._unwoken(frame, now)
        if not vain and not due:
            return 0
        with self._database.session(house, writing=True) as frame:
            for unit, reason in self._vain().items():
                waiting = rows.PlanUnit.objects.filter(pk=unit, state=UnitState.WAITING)
                waiting.update(state=UnitState.CANCELLED, reason=reason, ended_at=now)
            due = self._unwoken(frame, now)
            for unit, lane in due.items():
                wakes.send(frame, lane, unit)
        return len(due)

    def beats(self) -> dict[Claim, tuple[int, Process]]:
        """Every claim: how often it has beaten, and whose it is."""
        with self._database.session(Viewer.house(_WORKING)):
            running = rows.PlanUnit.objects.filter(state=UnitState.RUNNING)
            return {(row.pk, row.attempt): (row.beats, Process(**(row.process or {}))) for row in running}

    def free(self, claim: Claim, beats: int, now: datetime) -> bool:
        """Take a dead claim away, unless it has beaten again."""
        with self._database.session(Viewer.house(_WORKING), writing=True) as frame:
            row = _held(*claim).filter(beats=beats).select_for_update(of=("self",)).first()
            if row is None:
                return False
            row.lost += 1
            if row.lost >= MOST_LOST:
                _end(row, Ending.HOPELESS, f"its worker ended {row.lost} times in the middle of it", now)
            elif row.stopping:
                _end(row, Ending.CALLED_OFF, row.stopping, now)
            else:
                _end(row, Ending.HANDED_BACK, "its worker ended in the middle of it", now)
                wakes.send(frame, row.lane, row.pk)
            row.save()
            return True

    def seen(self, worker: str, process: Process, now: datetime) -> None:
        """A worker's sign of life."""
        with self._database.session(Viewer.house(_WORKING), writing=True):
            known = {"process": asdict(process), "seen_at": now}
            rows.Worker.objects.update_or_create(pk=worker, defaults=known, create_defaults={**known, "began_at": now})

    def gone(self, worker: str) -> None:
        """A worker has ended as it was asked to."""
        with self._database.session(Viewer.house(_WORKING), writing=True):
            rows.Worker.objects.filter(pk=worker).delete()

    def quiet_for(self, now: datetime) -> timedelta | None:
        """How long ago the last sign of life of any worker was; None: there never was one."""
        with self._database.session(Viewer.house("whether a worker lives")):
            last = rows.Worker.objects.aggregate(last=Max("seen_at"))["last"]
            return None if last is None else now - last

    def close(self) -> None:
        """Close this thread's connections."""
        self._database.close()

    def _check(self, viewer: Viewer, wanted: Wanted) -> None:
        if not wanted.submission:
            if not viewer.sees_all:
                raise NotHere(wanted.key)
        elif not rows.Submission.objects.filter(seen_by(viewer), pk=wanted.submission).exists():
            raise NotHere(wanted.submission)

    def _written(self, wanted: Wanted, now: datetime) -> Any:  # noqa: ANN401 - a row
        return rows.PlanUnit.objects.create(
            id=f"uni_{self._random(16).hex()}",
            kind=wanted.kind,
            key=wanted.key,
            submission_id=wanted.submission or None,
            what=dict(wanted.what),
            why=wanted.why,
            person=wanted.by,
            after_id=wanted.after or None,
            lane=wanted.lane,
            every_s=wanted.every_s,
            state=UnitState.WAITING,
            asked_at=now,
            due_set_at=now,
            due_at=now,
        )

    def _seen(self, viewer: Viewer) -> QuerySet[Any]:
        if viewer.sees_all:
            return rows.PlanUnit.objects.all()
        return rows.PlanUnit.objects.filter(beside_seen(viewer))

    def _vain(self) -> dict[str, str]:
        """What waits and can come to nothing, and why."""
        waiting = rows.PlanUnit.objects.filter(state=UnitState.WAITING)
        over = waiting.filter(submission__state__in=FINAL).values_list("pk", flat=True)
        left = waiting.filter(after__state__in=(UnitState.CANCELLED, UnitState.ERROR)).values_list("pk", flat=True)
        return dict.fromkeys(left, "what it was to follow is not complete and will not be") | dict.fromkeys(over, OVER)

    def _unwoken(self, frame: Frame, now: datetime) -> dict[str, str]:
        found = [row for row in _due(now) if is_due(row.due_set_at, row.due_at, now)]
        known = wakes.sent(frame) if found else frozenset()
        return {row.pk: row.lane for row in found if row.pk not in known}


def _due(now: datetime) -> QuerySet[Any]:
    """What waits, has nothing to wait for, and may be due; `is_due` says whether it is."""
    free = Q(after__isnull=True) | Q(after__state=UnitState.COMPLETE)
    alive = Q(submission__isnull=True) | ~Q(submission__state__in=FINAL)
    when = Q(due_at__lte=now) | Q(due_set_at__gt=now)
    return rows.PlanUnit.objects.filter(free & alive & when, state=UnitState.WAITING).order_by("asked_at", "pk")


def _held(unit: str, attempt: int) -> QuerySet[Any]:
    return rows.PlanUnit.objects.filter(pk=unit, attempt=attempt, state=UnitState.RUNNING)


def _over(row: Any) -> str:  # noqa: ANN401 - a row
    return OVER if row.submission is not None and row.submission.state in FINAL else ""


def _end(row: Any, ending: Ending, reason: str, now: datetime) -> None:  # noqa: ANN401 - the same
    """The row after an attempt has ended so; what is due by itself stays due, whatever it raised."""
    row.process, row.reason, row.due_set_at, row.due_at = None, reason, now, now
    if ending is Ending.DONE:
        row.failures = row.lost = 0
        row.state = UnitState.WAITING if row.every_s else UnitState.COMPLETE
        row.due_at = now + timedelta(seconds=row.every_s or 0)
    elif ending in {Ending.RAISED, Ending.HOPELESS}:
        row.failures += 1
        over = not row.every_s and (ending is Ending.HOPELESS or row.failures >= MOST_FAILURES)
        row.state = UnitState.ERROR if over else UnitState.WAITING
        row.due_at = now + wait_after(row.failures)
    else:
        row.state = UnitState.CANCELLED if ending is Ending.CALLED_OFF else UnitState.WAITING
    if row.stopping and row.state == UnitState.WAITING:
        row.state, row.reason = UnitState.CANCELLED, row.stopping
    row.ended_at = None if row.state == UnitState.WAITING else now


def _unit(row: Any) -> PlanUnit:  # noqa: ANN401 - the same
    wanted = Wanted(
        kind=row.kind,
        key=row.key,
        why=row.why,
        submission=row.submission_id or "",
        what=row.what,
        by=row.person,
        after=row.after_id or "",
        lane=Lane(row.lane),
        every_s=row.every_s,
    )
    return PlanUnit(
        id=row.pk,
        wanted=wanted,
        state=UnitState(row.state),
        attempt=row.attempt,
        failures=row.failures,
        lost=row.lost,
        reason=row.reason,
        progress=row.progress,
        stopping=row.stopping,
        asked_at=row.asked_at,
        due_at=row.due_at,
        ended_at=row.ended_at,
    )
