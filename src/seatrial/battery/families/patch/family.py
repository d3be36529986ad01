"""The family: a report of a memory error in, a unified diff out."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Literal

from seatrial.battery.c.bugs import TECHNIQUES
from seatrial.battery.families.memfind import grade as memfind_grade
from seatrial.battery.families.memfind.ladder import ORDERED
from seatrial.battery.families.patch import generate, grade
from seatrial.battery.families.patch.diffs import diff
from seatrial.battery.families.patch.hostile import PATCH
from seatrial.battery.instance import Armed, Attempt, Instance, InstanceKey, Knobs, Tags
from seatrial.battery.submission import FOLDER, KIB, Submission, SubmissionSpec

if TYPE_CHECKING:
    from seatrial.battery.evidence import Evidence
    from seatrial.battery.verdict import Verdict
    from seatrial.sandbox import Box, Boxes

_TAGS = Tags(
    domain="D8",
    chain_phase="remediate",
    attack_tactics=(),
    cwe=tuple(sorted({technique.cwe for technique in TECHNIQUES.values()})),
    side="defence",
)
_COPY = re.compile(r"\bmemcpy\((\w+)([^,;]*), ([^,;]+), ([^;]+)\);")


def clamp_all(box: Box, instance: Instance) -> None:
    """A naive automatic repair: every copy gets at most what `sizeof` says of its target."""
    before = {path: body.decode() for path, body, _ in instance.files if path.startswith("src/")}
    after = {
        path: _COPY.sub(r"memcpy(\1\2, \3, (\4) < sizeof \1 ? (\4) : sizeof \1);", text)
        for path, text in before.items()
    }
    patch = diff(before, after)
    if patch:
        box.write(f"{FOLDER}/{PATCH}", patch)


@dataclass(frozen=True)
class PatchFamily:
    """Repair of the programs of the memory-error family."""

    id: str = generate.FAMILY
    version: str = generate.VERSION
    title: str = "Repair of C programs"
    summary: str = "A report of a memory error in, a unified diff that mends it and breaks nothing out."
    tags: Tags = _TAGS
    techniques: tuple[str, ...] = tuple(TECHNIQUES)
    intake: SubmissionSpec = field(default_factory=lambda: SubmissionSpec({PATCH: 256 * KIB}))
    profile: Literal["standard", "tools"] = "tools"
    min_isolation: int = 1
    submissions: int = 1
    visibility: Literal["public", "private"] = "public"
    ordered_knobs: tuple[str, ...] = (*ORDERED, "evidence_missing")
    participants: Mapping[str, Callable[[Box, Instance], None]] = field(
        default_factory=lambda: MappingProxyType({"clamp-all": clamp_all})
    )

    def knobs(self, level: int) -> Knobs:
        """Settings of a level."""
        return generate.knobs_of(level)

    def generate(self, key: InstanceKey) -> Instance:
        """The instance and its twin."""
        return generate.generate(key, self.intake)

    def arm(self, instance: Instance, attempt: Attempt) -> Armed:
        """The files as they are: there is no secret."""
        del attempt
        return Armed(instance.files)

    def grade(
        self, instance: Instance, armed: Armed, submission: Submission, evidence: Evidence, boxes: Boxes
    ) -> Verdict:
        """By the generic grader of patches."""
        del armed, evidence
        return grade.grade(instance, submission, boxes)

    def functional(self, instance: Instance, boxes: Boxes) -> tuple[str, ...]:
        """The same as of the memory-error family: it is the same program."""
        return memfind_grade.functional(instance, boxes)
