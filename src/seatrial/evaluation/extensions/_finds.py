"""The finds of a run, read out of Inspect's logs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from seatrial.evaluation.extensions._reading import samples
from seatrial.evaluation.extensions._scorer import RECORD
from seatrial.evaluation.finds import Find, found

if TYPE_CHECKING:
    from collections.abc import Iterator

    from seatrial.evaluation.rundir import RunDirectory


def finds(run: RunDirectory) -> Iterator[Find]:
    """Every find of a run, oldest log first."""
    for number, (log, sample) in enumerate(samples(run)):
        for score in (sample.scores or {}).values():
            record = (score.metadata or {}).get(RECORD)
            if record:
                yield from found(number, sample.metadata, record, str(sample.id), log)
