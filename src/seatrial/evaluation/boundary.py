"""The boundary of a run, shown closed once more before anything is recorded as closed.

The worker has its own boxes probed before its first sample, whatever was recorded; what is here makes the record that
a submission's lifecycle rests on, of the very boxes that the run's samples will have.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from seatrial.battery import family_by_id
from seatrial.battery.seeds import SeedEntry
from seatrial.battery.stage import needed
from seatrial.sandbox import RangeSpec
from seatrial.sandbox.probes.record import canonical

if TYPE_CHECKING:
    from collections.abc import Iterable

    from seatrial.evaluation.rundir import RunDirectory
    from seatrial.sandbox import BoxSpec, SealedBoxes
    from seatrial.sandbox.preflight import PreflightRecord

RECORDS = "preflight.json"


def show_closed(run: RunDirectory, boxes: SealedBoxes) -> tuple[PreflightRecord, ...]:
    """Have every boundary that the run's samples need probed; the records stay in the run, closed or open.

    Raises `NotSealed`, with the record of the boundary that is open.
    """
    earlier = run.read(RECORDS) or []
    try:
        for spec in _specs(run):
            opened = boxes.open_range(spec) if isinstance(spec, RangeSpec) else {"": boxes.open(spec)}
            for box in opened.values():
                box.close()
    finally:
        run.write(RECORDS, [*earlier, *kept(boxes.records)])
    return tuple(boxes.records)


def kept(records: Iterable[PreflightRecord]) -> list[dict[str, object]]:
    """Records as a run directory keeps them."""
    return [json.loads(record.to_json()) for record in records]


def paper(record: PreflightRecord) -> bytes:
    """The bytes whose SHA-256 is the record's own digest."""
    return canonical({name: value for name, value in json.loads(record.to_json()).items() if name != "digest"})


def _specs(run: RunDirectory) -> tuple[BoxSpec | RangeSpec, ...]:
    """The distinct boxes and ranges of the plan's instances, as the samples get them."""
    from seatrial.evaluation.extensions._sandbox import SeatrialBox  # noqa: PLC0415 - loads Inspect

    entries = {entry.key.id: entry for entry in map(SeedEntry.read, run.read("seeds.sealed")["seeds"])}
    wanted: dict[SeatrialBox, None] = {}
    for planned in run.plan().instances:
        instance = family_by_id(planned.family).generate(entries[planned.id].key)
        wanted[SeatrialBox.of(needed(instance))] = None
    return tuple(box.spec() for box in wanted)
