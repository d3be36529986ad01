"""The only way to a box: a boundary is preflighted before its first box, and again when the record is too old.

- No flag skips it. A record is good for exactly one boundary: engine, versions, boot, spec.
- Every box passes a short check at its door before it is handed out; what is open closes the box.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Self

from seatrial.sandbox import preflight
from seatrial.sandbox.engine import Engine, EngineBox, choose
from seatrial.sandbox.errors import NotSealed

if TYPE_CHECKING:
    from seatrial.sandbox.box import Box
    from seatrial.sandbox.preflight import PreflightRecord
    from seatrial.sandbox.spec import BoxSpec, RangeSpec


class SealedBoxes:
    """Boxes on boundaries just shown closed; may be used from many threads."""

    def __init__(self, engine: Engine | None = None, *, clock: Callable[[], int] = time.time_ns) -> None:
        self.engine: Engine = engine or choose()
        self.records: list[PreflightRecord] = []
        self._clock = clock
        self._mutex = threading.Lock()
        self._current: dict[str, PreflightRecord] = {}
        self._turns: dict[str, threading.Lock] = {}

    def open(self, spec: BoxSpec) -> Box:
        """See `Boxes.open`."""
        record = self._sealed(spec)
        box = self.engine.open(spec)
        self._admit(box, record, seats=0)
        return box

    def open_range(self, spec: RangeSpec) -> dict[str, Box]:
        """See `Boxes.open_range`."""
        record = self._sealed(spec)
        boxes = self.engine.open_range(spec)
        try:
            for host in spec.hosts:
                self._admit(boxes[host.name], record, seats=len(host.segments))
        except BaseException:
            for box in boxes.values():
                box.close()
            raise
        return dict(boxes)

    def close(self) -> None:
        """Close every box and the engine."""
        self.engine.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _sealed(self, spec: BoxSpec | RangeSpec) -> PreflightRecord:
        """The record of this boundary: the one at hand while it is fresh, else a new one; one preflight at a time."""
        boundary = preflight.boundary_digest(self.engine, spec)
        with self._mutex:
            turn = self._turns.setdefault(boundary, threading.Lock())
        with turn:
            record = self._current.get(boundary)
            if record is None or not self._fresh(record):
                record = preflight.preflight(self.engine, spec)
                self.records.append(record)
            if not record.sealed or record.boundary_digest != boundary:
                self._current.pop(boundary, None)
                raise NotSealed(record.why(), record)
            self._current[boundary] = record
            return record

    def _fresh(self, record: PreflightRecord) -> bool:
        age_ns = self._clock() - record.ended_ns
        return 0 <= age_ns <= preflight.PREFLIGHT_MAX_AGE_S * 1_000_000_000

    def _admit(self, box: EngineBox, record: PreflightRecord, *, seats: int) -> None:
        try:
            found = preflight.door_check(box, seats=seats)
        except BaseException:
            box.close()
            raise
        if found:
            box.close()
            raise NotSealed("the door of a new box is open: " + "; ".join(found), record)
        box.sealed_by(record.digest)
