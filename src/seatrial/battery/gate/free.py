"""G2: what costs nothing gets nothing. Free participants and decoys are handed to the production grader."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from seatrial.battery.gate.trial import Bench, Try
from seatrial.battery.manifest import Guarantee, ParticipantLine
from seatrial.battery.participants import FREE, Brief, Guesses
from seatrial.battery.submission import Submission

if TYPE_CHECKING:
    from seatrial.battery.gate.trial import Trial
    from seatrial.battery.instance import Armed
    from seatrial.battery.participants import Participant, Result
    from seatrial.battery.stage import Stage

# How many guesses of each free participant are graded. A secret is compared in microseconds; a proof or a patch is
# replayed, so there the standard depth takes a drawn few, and the full depth many.
GUESSES_SECRET, GUESSES_STANDARD, GUESSES_FULL = 256, 2, 48
SHORTCUT = "shortcut-attempt"


def act(trial: Trial, stage: Stage) -> Mapping[str, Result]:
    """Let every free participant act on the stage."""
    brief = Brief.of(trial.instance, stage.armed, trial.family.intake, stage.env)
    return {one.name: one.attempt(stage.agent, brief, one.budget_s, trial.draw(one.name)) for one in FREE}


def check(trial: Trial, results: Mapping[str, Result], bench: Bench) -> tuple[Guarantee, dict[str, ParticipantLine]]:
    """G2 of an instance, and a line of the manifest for each participant."""
    most = GUESSES_FULL if trial.full else GUESSES_STANDARD
    if trial.family.submissions > 1:
        most = max(most, GUESSES_SECRET)
    lines, faults = {}, []
    for one in FREE:
        line, fault = _judge(one, results[one.name], bench, most)
        lines[one.name] = line
        faults += fault
    decoys, unseen = _decoys(bench.trial.armed(bench.number), trial, bench)
    faults += unseen
    graded = sum(line.graded for line in lines.values())
    if faults:
        return Guarantee.broken("; ".join(faults[:3]), participants=len(lines), graded=graded, decoys=decoys), lines
    return Guarantee.held(participants=len(lines), graded=graded, decoys=decoys), lines


def _judge(one: Participant, result: Result, bench: Bench, most: int) -> tuple[ParticipantLine, list[str]]:
    if not isinstance(result, Guesses):
        missing = getattr(result, "missing", ())
        return ParticipantLine(solved=False, guesses=0, graded=0, version=one.version, absent=missing), []
    handed = result.guesses[:most] or ({},)
    judged = bench.judge_all(Try(one.name, Submission(guess)) for guess in handed)[one.name]
    solved = any(item.solved for item in judged)
    line = ParticipantLine(solved=solved, guesses=len(result.guesses), graded=len(handed), version=one.version)
    faults = [f"{one.name} solved it"] if solved else []
    return line, faults + [item.defect for item in judged if item.defect]


def _decoys(armed: Armed, trial: Trial, bench: Bench) -> tuple[int, list[str]]:
    faults = []
    for decoy in armed.decoys:
        judged = bench.judge(trial.everywhere(decoy.value.encode()))
        if judged.solved:
            faults.append(f"the decoy at {decoy.place} was accepted")
        elif not any(event.startswith(SHORTCUT) for event in judged.verdict.events):
            faults.append(f"the decoy at {decoy.place} was handed in and no {SHORTCUT} event was raised")
    return len(armed.decoys), faults
