"""The clearinghouse's store in the house's database. See `clearinghouse.store` for what it promises.

- Who sees what is one question over origins (and keepers, for what has none), asked first here and again by the second
  wall where there is one.
- A batch is a constant number of statements, and one leaf of the record in the same transaction.
- Rows of a chain are locked by the update that continues it: whoever comes second finds another head.
"""

from __future__ import annotations

import json
import secrets
from collections import Counter
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from django.db.models import Count, Exists, Q, Sum

from seatrial.clearinghouse.cluster import Cluster, cluster_id
from seatrial.clearinghouse.disposition import CLUSTERED, FOLD, UNREPRODUCED, Disposition, fold
from seatrial.clearinghouse.event import GENESIS, Event, check_chain
from seatrial.clearinghouse.finding import Finding
from seatrial.clearinghouse.funnel import Funnel
from seatrial.clearinghouse.leaf import new_batch, path_of, record_event, root_of
from seatrial.clearinghouse.origin import Origin
from seatrial.clearinghouse.store import (
    BATCH,
    HANDING_IN,
    KEEPING,
    LINE,
    Conflict,
    Held,
    Leaf,
    Line,
    NoFinding,
    Proof,
    Quarantined,
    Received,
    Signature,
    Taken,
)
from seatrial.framework.submission import FINAL
from seatrial.framework.submission_store import UNSEEING
from seatrial.storage.stores import finding_sql as sql
from seatrial.storage.tables import rows

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
    from datetime import datetime

    from django.db.models import QuerySet

    from seatrial.clearinghouse.store import Asked, Batch
    from seatrial.framework.viewer import Viewer
    from seatrial.ledger.log import Log
    from seatrial.storage.session import Database, Frame

HANDED_IN, AGAIN = "handed_in", "again"
FOLDED = tuple(str(kind) for kind in FOLD)
NUMBERED = "cluster"
NULL_ORIGIN = ""


def seen_origins(viewer: Viewer, to: str = "") -> Q:
    """Which origins are there for a viewer, as part of a question: the SQL of `store.sees`. `to`: the way to them."""
    if viewer.sees_all:
        return Q()
    if viewer.submission:
        return Q(**{f"{to}submission": viewer.submission})
    if viewer.role in UNSEEING or viewer.role not in HANDING_IN:
        return Q(pk__in=[])
    found = Q(**{f"{to}submitter": viewer.organisation})
    return found | (Q(**{f"{to}keeper": viewer.organisation}) & _keeping(viewer))


def seen_of_keeper(viewer: Viewer) -> Q:
    """The same for what has no origin: it is its keeper's."""
    if viewer.sees_all:
        return Q()
    if viewer.submission:
        return Q(pk__in=[])
    return Q(keeper=viewer.organisation) & _keeping(viewer)


def _keeping(viewer: Viewer) -> Q:
    if viewer.role not in KEEPING:
        return Q(pk__in=[])
    return ~Q(Exists(rows.Organisation.objects.filter(pk=viewer.organisation, kind="developer")))


def seen_subjects(viewer: Viewer) -> Q:
    """Which chains and events are there for a viewer."""
    of_origin = Q(origin__isnull=False) & seen_origins(viewer, "origin__")
    return of_origin | (Q(origin__isnull=True) & seen_of_keeper(viewer)) if not viewer.sees_all else Q()


class FindingStore:
    """A `clearinghouse.store.Store` in the house's database.

    `log` gives the record's number and the record; without one, batches have no entry in it (a test's).
    """

    def __init__(
        self,
        database: Database,
        log: Callable[[], tuple[int, Log]] | None = None,
        random: Callable[[int], bytes] = secrets.token_bytes,
    ) -> None:
        self._database = database
        self._log = log
        self._random = random

    @contextmanager
    def transaction(self, viewer: Viewer) -> Iterator[None]:
        """Calls inside are one transaction."""
        with self._database.session(viewer, writing=True):
            yield

    def origin_of(self, viewer: Viewer, submitter: str, run: str) -> Origin | None:
        """The origin of this submitter and run."""
        with self._database.session(viewer):
            seen = rows.FindingOrigin.objects.filter(seen_origins(viewer), shredded_at__isnull=True)
            row = seen.filter(submitter=submitter, run=run).first()
            return None if row is None else _origin(row)

    def put_findings(self, viewer: Viewer, batch: Batch) -> Taken:
        """Take a batch in."""
        with self._database.session(viewer, writing=True) as frame:
            sql.many(frame, sql.ORIGIN, [self._origin_row(viewer, frame, one) for one in batch.origins])
            named = [_named(item) for item in batch.items]
            keepers = self._keepers(viewer, {ref for ref, _ in named})
            names = [name for _, name in named]
            seen = set(rows.FindingChain.objects.filter(pk__in=names).values_list("pk", flat=True))
            counts, fresh, again = Counter[tuple[str, str]](), [], list[bool]()
            for item, (ref, name) in zip(batch.items, named, strict=True):
                counts[ref, HANDED_IN] += 1
                again.append(name in seen)
                if again[-1]:
                    counts[ref, AGAIN] += 1
                    continue
                seen.add(name)
                fresh.append((ref, name, item))
                counts[ref, fold(item.events)] += 1
            leaf = self._take(frame, fresh, keepers)
            sql.many(frame, sql.COUNT, [(*key, number) for key, number in sorted(counts.items())])
            return Taken(tuple(names), tuple(again), leaf)

    def append(
        self, viewer: Viewer, events: Sequence[Event], clusters: Sequence[Cluster] = (), keeper: str = ""
    ) -> Leaf:
        """Continue chains."""
        chains: dict[str, list[Event]] = {}
        for event in events:
            chains.setdefault(event.subject, []).append(event)
        keepers = {one.cluster_id: one.keeper for one in clusters}
        with self._database.session(viewer, writing=True) as frame:
            found = rows.FindingChain.objects.filter(pk__in=list(chains)).select_related(None)
            heads = {row.subject: row for row in found.filter(seen_subjects(viewer))}
            begun, went_on, places = [], [], {}
            for subject, own in chains.items():
                head = heads.get(subject)
                whose = head.keeper if head else keepers.get(subject, keeper)
                if not whose:
                    raise NoFinding(subject)
                before = (head.seq, head.last) if head else (0, GENESIS)
                if (own[0].seq, own[0].prev) != (before[0] + 1, before[1]):
                    raise Conflict(f"{subject}: somebody else made event {before[0]}; read its events again")
                check_chain(own[1:], own[0])
                places[subject] = (head.origin_id if head else None, whose)
                last = (own[-1].seq, own[-1].hash)
                if head:
                    went_on.append((*last, subject, *before))
                else:
                    begun.append((subject, None, whose, *last))
            sql.many(frame, sql.CHAIN, begun)
            if went_on and sql.many(frame, sql.NEXT, went_on) != len(went_on):
                raise Conflict("somebody else continued one of these chains; read their events again")
            leaf = self._recorded(frame, [(event, *places[event.subject]) for event in events])
            self._refold(frame, chains)
            self._placed(frame, clusters)
            return leaf

    def findings(self, viewer: Viewer, finding_ids: Sequence[str]) -> Mapping[str, Held]:
        """Those that the viewer sees."""
        with self._database.session(viewer):
            found = self._seen(viewer).filter(pk__in=list(finding_ids)).select_related("origin")
            heads = {row.subject: row for row in rows.FindingChain.objects.filter(pk__in=list(finding_ids))}
            return {row.pk: _held(row, heads[row.pk]) for row in found}

    def lines(self, viewer: Viewer, asked: Asked) -> tuple[Line, ...]:
        """A page of a list."""
        named = {
            "disposition": asked.disposition,
            "project": sql.column(asked.project, LINE),
            "origin__submitter": asked.submitter,
            "cluster": asked.cluster_id,
            "id__startswith": asked.prefix,
        }
        with self._database.session(viewer):
            found = self._seen(viewer).filter(**{name: value for name, value in named.items() if value})
            shown = found.filter(pk__gt=asked.after).select_related("origin").defer("canonical", "nonce")
            return tuple(_line(row) for row in shown.order_by("pk")[: asked.most])

    def quarantined(self, viewer: Viewer, after: str = "", most: int = 100) -> tuple[Quarantined, ...]:
        """Items that could not be read."""
        with self._database.session(viewer):
            found = rows.FindingItem.objects.filter(seen_origins(viewer, "origin__"), pk__gt=after).order_by("pk")
            return tuple(
                Quarantined(row.pk, row.origin_id, (), row.file, row.place, row.what, row.to_do, row.sha256)
                for row in found[:most]
            )

    def events(self, viewer: Viewer, subject: str) -> tuple[Event, ...]:
        """A subject's chain."""
        with self._database.session(viewer):
            found = rows.FindingEvent.objects.filter(seen_subjects(viewer), subject=subject).order_by("seq")
            return tuple(_event(row) for row in found)

    def heads(self, viewer: Viewer, subjects: Sequence[str]) -> Mapping[str, tuple[int, str]]:
        """The newest seq and hash of each chain."""
        with self._database.session(viewer):
            found = rows.FindingChain.objects.filter(seen_subjects(viewer), pk__in=list(subjects))
            return {row.subject: (row.seq, row.last) for row in found}

    def unreproduced(self, viewer: Viewer, submitter: str) -> int:
        """How many findings of a submitter wait."""
        with self._database.session(viewer):
            words = [str(one) for one in UNREPRODUCED]
            found = rows.FindingCount.objects.filter(seen_origins(viewer, "origin__"), word__in=words)
            return found.filter(origin__submitter=submitter).aggregate(all=Sum("number"))["all"] or 0

    def sign(self, viewer: Viewer, signatures: Sequence[Signature]) -> None:
        """Keep signatures."""
        names = [one.finding_id for one in signatures]
        with self._database.session(viewer, writing=True) as frame:
            seen = set(self._seen(viewer).filter(pk__in=names).values_list("pk", flat=True))
            if missing := set(names) - seen:
                raise NoFinding(min(missing))
            rows.FindingFunction.objects.filter(finding__in=names).delete()
            own = [(one.finding_id, sql.column(one.project, LINE)) for one in signatures]
            said = [(*key, one.exact_key, _said(one)) for key, one in zip(own, signatures, strict=True)]
            tops = [
                (*key, sql.column(name, LINE))
                for key, one in zip(own, signatures, strict=True)
                for name in one.functions
            ]
            sql.many(frame, sql.SIGNATURE, said)
            sql.many(frame, sql.FUNCTION, tops)

    def by_exact_key(self, viewer: Viewer, project: str, keys: Sequence[str]) -> tuple[Signature, ...]:
        """Signatures with one of these exact keys."""
        return self._signed(viewer, Q(project=sql.column(project, LINE), exact_key__in=list(keys)))

    def by_top_function(self, viewer: Viewer, project: str, functions: Sequence[str]) -> tuple[Signature, ...]:
        """Signatures with one of these among their top three."""
        wanted = [sql.column(name, LINE) for name in functions]
        own = rows.FindingFunction.objects.filter(project=sql.column(project, LINE), function__in=wanted)
        return self._signed(viewer, Q(pk__in=own.values("finding_id")))

    def unclustered(self, viewer: Viewer, project: str = "", most: int = BATCH) -> tuple[Signature, ...]:
        """Signatures of findings that belong in a cluster and are in none."""
        which = Q(finding__cluster="", finding__disposition__in=CLUSTERED)
        if project:
            which &= Q(project=sql.column(project, LINE))
        return self._signed(viewer, which, most)

    def new_cluster_ids(self, viewer: Viewer, count: int) -> tuple[str, ...]:
        """The next ids."""
        with self._database.session(viewer, writing=True) as frame:
            last = sql.one(frame, sql.NUMBER, (NUMBERED, count))
        return tuple(cluster_id(number) for number in range(last - count + 1, last + 1))

    def clusters(self, viewer: Viewer, cluster_ids: Sequence[str] = (), project: str = "") -> tuple[Cluster, ...]:
        """These, or those of a project, or all."""
        with self._database.session(viewer):
            found = rows.FindingCluster.objects.filter(seen_of_keeper(viewer))
            found = found.filter(pk__in=list(cluster_ids)) if cluster_ids else found
            found = found.filter(project=sql.column(project, LINE)) if project else found
            return tuple(Cluster.model_validate_json(bytes(row.record)) for row in found.order_by("pk"))

    def nonces(self, viewer: Viewer, finding_ids: Sequence[str]) -> Mapping[str, tuple[str, bytes]]:
        """The commitment of each and the bytes that open it."""
        with self._database.session(viewer):
            found = self._seen(viewer).filter(pk__in=list(finding_ids)).values_list("pk", "commitment", "nonce")
            return {name: (made, bytes(nonce)) for name, made, nonce in found}

    def commitments(self, viewer: Viewer, start: datetime, end: datetime) -> tuple[str, ...]:
        """The commitments of what came in within [start, end)."""
        with self._database.session(viewer):
            found = self._seen(viewer).filter(received_at__gte=start, received_at__lt=end)
            return tuple(found.order_by("received_at", "pk").values_list("commitment", flat=True))

    def proof(self, viewer: Viewer, subject: str, seq: int) -> Proof:
        """What shows that the record has an event."""
        with self._database.session(viewer):
            seen = rows.FindingEvent.objects.filter(seen_subjects(viewer), subject=subject, seq=seq)
            row = seen.select_related("batch").first()
            if row is None:
                raise NoFinding(subject)
            batch = row.batch
            hashes = tuple(self._house_hashes(batch.pk) if viewer.sees_all else self._own_hashes(batch.pk, batch.size))
            leaf = Leaf(batch.pk, batch.root, batch.size, batch.entry_log, batch.entry_index)
            return Proof(_event(row), row.position, path_of(hashes, row.position), leaf)

    def funnel(self, viewer: Viewer) -> Funnel:
        """The counts as the fold keeps them."""
        with self._database.session(viewer):
            found = rows.FindingCount.objects.filter(seen_origins(viewer, "origin__")).values("word")
            sums = {row["word"]: row["all"] for row in found.annotate(all=Sum("number"))}
            return self._funnel(viewer, sums, sums)

    def count(self, viewer: Viewer) -> Funnel:
        """The same, counted anew over all rows and their events."""
        with self._database.session(viewer):
            kept = rows.FindingCount.objects.filter(seen_origins(viewer, "origin__")).values("word")
            sums = {row["word"]: row["all"] for row in kept.annotate(all=Sum("number"))}
            return self._funnel(viewer, sums, self._folded(viewer))

    def shred_origin(self, viewer: Viewer, refs: Sequence[str], now: datetime) -> tuple[str, ...]:
        """Empty these origins of every fact about a model."""
        with self._database.session(viewer, writing=True):
            found = rows.FindingOrigin.objects.filter(seen_origins(viewer), pk__in=list(refs))
            known = tuple(found.order_by("pk").values_list("pk", flat=True))
            rows.FindingOrigin.objects.filter(pk__in=known, shredded_at__isnull=True).update(
                submission="", run="", facts="{}", shredded_at=now
            )
            return known

    def shredded(self, viewer: Viewer) -> tuple[str, ...]:
        """The references of origins that were shredded."""
        with self._database.session(viewer):
            found = rows.FindingOrigin.objects.filter(seen_origins(viewer), shredded_at__isnull=False)
            return tuple(found.order_by("pk").values_list("pk", flat=True))

    def origins_of(self, viewer: Viewer, submission: str) -> tuple[str, ...]:
        """The references of a submission's origins."""
        with self._database.session(viewer):
            found = rows.FindingOrigin.objects.filter(seen_origins(viewer), submission=submission or "-")
            return tuple(found.order_by("pk").values_list("pk", flat=True))

    def _seen(self, viewer: Viewer) -> QuerySet[Any]:
        return rows.Finding.objects.filter(seen_origins(viewer, "origin__"))

    def _origin_row(self, viewer: Viewer, frame: Frame, origin: Origin) -> tuple[Any, ...]:
        known = rows.FindingOrigin.objects.filter(pk=origin.ref).first()
        if known is not None:
            origin = _origin(known).merged(origin)
        elif origin.submission and rows.Submission.objects.filter(pk=origin.submission, state__in=FINAL).exists():
            origin = origin.shredded(origin.received_at)  # it was withdrawn while its findings came in
        del viewer
        facts = json.dumps({"model": origin.model, "samples": origin.samples})
        at = _instant(frame, origin.received_at)
        return (origin.ref, origin.submitter, origin.keeper, origin.submission, origin.run, facts, at)

    def _keepers(self, viewer: Viewer, refs: set[str]) -> dict[str, str]:
        seen = rows.FindingOrigin.objects.filter(seen_origins(viewer), pk__in=list(refs))
        found = dict(seen.values_list("pk", "keeper"))
        if missing := refs - found.keys():
            raise NoFinding(min(missing))
        return found

    def _take(
        self, frame: Frame, fresh: list[tuple[str, str, Received | Quarantined]], keepers: dict[str, str]
    ) -> Leaf | None:
        if not fresh:
            return None
        for _, _, item in fresh:
            check_chain(item.events)
        ends = [(name, ref, keepers[ref], item.events[-1].seq, item.events[-1].hash) for ref, name, item in fresh]
        sql.many(frame, sql.CHAIN, ends)
        sql.many(frame, sql.FINDING, [_row(frame, one) for _, _, one in fresh if isinstance(one, Received)])
        items = [one for _, _, one in fresh if isinstance(one, Quarantined)]
        sql.many(frame, sql.ITEM, [_item_row(one) for one in items])
        return self._recorded(frame, [(event, ref, keepers[ref]) for ref, _, item in fresh for event in item.events])

    def _recorded(self, frame: Frame, events: Sequence[tuple[Event, str | None, str]]) -> Leaf:
        hashes = [event.hash for event, _, _ in events]
        at = max(event.at for event, _, _ in events)
        batch, root, log, index = new_batch(self._random), root_of(hashes), 0, 0
        if self._log is not None:
            log, record = self._log()
            [receipt] = record.append([record_event(batch, root, at, self._random)])
            index = receipt.index
        sql.many(frame, sql.BATCH, [(batch, root, len(hashes), log, index, _instant(frame, at))])
        sql.many(
            frame,
            sql.EVENT,
            [
                (event.subject, event.seq, ref, keeper, str(event.type), event.canonical(), event.hash, batch, position)
                for position, (event, ref, keeper) in enumerate(events)
            ],
        )
        return Leaf(batch, root, len(hashes), log, index)

    def _refold(self, frame: Frame, chains: Mapping[str, Sequence[Event]]) -> None:
        """Move findings to where their new events lead, and the counts with them."""
        moving = [name for name, own in chains.items() if any(event.type in FOLD for event in own)]
        if not moving:
            return
        counts, moved = Counter[tuple[str, str]](), []
        for row in rows.Finding.objects.filter(pk__in=moving).only("pk", "disposition", "origin_id"):
            before = Disposition(row.disposition)
            after = fold(chains[row.pk], before)
            if after is not before:
                moved.append((str(after), row.pk))
                counts[row.origin_id, before] -= 1
                counts[row.origin_id, after] += 1
        sql.many(frame, sql.DISPOSITION, moved)
        sql.many(frame, sql.COUNT, [(*key, number) for key, number in sorted(counts.items())])

    def _placed(self, frame: Frame, clusters: Sequence[Cluster]) -> None:
        if not clusters:
            return
        named = [one.cluster_id for one in clusters]
        if rows.FindingChain.objects.filter(pk__in=named).count() != len(named):
            raise Conflict("a cluster begins with an event, and one of these has none")
        sql.many(
            frame,
            sql.CLUSTER,
            [
                (one.cluster_id, sql.column(one.project, LINE), one.keeper, one.stage, one.canonical())
                for one in clusters
            ],
        )
        members = {member.finding_id: one.cluster_id for one in clusters for member in one.members}
        rows.Finding.objects.filter(cluster__in=named).exclude(pk__in=list(members)).update(cluster="")
        sql.many(frame, sql.JOINED, [(name, member) for member, name in members.items()])

    def _signed(self, viewer: Viewer, which: Q, most: int | None = None) -> tuple[Signature, ...]:
        with self._database.session(viewer):
            found = rows.FindingSignature.objects.filter(which, seen_origins(viewer, "finding__origin__"))
            return tuple(_signature(row) for row in found.select_related("finding").order_by("pk")[:most])

    def _folded(self, viewer: Viewer) -> Counter[str]:
        found = rows.FindingEvent.objects.filter(seen_subjects(viewer), type__in=FOLDED, origin__isnull=False)
        sums, subject, where = Counter[str](), "", None
        for row in found.order_by("subject", "seq").iterator(chunk_size=5000):
            if row.subject != subject:
                if where is not None:
                    sums[where] += 1
                subject, where = row.subject, None
            where = fold((_event(row),), where)
        if where is not None:
            sums[where] += 1
        return sums

    def _funnel(self, viewer: Viewer, kept: Mapping[str, int], where: Mapping[str, int]) -> Funnel:
        by_disposition = {one: where.get(one, 0) for one in Disposition}
        inside = self._seen(viewer).exclude(cluster="").count()
        stages = rows.FindingCluster.objects.filter(seen_of_keeper(viewer)).values("stage").annotate(all=Count("pk"))
        counted = {row["stage"]: row["all"] for row in stages}
        return Funnel(kept.get(HANDED_IN, 0), kept.get(AGAIN, 0), by_disposition, inside, counted)

    def _house_hashes(self, batch: str) -> Iterable[str]:
        return rows.FindingEvent.objects.filter(batch=batch).order_by("position").values_list("hash", flat=True)

    def _own_hashes(self, batch: str, size: int) -> Iterable[str]:
        """The hashes of a batch, if the viewer has all of them: a batch is one submitter's as a rule."""
        found = tuple(self._house_hashes(batch))
        if len(found) != size:
            raise NoFinding(batch)
        return found


def _instant(frame: Frame, at: datetime) -> Any:  # noqa: ANN401 - as the database takes it
    return sql.connection_of(frame).ops.adapt_datetimefield_value(at)


def _named(item: Received | Quarantined) -> tuple[str, str]:
    if isinstance(item, Received):
        return item.finding.origin_ref, item.finding.finding_id
    return item.origin_ref, item.receipt_id


def _row(frame: Frame, item: Received) -> tuple[Any, ...]:
    finding = item.finding
    return (
        finding.finding_id,
        finding.origin_ref,
        sql.column(finding.target.project, LINE),
        sql.column(finding.claim.title, LINE),
        str(finding.claim.kind),
        str(fold(item.events)),
        _instant(frame, item.events[0].at),
        item.commitment,
        item.nonce,
        finding.canonical(),
    )


def _item_row(item: Quarantined) -> tuple[Any, ...]:
    texts = (item.file, item.where, item.what, item.to_do)
    return (item.receipt_id, item.origin_ref, *(sql.column(one, 2000) for one in texts), item.sha256)


def _origin(row: Any) -> Origin:  # noqa: ANN401 - a row
    facts = json.loads(row.facts)
    return Origin(
        row.ref,
        row.submitter,
        row.keeper,
        row.received_at,
        row.submission,
        tuple(facts.get("model", ())),
        row.run,
        tuple(facts.get("samples", ())),
        row.shredded_at,
    )


def _event(row: Any) -> Event:  # noqa: ANN401 - the same
    return Event.of(json.loads(bytes(row.event)), row.hash)


def _held(row: Any, head: Any) -> Held:  # noqa: ANN401 - the same
    return Held(
        Finding.parse(bytes(row.canonical)),
        Disposition(row.disposition),
        row.origin.submitter,
        row.origin.keeper,
        row.received_at,
        head.seq,
        head.last,
        row.cluster,
    )


def _line(row: Any) -> Line:  # noqa: ANN401 - the same
    where = Disposition(row.disposition)
    return Line(row.pk, row.project, row.title, row.kind, where, row.origin.submitter, row.received_at, row.cluster)


def _said(one: Signature) -> str:
    said = {
        "crash_line": one.crash_line,
        "functions": one.functions,
        "trace": one.trace,
        "type": one.type,
        "title": one.title,
        "project": one.project,
    }
    return json.dumps(said)


def _signature(row: Any) -> Signature:  # noqa: ANN401 - the same
    said = json.loads(row.said)
    return Signature(
        row.pk,
        said["project"],
        row.exact_key,
        said["crash_line"],
        tuple(said["functions"]),
        tuple(said["trace"]),
        said["type"],
        said["title"],
        row.finding.cluster,
    )
