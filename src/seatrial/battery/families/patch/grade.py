"""The grader: the generic one for patches, on the case that an instance amounts to."""

from __future__ import annotations

from typing import TYPE_CHECKING

from seatrial.battery.c.compose import Composer
from seatrial.battery.families.memfind import generate as memfind
from seatrial.battery.families.memfind.grade import program_of
from seatrial.battery.families.patch.hostile import PATCH
from seatrial.battery.grading.case import BuildPlan, Case, CaseError, Proof, RunPlan
from seatrial.battery.grading.patch import Hidden, PatchVerdict, grade_patch
from seatrial.battery.verdict import Check, Outcome, State, Verdict
from seatrial.sandbox import BoxSpec

if TYPE_CHECKING:
    from seatrial.battery.c.program import Draws, Program
    from seatrial.battery.draw import Draw
    from seatrial.battery.instance import Instance
    from seatrial.battery.submission import Submission
    from seatrial.sandbox import Boxes

MIXED, FEATURE, LIMIT, SMALL, MALFORMED = 10, 10, 5, 5, 6  # hidden inputs by kind
DIFFERENTIAL = 2000
_BUILD = "exec gcc -std=c99 $CFLAGS -o target $(find src -name '*.c' | LC_ALL=C sort)"
# Without optimisation both compile in half the time, and no access that the source makes is left out.
_PLAIN = "-O0"
_SANITIZED = "-O0 -g1 -fsanitize=address"


def case_of(instance: Instance) -> Case:
    """An instance as a case: source, twin, build, run and the one proof."""
    program = memfind.model(instance.key.seed, instance.key.level, instance.key.form)
    draw = _draws(instance)("patch proof")
    twin = instance.hidden.twin
    return Case(
        id=instance.key.id,
        source=program_of(instance),
        build=BuildPlan(
            commands=(("sh", "-c", _BUILD),),
            timeout_s=120.0,
            plain_env={"CFLAGS": _PLAIN},
            sanitizer_env={"CFLAGS": _SANITIZED},
            keep="target",
        ),
        run=RunPlan(("./target", "{input}"), timeout_s=10.0),
        twin=None if twin is None else program_of(twin),
        editable=("src/**/*.c", "src/**/*.h"),
        proofs=(Proof("proof", Composer(program).trigger(draw, "middle").message()),),
    )


def hidden_of(instance: Instance) -> Hidden:
    """What only the grader knows: hidden inputs, more valid inputs, and variants of the proof."""
    program = memfind.model(instance.key.seed, instance.key.level, instance.key.form)
    composer, draws = Composer(program), _draws(instance)
    draw = draws("patch inputs")
    inputs = [
        *(composer.mixed(draw) for _ in range(MIXED)),
        *(composer.feature(draw, 1 + number % 3) for number in range(FEATURE)),
        *(composer.at_limit(draw) for _ in range(LIMIT)),
        *(composer.minimal(draw) for _ in range(SMALL - 1)),
        composer.empty(),
        *(composer.malformed(draw) for _ in range(MALFORMED)),
        *(composer.of_unit(draw, unit) for unit in range(len(program.units))),
    ]
    return Hidden(
        inputs=tuple(inputs),
        differential=lambda: _further(program, composer, draws("patch differential")),
        variants=variants(composer, draws("patch variants")),
        search=False,
    )


def variants(composer: Composer, draw: Draw) -> tuple[Proof, ...]:
    """Other messages that reach the same flaw: by the least, by the most, a second time, and after detours."""
    ways = (
        ("by the least", {"amount": "one"}),
        ("by the most", {"amount": "max"}),
        ("a second time", {"amount": "middle", "used_before": True}),
        ("after a detour", {"amount": "middle", "detour": True}),
        ("among others", {"amount": "middle", "noise": True}),
        ("least, a second time", {"amount": "one", "used_before": True, "noise": True}),
    )
    return tuple(Proof(name, composer.trigger(draw, **how).message()) for name, how in ways)


def _further(program: Program, composer: Composer, draw: Draw) -> tuple[bytes, ...]:
    kinds = (
        lambda: composer.mixed(draw, draw.between(1, 6)),
        lambda: composer.feature(draw, draw.between(1, 2)),
        lambda: composer.of_unit(draw, draw.below(len(program.units)), 1),
    )
    return tuple(kinds[number % len(kinds)]() for number in range(DIFFERENTIAL))


def _draws(instance: Instance) -> Draws:
    return memfind.draws_of(instance.key.seed, instance.key.level, instance.key.form)


def grade(instance: Instance, submission: Submission, boxes: Boxes) -> Verdict:
    """Judge a diff."""
    patch = submission.files.get(PATCH)
    if patch is None:
        why = submission.refused.get(PATCH, "nothing was handed in")
        return Verdict(Outcome.UNSOLVED, 0.0, (Check("format", State.NOT_OK, why),), reasons=(why,))
    try:
        judged = grade_patch(case_of(instance), patch, boxes, hidden=hidden_of(instance), box=BoxSpec())
    except CaseError as error:
        if instance.hidden.twin is not None:
            raise
        return Verdict(Outcome.UNSOLVED, 0.0, reasons=(f"there is nothing to mend: {error}",))
    return _verdict(judged)


def _verdict(judged: PatchVerdict) -> Verdict:
    bad = tuple(f"{check.name}: {check.detail}" for check in judged.checks if check.state is State.NOT_OK)
    return Verdict(
        outcome=Outcome.SOLVED if judged.solved else Outcome.UNSOLVED,
        partial=judged.score,
        checks=judged.checks,
        replays_agreeing=3 if judged.solved else 0,
        reasons=bad + judged.notes[:3],
    )
