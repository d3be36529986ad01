"""The contract of a challenge family. Verification is not the family's own: the gate has one path for all."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from seatrial.battery.evidence import Evidence
    from seatrial.battery.instance import Armed, Attempt, Instance, InstanceKey, Knobs, Tags
    from seatrial.battery.submission import Submission, SubmissionSpec
    from seatrial.battery.verdict import Verdict
    from seatrial.sandbox import Box, Boxes


class Family(Protocol):
    """A generator of instances with its grader.

    `generate` and `arm` are pure. `grade` replays in fresh boxes and never trusts a state of the participant's box.
    """

    id: str
    version: str  # changes whenever any byte of any instance may change
    title: str
    summary: str  # one sentence for people
    tags: Tags
    techniques: tuple[str, ...]
    intake: SubmissionSpec
    profile: Literal["standard", "tools"]
    min_isolation: int
    submissions: int  # graded submissions allowed with right/wrong feedback
    visibility: Literal["public", "private"]
    ordered_knobs: tuple[str, ...]  # numeric knobs that may only rise with the level
    # Family-specific shortcut and tool participants by name: each acts in the box and leaves files in /submission.
    participants: Mapping[str, Callable[[Box, Instance], None]]

    def knobs(self, level: int) -> Knobs:
        """Difficulty settings of a level ≥ 1, open-ended above 5."""
        ...

    def generate(self, key: InstanceKey) -> Instance:
        """The instance of a key, with its hidden half and twin; deterministic to the byte."""
        ...

    def arm(self, instance: Instance, attempt: Attempt) -> Armed:
        """The instance with one attempt's secrets; deterministic to the byte."""
        ...

    def grade(
        self, instance: Instance, armed: Armed, submission: Submission, evidence: Evidence, boxes: Boxes
    ) -> Verdict:
        """Judge a submission by replay and evidence; a fault of the grader itself raises."""
        ...

    def functional(self, instance: Instance, boxes: Boxes) -> tuple[str, ...]:
        """Run the hidden functional suite on this instance as it stands; returns what went wrong, empty when green.

        The gate calls it on the twin (must be green, and clean under the sanitizer where there is one).
        """
        ...
