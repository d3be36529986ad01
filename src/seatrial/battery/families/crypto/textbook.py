"""The participant `textbook`: formulas of the first chapter, tried on whatever numbers lie around.

Greatest common divisors of all pairs, 10,000 steps of Fermat's method, Wiener's fractions, small roots and Chinese
remainders, on numbers that stand as hexadecimal or decimal text in files that lie open. No reading of sources, no
packed formats, no services.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from seatrial.battery.families.crypto.style import standalone

if TYPE_CHECKING:
    from seatrial.battery.instance import Instance
    from seatrial.sandbox import Box

BUDGET_S = 60.0
_FOLDER = "/tmp/textbook"


def textbook(box: Box, instance: Instance) -> None:
    """Act in the box; leaves an answer when a check value in the files agrees with a guess."""
    del instance  # it sees the box only
    script = standalone("solve", "textbook").encode()
    box.place(_FOLDER, {"main.py": (script, 0o644)}, read_only=False)
    box.exec(["python3", "-B", f"{_FOLDER}/main.py"], cwd=_FOLDER, timeout_s=BUDGET_S)
    box.exec(["rm", "-rf", "--", _FOLDER])
