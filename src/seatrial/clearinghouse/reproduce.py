"""Whether a finding is true: shown again by somebody who did not find it, in boxes that were never used before.

The finder's logs count for nothing here. Controls come first: an empty input and an ordinary one must show nothing, or
the harness is broken and nothing can be shown with it. Then three replays, compared by signature:

- 3 of 3: `reproduced`, marked `unstable_signature` where type or state differ;
- 1 or 2 of 3: seven more; `flaky`, kept as a hit with its k of 10;
- 0 of 3: `not_reproduced`.

A patch that came with it is the negative control: on its build nothing may be shown. One that does not stop its own
proof is marked, and the finding stays true. Where no crash is claimed an oracle says what happened; without one a
person is needed, and nobody guesses.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from seatrial.clearinghouse.disposition import Disposition
from seatrial.clearinghouse.finding import ClaimKind, Expect
from seatrial.clearinghouse.replaying import BuildFailed, CannotRun

if TYPE_CHECKING:
    from seatrial.clearinghouse.crash import CrashReport
    from seatrial.clearinghouse.replaying import Bench, Built, Case, Shown

REPLAYS = 3
MORE = 7
CRASHING = frozenset({ClaimKind.MEMORY, ClaimKind.RACE, ClaimKind.DOS})
"""Kinds that a machine can show without being told how to see them."""


@dataclass(frozen=True)
class Verdict:
    """What became of a finding in its boxes.

    Attributes:
        disposition: where it goes.
        hits: runs that showed it.
        runs: replays of the proof, controls not counted.
        marks: `unstable_signature`, `finder_harness`, `patch_does_not_stop`, `patch_does_not_build`, `no_control`,
            `stated_by_target`, `no_report`, `oracle`.
        report: the crash with symbols, where one was shown.
        reason: in words, for people: what was seen, or why nothing was run.
    """

    disposition: Disposition
    hits: int = 0
    runs: int = 0
    marks: frozenset[str] = frozenset()
    report: CrashReport | None = None
    reason: str = ""


def without_recipe(kind: ClaimKind) -> Verdict:
    """The verdict on a finding that brought nothing to run: a person has to look, and at what depends on its kind."""
    if kind in CRASHING:
        return Verdict(Disposition.NEEDS_ATTENTION, reason="it claims a crash and brought no recipe to show it")
    return Verdict(Disposition.NEEDS_ORACLE, reason="it claims no crash; it needs an oracle, or two reviewers")


def reproduce(bench: Bench, case: Case, patch: bytes = b"") -> Verdict:
    """Build, control, replay and compare; see the module. Raises what opening a box raises (`NotSealed`, ...)."""
    marks: set[str] = {"finder_harness"} if case.files else set()
    if not case.runnable:
        reason = "recipe.run names {pov}, and no proof came with the finding"
        return Verdict(Disposition.NEEDS_ATTENTION, marks=frozenset(marks), reason=reason)
    try:
        built = bench.build(case)
    except CannotRun as error:
        return Verdict(Disposition.NEEDS_ATTENTION, marks=frozenset(marks), reason=str(error))
    except BuildFailed as error:
        return Verdict(Disposition.HARNESS_BROKEN, marks=frozenset(marks), reason=str(error))
    if case.recipe.expect is Expect.ORACLE:
        marks.add("oracle")
    broken = _controls(bench, case, built, marks)
    if broken:
        return Verdict(Disposition.HARNESS_BROKEN, marks=frozenset(marks), reason=broken)
    seen = [bench.show(case, built) for _ in range(REPLAYS)]
    if any(one.shown for one in seen) and not all(one.shown for one in seen):
        seen += [bench.show(case, built) for _ in range(MORE)]
    return _verdict(bench, case, built, patch, seen, marks)


def _controls(bench: Bench, case: Case, built: Built, marks: set[str]) -> str:
    """What is wrong with the harness, or nothing."""
    inputs = [("an empty input", b""), *([("the ordinary input", case.seed)] if case.seed is not None else [])]
    tried = [(name, content) for name, content in inputs if content != (case.pov or b"")]
    if not tried:
        marks.add("no_control")
    for name, content in tried:
        if bench.show(case, built, pov=content).shown:
            return f"{name} shows it as well, so nothing can be shown with this harness"
    return ""


def _verdict(bench: Bench, case: Case, built: Built, patch: bytes, seen: list[Shown], marks: set[str]) -> Verdict:
    hits = [one for one in seen if one.shown]
    trouble = next((one.trouble for one in seen if one.trouble), "")
    if not hits:
        where = Disposition.NEEDS_ATTENTION if trouble else Disposition.NOT_REPRODUCED
        reason = trouble or f"nothing was shown in {len(seen)} fresh boxes"
        return Verdict(where, 0, len(seen), frozenset(marks), reason=reason)
    for one in hits:
        marks |= one.marks
    if len({one.signature for one in hits}) > 1:
        marks.add("unstable_signature")
    spoken = bench.show(case, built, symbols=True)
    report = spoken.report if spoken.shown else hits[0].report
    if patch:
        marks |= _negative_control(bench, case, patch)
    if len(hits) == len(seen):
        return Verdict(
            Disposition.REPRODUCED,
            len(hits),
            len(seen),
            frozenset(marks),
            report,
            f"shown {len(hits)} times of {REPLAYS}",
        )
    reason = f"flaky {len(hits)}/{len(seen)}"
    return Verdict(Disposition.FLAKY, len(hits), len(seen), frozenset(marks), report, reason)


def _negative_control(bench: Bench, case: Case, patch: bytes) -> set[str]:
    try:
        patched = bench.build(case, patch=patch)
    except BuildFailed:
        return {"patch_does_not_build"}
    return {"patch_does_not_stop"} if any(bench.show(case, patched).shown for _ in range(REPLAYS)) else set()
