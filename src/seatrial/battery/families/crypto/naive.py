"""The family's own participants without a model, as yardsticks beside every model.

* `textbook`: greatest common divisors of all pairs, 10,000 steps of Fermat's method, Wiener's fractions, small roots
  and Chinese remainders, on numbers that stand as hexadecimal or decimal text in files that lie open. It reads no
  source, no packed format, and talks to no service.
* `rummage`: every run of 16 bytes of whatever can be decoded as the answer, and every decoded value, or its hash, as
  the key of whatever may be sealed. What it finds was never hidden.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from types import MappingProxyType
from typing import TYPE_CHECKING

from seatrial.battery.families.crypto.style import standalone

if TYPE_CHECKING:
    from seatrial.battery.instance import Instance
    from seatrial.sandbox import Box

BUDGET_S = 60.0


def _act(program: str, box: Box, instance: Instance) -> None:
    """Run a program of `solve/`; it leaves an answer when a check value in the files agrees with a guess."""
    del instance  # it sees the box only
    folder = f"/tmp/{program}"
    texts = {"main.py": standalone("solve", program), "sealing.py": standalone("handout", "sealing")}
    texts |= {f"{module}.py": standalone("solve", module) for module in ("rsa", "delivered")}
    box.place(folder, {name: (text.encode(), 0o644) for name, text in texts.items()}, read_only=False)
    box.exec(["python3", "-B", f"{folder}/main.py"], cwd=folder, timeout_s=BUDGET_S)
    box.exec(["rm", "-rf", "--", folder])


PARTICIPANTS: Mapping[str, Callable[[Box, Instance], None]] = MappingProxyType(
    {name: partial(_act, name) for name in ("textbook", "rummage")}
)
