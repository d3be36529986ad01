"""G1: the reference solver, cold and in the participant's own view, is accepted by the production grader.

Three of three: an instance with secrets of the attempt is armed and solved three times; one without any is solved
once, and its grader agrees with itself three times, by replays or by grading again.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from seatrial.battery.fingerprint import fingerprint
from seatrial.battery.manifest import Guarantee
from seatrial.battery.stage import SCRIPT_S

if TYPE_CHECKING:
    from seatrial.battery.gate.trial import Trial
    from seatrial.battery.judge import Judged

AGREEING = 3


def check(trial: Trial) -> Guarantee:
    """G1 of an instance."""
    alike = not trial.instance.services and fingerprint(trial.armed(0)) == fingerprint(trial.armed(1))
    agreeing = 0
    runs = 1 if alike else AGREEING
    for number in range(runs):
        with trial.stage(number) as stage:
            done = stage.run(trial.instance.hidden.solver)
            submission, evidence = stage.submit()
        if done.timed_out:
            return Guarantee.broken(f"the reference solver took more than {SCRIPT_S:.0f} s", runs=number + 1)
        wanted = AGREEING if alike else agreeing + 1
        while agreeing < wanted:
            judged = trial.judge(number, submission, evidence)
            if not judged.solved:
                last = done.stderr[-200:].decode(errors="replace").strip()
                return Guarantee.broken(f"reference solver: {_why(judged)}; {last}", runs=number + 1, solved=number)
            agreeing += max(1, judged.verdict.replays_agreeing) if alike else 1
    return Guarantee.held(runs=runs, agreeing=min(agreeing, AGREEING))


def _why(judged: Judged) -> str:
    verdict = judged.verdict
    return judged.defect or f"{verdict.outcome} ({'; '.join(verdict.reasons) or 'no reason given'})"
