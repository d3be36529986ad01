"""CISA's Binding Operational Directive 26-04: by when a vulnerability on an asset is remedied.

- Four facts decide: it is in the KEV catalogue, the asset is exposed to the public, an attack can be automated, the
  technical impact is total. Sixteen rows, and the row is looked up in the published table.
- Exposure is the operator's own answer and is never guessed.
- Automation and impact derived from a CVSS vector are proposals, marked as such, and a person may set them otherwise.
- Where the last two are not known, an entry that is not in KEV counts as not automatable, with total impact (the
  directive's own rule); one in KEV counts as automatable with total impact, so that not knowing never gives more time.
- The clock starts at the earlier of the KEV listing and the detection on the asset. A day is 86,400 s.

>>> facts = Facts(in_kev=True, exposed=True, automatable=Known(False, "analyst"), total=Known(True, "analyst"))
>>> str(due(facts))
'3 days & forensic investigation'
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from seatrial.clearinghouse.rating import ssvc
from seatrial.clearinghouse.rating.cvss_vectors import Version
from seatrial.framework.instant import utc

if TYPE_CHECKING:
    from seatrial.clearinghouse.rating.cvss_vectors import Vector

DERIVED = "derived from vector"
ASSUMED = "assumed, not known"

DAYS: dict[str, int | None] = {"FSU": None, "60D": 60, "14D": 14, "3D": 3, "3DF": 3}
"""Days of each outcome of the table; none for the next scheduled upgrade."""
FORENSIC = frozenset({"3DF"})

_AUTOMATABLE = {
    Version.V3_1: {"AV": "N", "AC": "L", "PR": "N", "UI": "N"},
    Version.V4_0: {"AV": "N", "AC": "L", "AT": "N", "PR": "N", "UI": "N"},
}
_TOTAL = {
    Version.V3_1: {"C": "H", "I": "H", "A": "H"},
    Version.V4_0: {"VC": "H", "VI": "H", "VA": "H"},
}


@dataclass(frozen=True, slots=True)
class Known:
    """Yes or no, and on whose word: a person, a source with its date, `DERIVED` or `ASSUMED`."""

    yes: bool
    source: str


@dataclass(frozen=True, slots=True)
class Facts:
    """What the directive asks. `in_kev` comes from a snapshot of the catalogue, whose date belongs in `kev_as_of`."""

    in_kev: bool
    exposed: bool
    automatable: Known | None = None
    total: Known | None = None
    kev_as_of: str = ""


@dataclass(frozen=True, slots=True)
class Timeline:
    """What follows: the outcome's key and name, its days (`None`: the next upgrade), and what it rests on."""

    key: str
    name: str
    days: int | None
    forensic: bool
    automatable: Known
    total: Known

    def __str__(self) -> str:
        """The outcome as the table names it."""
        return self.name

    def instant(self, started: datetime) -> datetime | None:
        """The due instant, counted from the start of the clock; `None` for the next upgrade."""
        return None if self.days is None else utc(started, "started") + timedelta(days=self.days)


def due(facts: Facts) -> Timeline:
    """Look the row up."""
    automatable = facts.automatable or Known(facts.in_kev, ASSUMED)
    total = facts.total or Known(True, ASSUMED)
    outcome = ssvc.table("bod_26_04").evaluate(
        {
            "KEV": _letter(facts.in_kev),
            "PE": _letter(facts.exposed),
            "A": _letter(automatable.yes),
            "TI": "T" if total.yes else "P",
        }
    )
    return Timeline(outcome.key, outcome.name, DAYS[outcome.key], outcome.key in FORENSIC, automatable, total)


def _letter(yes: bool) -> str:  # noqa: FBT001 - a letter for a yes
    return "Y" if yes else "N"


def automatable(vector: Vector) -> Known:
    """A proposal: over the network, low complexity, no requirement, no privilege, no user."""
    return _states(vector, _AUTOMATABLE)


def total_impact(vector: Vector) -> Known:
    """A proposal: confidentiality, integrity and availability of the vulnerable system are all lost."""
    return _states(vector, _TOTAL)


def _states(vector: Vector, wanted: dict[Version, dict[str, str]]) -> Known:
    every = all(vector.metrics.get(metric) == value for metric, value in wanted[vector.version].items())
    return Known(every, DERIVED)


def clock_start(listed: datetime | None, detected: datetime) -> datetime:
    """The earlier of the KEV listing, if there is one, and the detection on the asset; in UTC."""
    found = utc(detected, "detected")
    return found if listed is None else min(utc(listed, "listed"), found)
