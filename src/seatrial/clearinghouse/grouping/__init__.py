"""Crashes that probably share a root cause, put together; what people decide about them is kept: the catalogue."""

from seatrial.clearinghouse.grouping import pdm
from seatrial.clearinghouse.grouping.candidates import Candidate, Hint, Kind, Profile, candidates, hints_of, near
from seatrial.clearinghouse.grouping.clustering import Clustering, Group, cluster, cluster_traces
from seatrial.clearinghouse.grouping.constraints import Constraints, Contradiction, Link
from seatrial.clearinghouse.grouping.incremental import Drift, Joined, Standing, drift, place
from seatrial.clearinghouse.grouping.patch_matrix import Matrix, Outcome, Patch, Proof, agreements, contradictions
from seatrial.clearinghouse.grouping.traces import Trace, trace_of

__all__ = [
    "Candidate",
    "Clustering",
    "Constraints",
    "Contradiction",
    "Drift",
    "Group",
    "Hint",
    "Joined",
    "Kind",
    "Link",
    "Matrix",
    "Outcome",
    "Patch",
    "Profile",
    "Proof",
    "Standing",
    "Trace",
    "agreements",
    "candidates",
    "cluster",
    "cluster_traces",
    "contradictions",
    "drift",
    "hints_of",
    "near",
    "pdm",
    "place",
    "trace_of",
]
