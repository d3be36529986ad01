"""G3: on the twin, which lacks exactly the weakness, the reference solver gets nothing and everything else works.

G4: the grader compares with the named site or field, so that another fault or a true-looking answer does not count.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from seatrial.battery.judge import judge
from seatrial.battery.manifest import Guarantee

if TYPE_CHECKING:
    from seatrial.battery.gate.hostile import Faced
    from seatrial.battery.gate.trial import Trial
    from seatrial.battery.instance import Witness

NO_CASE = "no_witness_case"  # key of `Hidden.extra`: why a family cannot plant a true-looking wrong answer
WITNESS_CASE = "witness"  # a family's hostile case for G4 has a name that begins so; without one all its cases count


def check(trial: Trial) -> Guarantee:
    """G3 of an instance."""
    twin = trial.instance.hidden.twin
    if twin is None:
        return Guarantee.broken("the instance has no twin")
    armed = trial.family.arm(twin, trial.attempt(0))
    with trial.stage_of(twin, armed) as stage:
        done = stage.run(trial.instance.hidden.solver)
        submission, evidence = stage.submit()
    if done.timed_out:
        return Guarantee.broken("the reference solver does not give up on the twin")
    judged = judge(trial.family, twin, armed, submission, evidence, trial.boxes)
    if judged.defect:
        return Guarantee.broken(f"on the twin: {judged.defect}")
    if judged.solved:
        return Guarantee.broken("the reference solver solves the twin as well")
    faults = trial.family.functional(twin, trial.boxes)
    if faults:
        return Guarantee.broken(f"the twin does not work: {'; '.join(faults[:3])}", faults=len(faults))
    return Guarantee.held(solver_runs=1, functional_runs=len(twin.hidden.tests or trial.instance.hidden.tests))


def check_witness(trial: Trial, faced: Sequence[Faced]) -> Guarantee:
    """G4 of an instance, from the verdicts on the family's own hostile cases."""
    if not _names_something(trial.instance.hidden.witness):
        return Guarantee.broken("the witness names neither a site nor an answer")
    own = [item for item in faced if item.own]
    cases = [item for item in own if item.name.startswith(WITNESS_CASE)] or own
    if not cases:
        reason = trial.instance.hidden.extra.get(NO_CASE)
        if reason:
            return Guarantee.not_applicable(str(reason))
        return Guarantee.broken(f"no hostile case of the family's own, and no {NO_CASE} that says why")
    accepted = [item.name for item in cases if item.judged is not None and item.judged.solved]
    if accepted:
        return Guarantee.broken(f"accepted although it is not the witness: {', '.join(accepted)}", cases=len(cases))
    return Guarantee.held(cases=len(cases))


def _names_something(witness: Witness) -> bool:
    return bool(witness.function or witness.file or witness.bug_id or witness.answer or witness.cwe)
