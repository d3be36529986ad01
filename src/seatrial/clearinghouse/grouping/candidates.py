"""Groups that may share a root cause, for a person to look at: proposed with their evidence, never joined here.

Stacks alone find few of the duplicates that remain, and one commit that introduced two bugs proves nothing; so each
hint is shown with what speaks for it, strongest kind first, and a declined pair comes back only with new evidence.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from itertools import combinations
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence

Shared = TypeVar("Shared", bound="Hashable")

MOST = 5
"""Proposals for one group: more is a list that nobody reads."""
ROLL_UP = 20
"""A commit that introduced more groups than this brought a whole tree with it and says nothing about pairs."""
NEAR = 0.5
"""Largest distance of two groups' nearest traces that is worth a look."""
ALIKE = 0.5
"""Least similarity of two texts (Jaccard, of runs of three words)."""


class Kind(IntEnum):
    """What speaks for a pair, strongest first."""

    ONE_WAY_PATCH = 1
    SAME_FIX = 2
    SAME_INTRODUCTION_AND_FRAME = 3
    SAME_INTRODUCTION_AND_TYPE = 4
    NEAR_TRACES = 5
    SAME_WEAKNESS_AND_PLACE = 6
    ALIKE_TEXT = 7


@dataclass(frozen=True, slots=True)
class Hint:
    """One piece of evidence for a pair of groups: its kind, its weight within the kind (higher first), its words."""

    one: str
    other: str
    kind: Kind
    weight: float
    words: str

    @property
    def pair(self) -> tuple[str, str]:
        """The two groups, the lower id first."""
        return (self.one, self.other) if self.one < self.other else (self.other, self.one)


@dataclass(frozen=True, slots=True)
class Candidate:
    """A pair of groups that may be one, with everything that speaks for it, strongest first."""

    one: str
    other: str
    hints: tuple[Hint, ...]


@dataclass(frozen=True)
class Profile:
    """What is known about one group beside its traces; empty where nothing is.

    `places` are (CWE, file, function) of its claims; `functions` those of its members' kept frames.
    """

    group: str
    type_words: frozenset[str] = frozenset()
    functions: frozenset[str] = frozenset()
    introduced_by: str = ""
    fixed_by: str = ""
    fix_hunks: frozenset[tuple[str, int]] = frozenset()
    places: frozenset[tuple[int, str, str]] = frozenset()


def hints_of(profiles: Sequence[Profile]) -> list[Hint]:
    """Hints from fixes, introductions and places. Pairs are found by what they share, not by comparing everything."""
    hints = []
    for commit, some in _sharing(profiles, lambda profile: _one(profile.fixed_by)).items():
        hints += [_hint(a, b, Kind.SAME_FIX, 2.0, f"both fixed by {commit}") for a, b in combinations(some, 2)]
    overlapping: dict[tuple[str, str], list[tuple[str, int]]] = {}
    for hunk, some in _sharing(profiles, lambda profile: profile.fix_hunks).items():
        for a, b in combinations(some, 2):
            if not a.fixed_by or a.fixed_by != b.fixed_by:
                overlapping.setdefault((a.group, b.group), []).append(hunk)
    for (one, other), hunks in overlapping.items():
        file, line = min(hunks)
        hints.append(Hint(one, other, Kind.SAME_FIX, 1.0, f"their fixes overlap at {file}:{line}"))
    for commit, some in _sharing(profiles, lambda profile: _one(profile.introduced_by)).items():
        if len(some) <= ROLL_UP:
            hints += [hint for a, b in combinations(some, 2) for hint in _introduced(commit, a, b)]
    for (weakness, file, function), some in _sharing(profiles, lambda profile: profile.places).items():
        place = f"{file}, {function}" if function else file
        words = f"both claim CWE-{weakness} in {place}"
        hints += [_hint(a, b, Kind.SAME_WEAKNESS_AND_PLACE, 1.0, words) for a, b in combinations(some, 2)]
    return hints


def near(one: str, other: str, distance: float) -> Hint | None:
    """The hint of two groups whose nearest traces are at `distance`, where that is worth a look."""
    if not distance <= NEAR:
        return None
    return Hint(one, other, Kind.NEAR_TRACES, 1.0 - distance, f"their nearest traces are at distance {distance:.2f}")


def candidates(
    hints: Iterable[Hint], declined: Mapping[tuple[str, str], frozenset[str]] | None = None
) -> list[Candidate]:
    """Pairs to show, strongest first, at most `MOST` for any group.

    Args:
        hints: in any order; the same hint twice counts once.
        declined: for pairs (lower id first) that a person declined, the words of the evidence seen then.
    """
    seen = declined or {}
    by_pair: dict[tuple[str, str], set[Hint]] = {}
    for hint in hints:
        by_pair.setdefault(hint.pair, set()).add(hint)
    ranked = []
    for pair, some in by_pair.items():
        ordered = sorted(some, key=lambda hint: (hint.kind, -hint.weight, hint.words))
        if not {hint.words for hint in ordered} <= seen.get(pair, frozenset()):
            ranked.append(Candidate(*pair, tuple(ordered)))
    ranked.sort(
        key=lambda candidate: (
            candidate.hints[0].kind,
            -len(candidate.hints),
            -candidate.hints[0].weight,
            candidate.one,
            candidate.other,
        )
    )
    shown: list[Candidate] = []
    count: dict[str, int] = {}
    for candidate in ranked:
        if max(count.get(candidate.one, 0), count.get(candidate.other, 0)) < MOST:
            shown.append(candidate)
            for group in (candidate.one, candidate.other):
                count[group] = count.get(group, 0) + 1
    return shown


def _introduced(commit: str, a: Profile, b: Profile) -> list[Hint]:
    frames = sorted(a.functions & b.functions)
    types = sorted(a.type_words & b.type_words)
    hints = []
    if frames:
        words = f"both introduced by {commit}, both through {frames[0]}"
        hints.append(_hint(a, b, Kind.SAME_INTRODUCTION_AND_FRAME, len(frames), words))
    if types:
        words = f"both introduced by {commit}, both {types[0]}"
        hints.append(_hint(a, b, Kind.SAME_INTRODUCTION_AND_TYPE, len(types), words))
    return hints


def _one(commit: str) -> tuple[str, ...]:
    return (commit,) if commit else ()


def _hint(a: Profile, b: Profile, kind: Kind, weight: float, words: str) -> Hint:
    return Hint(a.group, b.group, kind, weight, words)


def _sharing(profiles: Sequence[Profile], what: Callable[[Profile], Iterable[Shared]]) -> dict[Shared, list[Profile]]:
    """Profiles by what they share, where at least two do; sorted by group, so that pairs come lower id first."""
    found: dict[Shared, list[Profile]] = {}
    for profile in sorted(profiles, key=lambda profile: profile.group):
        for shared in what(profile):
            found.setdefault(shared, []).append(profile)
    return {shared: some for shared, some in found.items() if len(some) > 1}
