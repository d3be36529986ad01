"""Messages that must not be accepted: near misses of the trigger, echoes of a report, and mere effort."""

from __future__ import annotations

from typing import TYPE_CHECKING

from seatrial.battery.c.compose import Writing
from seatrial.battery.c.message import MAX_INPUT
from seatrial.battery.instance import HostileCase

if TYPE_CHECKING:
    from collections.abc import Callable

    from seatrial.battery.c.compose import Composer, Leaf
    from seatrial.battery.c.program import Program
    from seatrial.battery.draw import Draw
    from seatrial.battery.instance import Witness

POC = "poc"
_LONG_RECORDS = 8  # different ones, before they come again
_LOOKALIKES = 2  # of them per instance; the tests of the kit try all
_REPORT = """\
=================================================================
==1==ERROR: AddressSanitizer: {fault} on address 0x602000000011 at pc 0x555555555555 bp 0x7fffffffe000 sp 0x7fffffffdff8
WRITE of size 1 at 0x602000000011 thread T0
    #0 0x555555555555 in {function} /case/source/{file}:{line}
    #1 0x555555555666 in main /case/source/{file}:1

SUMMARY: AddressSanitizer: {fault} /case/source/{file}:{line} in {function}
==1==ABORTING
"""


def hostile_cases(
    program: Program, composer: Composer, draw: Draw, trigger: Writing, sample: bytes, witness: Witness
) -> tuple[HostileCase, ...]:
    """At least ten cases; which depends on what guards the program has."""
    report = _REPORT.format(
        fault=witness.fault_classes[0], function=witness.function, file=witness.file, line=witness.lines[0] + 3
    ).encode()
    again = _Again(program, draw, trigger.plan)
    message = trigger.message()
    stop = composer.unknown()
    cases = {
        "valid sample": sample,
        "witness: at the limit": composer.at_limit(draw),
        "witness: intended use": composer.feature(draw),
        "report as input": report,
        "report behind the sample": sample + stop + report,
        "report in a record": _carried(program, draw, report),
        "cut trigger": message[:-1],
        "trigger without header": message[len(program.grammar.header()) :],
        "trigger behind rubbish": sample + stop + message,
        "as long as allowed": _long(composer, draw),
        "nested": _nested(program),
    }
    for unit in composer.lookalikes()[:_LOOKALIKES]:
        cases[f"witness: look-alike {unit}"] = composer.trigger(draw, "middle", unit=unit).message()
    if program.chain:
        cases["locked"] = again.write(lambda leaf: leaf.handler.token is None)
        cases["steps in the wrong order"] = again.reversed_steps()
    if program.grammar.checksum:
        cases["wrong checksum"] = again.write(spoil_last=True)
    if any(leaf.handler.relation for leaf in trigger.plan):
        cases["wrong relation"] = again.write(related=False)
    return tuple(HostileCase(name, {POC: content}) for name, content in cases.items())


class _Again:
    """Writes the records of a trigger again, with something wrong."""

    def __init__(self, program: Program, draw: Draw, plan: list[Leaf]) -> None:
        self._program, self._draw, self._plan = program, draw, plan

    def write(
        self, keep: Callable[[Leaf], bool] = lambda _: True, *, spoil_last: bool = False, related: bool = True
    ) -> bytes:
        """Some records, the last with a wrong checksum, or all with wrong relations."""
        writing = Writing(self._program, self._draw)
        kept = [leaf for leaf in self._plan if keep(leaf)]
        for number, leaf in enumerate(kept):
            last = number == len(kept) - 1
            writing.leaf(leaf.handler, leaf.body, spoil=int(spoil_last and last), related=related)
        return writing.message()

    def reversed_steps(self) -> bytes:
        """The steps backwards (with one step only: twice, which starts again), then the rest."""
        steps = [leaf for leaf in self._plan if leaf.handler.token]
        rest = [leaf for leaf in self._plan if not leaf.handler.token]
        writing = Writing(self._program, self._draw)
        order = steps[::-1] if len(steps) > 1 else []
        for leaf in [*order, *rest]:
            writing.leaf(leaf.handler, leaf.body)
        return writing.message()


def _carried(program: Program, draw: Draw, report: bytes) -> bytes:
    """The report in pieces as bodies of records that touch no memory of their own."""
    writing = Writing(program, draw)
    handler = next(item for item in program.handlers if not program.units[item.unit].hazard)
    for start in range(0, len(report), 200):
        writing.leaf(handler, report[start : start + 200])
    return writing.message()


def _long(composer: Composer, draw: Draw) -> bytes:
    """The same valid work up to the greatest size: costs time and memory, and nothing else."""
    units = composer.program.units
    plain = [item for item in composer.program.handlers if not units[item.unit].hazard and not item.relation]
    writing = composer.writing(draw)
    for _ in range(_LONG_RECORDS):
        writing.valid(plain[0].unit)
    whole, header = writing.message(), len(composer.program.grammar.header())
    return (whole + whole[header:] * (MAX_INPUT // (len(whole) - header)))[:MAX_INPUT]


def _nested(program: Program) -> bytes:
    """Containers in containers, far deeper than allowed; without containers an unknown record."""
    grammar = program.grammar
    tag = grammar.container or 255
    body = b""
    for _ in range(40):
        body = grammar.record(tag, body)
    return grammar.header() + body
