"""A store in memory: for tests, for one-off commands, and as the plainest reading of `store.Store`."""

from __future__ import annotations

import secrets
import threading
from collections import Counter
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from itertools import islice
from typing import TYPE_CHECKING

from seatrial.clearinghouse.cluster import cluster_id
from seatrial.clearinghouse.disposition import CLUSTERED, UNREPRODUCED, Disposition, fold
from seatrial.clearinghouse.event import GENESIS, Event, check_chain
from seatrial.clearinghouse.funnel import Funnel
from seatrial.clearinghouse.leaf import new_batch, path_of, record_event, root_of
from seatrial.clearinghouse.store import (
    BATCH,
    Conflict,
    Held,
    Leaf,
    Line,
    NoFinding,
    Proof,
    Quarantined,
    Received,
    Taken,
    sees,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
    from datetime import datetime

    from seatrial.clearinghouse.cluster import Cluster
    from seatrial.clearinghouse.origin import Origin
    from seatrial.clearinghouse.store import Asked, Batch, Signature
    from seatrial.framework.viewer import Viewer
    from seatrial.ledger.log import Log


@dataclass
class _Rows:
    origins: dict[str, Origin] = field(default_factory=dict)
    received: dict[str, Received] = field(default_factory=dict)
    unreadable: dict[str, Quarantined] = field(default_factory=dict)
    disposition: dict[str, Disposition] = field(default_factory=dict)
    chains: dict[str, tuple[Event, ...]] = field(default_factory=dict)
    keepers: dict[str, str] = field(default_factory=dict)
    clusters: dict[str, Cluster] = field(default_factory=dict)
    in_cluster: dict[str, str] = field(default_factory=dict)
    signatures: dict[str, Signature] = field(default_factory=dict)
    batches: dict[str, tuple[Leaf, tuple[Event, ...]]] = field(default_factory=dict)
    counts: Counter[tuple[str, str]] = field(default_factory=Counter)

    def copy(self) -> _Rows:
        return _Rows(**{name: value.copy() for name, value in vars(self).items()})


HANDED_IN, AGAIN = "handed_in", "again"


class MemoryStore:
    """A `Store`. One transaction at a time; an error inside takes all of it back."""

    def __init__(
        self,
        developers: frozenset[str] = frozenset(),
        log: Log | None = None,
        random: Callable[[int], bytes] = secrets.token_bytes,
    ) -> None:
        """`developers`: organisations that are developers, and so see no other's findings. `log`: the record."""
        self._developers = developers
        self._log = log
        self._random = random
        self._rows = _Rows()
        self._lock = threading.RLock()
        self._depth = 0
        self._last_cluster = 0

    @contextmanager
    def transaction(self, viewer: Viewer) -> Iterator[None]:  # noqa: ARG002 - the protocol's: rows are a viewer's
        """Calls inside are one transaction."""
        with self._lock:
            before = self._rows.copy() if not self._depth else None
            self._depth += 1
            try:
                yield
            except BaseException:
                if before is not None:
                    self._rows = before
                raise
            finally:
                self._depth -= 1

    def origin_of(self, viewer: Viewer, submitter: str, run: str) -> Origin | None:
        """The origin of this submitter and run."""
        wanted = (submitter, run, None)
        own = (one for one in self._rows.origins.values() if (one.submitter, one.run, one.shredded_at) == wanted)
        return next((one for one in own if self._sees(viewer, one.ref)), None)

    def put_findings(self, viewer: Viewer, batch: Batch) -> Taken:
        """Take a batch in."""
        with self.transaction(viewer):
            for origin in batch.origins:
                self._rows.origins[origin.ref] = self._rows.origins.get(origin.ref, origin).merged(origin)
            ids, again, fresh = [], list[bool](), list[Event]()
            for item in batch.items:
                ref, name = _named(item)
                if ref not in self._rows.origins or not self._sees(viewer, ref):
                    raise NoFinding(ref)
                ids.append(name)
                self._rows.counts[ref, HANDED_IN] += 1
                again.append(name in self._rows.chains)
                if again[-1]:
                    self._rows.counts[ref, AGAIN] += 1
                    continue
                fresh += item.events
                self._take(ref, name, item)
            leaf = self._recorded(fresh) if fresh else None
        return Taken(tuple(ids), tuple(again), leaf)

    def append(
        self, viewer: Viewer, events: Sequence[Event], clusters: Sequence[Cluster] = (), keeper: str = ""
    ) -> Leaf:
        """Continue chains."""
        with self.transaction(viewer):
            self._rows.keepers |= {one.cluster_id: one.keeper for one in clusters}
            for event in events:
                self._continue(viewer, event, keeper)
            for cluster in clusters:
                self._place(cluster)
            return self._recorded(events)

    def findings(self, viewer: Viewer, finding_ids: Sequence[str]) -> Mapping[str, Held]:
        """Those that the viewer sees."""
        return {name: self._held(name) for name in finding_ids if self._seen_finding(viewer, name)}

    def lines(self, viewer: Viewer, asked: Asked) -> tuple[Line, ...]:
        """A page of a list."""
        seen = (self._held(name) for name in sorted(self._rows.received) if self._seen_finding(viewer, name))
        fitting = [_line(held) for held in seen if _fits(held, asked)]
        return tuple(fitting[: asked.most])

    def quarantined(self, viewer: Viewer, after: str = "", most: int = 100) -> tuple[Quarantined, ...]:
        """Items that could not be read."""
        own = (one for _, one in sorted(self._rows.unreadable.items()) if self._sees(viewer, one.origin_ref))
        return tuple([replace(one, events=()) for one in own if one.receipt_id > after][:most])

    def events(self, viewer: Viewer, subject: str) -> tuple[Event, ...]:
        """A subject's chain."""
        return self._rows.chains.get(subject, ()) if self._seen_subject(viewer, subject) else ()

    def heads(self, viewer: Viewer, subjects: Sequence[str]) -> Mapping[str, tuple[int, str]]:
        """The newest seq and hash of each chain."""
        chains = {name: self.events(viewer, name) for name in subjects}
        return {name: (chain[-1].seq, chain[-1].hash) for name, chain in chains.items() if chain}

    def unreproduced(self, viewer: Viewer, submitter: str) -> int:
        """How many findings of a submitter wait."""
        counted = self._rows.counts.items()
        return sum(
            number
            for (ref, word), number in counted
            if word in UNREPRODUCED and self._rows.origins[ref].submitter == submitter and self._sees(viewer, ref)
        )

    def sign(self, viewer: Viewer, signatures: Sequence[Signature]) -> None:
        """Keep signatures."""
        with self.transaction(viewer):
            for one in signatures:
                if not self._seen_finding(viewer, one.finding_id):
                    raise NoFinding(one.finding_id)
                self._rows.signatures[one.finding_id] = replace(one, cluster_id="")

    def by_exact_key(self, viewer: Viewer, project: str, keys: Sequence[str]) -> tuple[Signature, ...]:
        """Signatures with one of these exact keys."""
        return self._signed(viewer, project, lambda one: one.exact_key in keys)

    def by_top_function(self, viewer: Viewer, project: str, functions: Sequence[str]) -> tuple[Signature, ...]:
        """Signatures with one of these among their top three."""
        wanted = set(functions)
        return self._signed(viewer, project, lambda one: not wanted.isdisjoint(one.functions))

    def unclustered(self, viewer: Viewer, project: str = "", most: int = BATCH) -> tuple[Signature, ...]:
        """Signatures of findings that belong in a cluster and are in none."""
        waiting = (
            one
            for name, one in sorted(self._rows.signatures.items())
            if name not in self._rows.in_cluster and self._rows.disposition[name] in CLUSTERED
        )
        seen = (one for one in waiting if project in {"", one.project} and self._seen_finding(viewer, one.finding_id))
        return tuple(islice(seen, most))

    def new_cluster_ids(self, viewer: Viewer, count: int) -> tuple[str, ...]:  # noqa: ARG002 - the protocol's
        """The next ids."""
        with self._lock:
            first, self._last_cluster = self._last_cluster + 1, self._last_cluster + count
        return tuple(cluster_id(number) for number in range(first, first + count))

    def clusters(self, viewer: Viewer, cluster_ids: Sequence[str] = (), project: str = "") -> tuple[Cluster, ...]:
        """These, or those of a project, or all."""
        names = sorted(cluster_ids) if cluster_ids else sorted(self._rows.clusters)
        found = [self._rows.clusters[name] for name in names if name in self._rows.clusters]
        seen = (one for one in found if sees(viewer, "", one.keeper, rival=self._rival(viewer)))
        return tuple(one for one in seen if project in ("", one.project))

    def nonces(self, viewer: Viewer, finding_ids: Sequence[str]) -> Mapping[str, tuple[str, bytes]]:
        """The commitment of each and the bytes that open it."""
        seen = [self._rows.received[name] for name in finding_ids if self._seen_finding(viewer, name)]
        return {one.finding.finding_id: (one.commitment, one.nonce) for one in seen}

    def commitments(self, viewer: Viewer, start: datetime, end: datetime) -> tuple[str, ...]:
        """The commitments of what came in within [start, end)."""
        came = (
            (one.events[0].at, one.finding.finding_id, one.commitment)
            for one in self._rows.received.values()
            if self._seen_finding(viewer, one.finding.finding_id)
        )
        return tuple(commitment for at, _, commitment in sorted(came) if start <= at < end)

    def proof(self, viewer: Viewer, subject: str, seq: int) -> Proof:
        """What shows that the record has an event."""
        event = next((one for one in self.events(viewer, subject) if one.seq == seq), None)
        if event is None:
            raise NoFinding(subject)
        leaf, events = next(found for found in self._rows.batches.values() if event in found[1])
        if not all(self._seen_subject(viewer, one.subject) for one in events):
            raise NoFinding(subject)
        position = events.index(event)
        return Proof(event, position, path_of([one.hash for one in events], position), leaf)

    def funnel(self, viewer: Viewer) -> Funnel:
        """The counts as the fold keeps them."""
        sums = Counter[str]()
        for (ref, word), number in self._rows.counts.items():
            if self._sees(viewer, ref):
                sums[word] += number
        return self._funnel(viewer, sums[HANDED_IN], sums[AGAIN], sums)

    def count(self, viewer: Viewer) -> Funnel:
        """The same, counted anew."""
        names = [*self._rows.received, *self._rows.unreadable]
        sums = Counter[str](fold(self._rows.chains[name]) for name in names if self._seen_subject(viewer, name))
        kept = self.funnel(viewer)
        return self._funnel(viewer, kept.handed_in, kept.again, sums)

    def shred_origin(self, viewer: Viewer, refs: Sequence[str], now: datetime) -> tuple[str, ...]:
        """Empty these origins of every fact about a model."""
        with self.transaction(viewer):
            known = [ref for ref in refs if ref in self._rows.origins and self._sees(viewer, ref)]
            for ref in known:
                self._rows.origins[ref] = self._rows.origins[ref].shredded(now)
        return tuple(known)

    def shredded(self, viewer: Viewer) -> tuple[str, ...]:
        """The references of origins that were shredded."""
        gone = (one.ref for one in self._rows.origins.values() if one.shredded_at is not None)
        return tuple(ref for ref in gone if self._sees(viewer, ref))

    def origins_of(self, viewer: Viewer, submission: str) -> tuple[str, ...]:
        """The references of a submission's origins."""
        own = (one.ref for one in self._rows.origins.values() if submission and one.submission == submission)
        return tuple(ref for ref in own if self._sees(viewer, ref))

    def _take(self, ref: str, name: str, item: Received | Quarantined) -> None:
        check_chain(item.events)
        where = fold(item.events)
        if isinstance(item, Received):
            self._rows.received[name] = item
        else:
            self._rows.unreadable[name] = item
        self._rows.chains[name], self._rows.disposition[name] = item.events, where
        self._rows.counts[ref, where] += 1

    def _continue(self, viewer: Viewer, event: Event, keeper: str) -> None:
        subject, chain = event.subject, self._rows.chains.get(event.subject, ())
        if not chain and subject not in self._rows.keepers:
            if not keeper:
                raise NoFinding(subject)
            self._rows.keepers[subject] = keeper
        if not self._seen_subject(viewer, subject):
            raise NoFinding(subject)
        follows = (chain[-1].seq + 1, chain[-1].hash) if chain else (1, GENESIS)
        if (event.seq, event.prev) != follows:
            raise Conflict(f"{subject}: somebody else made event {follows[0] - 1}; read its events again")
        self._rows.chains[subject] = (*chain, event)
        if subject in self._rows.disposition:
            before = self._rows.disposition[subject]
            after = self._rows.disposition[subject] = fold((event,), before)
            ref = self._ref(subject)
            self._rows.counts[ref, before] -= 1
            self._rows.counts[ref, after] += 1

    def _place(self, cluster: Cluster) -> None:
        name = cluster.cluster_id
        if name not in self._rows.chains:
            raise Conflict(f"{name}: a cluster begins with an event")
        members = {member.finding_id for member in cluster.members}
        for other in [one for one, at in self._rows.in_cluster.items() if at == name and one not in members]:
            del self._rows.in_cluster[other]
        self._rows.in_cluster |= dict.fromkeys(members, name)
        self._rows.clusters[name] = cluster

    def _recorded(self, events: Iterable[Event]) -> Leaf:
        events = tuple(events)
        hashes = [event.hash for event in events]
        batch, root = new_batch(self._random), root_of(hashes)
        index = 0
        if self._log is not None and hashes:
            at = max(event.at for event in events)
            [receipt] = self._log.append([record_event(batch, root, at, self._random)])
            index = receipt.index
        leaf = Leaf(batch, root, len(hashes), 1, index)
        self._rows.batches[batch] = (leaf, events)
        return leaf

    def _held(self, name: str) -> Held:
        item, chain = self._rows.received[name], self._rows.chains[name]
        origin = self._rows.origins[item.finding.origin_ref]
        return Held(
            item.finding,
            self._rows.disposition[name],
            origin.submitter,
            origin.keeper,
            chain[0].at,
            chain[-1].seq,
            chain[-1].hash,
            self._rows.in_cluster.get(name, ""),
        )

    def _signed(self, viewer: Viewer, project: str, fits: Callable[[Signature], bool]) -> tuple[Signature, ...]:
        found = (one for one in self._rows.signatures.values() if one.project == project and fits(one))
        seen = sorted((one for one in found if self._seen_finding(viewer, one.finding_id)), key=_finding_id)
        return tuple(replace(one, cluster_id=self._rows.in_cluster.get(one.finding_id, "")) for one in seen)

    def _funnel(self, viewer: Viewer, handed_in: int, again: int, sums: Mapping[str, int]) -> Funnel:
        by_disposition = {one: sums.get(one, 0) for one in Disposition}
        seen = [name for name in self._rows.in_cluster if self._seen_finding(viewer, name)]
        stages = Counter(str(one.stage) for one in self.clusters(viewer))
        return Funnel(handed_in, again, by_disposition, len(seen), stages)

    def _ref(self, subject: str) -> str:
        item = self._rows.received.get(subject)
        return item.finding.origin_ref if item else self._rows.unreadable[subject].origin_ref

    def _rival(self, viewer: Viewer) -> bool:
        return viewer.organisation in self._developers

    def _sees(self, viewer: Viewer, ref: str) -> bool:
        origin = self._rows.origins.get(ref)
        if origin is None:
            return False
        return sees(viewer, origin.submitter, origin.keeper, origin.submission, rival=self._rival(viewer))

    def _seen_finding(self, viewer: Viewer, name: str) -> bool:
        return name in self._rows.received and self._sees(viewer, self._ref(name))

    def _seen_subject(self, viewer: Viewer, subject: str) -> bool:
        if subject in self._rows.disposition:
            return self._sees(viewer, self._ref(subject))
        keeper = self._rows.keepers.get(subject, "")
        return bool(keeper) and sees(viewer, "", keeper, rival=self._rival(viewer))


def _named(item: Received | Quarantined) -> tuple[str, str]:
    if isinstance(item, Received):
        return item.finding.origin_ref, item.finding.finding_id
    return item.origin_ref, item.receipt_id


def _finding_id(signature: Signature) -> str:
    return signature.finding_id


def _line(held: Held) -> Line:
    claim = held.finding.claim
    return Line(
        held.finding.finding_id,
        held.finding.target.project,
        claim.title,
        claim.kind,
        held.disposition,
        held.submitter,
        held.received_at,
        held.cluster_id,
    )


def _fits(held: Held, asked: Asked) -> bool:
    name = held.finding.finding_id
    return (
        name > asked.after
        and name.startswith(asked.prefix)
        and asked.disposition in ("", held.disposition)
        and asked.project in ("", held.finding.target.project)
        and asked.submitter in ("", held.submitter)
        and asked.cluster_id in ("", held.cluster_id)
    )
