"""A cluster: findings that are held to have one root cause, under an id that never changes.

- `C-000123` comes from a sequence; it is never used again or renumbered. One that was merged redirects for ever.
- It lies within one project. Every finding of it is in no other.
- Findings with one crash line are a bucket with one representative; one finding, the first, stands for the whole.
- What people decided (severity, title, not to be fixed, must-link, cannot-link) is the cluster's: who joins inherits.
- `exploited` is a mark and no stage.
"""

from __future__ import annotations

import re
from enum import StrEnum
from types import MappingProxyType
from typing import TYPE_CHECKING, Annotated

from pydantic import AwareDatetime, Field, StringConstraints

from seatrial.clearinghouse.finding import Sha256  # noqa: TC001 - a record reads the types of its fields at run time
from seatrial.clearinghouse.record import Record

if TYPE_CHECKING:
    from collections.abc import Mapping

CLUSTER_ID = re.compile(r"C-[0-9]{6,}")
ClusterId = Annotated[str, StringConstraints(pattern=r"^C-[0-9]{6,}$")]


def cluster_id(number: int) -> str:
    """The id of this number of the sequence.

    >>> cluster_id(123)
    'C-000123'
    """
    return f"C-{number:06d}"


class Stage(StrEnum):
    """How far a cluster is."""

    OPEN = "open"
    RATED = "rated"
    SIGNED_OFF = "signed_off"
    QUEUED = "queued"
    DISCLOSED = "disclosed"
    FIX_IN_PROGRESS = "fix_in_progress"
    FIXED = "fixed"
    FIX_VERIFIED = "fix_verified"
    PUBLISHED = "published"
    WONT_FIX = "wont_fix"
    DISPUTED = "disputed"
    MERGED_INTO = "merged_into"


STATES: Mapping[Stage, str] = MappingProxyType(
    {
        Stage.OPEN: "clustered",
        Stage.RATED: "rated",
        Stage.SIGNED_OFF: "signed_off",
        Stage.QUEUED: "queued",
        Stage.DISCLOSED: "reported",
        Stage.FIX_IN_PROGRESS: "fix_in_progress",
        Stage.FIXED: "fix_available",
        Stage.FIX_VERIFIED: "fix_verified",
        Stage.PUBLISHED: "advisory_published",
        Stage.WONT_FIX: "wont_fix",
        Stage.DISPUTED: "disputed",
        Stage.MERGED_INTO: "duplicate",
    }
)
"""The lifecycle's state of the finding that stands for a cluster, by the cluster's stage."""


class Member(Record):
    """A finding in a cluster: its exact key, its crash line, and whether it represents those of that line."""

    finding_id: Sha256
    exact_key: str = ""
    crash_line: str = ""
    represents: bool = False


class Root(Record):
    """What the root cause is held to be, and the commits that brought and ended it."""

    text: str = ""
    location: str = ""
    introduced_by: str = ""
    fixed_by: str = ""


class Link(StrEnum):
    """What a person decided about two exact keys."""

    MUST = "must"
    CANNOT = "cannot"


class Constraint(Record):
    """One decision by a person; it binds what comes later. `reverted` names the decision that undid it."""

    link: Link
    one: str
    other: str
    by: str
    reason: str
    decided_at: AwareDatetime
    decision: str
    reverted: str = ""


class Decision(Record):
    """One that stays with the cluster: what about (`severity`, `title`, `wont_fix`, `out_of_scope`), what, who, why."""

    about: str
    value: str
    by: str
    reason: str
    decided_at: AwareDatetime


class Ground(Record):
    """Why two things are held to be one, or not: `kind` as the step that found it names it, and what it rests on."""

    kind: str
    text: str
    findings: tuple[Sha256, ...] = ()


class Cluster(Record):
    """One root-cause hypothesis. See the module."""

    cluster_id: ClusterId
    project: str
    keeper: str
    members: tuple[Member, ...] = ()
    root: Root = Field(default_factory=Root)
    stage: Stage = Stage.OPEN
    merged_into: str = ""
    constraints: tuple[Constraint, ...] = ()
    evidence: tuple[Ground, ...] = ()
    decisions: tuple[Decision, ...] = ()
    exploited: bool = False
    ambiguous: tuple[str, ...] = ()
    """Exact keys that a split has shown to stand for more than one root."""

    @property
    def stands_for_it(self) -> str:
        """The finding that stands for the cluster in everything that people do; empty without members."""
        return self.members[0].finding_id if self.members else ""

    @property
    def mixed(self) -> bool:
        """Whether it has more than one crash line: shown with its buckets, since it may be two roots."""
        return len({member.crash_line for member in self.members}) > 1

    def decided(self, about: str) -> str:
        """What was decided last about something; empty when nothing was."""
        return next((one.value for one in reversed(self.decisions) if one.about == about), "")
