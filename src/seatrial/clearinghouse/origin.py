"""Where a finding came from: the one place that holds facts about a model, and the row that a withdrawal shreds.

- One origin for a submitter and a run, under a random reference. Nothing in a finding leads back but this row.
- `shredded` leaves the reference and who handed the findings in: credit and conservation need no more.
- What could not be read lies as it came in a compartment of blobs that is the origin's own, and goes with it.
"""

from __future__ import annotations

from dataclasses import dataclass, field, fields, replace
from datetime import datetime
from typing import Any

from seatrial.framework.data_class import STRIPPED_ON_WITHDRAWAL, DataClass, class_of, classed

REF_BYTES = 16


@dataclass(frozen=True, slots=True)
class Origin:
    """One submitter's run.

    Attributes:
        ref: 32 hex digits, random; a finding's `origin_ref`.
        submitter: The organisation that handed it in.
        keeper: The organisation that coordinates what came of it.
        received_at: When its first finding came in.
        submission: Whose run it was, where it was one of a submission.
        model: Names of the model and its tools.
        run: The name of the run.
        samples: Pointers into transcripts.
        shredded_at: When its facts went.
    """

    ref: str = field(metadata=classed(DataClass.F, id=True))
    submitter: str = field(metadata=classed(DataClass.L))
    keeper: str = field(metadata=classed(DataClass.L))
    received_at: datetime = field(metadata=classed(DataClass.L))
    submission: str = field(default="", metadata=classed(DataClass.M))
    model: tuple[str, ...] = field(default=(), metadata=classed(DataClass.M))
    run: str = field(default="", metadata=classed(DataClass.M))
    samples: tuple[str, ...] = field(default=(), metadata=classed(DataClass.T))
    shredded_at: datetime | None = field(default=None, metadata=classed(DataClass.L))

    def merged(self, other: Origin) -> Origin:
        """With the facts that another account of it adds; a shredded one takes none."""
        if self.shredded_at is not None:
            return self
        model, samples = (*self.model, *other.model), (*self.samples, *other.samples)
        return replace(self, model=tuple(dict.fromkeys(model)), samples=tuple(dict.fromkeys(samples)))

    def shredded(self, now: datetime) -> Origin:
        """What is left of it."""
        empty: dict[str, Any] = {
            item.name: item.default for item in fields(self) if class_of(item) in STRIPPED_ON_WITHDRAWAL
        }
        return replace(self, **empty, shredded_at=self.shredded_at or now)
