"""The ladder of C programs: how large and how guarded a program of a level is. The patch family climbs the same."""

from __future__ import annotations

from typing import TYPE_CHECKING

from seatrial.battery.c.bugs import POOLS
from seatrial.battery.c.program import Size

if TYPE_CHECKING:
    from seatrial.battery.instance import Knobs

# Columns: steps, handlers, look-alikes, checksum, relations, nesting, files, pool.
_RUNGS = (
    (0, 5, 1, "none", 0, 1, 1, 1),
    (1, 8, 2, "none", 0, 1, 1, 2),
    (2, 14, 4, "sum16", 0, 2, 1, 3),
    (4, 24, 8, "crc16", 1, 2, 2, 4),
    (6, 40, 12, "crc32", 3, 3, 4, 4),
)
TOP = len(_RUNGS)
MOST_HANDLERS = 400
CHECKSUMS = ("none", "sum16", "crc16", "crc32")
ORDERED = (
    *("steps", "handlers", "lookalikes", "checksum_rank", "header_checksum", "relations", "nesting", "files", "pool"),
)


def size_of(level: int) -> Size:
    """The size of a program at a level; above the fifth the same knobs go on."""
    steps, handlers, lookalikes, checksum, relations, nesting, files, pool = _RUNGS[min(level, TOP) - 1]
    more = max(0, level - TOP)
    return Size(
        steps=steps + 2 * more,
        handlers=min(MOST_HANDLERS, handlers * 3**more // 2**more),
        lookalikes=lookalikes + 4 * more,
        checksum=checksum,  # type: ignore[arg-type]  # one of CHECKSUMS, by the table above
        header_checksum=more > 0,
        relations=relations + more,
        nesting=nesting + more // 2,
        files=files + more,
        pool=pool,
    )


def knobs_of(level: int) -> Knobs:
    """The same as plain numbers and strings."""
    size = size_of(level)
    return {
        "steps": size.steps,
        "handlers": size.handlers,
        "lookalikes": size.lookalikes,
        "checksum": size.checksum,
        "checksum_rank": CHECKSUMS.index(size.checksum),
        "header_checksum": int(size.header_checksum),
        "relations": size.relations,
        "nesting": size.nesting,
        "files": size.files,
        "pool": size.pool,
    }


def techniques_of(level: int) -> tuple[str, ...]:
    """The techniques that a level draws from."""
    return POOLS[size_of(level).pool - 1]
