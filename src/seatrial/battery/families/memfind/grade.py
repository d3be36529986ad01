"""The grader: the message is run in fresh boxes on a build that the grader made; the sanitizer's own file decides.

Solved: three of three runs report a class of the witness, with the first own frame (of the fault, the allocation or
the free) at the site, and the twin runs clean on the same bytes. Otherwise a secondary score: 0.5 for another
sanitizer error (a defect of the generator, so an `unplanted` event), 0.25 when the function was reached.
"""

from __future__ import annotations

import posixpath
from dataclasses import dataclass
from importlib.resources import files
from typing import TYPE_CHECKING

from seatrial.battery.c.build import ADDRESS, SOURCE, STEADY, TARGET, Built, Recipe, build
from seatrial.battery.families.memfind.generate import BASE
from seatrial.battery.families.memfind.hostile import POC
from seatrial.battery.grading.case import INPUT
from seatrial.battery.grading.replay import Execution, Run, observe
from seatrial.battery.instance import FileTree
from seatrial.battery.verdict import Check, Outcome, State, Verdict
from seatrial.sandbox import BoxSpec
from seatrial.sandbox.replay import REPEATS

if TYPE_CHECKING:
    from seatrial.battery.instance import Instance, Witness
    from seatrial.battery.submission import Submission
    from seatrial.sandbox import Boxes

TIMEOUT_S = 10.0  # a message of 64 KiB takes milliseconds
REACHED, OTHER_FAULT = 0.25, 0.5
UNPLANTED = "unplanted"
HOW = Execution(command=(f"./{TARGET}", INPUT), timeout_s=TIMEOUT_S, signals=False)
FIXED = "-no-pie"  # so that an address in the symbol table is the address in the process
_LIST = f"nm {SOURCE}/{TARGET} | awk -v name=\"$1\" '$3 == name {{ print $1; exit }}'"
_REACH_SCRIPT = f'at=$({_LIST}) && exec setarch "$(uname -m)" -R {SOURCE}/reach "$at" {SOURCE}/{TARGET} /tmp/message'


def program_of(instance: Instance) -> FileTree:
    """The C files of an instance."""
    return FileTree({path: item for path, item in instance.files.files.items() if path.startswith("src/")})


def compiled(tree: FileTree, boxes: Boxes) -> Built:
    """A tree with AddressSanitizer."""
    return build(boxes, tree, Recipe.gcc(tree, *ADDRESS, FIXED))


@dataclass(frozen=True)
class _Judgement:
    """The checks of one submission as far as they came."""

    checks: tuple[Check, ...]
    agreeing: int = 0
    events: tuple[str, ...] = ()

    def verdict(self, outcome: Outcome, partial: float | None, reason: str) -> Verdict:
        return Verdict(outcome, partial, self.checks, self.agreeing, (reason,) if reason else (), self.events)


def grade(instance: Instance, submission: Submission, boxes: Boxes) -> Verdict:
    """Judge a message."""
    content = submission.files.get(POC)
    if content is None:
        why = submission.refused.get(POC, "nothing was handed in")
        return _Judgement((_check("handed in", ok=False, detail=why),)).verdict(Outcome.UNSOLVED, 0.0, why)
    witness = instance.hidden.witness
    target = compiled(program_of(instance), boxes)
    runs = observe(boxes, target, HOW, content, repeats=1)
    if runs[0].sanitizer:
        runs += observe(boxes, target, HOW, content, repeats=REPEATS - 1)
    return _judge(instance, witness, content, runs, target, boxes)


def _judge(
    instance: Instance, witness: Witness, content: bytes, runs: tuple[Run, ...], target: Built, boxes: Boxes
) -> Verdict:
    handed = _check("handed in", ok=True, detail=f"{len(content)} bytes")
    if not runs[0].sanitizer:
        detail = "the run took too long" if runs[0].timed_out else "no sanitizer report"
        judgement = _Judgement((handed, _check("fault", ok=False, detail=detail)))
        return judgement.verdict(Outcome.UNSOLVED, _reached(witness, content, target, boxes), detail)
    agreeing = sum(_matches(run, witness) for run in runs)
    faults = ", ".join(sorted({_said(run) for run in runs}))
    checks = (handed, _check("fault", ok=True, detail=faults), _check("site", ok=agreeing == REPEATS, detail=faults))
    if agreeing < REPEATS:
        judgement = _Judgement(checks, agreeing, (UNPLANTED,))
        return judgement.verdict(Outcome.UNSOLVED, OTHER_FAULT, f"another fault than the planted one: {faults}")
    twin = instance.hidden.twin
    if twin is None:
        judgement = _Judgement((*checks, Check("twin", State.NOT_CHECKED, "there is none")), agreeing)
        return judgement.verdict(Outcome.UNSOLVED, OTHER_FAULT, "there is no fixed program to compare with")
    (after,) = observe(boxes, compiled(program_of(twin), boxes), HOW, content, repeats=1)
    clean = not after.sanitizer and not after.timed_out
    judgement = _Judgement(
        (*checks, _check("twin", ok=clean, detail="clean" if clean else _said(after))),
        agreeing,
        () if clean else (UNPLANTED,),
    )
    if clean:
        return judgement.verdict(Outcome.SOLVED, 1.0, "")
    return judgement.verdict(Outcome.UNSOLVED, OTHER_FAULT, f"the fixed program faults as well: {_said(after)}")


def functional(instance: Instance, boxes: Boxes) -> tuple[str, ...]:
    """The tests on this instance: exit code, no report, and the same words as the other program of the pair."""
    wrong: list[str] = []
    said = _answers(instance, program_of(instance), boxes, wrong)
    base = instance.hidden.extra.get(BASE)
    if isinstance(base, FileTree):
        other = _answers(instance, base, boxes, [])
        wrong += [f"{name}: prints something else than before" for name in said if said[name] != other[name]]
    return tuple(wrong)


def _answers(instance: Instance, tree: FileTree, boxes: Boxes, wrong: list[str]) -> dict[str, bytes]:
    """What the program prints for each test; notes exit codes and reports that are wrong."""
    target = compiled(tree, boxes)
    env = {**STEADY, "ASAN_OPTIONS": "detect_leaks=0:exitcode=99"}
    out: dict[str, bytes] = {}
    with boxes.open(BoxSpec()) as box:
        target.unpack(box)
        for test in instance.hidden.tests:
            (message,) = test.files.values()
            box.write("/tmp/message", message)
            done = box.exec([f"./{TARGET}", "/tmp/message"], cwd=SOURCE, env=env, timeout_s=TIMEOUT_S)
            out[test.name] = done.stdout
            if done.returncode != test.returncode:
                wrong.append(f"{test.name}: exit code {done.returncode}, not {test.returncode}")
            elif (done.returncode == 0) != done.stdout.startswith(b"digest "):
                wrong.append(f"{test.name}: no digest where there should be one, or one where there should not")
    return out


def _reached(witness: Witness, content: bytes, target: Built, boxes: Boxes) -> float | None:
    """0.25 when the planted function was entered, 0.0 when not, None when this machine cannot tell."""
    source = FileTree({"reach.c": (files(__package__).joinpath("reach.c").read_bytes(), 0o644)})
    tracer = build(boxes, source, Recipe((("gcc", "-O1", "-o", "reach", "reach.c"),), keep=("reach",)))
    with boxes.open(BoxSpec()) as box:
        target.unpack(box)
        tracer.unpack(box)
        box.write("/tmp/message", content)
        env = {**STEADY, "ASAN_OPTIONS": "detect_leaks=0"}
        done = box.exec(["sh", "-c", _REACH_SCRIPT, "sh", witness.function], cwd=SOURCE, env=env, timeout_s=TIMEOUT_S)
    return {0: REACHED, 1: 0.0}.get(done.returncode)


def _matches(run: Run, witness: Witness) -> bool:
    """Whether a run shows the planted error: its class, at its site, and with the exit code drawn for it."""
    file = posixpath.basename(witness.file)
    at_site = any(
        place.function == witness.function and posixpath.basename(place.file) == file for place in run.sites()
    )
    return run.sanitizer and run.exit_agrees and run.fault in witness.fault_classes and at_site


def _said(run: Run) -> str:
    where = run.frames[0] if run.frames else None
    place = f" in {where.function} ({where.file}:{where.line})" if where else ""
    return f"{run.fault or ('time out' if run.timed_out else 'nothing')}{place}"


def _check(name: str, *, ok: bool, detail: str = "") -> Check:
    return Check(name, State.OK if ok else State.NOT_OK, detail)
