"""Signs that a participant did less than it can, or could not (Q11), as records.

Nothing here says that a participant held back or did not. Runs that were declined, lost or stopped are counted, with
what they could change at most; two arms are compared where there are two, and what is not found is said with the power
of the test. A pattern of outcomes could be held against the difficulties of the instances; that needs what honest
calibrating models show on as many instances that were not picked, and no run directory holds it.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from seatrial.measurement import Estimate
from seatrial.measurement.integrity import account, two_arms
from seatrial.report.collection import About
from seatrial.report.records import ArmTest, FamilyEnds, Integrity

if TYPE_CHECKING:
    from collections.abc import Iterator

    from seatrial.measurement.integrity import Account
    from seatrial.report.collection import Numbers
    from seatrial.report.records import EstimateRecord
    from seatrial.report.table import Tables

NO_CALIBRATION = "no calibration: which outcomes to expect of which instance is not known"
PICKED = (
    "the instances were picked near the ability of {}, where patterns tell little, and no calibrating model's patterns "
    "on such instances are stored"
)
LOST, DECLINED = ("lost", "stopped"), ("refused",)


def integrity(found: Numbers, tables: Tables, *, calibrated: bool, estimand: str = "") -> Integrity:
    """Q11 for everybody; `estimand` says what shares are about where instances were picked."""
    ends: list[FamilyEnds] = []
    bounds: list[EstimateRecord] = []
    for participant in tables.participants:
        outcomes = tables.outcomes(participant)
        if len(outcomes):
            told = account(outcomes)
            ends += _ends(participant, told)
            bounds += _bounds(found, participant, told, estimand)
    subject = tables.participants[0]
    return Integrity(
        ends=ends,
        bounds=bounds,
        arms=list(_arms(tables, subject)),
        person_fit=PICKED.format(subject) if calibrated else NO_CALIBRATION,
    )


def _ends(participant: str, told: Account) -> Iterator[FamilyEnds]:
    """Challenge families in which something ended otherwise."""
    families: dict[str, Counter[str]] = {}
    for item in told.families:
        counts = families.setdefault(item.family.partition("/")[0], Counter())
        counts.update(item.by_status)
        counts["runs"] += item.runs
    for family, counts in families.items():
        if any(counts[name] for name in (*LOST, *DECLINED)):
            yield FamilyEnds(
                participant=participant,
                family=family,
                runs=counts["runs"],
                declined=counts["refused"],
                lost=counts["lost"],
                stopped=counts["stopped"],
            )


def _bounds(found: Numbers, participant: str, told: Account, estimand: str) -> Iterator[EstimateRecord]:
    """What the share would be between the worst and the best that those runs could have ended with."""
    for suffix, statuses, answer in (("losses", LOST, told.losses), ("declined", DECLINED, told.refusals)):
        some = any(item.by_status.get(name) for item in told.families for name in statuses)
        if some and isinstance(answer, Estimate):
            yield found.record(About(participant, suffix=suffix, estimand=estimand), answer)


def _arms(tables: Tables, subject: str) -> Iterator[ArmTest]:
    """The test of two arms; of more than two the strongest would have been chosen on the very runs it is tested on."""
    arms = tables.arms(subject)
    if len(arms) != 2:
        return
    table = tables.all_arms(subject)
    found = two_arms(table.only(arm=arms[0]), table.only(arm=arms[1]))
    yield ArmTest(
        participant=subject,
        default=arms[0],
        strongest=arms[1],
        pairs=found.comparison.pairs,
        p=found.p_value,
        flagged=found.flagged,
        statement=found.words,
    )
