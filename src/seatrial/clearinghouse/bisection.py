"""The commit that brought a bug in: halving the history in boxes, by the same proof.

A commit that does not build is passed over, like `git bisect skip`; where such commits stand beside the change, several
remain, and none is named. A commit is a hint about a shared root, never a proof of one.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from seatrial.clearinghouse.replaying import BuildFailed

if TYPE_CHECKING:
    from seatrial.clearinghouse.replaying import Bench, Case


@dataclass(frozen=True)
class Bisected:
    """The commits among which the change is, oldest first (one where it is known), and how many were built."""

    suspects: tuple[str, ...]
    builds: int

    @property
    def introduced_by(self) -> str:
        """The commit that brought it in; empty where several remain."""
        return self.suspects[0] if len(self.suspects) == 1 else ""


def bisect(bench: Bench, case: Case, good: str, bad: str) -> Bisected:
    """Search between a commit that does not show it and a later one that does.

    Raises:
        ValueError: `bad` shows nothing, or `good` shows it, or a commit is not in the history.
    """
    try:
        commits = bench.commits(case, good, bad)
    except BuildFailed as error:
        raise ValueError(f"{good}..{bad}: {error}") from error
    if not commits:
        raise ValueError(f"{good}..{bad}: no commit lies between them; is {good} the older one?")
    if _shows(bench, case, commits[-1]) is not True:
        raise ValueError(f"{bad}: the proof shows nothing there")
    if _shows(bench, case, good) is True:
        raise ValueError(f"{good}: the proof shows it there already; give an older commit")
    builds = 2
    answers: dict[int, bool | None] = {len(commits) - 1: True}
    low, high = -1, len(commits) - 1  # `low` shows nothing, `high` shows it
    while True:
        middle = _next(low, high, answers)
        if middle is None:
            return Bisected(tuple(commits[low + 1 : high + 1]), builds)
        answers[middle] = _shows(bench, case, commits[middle])
        builds += 1
        if answers[middle] is True:
            high = middle
        elif answers[middle] is False:
            low = middle


def _next(low: int, high: int, answers: dict[int, bool | None]) -> int | None:
    """The commit nearest to the middle that was not tried."""
    centre = (low + high) / 2
    open_ = [number for number in range(low + 1, high) if number not in answers]
    return min(open_, key=lambda number: (abs(number - centre), number), default=None)


def _shows(bench: Bench, case: Case, commit: str) -> bool | None:
    """Whether a commit shows it; `None` where it does not build."""
    try:
        built = bench.build(case, commit=commit)
    except BuildFailed:
        return None
    return bench.show(case, built).shown
