"""G9: no hostile submission is accepted, crashes the grader or makes it hang."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from seatrial.battery.gate.trial import SHARED, Bench
from seatrial.battery.instance import InstanceKey
from seatrial.battery.manifest import Guarantee
from seatrial.battery.participants.hostile import Folder, HostileSubmission, generic
from seatrial.battery.submission import FOLDER, Submission, collect
from seatrial.sandbox import BoxGone

if TYPE_CHECKING:
    from seatrial.battery.evidence import Evidence
    from seatrial.battery.gate.trial import Trial
    from seatrial.battery.instance import HostileCase, Script
    from seatrial.battery.judge import Judged
    from seatrial.battery.stage import Stage

# The standard depth faces these and a drawn few of the rest: at least twelve generic cases an instance.
_ALWAYS = ("nothing", "one NUL", "judge", "everything", "noise", "above the cap")
_DRAWN_CONTENTS, _DRAWN_SHELL = 3, 3
_OTHER_ATTEMPT = 1


@dataclass(frozen=True)
class Handed:
    """A hostile submission as it came out of the box; with evidence of its own when it had a stage of its own."""

    name: str
    submission: Submission
    own: bool = False  # the family's
    evidence: Evidence | None = None


@dataclass(frozen=True)
class Faced:
    """A hostile submission and what the grader said; None when the participant destroyed its own box."""

    name: str
    own: bool
    judged: Judged | None


def hand_in(trial: Trial, stage: Stage) -> list[Handed]:
    """Put every case into the participant's box and take it out again as a run would.

    Plain bytes under their caps come out as they went in, so the standard depth grades them without that way round.
    """
    folder = Folder(stage.agent, trial.family.intake)
    handed = []
    for case in (*chosen(trial), *_own(trial)):
        direct = not trial.full and _plain(case, trial)
        taken = Submission(case.files) if direct else _through(case, folder)
        handed.append(Handed(case.name, taken, own=case.own))
    other = _strings(trial.armed(_OTHER_ATTEMPT).expected)
    mine = set(_strings(stage.armed.expected))
    handed += [
        Handed(f"the secret of another attempt, {number}", trial.everywhere(secret))
        for number, secret in enumerate(dict.fromkeys(other))
        if secret not in mine
    ]
    if trial.full:
        handed.append(_other_seed(trial))
    handed += [_scripted(case, case.script, trial) for case in trial.instance.hidden.hostile if case.script]
    return handed


def chosen(trial: Trial) -> tuple[HostileSubmission, ...]:
    """The generic cases of this verification: all, or the fixed ones and a drawn part of the others."""
    draw = trial.draw("hostile")
    cases = generic(trial.family.intake, trial.instance.files, draw)
    if trial.full:
        return cases
    contents = [case for case in cases if not case.shell and case.name not in _ALWAYS]
    shell = [case for case in cases if case.shell]
    fixed = [case for case in cases if case.name in _ALWAYS]
    return (*fixed, *draw.sample(contents, _DRAWN_CONTENTS), *draw.sample(shell, _DRAWN_SHELL))


def face(handed: list[Handed], bench: Bench) -> list[Faced]:
    """The grader's word on each."""
    faced = []
    for item in handed:
        if item.evidence is not None:
            judged = bench.trial.judge(bench.number, item.submission, item.evidence)
        else:
            judged = bench.judge(item.submission)
        faced.append(Faced(item.name, item.own, judged))
    return faced


def check(faced: list[Faced]) -> Guarantee:
    """G9 of an instance."""
    own = sum(item.own for item in faced)
    counts = {"generic": len(faced) - own, "own": own}
    accepted = [item.name for item in faced if item.judged is not None and item.judged.solved]
    defects = [f"{item.name}: {item.judged.defect}" for item in faced if item.judged is not None and item.judged.defect]
    if accepted:
        return Guarantee.broken(f"accepted: {', '.join(accepted[:5])}", **counts, accepted=len(accepted))
    if defects:
        return Guarantee.broken("; ".join(defects[:3]), **counts, errors=len(defects))
    return Guarantee.held(**counts)


def _plain(case: HostileSubmission, trial: Trial) -> bool:
    caps = trial.family.intake.files
    return not case.shell and all(len(body) <= caps.get(name, -1) for name, body in case.files.items())


def _own(trial: Trial) -> Iterator[HostileSubmission]:
    """The family's own cases that are just files."""
    for case in trial.instance.hidden.hostile:
        if case.script is None:
            yield HostileSubmission(case.name, case.files, own=True)


def _through(case: HostileSubmission, folder: Folder) -> Submission:
    folder.put(case)
    return collect(folder.box, folder.intake)


def _scripted(case: HostileCase, script: Script, trial: Trial) -> Handed:
    """A case with a script gets a stage of its own, for it may break box and services."""
    with trial.stage(SHARED) as alone:
        for name, content in case.files.items():
            alone.agent.write(f"{FOLDER}/{name}", content)
        try:
            alone.run(script)
            submission = alone.collect()
        except BoxGone:
            submission = Submission(refused={"*": "the box is gone"})
        return Handed(case.name, submission, own=True, evidence=alone.evidence())


def _other_seed(trial: Trial) -> Handed:
    """What is right for another seed of the same family and level."""
    key = trial.instance.key
    seed = trial.draw("other seed").bytes(32)
    other = trial.family.generate(InstanceKey(key.family, key.version, key.level, seed, key.form, key.hint))
    with trial.stage_of(other, trial.family.arm(other, trial.attempt(0))) as stage:
        stage.run(other.hidden.solver)
        return Handed("the right answer of another seed", stage.collect())


def _strings(value: object) -> Iterator[bytes]:
    if isinstance(value, str) and value:
        yield value.encode()
    elif isinstance(value, bytes) and value:
        yield value
    elif isinstance(value, dict) or hasattr(value, "values"):
        for item in value.values():
            yield from _strings(item)
    elif isinstance(value, list | tuple):
        for item in value:
            yield from _strings(item)
