"""The house: rows and record over one directory; acts on them, and the orders they give to other rooms.

- `House.open` makes what is missing: the directory (0700), keys, database, tables, the log.
- An act is one transaction: the standing, its steps, the orders they give, the events that record them and the signed
  checkpoint. There is no state without its event and no event without its state, wherever a process is killed.
- Stopping the runs of a submission cancels its jobs in the same transaction; a worker hears it at its next beat.
- Orders to other rooms are carried out after that, and are kept until they are done: `settle` finds what is left.
- What is purged is forgotten in the transaction of the purge; then custody's part goes, and last the key by which the
  log names its parties.
- A withdrawal waits for nothing. Its leases end before anything is written, and where the log cannot append, the
  withdrawal stands and its entry is owed; `settle` makes it up.
- Who acts is a member of the organisation in the role, at that time. To anybody else the object is not there.
"""

from __future__ import annotations

import os
import secrets
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from seatrial.evaluation.jobs import Where
from seatrial.framework import lifecycles
from seatrial.framework.notice import told
from seatrial.framework.participant import Role
from seatrial.framework.standing import CLOCK, Effect
from seatrial.framework.submission_store import WITHDRAW, NotHere, Place, Stale, Step, bare
from seatrial.framework.viewer import Viewer
from seatrial.ledger.errors import NotTheSameLog
from seatrial.ledger.folder import LedgerFolder
from seatrial.storage.address import Address
from seatrial.storage.agreement import disagreements
from seatrial.storage.entry import new_salt, step_event
from seatrial.storage.jobs import JobTables
from seatrial.storage.session import Database
from seatrial.storage.stores.findings import FindingTables
from seatrial.storage.stores.log import LogTables
from seatrial.storage.stores.notices import NoticeTables
from seatrial.storage.stores.orders import OrderTables
from seatrial.storage.stores.papers import PaperTables
from seatrial.storage.stores.participants import ParticipantTables
from seatrial.storage.stores.permissions import PermissionTables
from seatrial.storage.stores.submissions import SubmissionTables
from seatrial.storage.stream_keys import StreamKeys

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime

    from seatrial.framework.data_class import DataClass
    from seatrial.framework.pack import PackRef, PolicyPack
    from seatrial.framework.standing import Act, Actor, Entry, Standing
    from seatrial.ledger.event import Event
    from seatrial.ledger.log import Log
    from seatrial.ledger.receipt import Receipt
    from seatrial.storage.stores.orders import Order

HOME = "SEATRIAL_HOME"
DATABASE = "SEATRIAL_DATABASE"
PASSWORD_FILE = "SEATRIAL_DATABASE_PASSWORD_FILE"  # noqa: S105 - the name of a setting
ORIGIN = "SEATRIAL_LOG_ORIGIN"
DEFAULT_HOME = Path(".local/share/seatrial")
PRIVATE = 0o700
SEED_BYTES = 32
MOST_DUE = 8
"""Steps that a clock can make due one after the other; the longest chain of any lifecycle is two."""

SERVICES = frozenset({CLOCK, Role.RUNNER, Role.CUSTODIAN, Role.OPERATOR})
"""Who acts on an object without being a member of a party: they name the object, and see nothing beside it."""
FIRST = (Effect.END_LEASES, Effect.STOP_RUNS)
"""Of a withdrawal's orders, those that are carried out before anything is written."""
IN_ROWS = frozenset({Effect.END_GRANTS, Effect.VOID_VOTES, Effect.NOTIFY})
"""Carried out in the transaction of the act itself."""
OF_ITSELF = frozenset({Effect.OPEN_WINDOW, Effect.ISSUE_RECEIPT, Effect.FREEZE_EVIDENCE})
"""Nothing is left to carry out: window and hold are in the standing, the receipt in the answer or owed by its row."""


class Packs(Protocol):
    """Where policy packs come from."""

    def __call__(self, ref: PackRef | None) -> PolicyPack:
        """The pack of this reference; without one, the pack that new submissions are opened under."""
        ...


class CarryOut(Protocol):
    """Another room's answer to an order. Done twice is done once: a killed process may order again."""

    def __call__(self, standing: Standing, now: datetime) -> None:
        """Do it, or raise: then the order stays open."""
        ...


@dataclass(frozen=True, slots=True)
class Beside:
    """What is written in the transaction of an act beside its steps, so that no kill leaves one without the other.

    Attributes:
        papers: Papers of the object, each with its class of data.
        events: Events of the record beside those of the steps.
    """

    papers: tuple[tuple[DataClass, bytes], ...] = ()
    events: tuple[Event, ...] = ()


ALONE = Beside()


@dataclass(frozen=True, slots=True)
class Outcome:
    """What an act came to: the standing, a receipt for each step, and what is not done yet.

    Attributes:
        standing: Where the object stands now.
        receipts: A receipt for each step, the act's own first; none while they are owed.
        owed: Whether the log could not append; only a withdrawal goes on then.
        outstanding: Orders that are not carried out yet; they stay open until `settle` finds them done.
    """

    standing: Standing
    receipts: tuple[Receipt, ...]
    owed: bool = False
    outstanding: tuple[Effect, ...] = ()


@dataclass(frozen=True)
class House:
    """One installation: its log, its rows, and the rooms that carry orders out. See `open`."""

    home: Path
    database: Database
    ledger: LedgerFolder
    packs: Packs
    rooms: Mapping[Effect, CarryOut]
    random: Callable[[int], bytes]
    submissions: SubmissionTables = field(init=False)
    participants: ParticipantTables = field(init=False)
    permissions: PermissionTables = field(init=False)
    papers: PaperTables = field(init=False)
    orders: OrderTables = field(init=False)
    notices: NoticeTables = field(init=False)
    findings: FindingTables = field(init=False)
    jobs: JobTables = field(init=False)
    stream_keys: StreamKeys = field(init=False)

    def __post_init__(self) -> None:
        for name, store in (
            ("submissions", SubmissionTables),
            ("participants", ParticipantTables),
            ("permissions", PermissionTables),
            ("papers", PaperTables),
            ("orders", OrderTables),
            ("notices", NoticeTables),
            ("findings", FindingTables),
        ):
            object.__setattr__(self, name, store(self.database))
        object.__setattr__(self, "jobs", JobTables(self.database, self.random))
        object.__setattr__(self, "stream_keys", StreamKeys(self.home / "keys" / "streams", self.random))

    @classmethod
    def open(
        cls,
        home: Path | None = None,
        *,
        packs: Packs,
        rooms: Mapping[Effect, CarryOut] | None = None,
        environment: Mapping[str, str] = os.environ,
        random: Callable[[int], bytes] = secrets.token_bytes,
    ) -> House:
        """Open the installation in `home`, or in `SEATRIAL_HOME`; make what is missing.

        Raises:
            BadAddress: `SEATRIAL_DATABASE` names no database.
            LedgerError: The log's key is missing or readable by others.
        """
        place = (home or Path(environment.get(HOME) or Path.home() / DEFAULT_HOME)).absolute()
        place.mkdir(mode=PRIVATE, parents=True, exist_ok=True)
        password = environment.get(PASSWORD_FILE)
        database = Database(Address.of(place, environment.get(DATABASE, ""), Path(password) if password else None))
        database.prepare()
        ledger = LedgerFolder(place / "ledger", lambda number: LogTables(database, number))
        if not ledger.file(1, "checkpoint").exists():
            with suppress(NotTheSameLog):  # rows of a record whose key is not here: every act says so, `go_on` helps
                ledger.begin(environment.get(ORIGIN) or f"localhost/seatrial-{random(4).hex()}", random(SEED_BYTES))
        return cls(place, database, ledger, packs, dict(rooms or {}), random)

    @property
    def log(self) -> Log:
        """The log, once its store is shown to be the one that was published from.

        Raises:
            NotTheSameLog: The database was restored from a copy, or is another one.
        """
        return self.ledger.open()

    def new_id(self, kind: str = "sub") -> str:
        """A new id: three letters, and 128 random bits."""
        return f"{kind}_{self.random(16).hex()}"

    def viewer(self, actor: Actor, object_id: str, now: datetime) -> Viewer:
        """How the house sees somebody who acts.

        Raises:
            NotHere: They hold no such membership at that time, which looks as if the object were not there.
        """
        if actor.role in SERVICES:
            return Viewer.for_submission(object_id)
        role = Role(actor.role)
        house = Viewer.house("who may act as what")
        held = self.participants.memberships(house, actor.person, now)
        if not any((one.organisation, one.role) == (actor.organisation, role) for one in held):
            raise NotHere(object_id)
        return Viewer.of(actor.person, actor.organisation, role)

    def begin(self, standing: Standing, act: Act, now: datetime, beside: Beside = ALONE) -> Outcome:
        """Open a new object by its first act; `standing` is in no state yet. Raises `Stale` where it is there."""
        viewer = self.viewer(act.actor, standing.object, now)
        return self._written(viewer, standing, act, now, 0, beside)

    def act(
        self, object_id: str, act: Act, now: datetime, expected: int | None = None, beside: Beside = ALONE
    ) -> Outcome:
        """Let an act take effect, with whatever a clock then makes due, and write what stands beside it.

        `expected` is the version that whoever acts has read; a repeat of an act is answered at any version.

        Raises:
            NotHere: There is no such object for this actor.
            NotPossible: No lifecycle has this step, or something is missing; nothing changed.
            Stale: Somebody acted at the same time; nothing changed.
            NotTheSameLog: The log cannot append; nothing changed. A withdrawal never raises it.
        """
        viewer = self.viewer(act.actor, object_id, now)
        record = self.submissions.load(viewer, object_id)
        if answered := self._answered(record.history, act):
            return self._again(record.standing, answered)
        if expected is not None and record.version != expected:
            raise Stale(f"{object_id}: somebody acted since version {expected}; read it again")
        if act.event == WITHDRAW:
            withdrawn, _ = lifecycles.apply(record.standing, act, self.packs(record.standing.pack), now)
            self._carried(withdrawn, FIRST, now)
        return self._written(viewer, record.standing, act, now, record.version, beside)

    def tick(self, object_id: str, now: datetime) -> Outcome | None:
        """Record what a clock has made due for one object; None if nothing is."""
        viewer = Viewer.for_submission(object_id)
        record = self.submissions.load(viewer, object_id)
        steps = self._due(record.standing, now)
        return self._saved(viewer, steps, now, expected=record.version) if steps else None

    def tick_all(self, now: datetime) -> tuple[str, ...]:
        """Record what a clock has made due, of every object; which ones moved.

        Raises:
            Exception: Whatever stopped the first one that could not be recorded, once all others are.
        """
        moved, failed = [], []
        for standing in self.submissions.list(Viewer.house("what a clock has made due")):
            try:
                if lifecycles.due(standing, self.packs(standing.pack), now) and self.tick(standing.object, now):
                    moved.append(standing.object)
            except Stale:  # another process was first
                continue
            except Exception as error:  # noqa: BLE001 - one object must not keep the others from their time
                failed.append(error)
        if failed:
            raise failed[0]
        return tuple(moved)

    def due(self, viewer: Viewer, now: datetime) -> tuple[tuple[Standing, tuple[str, ...]], ...]:
        """What a clock has made due, of all that the viewer sees."""
        found = ((one, lifecycles.due(one, self.packs(one.pack), now)) for one in self.submissions.list(viewer))
        return tuple((standing, events) for standing, events in found if events)

    def receipt(self, step: Step) -> Receipt:
        """The newest receipt of a step.

        Raises:
            LookupError: Its entry is owed, or in a log that was continued by another.
        """
        if step.place is None:
            raise LookupError(f"step {step.entry.seq}: its entry is owed; run: seatrial submission settle")
        if step.place.log != self.ledger.number:
            raise LookupError(f"step {step.entry.seq}: its entry is in log {step.place.log}, which rests")
        return self.log.receipt(step.place.index)

    def disagreements(self) -> tuple[str, ...]:
        """What rows and log say differently; nothing when all is well."""
        viewer = Viewer.house("whether rows and log agree")
        return disagreements(viewer, self.submissions, self.log.store, self.ledger.number)

    def go_on(self, now: datetime) -> Log:
        """Continue the record under a new origin, once the database was put back from a copy.

        Raises:
            LedgerError: The log is sound; there is nothing to continue.
        """
        return self.ledger.go_on(now, self.random)

    def settle(self, now: datetime) -> tuple[int, tuple[Order, ...]]:
        """Carry out open orders and make up entries that are owed: how many entries, and the orders still open.

        Raises:
            NotTheSameLog: The log cannot append; the orders were carried out before it was asked.
        """
        house = Viewer.house("entries owed and orders open")
        still = []
        for order in self.orders.open(house):
            job = Viewer.for_submission(order.submission)
            record = self.submissions.load(job, order.submission)
            standing = record.standing
            if order.effect in IN_ROWS:  # of an older installation, which left them open
                with self.database.session(job, writing=True):
                    self._in_rows(job, standing, record.history[order.seq - 1].entry, (order.effect,), now)
                    self.orders.done(job, (order,), now)
            elif self._carried(standing, (order.effect,), now):
                still.append(order)
            else:
                self.orders.done(job, (order,), now)
        entries = sum(self._made_up(object_id, step) for object_id, step in self.submissions.owed(house))
        return entries, tuple(still)

    def _written(
        self, viewer: Viewer, standing: Standing, act: Act, now: datetime, expected: int, beside: Beside
    ) -> Outcome:
        after, effects = lifecycles.apply(standing, act, self.packs(standing.pack), now)
        first = _Taken(after, act, effects)
        return self._saved(viewer, (first, *self._due(after, now)), now, expected=expected, beside=beside)

    def _due(self, standing: Standing, now: datetime) -> tuple[_Taken, ...]:
        taken: list[_Taken] = []
        for _ in range(MOST_DUE):
            before = taken[-1].standing if taken else standing
            after, effects = lifecycles.tick(before, self.packs(before.pack), now)
            if after == before or after.last is None:
                break
            taken.append(_Taken(after, bare(after.last), effects))
        return tuple(taken)

    def _saved(
        self, viewer: Viewer, taken: tuple[_Taken, ...], now: datetime, *, expected: int, beside: Beside = ALONE
    ) -> Outcome:
        standing = taken[-1].standing
        with self.database.session(viewer, writing=True):
            steps, receipts = self._recorded(taken)
            self.submissions.save(viewer, standing, expected, steps)
            for data_class, content in beside.papers:
                self.papers.put(viewer, standing.object, data_class, content)
            if beside.events:
                self.log.append(beside.events)
            effects = tuple(dict.fromkeys(effect for one in taken for effect in one.effects))
            for one, step in zip(taken, steps, strict=True):
                self._in_rows(viewer, one.standing, step.entry, one.effects, now)
            ordered = tuple(effect for effect in effects if effect not in IN_ROWS | OF_ITSELF)
            given = self.orders.give(viewer, standing.object, steps[-1].entry.seq, ordered, now)
        outstanding = self._carried(standing, ordered, now)
        done = tuple(order for order in given if order.effect not in outstanding)
        self.orders.done(Viewer.for_submission(standing.object), done, now)
        return Outcome(standing, receipts, owed=not receipts, outstanding=outstanding)

    def _recorded(self, taken: tuple[_Taken, ...]) -> tuple[tuple[Step, ...], tuple[Receipt, ...]]:
        """The steps with their places in the log; a withdrawal goes on without them where the log cannot append."""
        steps = tuple(one.step(new_salt(self.random)) for one in taken)
        try:
            receipts = self._appended(tuple((one.standing, step) for one, step in zip(taken, steps, strict=True)))
        except Exception:
            if steps[0].entry.event != WITHDRAW:
                raise
            return steps, ()
        log = self.ledger.number
        placed = zip(steps, receipts, strict=True)
        return tuple(replace(step, place=Place(log, receipt.index)) for step, receipt in placed), receipts

    def _appended(self, steps: tuple[tuple[Standing, Step], ...]) -> tuple[Receipt, ...]:
        events = [
            step_event(standing, step, self.stream_keys.of(standing.object), self.random) for standing, step in steps
        ]
        return self.log.append(events)

    def _in_rows(
        self, viewer: Viewer, standing: Standing, entry: Entry, effects: tuple[Effect, ...], now: datetime
    ) -> None:
        object_id = standing.object
        if Effect.END_GRANTS in effects:
            self.permissions.end_grants(viewer, object_id, now)
        if Effect.VOID_VOTES in effects:
            self.permissions.void(viewer, object_id, now)
        if Effect.STOP_RUNS in effects:
            self.jobs.cancel(viewer, Where(submission=object_id), f"runs were stopped: {entry.event}", now)
        if Effect.DELETE_NOW in effects:
            self.jobs.forget(viewer, object_id)
            self.submissions.forget(viewer, object_id)
            self.notices.forget(viewer, object_id)
        if Effect.NOTIFY in effects:
            self.notices.give(viewer, object_id, entry.seq, told(standing, entry.actor))

    def _carried(self, standing: Standing, effects: tuple[Effect, ...], now: datetime) -> tuple[Effect, ...]:
        """Have orders carried out; those that could not be."""
        left: list[Effect] = []
        for effect in effects:
            room = self.rooms.get(effect)
            try:
                if effect in OF_ITSELF:
                    continue
                if effect is Effect.STRIP_FINDINGS:  # others' rows, which whoever withdraws does not see
                    self.findings.strip(Viewer.house("findings of what is withdrawn"), standing.object)
                elif room is not None:
                    room(standing, now)
                elif effect is not Effect.DELETE_NOW:
                    left.append(effect)
                if effect is Effect.DELETE_NOW:
                    self.stream_keys.shred(standing.object)
                    self.database.empty_journal()
            except Exception:  # noqa: BLE001 - whatever stops one room must not keep the others from their orders
                left.append(effect)
        return tuple(left)

    def _made_up(self, object_id: str, step: Step) -> bool:
        job = Viewer.for_submission(object_id)
        if not step.salt:  # forgotten meanwhile: the entry commits to what nobody can open any more
            step = replace(step, salt=new_salt(self.random))
        with self.database.session(job, writing=True):
            standing = self.submissions.load(job, object_id).standing
            [receipt] = self._appended(((standing, step),))
            self.submissions.recorded(job, object_id, step.entry.seq, Place(self.ledger.number, receipt.index))
        return True

    @staticmethod
    def _answered(history: tuple[Step, ...], act: Act) -> Step | None:
        """The step that answered this request before; a withdrawal is answered once, however often it is asked."""
        for step in history:
            same = act.request_digest and step.entry.request_digest == act.request_digest
            if same or (act.event == WITHDRAW and step.entry.event == WITHDRAW):
                return step
        return None

    def _again(self, standing: Standing, step: Step) -> Outcome:
        job = Viewer.for_submission(standing.object)
        outstanding = tuple(order.effect for order in self.orders.open(job))
        receipts = () if step.place is None else (self.receipt(step),)
        return Outcome(standing, receipts, owed=step.place is None, outstanding=outstanding)


@dataclass(frozen=True, slots=True)
class _Taken:
    """One step as the lifecycle took it."""

    standing: Standing
    act: Act
    effects: tuple[Effect, ...]

    def step(self, salt: bytes) -> Step:
        if self.standing.last is None:
            raise ValueError(f"{self.standing.object}: a step without its entry")
        return Step(self.act, self.standing.last, salt, None)
