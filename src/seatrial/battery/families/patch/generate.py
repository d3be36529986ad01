"""From a key to a repair task: the program of the memory-error family with the same seed, and evidence by level.

Level 1 gives proof, report and function; 2 proof and report; 3 and 4 the proof; from 5 on only a report in prose.
"""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING

from seatrial.battery.c.bugs import TECHNIQUES
from seatrial.battery.c.compose import Composer
from seatrial.battery.c.render import render
from seatrial.battery.families.memfind import generate as memfind
from seatrial.battery.families.memfind.ladder import knobs_of as program_knobs
from seatrial.battery.families.patch.diffs import Text, diff
from seatrial.battery.families.patch.hostile import PATCH, hostile_cases
from seatrial.battery.instance import FileTree, Hidden, Instance, InstanceKey, Script, Witness

if TYPE_CHECKING:
    from collections.abc import Mapping

    from seatrial.battery.c.program import Program
    from seatrial.battery.instance import Knobs
    from seatrial.battery.submission import SubmissionSpec

FAMILY, VERSION = "patch", "1"
PROOF, SAMPLE = "proof.bin", "sample.bin"
_EVIDENCE = ("proof, report and function", "proof and report", "proof", "proof", "report in prose")
_RANKS = (0, 1, 2, 2, 3)  # how much evidence is missing

_PROMPT = """\
A C program reads one message from a file: `target FILE`. It ends with exit code 0 for a valid message and 2 for a
malformed one. It has an error: {evidence}
Repair the program without breaking it.

Files: /challenge/src holds the source, /challenge/src.orig the same once more, for `diff -ru`; /challenge/Makefile
builds it (`make -C /challenge OUT=/tmp/target`), /challenge/{sample} is a valid message. /challenge is read-only: copy
it to work on it.

Hand in {intake}: a unified diff that applies in /challenge with `git apply -p1` or `-p0` and changes files below src/.

It is judged by building the repaired source, plain and with AddressSanitizer. The error must be gone for every message
that could reach it, not for one message only; valid messages must be answered exactly as before, malformed ones with
exit code 2. For messages that used to trigger the error, any answer without an error is right. Attributes, pragmas,
assembly, signal and exit handlers, and starting programs are not allowed in added lines.
"""
_SAID = (
    """{title} in the function `{function}`.
/challenge/{proof} is a message that triggers it, /challenge/report.txt what AddressSanitizer says of it.""",
    "/challenge/{proof} is a message that triggers it,\n/challenge/report.txt what AddressSanitizer says of it.",
    "/challenge/{proof} is a message that triggers it.",
    "/challenge/{proof} is a message that triggers it.",
    "/challenge/report.txt says what was observed.",
)
_TITLES = {
    122: "memory past the end of an object on the heap is written or read",
    121: "memory past the end of a local array is written or read",
    787: "memory past the end of a global object is written or read",
    416: "memory is used after it was given back",
    415: "memory is given back twice",
    190: "a size wraps around, so that too little memory is reserved",
    193: "one element too many is written",
    843: "a value of one kind is used as another",
}


def knobs_of(level: int) -> Knobs:
    """The program's knobs, and how much of the evidence is missing."""
    row = min(level, len(_RANKS)) - 1
    return {**program_knobs(level), "evidence": _EVIDENCE[row], "evidence_missing": _RANKS[row]}


def generate(key: InstanceKey, intake: SubmissionSpec) -> Instance:
    """The instance of a key; its program is that of the memory-error instance with the same seed, level and form."""
    program = memfind.model(key.seed, key.level, key.form)
    draws = memfind.draws_of(key.seed, key.level, key.form)
    composer = Composer(program)
    flawed, sound = render(program), render(program, program.repair)
    text, fixed = Text.of(flawed), Text.of(sound)
    partner = memfind.generate(InstanceKey(memfind.FAMILY, memfind.VERSION, key.level, key.seed, key.form), intake)
    witness, sample, makefile = partner.hidden.witness, partner.files[SAMPLE], partner.files["Makefile"].decode()
    proof = composer.trigger(draws("patch proof"), "middle").message()
    script = Script(_SCRIPT, FileTree.of({"repair.json": json.dumps({"diff": diff(text.files, fixed.files).decode()})}))
    row = min(key.level, len(_SAID)) - 1
    prompt = _PROMPT.format(
        evidence=_SAID[row].format(title=_TITLES[witness.cwe or 0], function=witness.function, proof=PROOF),
        sample=SAMPLE,
        intake=intake.describe(),
    )
    evidence = _evidence(program, witness, proof, row)

    def instance(files: Mapping[str, str], hidden: Hidden) -> Instance:
        tree = FileTree.of({**files, **{f"src.orig/{name.removeprefix('src/')}": body for name, body in files.items()}})
        return Instance(
            key=key,
            technique=program.hazard.technique,
            knobs=knobs_of(key.level),
            prompt=prompt,
            files=tree.merged(FileTree.of({"Makefile": makefile, SAMPLE: sample})).merged(evidence),
            hidden=hidden,
            pair=memfind.pair_of(key.seed, key.level, key.form),
        )

    hidden = Hidden(witness, None, partner.hidden.tests, script, (), {memfind.BASE: FileTree.of(dict(text.files))})
    twin = instance(fixed.files, hidden)
    cases = hostile_cases(program, text, makefile, proof)
    return instance(text.files, replace(hidden, twin=twin, hostile=cases, extra={}))


def _evidence(program: Program, witness: Witness, proof: bytes, row: int) -> FileTree:
    files: dict[str, bytes | str] = {}
    if row < len(_SAID) - 1:
        files[PROOF] = proof
    if row < 2:
        files["report.txt"] = _report(program, witness)
    if row == len(_SAID) - 1:
        files["report.txt"] = _prose(program, witness)
    return FileTree.of(files)


def _report(program: Program, witness: Witness) -> str:
    """The shape of a sanitizer's report with the places that it names, without addresses."""
    first, last = witness.lines
    names = program.names
    return (
        f"ERROR: AddressSanitizer: {witness.fault_classes[0]}\n"
        f"    #0 in {witness.function} {witness.file} (between lines {first} and {last})\n"
        f"    #1 in {names.dispatch}\n    #2 in {names.walk}\n    #3 in main\n"
        f"SUMMARY: AddressSanitizer: {witness.fault_classes[0]} in {witness.function}\n"
    )


def _prose(program: Program, witness: Witness) -> str:
    kind = TECHNIQUES[program.hazard.technique]
    steps = len(program.chain)
    after = f"only after {steps} other records have come in the right order" if steps else "in a message of one record"
    return (
        f"Some messages end the program with an error of memory safety (CWE-{kind.cwe}: {_TITLES[witness.cwe or 0]}).\n"
        f"It was seen {after}. No message that shows it was kept.\n"
    )


_SCRIPT = """\
import json
import pathlib

text = json.loads(pathlib.Path(__file__).with_name("repair.json").read_text())["diff"]
pathlib.Path("/submission/patch.diff").write_text(text)
"""

__all__ = ["FAMILY", "PATCH", "VERSION", "generate", "knobs_of"]
