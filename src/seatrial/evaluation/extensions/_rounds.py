"""Sample sources of an adaptive review: the subject's outcomes open its next round, and the others follow.

- No rule stands here. `RoundLog.advance` decides; a source hands out what was decided and reports what came of it.
- Outcomes are classified as the final rows are, never read off Inspect's scores.
- While a stop is under way a source waits to be cancelled: a task that ended by itself would count as complete, and
  `resume` would not carry on with it.
"""

from __future__ import annotations

import asyncio
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

from inspect_ai import SampleSource

from seatrial.evaluation.extensions._reading import outcome_of
from seatrial.evaluation.extensions._sandbox import in_thread
from seatrial.evaluation.outcomes import SampleFacts, classify
from seatrial.evaluation.rounds import Final

if TYPE_CHECKING:
    from collections.abc import Mapping

    from inspect_ai.dataset import Sample
    from inspect_ai.log import EvalSample

    from seatrial.evaluation.rounds import RoundLog
    from seatrial.measurement.adaptive import Decision

PICKED = "picked"  # key of a sample's metadata: the decision that picked it


@dataclass
class Course:
    """The rounds of one review as its tasks share them in this process."""

    log: RoundLog
    leader_ended: bool = False
    news: asyncio.Condition = field(default_factory=asyncio.Condition)

    async def tell(self) -> None:
        """Wake whoever waits for a decision."""
        async with self.news:
            self.news.notify_all()

    async def leader_is_gone(self) -> None:
        """The subject's task has ended, however it ended."""
        self.leader_ended = True
        await self.tell()

    def stopping(self) -> bool:
        """Whether somebody asked the review to end."""
        return self.log.run.stop_file.exists()


class LeaderEnded(RuntimeError):
    """The subject's task broke off before its last round; the followers' tasks stay unfinished too."""


class _Rounds(SampleSource):
    """Hands out samples by instance id, each with the decision that picked it in its metadata."""

    def __init__(self, course: Course, samples: Mapping[str, Sample]) -> None:
        self.course = course
        self.samples = samples
        self.given = 0  # decisions whose samples have been handed out

    def _samples(self, *, only: frozenset[str] | None = None) -> list[Sample]:
        fresh = self.course.log.decisions[self.given :]
        self.given += len(fresh)
        return [
            self._marked(decision, task)
            for decision in fresh
            for task in decision.tasks
            if only is None or task in only
        ]

    def _marked(self, decision: Decision, task: str) -> Sample:
        sample = self.samples[task]
        sample.metadata = {**(sample.metadata or {}), PICKED: told(decision, task)}
        return sample


class Leading(_Rounds):
    """The source of the participant whose outcomes decide."""

    async def next_samples(self) -> list[Sample] | None:
        """First what the rounds on the disk still hold, then round after round until one says stop."""
        log = self.course.log
        if self.given < len(log.decisions):
            again = self._samples(only=frozenset(log.pending()))
            if again:
                return again
        if self.course.stopping():
            await _cancelled()
        if log.over:
            await self.course.tell()
            return None
        await in_thread(log.advance)
        await self.course.tell()
        return self._samples() or None

    async def sample_complete(self, sample: EvalSample) -> None:
        """A finished, failed or reused sample: its outcome, as the final rows will have it."""
        final = Final.of(str(sample.id), outcome_of(sample))
        if final.score is None and self.course.stopping():
            return  # it runs again after the pause
        await in_thread(self.course.log.note, final)

    async def sample_abandoned(self, sample: Sample, epoch: int) -> None:
        """A sample that an operator took out of the queue is lost."""
        outcome = classify(SampleFacts(error="abandoned before its first step"))
        await in_thread(self.course.log.note, Final.of(str(sample.id), outcome))


class Following(_Rounds):
    """The source of every other participant: the same picks, round after round."""

    async def next_samples(self) -> list[Sample] | None:
        """The picks that this participant has not had yet; waits for the leader's next decision."""
        log, course = self.course.log, self.course
        async with course.news:
            await course.news.wait_for(lambda: self.given < len(log.decisions) or log.over or course.leader_ended)
        fresh = self._samples()
        if fresh:
            return fresh
        if course.stopping():
            await _cancelled()
        if not log.over:
            raise LeaderEnded("the subject's task broke off; `seatrial resume` carries on")
        return None


def told(decision: Decision, task: str) -> dict[str, Any]:
    """What a sample's log says of the decision that picked it."""
    chance = dict(zip(decision.tasks, decision.chances, strict=True))[task]
    facts = {name: value for name, value in asdict(decision).items() if name not in {"tasks", "chances"}}
    return {**facts, "chance": chance}


async def _cancelled() -> None:
    """Wait for the cancellation that a stop brings."""
    await asyncio.Event().wait()
