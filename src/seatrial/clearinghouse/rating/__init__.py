"""How severe, how soon, which weakness, whom it touches: the catalogue of this part."""

from seatrial.clearinghouse.rating.bod_26_04 import Facts, Known, Timeline, automatable, clock_start, due, total_impact
from seatrial.clearinghouse.rating.cvss_vectors import Band, NotAVector, Vector, Version
from seatrial.clearinghouse.rating.cvss_vectors import read as read_vector
from seatrial.clearinghouse.rating.cwe import NotAWeakness, Weakness, weakness
from seatrial.clearinghouse.rating.floor import Floor, floor
from seatrial.clearinghouse.rating.raters import (
    Decision,
    Difference,
    Disagreement,
    NotDecidable,
    Proposal,
    RaterKind,
    Rating,
    decide,
    differences,
    disagreements,
)
from seatrial.clearinghouse.rating.sectors import Deployment, Entry, Sector, SectorTable, suggest
from seatrial.clearinghouse.rating.ssvc import NotASelection, Table, TableFault, selection_list, table

__all__ = [
    "Band",
    "Decision",
    "Deployment",
    "Difference",
    "Disagreement",
    "Entry",
    "Facts",
    "Floor",
    "Known",
    "NotASelection",
    "NotAVector",
    "NotAWeakness",
    "NotDecidable",
    "Proposal",
    "RaterKind",
    "Rating",
    "Sector",
    "SectorTable",
    "Table",
    "TableFault",
    "Timeline",
    "Vector",
    "Version",
    "Weakness",
    "automatable",
    "clock_start",
    "decide",
    "differences",
    "disagreements",
    "due",
    "floor",
    "read_vector",
    "selection_list",
    "suggest",
    "table",
    "total_impact",
    "weakness",
]
