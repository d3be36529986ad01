"""Boxes for tests that crash as the proof says: `abc` names the frames, `abc@7` the line, `abc#2` another input."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from seatrial.clearinghouse.crash import CrashReport, Frame
from seatrial.clearinghouse.disposition import Disposition
from seatrial.clearinghouse.reproduce import Verdict
from seatrial.clearinghouse.spread import Lost

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from seatrial.clearinghouse.steps.reproduction import Work


def verdict_of(pov: str) -> Verdict:
    """What boxes would say of this proof; `quiet` shows nothing."""
    if pov == "quiet":
        return Verdict(Disposition.NOT_REPRODUCED, 0, 3)
    functions, _, line = pov.partition("#")[0].partition("@")
    trace = tuple(Frame(place, one, file=f"{one}.c", line=int(line or 1)) for place, one in enumerate(functions))
    crash = f"{functions[0]}.c:{line or 1}"
    report = CrashReport("asan", "c", "Heap-buffer-overflow\nREAD 1", trace=trace, crash_line=crash)
    return Verdict(Disposition.REPRODUCED, 3, 3, frozenset(), report)


@dataclass
class Told:
    """A place where nothing runs, and every proof has the verdict that it names; `dies` kills its worker."""

    runs: list[str] = field(default_factory=list)

    def run(self, step: Callable[..., Any], items: Iterable[tuple[str, Work]]) -> Iterator[tuple[str, Any]]:
        """The verdict of each."""
        del step
        for name, work in items:
            pov = (work.case.pov or b"").decode()
            self.runs.append(pov)
            yield name, Lost("its worker died 3 times") if pov == "dies" else verdict_of(pov)
