"""LeakSanitizer: `Direct leak of N byte(s) in M object(s) allocated from:` and the stack of the allocation.

A direct leak goes before indirect ones; the first leak of its kind is the report's. `LeakSanitizer has encountered a
fatal error` is no leak: the tool could not look.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from seatrial.clearinghouse.crash.reading import Reading

_LEAK = re.compile(r"\s*(Direct|Indirect) leak of (\d{1,18})")


def leak(reading: Reading, line: str) -> None:
    """A line that begins a leak."""
    found = _LEAK.match(line)
    if not found:
        return
    draft = reading.draft
    known = reading.type
    if draft is not None and draft.closed and draft.tool != "lsan":
        reading.finish()
        known = ""
    if found[1] == "Direct" and known in {"", "Indirect-leak"}:
        kind = "Direct-leak"
    elif found[1] == "Indirect" and not known:
        kind = "Indirect-leak"
    else:
        if reading.draft is not None:
            if found[1] == "Direct":
                reading.draft.stop()
            reading.draft.section("peer")
        return
    draft = reading.supersede("lsan", kind) if known else reading.begin("lsan", kind=kind)
    draft.fatal = True
    draft.size = int(found[2])
