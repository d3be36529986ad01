"""The gate: no instance enters a run without a manifest that proves it.

`verify(family, key, boxes)` is the one road for every family, through the boxes, stage, intake and grader of a real
run. Each guarantee stands in a file of its own: `solvable` (G1), `free` (G2), `twin` (G3, G4), `rebuild` (G5),
`monotone` (G6, G10), `secrets` (G7), `leak` (G8), `hostile` (G9).
"""

from seatrial.battery.gate.batch import REDRAWS, Verified, qualified, verify_all
from seatrial.battery.gate.monotone import dominates, table
from seatrial.battery.gate.rebuild import close_rebuilders
from seatrial.battery.gate.trial import Depth
from seatrial.battery.gate.verify import toolchain, verify

__all__ = [
    "REDRAWS",
    "Depth",
    "Verified",
    "close_rebuilders",
    "dominates",
    "qualified",
    "table",
    "toolchain",
    "verify",
    "verify_all",
]
