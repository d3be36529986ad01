"""Candidates go into boxes and come out with a verdict, in parallel; each verdict is an event of its own.

A payload holds all that a box needs, so that it can run on any worker, and its verdict depends on nothing else. What is
not asked again: a finding whose disposition is not `candidate` any more. A worker that died costs its payload a try;
one without sealed boxes ends the run, and says nothing about any finding.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING, Any

from seatrial.clearinghouse.blobs import NoBlob
from seatrial.clearinghouse.disposition import DISPOSITION, Disposition
from seatrial.clearinghouse.event import Actor, EventType
from seatrial.clearinghouse.finding import ArtefactRole, Finding
from seatrial.clearinghouse.grouping import trace_of
from seatrial.clearinghouse.grouping.traces import TOP
from seatrial.clearinghouse.replaying import Bench, CannotRun, Case, TreeImages
from seatrial.clearinghouse.reproduce import Verdict, reproduce, without_recipe
from seatrial.clearinghouse.spread import Here, Lost, Spread
from seatrial.clearinghouse.steps.chains import Chains, retried
from seatrial.clearinghouse.store import Asked, Signature
from seatrial.sandbox import NotSealed, SealedBoxes, Unavailable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from datetime import datetime

    from seatrial.clearinghouse.blobs import Blobs
    from seatrial.clearinghouse.store import Held, Store
    from seatrial.framework.viewer import Viewer

WORKER = Actor("worker:reproduction", "1")
ARCHIVES = ("application/x-tar", "application/gzip", "application/zip")
HARNESS = frozenset({ArtefactRole.HARNESS, ArtefactRole.ORACLE})


@dataclass(frozen=True)
class Work:
    """One finding, ready to be run anywhere: its case, the patch that came with it, and where images lie."""

    case: Case
    patch: bytes = b""
    images: str = ""


@cache
def bench_of(process: int, images: str) -> Bench:  # noqa: ARG001 - a forked process opens boxes of its own
    """Boxes of a process, and where its images lie."""
    return Bench(SealedBoxes(), TreeImages(images))


def prove(work: Work) -> Verdict | NotSealed:
    """Run one finding in boxes of this process; why none can be opened here, which says nothing about the finding."""
    try:
        return reproduce(bench_of(os.getpid(), work.images), work.case, work.patch)
    except (NotSealed, Unavailable) as error:
        return NotSealed(str(error))


@dataclass(frozen=True)
class Reproduction:
    """Candidates of a store, the bytes of their artefacts, and where the runs happen."""

    store: Store
    blobs: Blobs
    clock: Callable[[], datetime]
    spread: Spread = field(default_factory=Here)
    images: str = ""

    def waiting(self, viewer: Viewer, project: str = "") -> Iterator[str]:
        """The candidates, in the order of their ids."""
        after = ""
        while True:
            asked = Asked(disposition=Disposition.CANDIDATE, project=project, after=after, most=500)
            lines = self.store.lines(viewer, asked)
            yield from (line.finding_id for line in lines)
            if len(lines) < asked.most:
                return
            after = lines[-1].finding_id

    def run(self, viewer: Viewer, finding_ids: Sequence[str]) -> Iterator[tuple[str, Verdict]]:
        """Give each of these findings its verdict; as they are ready, each durable before it is yielded.

        Raises:
            NotSealed: a worker has no sealed boxes; what has no verdict yet stays as it is.
        """
        held = self.store.findings(viewer, finding_ids)
        ready: list[tuple[str, Work]] = []
        for name, one in held.items():
            work = self._work(one.finding)
            if isinstance(work, Verdict):
                yield name, self._keep(viewer, one, work)
            else:
                ready.append((name, work))
        for name, verdict in self.spread.run(prove, ready):
            if isinstance(verdict, NotSealed):
                raise verdict
            told = (
                Verdict(Disposition.NEEDS_ATTENTION, reason=f"it could not be run: {verdict.why}")
                if isinstance(verdict, Lost)
                else verdict
            )
            yield name, self._keep(viewer, held[name], told)

    def _work(self, finding: Finding) -> Work | Verdict:
        if finding.recipe is None:
            return without_recipe(finding.claim.kind)
        try:
            return Work(
                case_of(finding, self.blobs), _first(finding, self.blobs, ArtefactRole.PATCH) or b"", self.images
            )
        except (CannotRun, NoBlob) as error:
            return Verdict(Disposition.NEEDS_ATTENTION, reason=str(error))

    def _keep(self, viewer: Viewer, held: Held, verdict: Verdict) -> Verdict:
        """Append the verdict, and sign the finding for clustering where it belongs in a cluster."""
        name = held.finding.finding_id
        signature = signature_of(held.finding, verdict)

        def act() -> None:
            chains = Chains.of(self.store, viewer, [name], WORKER, self.clock())
            chains.add(name, EventType.REPLAYED, _body(verdict))
            with self.store.transaction(viewer):
                self.store.append(viewer, chains.made)
                if verdict.hits:
                    self.store.sign(viewer, [signature])

        retried(act)
        return verdict


def case_of(finding: Finding, blobs: Blobs) -> Case:
    """The case of a finding with a recipe. Raises `CannotRun`, `NoBlob`, and `ValueError` where it has no recipe."""
    if finding.recipe is None:
        raise ValueError(f"{finding.short}: it brought no recipe")
    files, archives = [], []
    for artefact in finding.artefacts:
        if artefact.role in HARNESS:
            content = blobs.get(artefact.compartment, artefact.sha256)
            if artefact.media_type in ARCHIVES or artefact.name.endswith((".tar", ".tar.gz", ".tgz")):
                archives.append(content)
            else:
                files.append((artefact.name.removeprefix("harness/").removeprefix("oracle/"), content))
    return Case(
        finding.recipe,
        tuple(files),
        tuple(archives),
        _first(finding, blobs, ArtefactRole.POV),
        _first(finding, blobs, ArtefactRole.SEED),
        finding.target.commit if archives else "",
    )


def signature_of(finding: Finding, verdict: Verdict) -> Signature:
    """What clustering looks the finding up by; without a trace its key is empty."""
    project, report = finding.target.project, verdict.report
    trace = trace_of(project, report) if report else None
    if report is None or trace is None:
        return Signature(finding.finding_id, project, "", "", (), title=finding.claim.title)
    top = tuple(dict.fromkeys(trace.functions[:TOP]))
    return Signature(
        finding.finding_id,
        project,
        trace.exact_key,
        trace.crash_line,
        top if trace.comparable else (),
        trace.functions,
        report.type,
        report.title,
    )


def _first(finding: Finding, blobs: Blobs, role: ArtefactRole) -> bytes | None:
    for artefact in finding.artefacts:
        if artefact.role is role:
            return blobs.get(artefact.compartment, artefact.sha256)
    return None


def _body(verdict: Verdict) -> dict[str, Any]:
    said: dict[str, Any] = {
        DISPOSITION: str(verdict.disposition),
        "hits": verdict.hits,
        "runs": verdict.runs,
        "marks": sorted(verdict.marks),
        "reason": verdict.reason,
    }
    report = verdict.report
    if report is not None:
        said["crash"] = {
            "tool": report.tool,
            "type": report.type,
            "address": report.address,
            "state": report.state,
            "crash_line": report.crash_line,
            "title": report.title,
            "trace": [frame.function or f"{frame.module}+{frame.offset}" for frame in report.trace],
        }
    return said
