"""Signs that a participant did less than it can, or could not (Q11), as records: counts by family.

Nothing here says that a participant held back or did not. A pattern of outcomes could be held against the difficulties
of the instances; that needs what honest calibrating models show on as many instances that were not picked, and no run
directory holds it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from seatrial.report.records import FamilyEnds, Integrity, Scope

if TYPE_CHECKING:
    from collections.abc import Iterator

    from seatrial.report.table import Tables

NO_CALIBRATION = "no calibration: which outcomes to expect of which instance is not known"
PICKED = (
    "the instances were picked near the ability of {}, where patterns tell little, and no calibrating model's patterns "
    "on such instances are stored"
)


def integrity(tables: Tables, *, calibrated: bool) -> Integrity:
    """Q11 for everybody."""
    subject = tables.participants[0]
    return Integrity(ends=list(_ends(tables)), person_fit=PICKED.format(subject) if calibrated else NO_CALIBRATION)


def _ends(tables: Tables) -> Iterator[FamilyEnds]:
    """Families in which something ended otherwise, participant by participant."""
    for participant in tables.participants:
        for family in tables.families:
            scope = Scope(family=family, level=None)
            rows = tables.rows(participant, scope)
            by_status = [row.status for row in rows if row.outcome != "unavailable"]
            missing = len(tables.not_run(participant, scope))
            ends = FamilyEnds(
                participant=participant,
                family=family,
                runs=len(by_status) + missing,
                declined=by_status.count("refused"),
                lost=by_status.count("lost"),
                stopped=by_status.count("stopped") + missing,
            )
            if ends.declined or ends.lost or ends.stopped:
                yield ends
