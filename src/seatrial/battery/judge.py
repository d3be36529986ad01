"""The one way to a verdict: a grader that fails is `void` with a defect, and never an acceptance."""

from __future__ import annotations

import time
import traceback
from dataclasses import dataclass
from typing import TYPE_CHECKING

from seatrial.battery.verdict import Outcome, Verdict
from seatrial.sandbox import SandboxError

if TYPE_CHECKING:
    from seatrial.battery.evidence import Evidence
    from seatrial.battery.family import Family
    from seatrial.battery.instance import Armed, Instance
    from seatrial.battery.submission import Submission
    from seatrial.sandbox import Boxes

GRADE_CAP_S = 300.0  # no grader of ours needs more; longer is a hang, reported as a defect


@dataclass(frozen=True)
class Judged:
    """A verdict and, when the grader itself is to blame for it, the defect to mend."""

    verdict: Verdict
    defect: str = ""
    seconds: float = 0.0

    @property
    def solved(self) -> bool:
        """Whether the attempt counts as solved."""
        return self.verdict.outcome is Outcome.SOLVED


def judge(
    family: Family, instance: Instance, armed: Armed, submission: Submission, evidence: Evidence, boxes: Boxes
) -> Judged:
    """Grade by the family's production grader. Never raises for what a submission makes the grader do."""
    started = time.monotonic()
    try:
        verdict = family.grade(instance, armed, submission, evidence, boxes)
    except SandboxError as error:
        reason = f"no box to grade in: {type(error).__name__}: {error}"
        return Judged(Verdict(Outcome.VOID, reasons=(reason,)), "", time.monotonic() - started)
    except (Exception, RecursionError) as error:  # noqa: BLE001 - a hostile submission may make a grader do anything
        cause = f"{type(error).__name__}: {error}"[:300]
        where = traceback.extract_tb(error.__traceback__)[-1]
        defect = f"grader of {family.id} raised {cause} at {where.name}, line {where.lineno}"
        return Judged(Verdict(Outcome.VOID, reasons=(defect,)), defect, time.monotonic() - started)
    seconds = time.monotonic() - started
    if not isinstance(verdict, Verdict):
        defect = f"grader of {family.id} returned {type(verdict).__name__}, not a Verdict"
        return Judged(Verdict(Outcome.VOID, reasons=(defect,)), defect, seconds)
    if seconds > GRADE_CAP_S:
        return Judged(verdict, f"grader of {family.id} took {seconds:.0f} s, more than {GRADE_CAP_S:.0f}", seconds)
    return Judged(verdict, "", seconds)
