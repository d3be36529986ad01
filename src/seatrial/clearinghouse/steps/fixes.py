"""What is done to a cluster's proofs beyond reproduction: on a fixed version, made smaller, along the history.

- A fix is verified when every proof that still shows it on the version it came with shows nothing on the fixed one,
  three times, and the fixed version's own tests end well where some are named. One proof that cannot be run leaves it
  open.
- A proof that shows it on a fixed version after a fix was verified is a suspected regression, for a person to look at.
- Nothing here says to anybody outside that anything is fixed.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from seatrial.clearinghouse.bisection import Bisected, bisect
from seatrial.clearinghouse.blobs import NoBlob
from seatrial.clearinghouse.cluster import Stage
from seatrial.clearinghouse.event import Actor, EventType
from seatrial.clearinghouse.finding import Compartment
from seatrial.clearinghouse.minimise import RUNS, Minimised, minimise
from seatrial.clearinghouse.replaying import BuildFailed, CannotRun
from seatrial.clearinghouse.reproduce import REPLAYS
from seatrial.clearinghouse.spread import Here, Lost
from seatrial.clearinghouse.steps.chains import Chains, retried
from seatrial.clearinghouse.steps.decisions import Refused
from seatrial.clearinghouse.steps.reproduction import bench_of, case_of

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from seatrial.clearinghouse.blobs import Blobs
    from seatrial.clearinghouse.cluster import Cluster
    from seatrial.clearinghouse.finding import Recipe
    from seatrial.clearinghouse.replaying import Case
    from seatrial.clearinghouse.spread import Spread
    from seatrial.clearinghouse.store import Store
    from seatrial.framework.viewer import Viewer

WORKER = Actor("worker:fixes", "1")
TOLD = frozenset({Stage.DISCLOSED, Stage.FIX_IN_PROGRESS, Stage.FIXED})
"""Stages that a verified fix ends; in earlier ones nobody outside knows yet, and the stage stays."""


@dataclass(frozen=True)
class Pair:
    """A finding's case as it came, and as its fixed version is: payload of a worker."""

    case: Case
    fixed: Case
    images: str = ""


@dataclass(frozen=True)
class Rechecked:
    """What a proof showed: on how many of its runs the fixed version still does, or why nothing can be said."""

    hits: int = 0
    trouble: str = ""


@dataclass(frozen=True)
class FixCheck:
    """What a check led to; findings by id.

    Attributes:
        stopped: their proofs show nothing on the fixed version.
        still: their proofs show it there.
        unsure: nothing can be said, and why.
        verified: all were stopped.
        regression: a fix was verified before, and something is shown again.
    """

    stopped: tuple[str, ...]
    still: tuple[str, ...]
    unsure: tuple[tuple[str, str], ...]
    verified: bool
    regression: bool


def recheck(pair: Pair) -> Rechecked:
    """Run one proof on both versions, in boxes of this process."""
    bench = bench_of(os.getpid(), pair.images)
    try:
        if not bench.show(pair.case, bench.build(pair.case)).shown:
            return Rechecked(trouble="it shows nothing on the version that it came with; reproduce it again")
        fixed = bench.build(pair.fixed)
        if pair.fixed.recipe.test and not bench.tests(pair.fixed, fixed):
            return Rechecked(trouble="the tests of the fixed version fail")
    except (BuildFailed, CannotRun) as error:
        return Rechecked(trouble=str(error))
    seen = [bench.show(pair.fixed, fixed, pov=pair.case.pov) for _ in range(REPLAYS)]
    hits = sum(one.shown for one in seen)
    return Rechecked(hits, "" if hits else next((one.trouble for one in seen if one.trouble), ""))


@dataclass(frozen=True)
class Fixes:
    """The proofs of a store, and where they run."""

    store: Store
    blobs: Blobs
    clock: Callable[[], datetime]
    spread: Spread = field(default_factory=Here)
    images: str = ""

    def verify(
        self, viewer: Viewer, cluster_id: str, version: str, source: bytes | None = None, recipe: Recipe | None = None
    ) -> FixCheck:
        """Run every proof of a cluster on its fixed version, and keep what that says.

        Args:
            viewer: who acts.
            cluster_id: the cluster.
            version: the fixed version, in words.
            source: a tar archive that is laid over what came with each finding.
            recipe: how the fixed version is built and run, where that is another recipe.

        Raises:
            Refused: no such cluster, or neither a source nor a recipe, or none of its findings can be run.
        """
        if source is None and recipe is None:
            raise Refused("give the fixed version: its source as a tar archive, or a recipe that builds it")
        cluster = self._cluster(viewer, cluster_id)
        ready: list[tuple[str, Pair]] = []
        unsure: dict[str, str] = {}
        for member in cluster.members:
            try:
                case = self._case(viewer, member.finding_id)
            except (CannotRun, NoBlob, ValueError) as error:
                unsure[member.finding_id] = str(error)
                continue
            archives = (*case.archives, source) if source is not None else case.archives
            fixed = replace(case, recipe=recipe or case.recipe, archives=archives, commit="" if source else case.commit)
            ready.append((member.finding_id, Pair(case, fixed, self.images)))
        if not ready:
            raise Refused(f"{cluster.cluster_id}: none of its findings has a proof that can be run")
        stopped, still = [], []
        for name, came in self.spread.run(recheck, ready):
            told = Rechecked(trouble=f"it could not be run: {came.why}") if isinstance(came, Lost) else came
            if told.hits:
                still.append(name)
            elif told.trouble:
                unsure[name] = told.trouble
            else:
                stopped.append(name)
        return self._keep(
            viewer, cluster.cluster_id, version, tuple(sorted(stopped)), tuple(sorted(still)), tuple(unsure.items())
        )

    def smaller(self, viewer: Viewer, finding_id: str, budget: int = RUNS) -> Minimised:
        """Make a finding's proof smaller; the smaller one lies beside it, in the compartment of exploits.

        Raises:
            ValueError: it cannot be run, or shows nothing.
        """
        bench, case = bench_of(os.getpid(), self.images), self._case(viewer, finding_id)
        found = minimise(bench, case, bench.build(case), budget)
        if found.pov != case.pov:
            [address] = self.blobs.put([(Compartment.EXPLOIT, found.pov)])
            body = {"pov": address, "size": len(found.pov), "runs": found.runs, "finished": found.finished}
            self._append(viewer, finding_id, EventType.MINIMISED, body)
        return found

    def introduced(self, viewer: Viewer, cluster_id: str, good: str, bad: str) -> Bisected:
        """Search the history that came with a cluster's first finding for the commit that brought it in.

        Raises:
            Refused: no such cluster.
            ValueError: it cannot be run, or the two commits do not enclose the change.
        """
        cluster = self._cluster(viewer, cluster_id)
        name = cluster.stands_for_it
        found = bisect(bench_of(os.getpid(), self.images), self._case(viewer, name), good, bad)
        body = {"finding": name, "suspects": list(found.suspects), "builds": found.builds}

        def act() -> None:
            now = self._cluster(viewer, cluster.cluster_id)
            chains = Chains.of(self.store, viewer, [now.cluster_id], WORKER, self.clock())
            chains.add(now.cluster_id, EventType.BISECTED, body)
            root = now.root.model_copy(update={"introduced_by": found.introduced_by or now.root.introduced_by})
            self.store.append(viewer, chains.made, [now.model_copy(update={"root": root})])

        retried(act)
        return found

    def _keep(
        self,
        viewer: Viewer,
        cluster_id: str,
        version: str,
        stopped: tuple[str, ...],
        still: tuple[str, ...],
        unsure: tuple[tuple[str, str], ...],
    ) -> FixCheck:
        verified = bool(stopped) and not still and not unsure

        def act() -> FixCheck:
            cluster = self._cluster(viewer, cluster_id)
            before = any(one.type is EventType.FIX_VERIFIED for one in self.store.events(viewer, cluster_id))
            regression = before and bool(still)
            chains = Chains.of(self.store, viewer, [cluster_id], WORKER, self.clock())
            body = {"version": version, "stopped": list(stopped), "still": list(still), "unsure": dict(unsure)}
            kind = EventType.FIX_VERIFIED if verified else EventType.CELL_MEASURED
            chains.add(cluster_id, EventType.REGRESSION_SUSPECTED if regression else kind, body)
            stage = Stage.FIX_VERIFIED if verified and cluster.stage in TOLD else cluster.stage
            self.store.append(viewer, chains.made, [cluster.model_copy(update={"stage": stage})])
            return FixCheck(stopped, still, unsure, verified, regression)

        return retried(act)

    def _append(self, viewer: Viewer, subject: str, kind: EventType, body: dict[str, object]) -> None:
        def act() -> None:
            chains = Chains.of(self.store, viewer, [subject], WORKER, self.clock())
            chains.add(subject, kind, body)
            self.store.append(viewer, chains.made)

        retried(act)

    def _case(self, viewer: Viewer, finding_id: str) -> Case:
        held = self.store.findings(viewer, [finding_id])
        if finding_id not in held:
            raise ValueError(f"{finding_id[:12]}: there is no such finding here")
        case = case_of(held[finding_id].finding, self.blobs)
        if not case.runnable:
            raise ValueError(f"{finding_id[:12]}: recipe.run names {{pov}}, and no proof came with it")
        return case

    def _cluster(self, viewer: Viewer, cluster_id: str) -> Cluster:
        found = self.store.clusters(viewer, [cluster_id])
        if not found:
            raise Refused(f"{cluster_id}: there is no such cluster; `seatrial findings list` shows those that you see")
        return self._cluster(viewer, found[0].merged_into) if found[0].stage is Stage.MERGED_INTO else found[0]
