"""The sample sources of an adaptive review, driven as Inspect drives them but without boxes."""

import asyncio
from collections.abc import Coroutine
from pathlib import Path
from typing import Any, TypeVar

import pytest
from inspect_ai.dataset import Sample
from inspect_ai.log import EvalError, EvalSample, EvalSampleLimit
from inspect_ai.scorer import Score

from seatrial.evaluation.extensions._rounds import PICKED, Course, Following, LeaderEnded, Leading
from seatrial.evaluation.extensions._scorer import RECORD
from seatrial.evaluation.rounds import RoundLog
from seatrial.evaluation.rundir import RunDirectory
from support.adaptive import adaptive_run

T = TypeVar("T")


def course(path: Path, *, again: bool = False) -> Course:
    run = RunDirectory.open(path) if again else adaptive_run(path)
    return Course(RoundLog.open(run))


def samples(shared: Course) -> dict[str, Sample]:
    return {str(task): Sample(input="do it", id=str(task)) for task in shared.log.bank.task}


def ended(sample: Sample, *, verdict: str = "solved", error: str = "", limit: Any = None) -> EvalSample:  # noqa: ANN401
    """A logged sample whose score in Inspect's own terms says the contrary of the record that counts."""
    score = Score(value="I" if verdict == "solved" else "C", metadata={RECORD: {"outcome": verdict}})
    return EvalSample(
        id=sample.id or "",
        epoch=1,
        input="do it",
        target="",
        scores={"replay_grader": score} if not error and limit is None else {},
        error=EvalError(message=error, traceback="", traceback_ansi="") if error else None,
        limit=EvalSampleLimit(type=limit, limit=1) if limit else None,
    )


def run(work: Coroutine[Any, Any, T]) -> T:
    async def bounded() -> T:
        return await asyncio.wait_for(work, 20)

    return asyncio.run(bounded())


def test_a_round_is_handed_out_when_the_one_before_is_over(tmp_path: Path) -> None:
    async def review() -> list[int]:
        shared = course(tmp_path / "run")
        leader, sizes = Leading(shared, samples(shared)), []
        while (more := await leader.next_samples()) is not None:
            sizes.append(len(more))
            assert {sample.metadata[PICKED]["round"] for sample in more if sample.metadata} == {len(sizes)}
            for place, sample in enumerate(more):
                await leader.sample_complete(ended(sample, verdict="solved" if place % 2 else "unsolved"))
        assert shared.log.decisions[-1].stop
        return sizes

    sizes = run(review())
    assert sizes[0] == 6
    assert sum(sizes) <= 18


def test_outcomes_are_those_of_the_rows_and_not_inspects_scores(tmp_path: Path) -> None:
    async def review() -> list[tuple[str, float | None]]:
        shared = course(tmp_path / "run")
        leader = Leading(shared, samples(shared))
        more = await leader.next_samples() or []
        ends: list[dict[str, Any]] = [
            {},
            {"verdict": "unsolved"},
            {"verdict": "", "limit": "token"},
            {"verdict": "", "error": "RetryError(...)"},
            {"verdict": "", "limit": "custom"},
        ]
        for sample, end in zip(more, ends, strict=False):
            await leader.sample_complete(ended(sample, **end))
        await leader.sample_abandoned(more[5], 1)
        finals = [shared.log.finals[str(sample.id)] for sample in more]
        assert shared.log.over
        assert await leader.next_samples() is None
        return [(final.status, final.score) for final in finals]

    assert run(review()) == [
        ("finished", 1.0),
        ("finished", 0.0),
        ("budget", 0.0),
        ("lost", None),
        ("stopped", None),
        ("lost", None),
    ]


def test_followers_get_the_same_picks_and_end_with_the_leader(tmp_path: Path) -> None:
    async def review() -> tuple[list[str], list[str]]:
        shared = course(tmp_path / "run")
        leader, follower = Leading(shared, samples(shared)), Following(shared, samples(shared))

        async def lead() -> list[str]:
            had = []
            while (more := await leader.next_samples()) is not None:
                had += [str(sample.id) for sample in more]
                for sample in more:
                    await leader.sample_complete(ended(sample))
            return had

        async def follow() -> list[str]:
            had = []
            while (more := await follower.next_samples()) is not None:
                had += [str(sample.id) for sample in more]
            return had

        followed = asyncio.create_task(follow())
        await asyncio.sleep(0)  # the follower is there first and waits
        return await lead(), await followed

    led, followed = run(review())
    assert led == followed


def test_a_follower_of_a_broken_leader_does_not_end_as_if_complete(tmp_path: Path) -> None:
    async def review() -> None:
        shared = course(tmp_path / "run")
        follower = Following(shared, samples(shared))
        waiting = asyncio.create_task(follower.next_samples())
        await asyncio.sleep(0)
        await shared.leader_is_gone()
        await waiting

    with pytest.raises(LeaderEnded):
        run(review())


def test_after_a_kill_the_rounds_on_the_disk_come_first(tmp_path: Path) -> None:
    async def begin() -> list[str]:
        shared = course(tmp_path / "run")
        leader = Leading(shared, samples(shared))
        first = await leader.next_samples() or []
        for place, sample in enumerate(first):
            await leader.sample_complete(ended(sample, error="RetryError" if place == 0 else ""))
        second = await leader.next_samples() or []
        await leader.sample_complete(ended(second[0], error="RetryError"))
        return [str(sample.id) for sample in [*first[1:], *second]]

    async def resume() -> tuple[list[str], int]:
        shared = course(tmp_path / "run", again=True)
        leader = Leading(shared, samples(shared))
        more = await leader.next_samples() or []
        for sample in more:
            await leader.sample_complete(ended(sample))
        await leader.next_samples()
        return [str(sample.id) for sample in more], len(shared.log.decisions)

    kept = run(begin())
    assert run(resume()) == (kept, 3)  # what round 1 lost is lost; what the open round lost is tried again


def test_while_a_stop_is_under_way_nothing_is_decided_and_no_task_ends_as_complete(tmp_path: Path) -> None:
    async def review() -> None:
        shared = course(tmp_path / "run")
        leader, follower = Leading(shared, samples(shared)), Following(shared, samples(shared))
        more = await leader.next_samples() or []
        await follower.next_samples()
        shared.log.run.stop_file.write_text("paused (owner: developer): the endpoint is out of reach\n")
        for sample in more:
            await leader.sample_complete(ended(sample, error="RetryError"))
        assert not shared.log.finals
        await shared.leader_is_gone()
        for source in (leader, follower):
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(source.next_samples(), 0.1)
        assert len(shared.log.decisions) == 1

    run(review())
