"""What the checks of one verification share: the instance, its attempts, and the road to a verdict."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from seatrial.battery.draw import Draw
from seatrial.battery.instance import Attempt
from seatrial.battery.judge import Judged, judge
from seatrial.battery.stage import Stage
from seatrial.battery.submission import Submission

if TYPE_CHECKING:
    from seatrial.battery.evidence import Evidence
    from seatrial.battery.family import Family
    from seatrial.battery.instance import Armed, Instance
    from seatrial.sandbox import Boxes

# standard: every guarantee on every instance, with a drawn part of the generic hostile submissions and a few guesses
# of each free participant. full: all of them, for every commit on a small tier and for each release of a family.
Depth = Literal["standard", "full"]


SHARED = 0  # the attempt on which free participants and hostile submissions share one stage


@dataclass(frozen=True)
class Trial:
    """One verification. Attempts are numbered; their secrets follow from the seed and are used nowhere else."""

    family: Family
    instance: Instance
    boxes: Boxes
    depth: Depth = "standard"
    _armed: dict[int, Armed] = field(default_factory=dict)

    @property
    def full(self) -> bool:
        """Whether everything is tried."""
        return self.depth == "full"

    def attempt(self, number: int) -> Attempt:
        """The number-th attempt."""
        seed = self.instance.key.seed
        secret = hmac.digest(seed, b"seatrial/gate/run-secret/v1", "sha256")
        nonce = hashlib.sha256(secret + number.to_bytes(8, "big")).digest()[:16]
        return Attempt(secret, nonce, number)

    def armed(self, number: int) -> Armed:
        """The instance armed for the number-th attempt."""
        if number not in self._armed:
            self._armed[number] = self.family.arm(self.instance, self.attempt(number))
        return self._armed[number]

    def stage(self, number: int) -> AbstractContextManager[Stage]:
        """Fresh boxes for the number-th attempt."""
        return self.stage_of(self.instance, self.armed(number))

    def stage_of(self, instance: Instance, armed: Armed) -> AbstractContextManager[Stage]:
        """Fresh boxes for another instance of the family."""
        family = self.family
        return Stage.open(instance, armed, self.boxes, intake=family.intake, min_level=family.min_isolation)

    def judge(self, number: int, submission: Submission, evidence: Evidence) -> Judged:
        """The production grader's answer on an attempt of this instance."""
        return judge(self.family, self.instance, self.armed(number), submission, evidence, self.boxes)

    def draw(self, purpose: str) -> Draw:
        """A stream of the gate's own."""
        key = self.instance.key
        return Draw(
            key.seed, family=key.family, version=key.version, level=key.level, form=key.form, stream=f"gate/{purpose}"
        )

    def everywhere(self, content: bytes) -> Submission:
        """The same bytes in every file of the submission, cut at its cap."""
        return Submission({name: content[:cap] for name, cap in self.family.intake.files.items()})


@dataclass(frozen=True)
class Try:
    """Something handed in on the shared stage, under the name of who or what did it."""

    label: str
    submission: Submission


@dataclass
class Bench:
    """Grades tries of one attempt, each distinct submission once."""

    trial: Trial
    number: int
    evidence: Evidence
    _known: dict[tuple[str, tuple[tuple[str, str], ...]], Judged] = field(default_factory=dict)

    def judge(self, submission: Submission) -> Judged:
        """The verdict on a submission, remembered."""
        mark = submission.digest(), tuple(sorted(submission.refused.items()))
        if mark not in self._known:
            self._known[mark] = self.trial.judge(self.number, submission, self.evidence)
        return self._known[mark]

    def judge_all(self, tries: Iterable[Try]) -> Mapping[str, list[Judged]]:
        """Verdicts by label."""
        found: dict[str, list[Judged]] = {}
        for one in tries:
            found.setdefault(one.label, []).append(self.judge(one.submission))
        return found
