"""Patches that came with a project's findings, measured against the proofs of its clusters, and what follows.

- Measured cells are events of the cluster whose finding brought the patch; a cell that is known is not measured again.
- A two-way agreement joins two clusters, with its evidence. Not across a decision that parts them, not two clusters
  with cases, not one that a person has signed off: those are proposed, like every one-way agreement.
- A patch that parts the proofs of its own cluster proposes a split, as a ground of the cluster; a person decides.

Findings with one build recipe and one source are measured on one build. A patch that fits another's source is measured
there too; one that does not apply says nothing.
"""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from seatrial.clearinghouse.blobs import NoBlob
from seatrial.clearinghouse.cluster import Ground, Stage
from seatrial.clearinghouse.event import Actor, EventType
from seatrial.clearinghouse.finding import ArtefactRole
from seatrial.clearinghouse.grouping import Hint, Kind, Matrix, Outcome, Patch, Proof, agreements, contradictions
from seatrial.clearinghouse.grouping.patch_matrix import change_digest
from seatrial.clearinghouse.patching import measure
from seatrial.clearinghouse.replaying import BuildFailed, CannotRun
from seatrial.clearinghouse.spread import Here, Lost
from seatrial.clearinghouse.steps.chains import Chains, retried
from seatrial.clearinghouse.steps.clustering import as_one, decided
from seatrial.clearinghouse.steps.reproduction import bench_of, case_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from datetime import datetime

    from seatrial.clearinghouse.blobs import Blobs
    from seatrial.clearinghouse.cluster import Cluster
    from seatrial.clearinghouse.finding import Finding
    from seatrial.clearinghouse.replaying import Case
    from seatrial.clearinghouse.spread import Spread
    from seatrial.clearinghouse.store import Store
    from seatrial.framework.viewer import Viewer

WORKER = Actor("worker:matrix", "1")
PROOFS = 10
"""Proofs of one cluster that are measured: those that represent a crash line first. Ten are enough to contradict."""
BY_ITSELF = frozenset({Stage.OPEN, Stage.RATED})
"""Stages in which a cluster may be joined without a person; later ones have been told to somebody."""


@dataclass(frozen=True)
class Sheet:
    """What one build recipe is measured on: payload of a worker."""

    case: Case
    patches: tuple[tuple[Patch, bytes], ...]
    proofs: tuple[tuple[Proof, bytes], ...]
    images: str = ""


@dataclass(frozen=True)
class Measured:
    """What a run led to: cells, joins (kept, gone), pairs that a person may join, clusters that may be two."""

    cells: int
    joined: tuple[tuple[str, str], ...] = ()
    proposed: tuple[tuple[str, str], ...] = ()
    parted: tuple[str, ...] = ()
    untold: tuple[str, ...] = ()
    """Why something could not be measured."""


def fill(sheet: Sheet) -> Matrix | str:
    """Measure a sheet in boxes of this process; why not, where its own source does not build."""
    try:
        return measure(bench_of(os.getpid(), sheet.images), sheet.case, sheet.patches, sheet.proofs)
    except (BuildFailed, CannotRun) as error:
        return str(error)


@dataclass(frozen=True)
class Matrices:
    """The patches and proofs of a store, and where they are measured."""

    store: Store
    blobs: Blobs
    clock: Callable[[], datetime]
    spread: Spread = field(default_factory=Here)
    images: str = ""

    def run(self, viewer: Viewer, project: str, with_case: Sequence[str] = ()) -> Measured:
        """Measure what is not known yet about a project, and act on all that is known.

        Args:
            viewer: who acts.
            project: within which clusters are compared.
            with_case: clusters that have a case.
        """
        standing = _standing(self.store, viewer, project)
        known = {(body["patch"], digest) for body in _columns(self.store, viewer, standing) for digest in body["cells"]}
        cells, untold = 0, []
        for name, filled in self.spread.run(fill, self._sheets(viewer, standing, known)):
            if isinstance(filled, Matrix):
                cells += self._keep(viewer, filled)
            else:
                untold.append(f"{name}: {filled.why if isinstance(filled, Lost) else filled}")
        matrix = recorded(self.store, viewer, standing)
        joined, proposed = self._join(viewer, agreements(matrix)[0], frozenset(with_case))
        return Measured(cells, joined, proposed, self._part(viewer, matrix), tuple(untold))

    def _sheets(
        self, viewer: Viewer, clusters: Sequence[Cluster], known: set[tuple[str, str]]
    ) -> Iterator[tuple[str, Sheet]]:
        """For each build recipe its patches that lack a cell."""
        cases: dict[str, Case] = {}
        proofs: dict[str, dict[str, tuple[Proof, bytes]]] = {}
        patches: dict[str, tuple[Patch, bytes]] = {}
        for cluster, finding in _findings(self.store, viewer, clusters):
            try:
                case = case_of(finding, self.blobs)
            except (CannotRun, NoBlob, ValueError):
                continue  # reproduction has said so
            key = _build(finding)
            cases.setdefault(key, case)
            if case.pov is not None and len(proofs.setdefault(key, {})) < PROOFS * len(clusters):
                digest = hashlib.sha256(case.pov).hexdigest()
                proofs[key].setdefault(digest, (Proof(digest, cluster.cluster_id), case.pov))
            for diff in self._patches(finding):
                patch = _patch(finding, cluster.cluster_id, diff)
                patches.setdefault(patch.sha256, (patch, diff))
        for key, case in cases.items():
            own = tuple(proofs.get(key, {}).values())
            lacking = tuple(
                one for digest, one in patches.items() if any((digest, proof.sha256) not in known for proof, _ in own)
            )
            if own and lacking:
                yield key[:12], Sheet(case, lacking, own, self.images)

    def _patches(self, finding: Finding) -> Iterator[bytes]:
        for artefact in finding.artefacts:
            if artefact.role is ArtefactRole.PATCH:
                try:
                    yield self.blobs.get(artefact.compartment, artefact.sha256)
                except NoBlob:
                    continue

    def _keep(self, viewer: Viewer, matrix: Matrix) -> int:
        """One event a patch, on its cluster, with every cell of it and of the builds without a patch."""
        control = {proof.sha256: str(cell) for proof in matrix.proofs if (cell := matrix.cells.get(("", proof.sha256)))}

        def act() -> None:
            subjects = sorted({patch.group for patch in matrix.patches})
            chains = Chains.of(self.store, viewer, subjects, WORKER, self.clock())
            for patch in matrix.patches:
                # A replay that settles nothing leaves an empty outcome, so that it is not asked for again.
                column = {
                    proof.sha256: str(matrix.cells.get((patch.sha256, proof.sha256), "")) for proof in matrix.proofs
                }
                told = {"origin": patch.origin, "content": patch.content, "tests": patch.tests}
                body = {"patch": patch.sha256, **told, "cells": column, "control": control}
                chains.add(patch.group, EventType.CELL_MEASURED, body)
            self.store.append(viewer, chains.made)

        retried(act)
        return len(matrix.patches) * len(matrix.proofs)

    def _join(
        self,
        viewer: Viewer,
        pairs: Sequence[tuple[str, str]],
        with_case: frozenset[str],
    ) -> tuple[tuple[tuple[str, str], ...], tuple[tuple[str, str], ...]]:
        joined: list[tuple[str, str]] = []
        proposed: list[tuple[str, str]] = []
        gone: dict[str, str] = {}
        for pair in pairs:
            one, other = (gone.get(name, name) for name in pair)
            if one == other:
                continue
            found = retried(lambda one=one, other=other: self._join_two(viewer, one, other, with_case))  # type: ignore[misc]
            if found is None:
                proposed.append((one, other))
            else:
                joined.append(found)
                gone = {name: found[0] if home == found[1] else home for name, home in gone.items()} | {
                    found[1]: found[0]
                }
        return tuple(joined), tuple(proposed)

    def _join_two(self, viewer: Viewer, one: str, other: str, with_case: frozenset[str]) -> tuple[str, str] | None:
        """Make two clusters one, or `None` where only a person may."""
        held = {cluster.cluster_id: cluster for cluster in self.store.clusters(viewer, [one, other])}
        first, second = held[one], held[other]
        cased = [cluster for cluster in (first, second) if cluster.cluster_id in with_case]
        everything = self.store.clusters(viewer, project=first.project)
        if (
            first.project != second.project
            or len(cased) > 1
            or not {first.stage, second.stage} <= BY_ITSELF
            or _parted(everything, first, second)
        ):
            return None
        kept = cased[0] if cased else min(first, second, key=lambda cluster: cluster.cluster_id)
        gone = second if kept is first else first
        chains = Chains.of(self.store, viewer, sorted(held), WORKER, self.clock())
        why = "patches of both, independent of one another, stop every proof of both"
        chains.add(kept.cluster_id, EventType.MERGED, {"from": gone.cluster_id, "reason": why})
        chains.add(gone.cluster_id, EventType.MERGED, {"into": kept.cluster_id, "reason": why})
        ids = tuple(sorted(member.finding_id for member in (*kept.members, *gone.members)))
        merged, redirect = as_one(kept, gone, grounds=(Ground(kind="two_way_patches", text=why, findings=ids),))
        self.store.append(viewer, chains.made, [redirect, merged])
        return kept.cluster_id, gone.cluster_id

    def _part(self, viewer: Viewer, matrix: Matrix) -> tuple[str, ...]:
        """Note for each cluster that a patch of its own parts, once, what speaks for two."""
        told = []
        for name, (stopped, still) in sorted(contradictions(matrix).items()):
            text = f"a patch of its own stops {len(stopped)} of its proofs and not {len(still)} others"

            def act(name: str = name, text: str = text, still: tuple[str, ...] = still) -> bool:
                [cluster] = self.store.clusters(viewer, [name]) or [None]
                if cluster is None or cluster.stage is Stage.MERGED_INTO:
                    return False
                held = self.store.findings(viewer, [member.finding_id for member in cluster.members])
                leavers = tuple(
                    member.finding_id
                    for member in cluster.members
                    if member.finding_id in held and _pov(held[member.finding_id].finding) in still
                )
                ground = Ground(kind="split_proposed", text=text, findings=leavers)
                if ground not in cluster.evidence:
                    chains = Chains.of(self.store, viewer, [name], WORKER, self.clock())
                    chains.add(name, EventType.CANDIDATE_PROPOSED, {"split": list(leavers), "reason": text})
                    changed = cluster.model_copy(update={"evidence": (*cluster.evidence, ground)})
                    self.store.append(viewer, chains.made, [changed])
                return True

            if retried(act):
                told.append(name)
        return tuple(told)


def recorded(store: Store, viewer: Viewer, clusters: Sequence[Cluster]) -> Matrix:
    """The matrix that earlier measurements give, by the clusters as they stand now."""
    proofs: dict[str, Proof] = {}
    group: dict[str, str] = {}
    for cluster, finding in _findings(store, viewer, clusters):
        if digest := _pov(finding):
            proofs.setdefault(digest, Proof(digest, cluster.cluster_id))
        for artefact in finding.artefacts:
            if artefact.role is ArtefactRole.PATCH:
                group.setdefault(artefact.sha256, cluster.cluster_id)
    cells: dict[tuple[str, str], Outcome] = {}
    patches: dict[str, Patch] = {}
    for body in _columns(store, viewer, clusters):
        name = body["patch"]
        if name in group:
            patches[name] = Patch(name, group[name], body["origin"], body["content"], body["tests"])
            cells |= {(name, digest): Outcome(cell) for digest, cell in body["cells"].items() if cell}
            cells |= {("", digest): Outcome(cell) for digest, cell in body["control"].items()}
    return Matrix(tuple(patches.values()), tuple(proofs.values()), cells)


def _columns(store: Store, viewer: Viewer, clusters: Sequence[Cluster]) -> Iterator[Mapping[str, Any]]:
    """What was measured of each patch, also by clusters that were merged since; a cell that is empty is not settled."""
    for cluster in store.clusters(viewer, project=clusters[0].project) if clusters else ():
        for event in store.events(viewer, cluster.cluster_id):
            if event.type is EventType.CELL_MEASURED and "patch" in event.body:
                yield event.body


def hints(store: Store, viewer: Viewer, clusters: Sequence[Cluster]) -> list[Hint]:
    """What patches say for pairs of clusters that stand apart."""
    pairs, one_way = agreements(recorded(store, viewer, clusters))
    words = "patches of both stop every proof of both; a person has to join them"
    return [*(Hint(one, other, Kind.ONE_WAY_PATCH, 2.0, words) for one, other in pairs), *one_way]


def _standing(store: Store, viewer: Viewer, project: str) -> list[Cluster]:
    return [
        one for one in store.clusters(viewer, project=project) if one.stage is not Stage.MERGED_INTO and one.members
    ]


def _findings(store: Store, viewer: Viewer, clusters: Sequence[Cluster]) -> Iterator[tuple[Cluster, Finding]]:
    """The findings that are measured of each cluster: representatives first."""
    chosen = [
        (cluster, member.finding_id)
        for cluster in clusters
        for member in sorted(cluster.members, key=lambda member: not member.represents)[:PROOFS]
    ]
    held = store.findings(viewer, [name for _, name in chosen])
    return ((cluster, held[name].finding) for cluster, name in chosen if name in held)


def _pov(finding: Finding) -> str:
    return next((one.sha256 for one in finding.artefacts if one.role is ArtefactRole.POV), "")


def _patch(finding: Finding, cluster_id: str, diff: bytes) -> Patch:
    tests = " ".join(finding.recipe.test) if finding.recipe else ""
    content = change_digest(diff.decode("utf-8", "replace"))
    return Patch(hashlib.sha256(diff).hexdigest(), cluster_id, finding.origin_ref, content, tests)


def _build(finding: Finding) -> str:
    """What two findings are built from, as one digest: recipe and source, without proof, seed and patch."""
    own = {ArtefactRole.POV, ArtefactRole.SEED, ArtefactRole.PATCH, ArtefactRole.CRASH_LOG}
    files = sorted((one.role, one.name, one.sha256) for one in finding.artefacts if one.role not in own)
    recipe = finding.recipe.fields() if finding.recipe else {}
    return hashlib.sha256(repr((recipe, files, finding.target.commit)).encode()).hexdigest()


def _parted(clusters: Sequence[Cluster], one: Cluster, other: Cluster) -> bool:
    """Whether a person put a member of one and a member of the other apart."""
    constraints = decided(clusters)
    homes = constraints.homes()
    mine = {homes.get(member.exact_key, member.exact_key) for member in one.members}
    theirs = {homes.get(member.exact_key, member.exact_key) for member in other.members}
    for link in constraints.links:
        if link.kind == "cannot":
            ends = (homes.get(link.one, link.one), homes.get(link.other, link.other))
            if (ends[0] in mine and ends[1] in theirs) or (ends[1] in mine and ends[0] in theirs):
                return True
    # Keys that a split found to say nothing have no link between them: whoever shares one was parted by hand.
    keys = {member.exact_key for member in one.members} & {member.exact_key for member in other.members} - {""}
    return any(key in constraints.ambiguous for key in keys)
