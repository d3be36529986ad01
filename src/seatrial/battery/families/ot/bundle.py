"""Package modules as stand-alone files: what a service or a solver needs beside it, in one folder.

`from seatrial.….wire.modbus import answer` becomes `from modbus import answer`; the modules taken so use the
standard library and each other only.
"""

from __future__ import annotations

import re
from functools import cache
from importlib.resources import files

_IMPORT = re.compile(r"^(\s*from )seatrial\.(?:\w+\.)*(\w+)( import )", re.MULTILINE)
_HOMES = {"modbus": "seatrial.battery.wire", "iec104": "seatrial.battery.wire"}


@cache
def source(name: str) -> str:
    """The text of a module of this folder or of the wire kit, its imports made local."""
    home = _HOMES.get(name, "seatrial.battery.families.ot")
    text = files(home).joinpath(f"{name}.py").read_text(encoding="utf-8")
    return _IMPORT.sub(r"\1\2\3", text)


def beside(*names: str) -> dict[str, str]:
    """File name → text of several modules."""
    return {f"{name}.py": source(name) for name in names}
